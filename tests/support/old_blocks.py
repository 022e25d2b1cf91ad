"""Blocks that a store can remove again: real headers, transactions of random bytes."""

import random
from collections.abc import Collection
from hashlib import sha256

from ledger import codec
from ledger.block import Header
from ledger.crypto import keccak256
from ledger.kv import KeyValueStore
from ledger.primitives import Address, Hash
from node.store.block_store import BlockParts, BlockStore
from node.votes.wal_format import Marker

MARKER = Marker(b"m" * 16, 1, 1, 1)
STEP_MS = 1_000
STATE_ROWS = 64


def header_at(height: int, changes: Collection[int] = (), step_ms: int = STEP_MS) -> Header:
    """Of a height; always the same one. changes: heights that change the validators."""
    roots = [Hash(sha256(b"%d %d" % (height, number)).digest()) for number in range(5)]
    changed = max((each for each in changes if each <= height), default=0)
    return Header(
        height=height,
        parent_hash=roots[0],
        time_ms=height * step_ms,
        proposer=0,
        transactions_root=roots[1],
        state_root=roots[2],
        receipts_root=roots[3],
        validators_hash=Hash(sha256(b"validators of %d" % changed).digest()),
        participation_root=roots[4],
    )


GENESIS = BlockParts(0, Hash(b"g" * 32), codec.encode((header_at(0).to_wire(), (), ())))


def parts_at(
    height: int,
    *,
    transactions: int = 3,
    transaction_bytes: int = 50,
    changes: Collection[int] = (),
    step_ms: int = STEP_MS,
) -> BlockParts:
    """The block of a height; always the same one. changes: as in header_at."""
    chosen = random.Random(height)
    raws = tuple(chosen.randbytes(transaction_bytes) for _ in range(transactions))
    header = header_at(height, changes, step_ms)
    account = Address(sha256(b"account %d" % (height % 7)).digest()[:20])
    return BlockParts(
        height=height,
        block_hash=header.hash,
        block=codec.encode((header.to_wire(), (), raws)),
        certificate=chosen.randbytes(200),
        receipts=chosen.randbytes(transactions * 40),
        transactions=[keccak256(raw) for raw in raws],
        state=[(b"rows/%d" % (height % STATE_ROWS), b"%d" % height)],
        set_change=codec.encode((header.to_wire(), ())) if height in changes else b"",
        concerned={account: b"\0\0"},
        time_ms=header.time_ms,
    )


def add(store: BlockStore, *blocks: BlockParts) -> None:
    """Commit blocks; genesis first when the store is empty."""
    if store.head() is None:
        store.commit(store.batch_for(GENESIS, MARKER))
    for parts in blocks:
        store.commit(store.batch_for(parts, MARKER))


def assert_exactly(
    store: KeyValueStore,
    blocks: BlockStore,
    *,
    changes: Collection[int] = (),
    step_ms: int = STEP_MS,
) -> None:
    """Blocks from the lowest to the head are there with every row, and of others no row is but for
    the certificates of the changes."""
    head = blocks.head()
    assert head is not None
    expected = {b"B" + bytes(8), b"H" + GENESIS.block_hash}
    for height in range(blocks.lowest_height, head.height + 1):
        parts = parts_at(height, changes=changes, step_ms=step_ms)
        at = height.to_bytes(8, "big")
        assert blocks.block_bytes(height) == parts.block
        assert blocks.certificate_bytes(height) == parts.certificate
        assert blocks.receipts_bytes(height) == parts.receipts
        assert blocks.height_of(parts.block_hash) == height
        for index, found in enumerate(parts.transactions):
            assert blocks.locate_transaction(found) == (height, index)
        expected |= {kind + at for kind in (b"B", b"C", b"R")} | {b"H" + parts.block_hash}
        expected |= {b"T" + found[:16] for found in parts.transactions}
    assert [height for height, _ in blocks.set_changes(head.height + 1)] == sorted(changes)
    expected |= {b"C" + height.to_bytes(8, "big") for height in changes}
    kinds = [(bytes((kind,)), bytes((kind + 1,))) for kind in b"BCHRT"]
    assert {key for bounds in kinds for key, _ in store.iterate(*bounds)} == expected
