"""Examines the store of a node that does not run: is everything there, and does it add up?

`poyong doctor` and the end of a local town report it. Reads every state row and changes nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from consensus.authentication import Verify
from consensus.certificate import verify_certificate
from consensus.messages import SigningDomain
from ledger import codec, genesis
from ledger.block import Block, decode_block
from ledger.commitment import StateCommitment
from ledger.crypto import verify_ed25519
from ledger.errors import InvariantViolation, LocalError, PeerError, ensure
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis
from ledger.invariants import first_broken
from ledger.kv import KeyValueStore
from ledger.module import BlockInfo
from ledger.primitives import Hash
from ledger.registry import Certificate
from ledger.state import State
from ledger.validator_tables import set_at
from node import config
from node.files.disk_errors import StoreHeldError
from node.modules import TOKEN, build_executor
from node.opening import CHAIN_FOLDER, VOTES_FOLDER, history_rules, read_genesis
from node.store.block_store import BlockStore
from node.store.data_folder import require_chain
from node.store.disk_shares import row_bytes, sampled
from node.store.index_rebuild import ReadBlock, whom_concerns
from node.store.storage import STATE_START, STATE_STOP
from node.store.stores import has_chain, open_store
from node.votes.vote_files import are_held
from tokenomics.issuance import views

OK: Final = "ok"
CHECKED_HISTORY: Final = 64
"""Blocks whose rows of the history of accounts are compared with the block."""

_TRANSACTION_ROWS: Final = (b"T", b"U")


class NoChainError(LocalError):
    """The node was never started, so there is nothing to examine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds no chain yet: start the node with poyong start")


@dataclass(frozen=True, slots=True)
class StoreAudit:
    """What the store of one node holds.

    lowest_height: of the blocks that it holds. transactions: final ones in these. invariants: OK,
    or the name of the first that is broken; `found` then says how. economy:
    tokenomics.issuance.views.summary.
    """

    height: int
    lowest_height: int
    block_hash: Hash
    transactions: int
    size_bytes: int
    invariants: str
    found: str
    economy: Mapping[str, Any]


@contextmanager
def opened(
    home: Path, environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[KeyValueStore, BlockStore]]:
    """The store of the node in `home`; LocalError when there is none, when it is not of the chain
    of the genesis file, and when the node runs (StoreHeldError). Then nothing was touched: an
    engine writes to its folder even if it is refused the lock.

    environment: may override its configuration.
    """
    options = config.load(home / config.CONFIG_FILE, environment)
    data = options.path(options.storage.path)
    folder = data / CHAIN_FOLDER
    if not has_chain(folder):
        raise NoChainError(folder)
    require_chain(data, read_genesis(options.path(options.node.genesis)))
    if are_held(data / VOTES_FOLDER):
        raise StoreHeldError(folder)
    store = open_store(folder, options.storage.engine)
    try:
        yield store, BlockStore(store, str(folder), history_rules(options))
    finally:
        store.close()


def count_transactions(store: KeyValueStore) -> int:
    """Final transactions in a store."""
    return sum(1 for _ in store.iterate(*_TRANSACTION_ROWS))


def head_of(home: Path) -> tuple[int, int]:
    """(height, final transactions) of a node that does not run; zeros before its first start."""
    try:
        with opened(home) as (store, blocks):
            head = blocks.head()
            return (0, 0) if head is None else (head.height, count_transactions(store))
    except NoChainError:
        return (0, 0)


def block_hash_at(home: Path, height: int) -> Hash | None:
    """Hash of a committed block from 1 on, None when this node has not come so far."""
    document = genesis_of(home)
    with opened(home) as (_, blocks):
        raw = blocks.block_bytes(height)
    return None if raw is None else block_decoder(document)(raw).hash


def audit(home: Path, environment: Mapping[str, str] = os.environ) -> StoreAudit:
    """Examine the node in `home`; LocalError when its files cannot be read at all.

    environment: may override its configuration.
    """
    document = genesis_of(home, environment)
    executor = build_executor()
    with opened(home, environment) as (store, blocks):
        head = blocks.head()
        if head is None:
            raise NoChainError(home)
        broken = first_damage(blocks, document, executor)
        return StoreAudit(
            height=head.height,
            lowest_height=blocks.lowest_height,
            block_hash=head.block_hash,
            transactions=count_transactions(store),
            size_bytes=store.size_bytes(),
            invariants=OK if broken is None else broken[0],
            found="" if broken is None else broken[1],
            economy=views.summary(State(blocks.state()), TOKEN),
        )


def first_damage(
    blocks: BlockStore,
    document: Genesis,
    executor: BlockExecutor,
    verify: Verify = verify_ed25519,
) -> tuple[str, str] | None:
    """(name, what was found) of the first thing that does not hold in a store with a head; None
    when all is well. verify: checks seals."""
    head = blocks.head()
    ensure(head is not None, "a store without a head holds nothing to examine")
    if head is None or head.height == 0:
        info = genesis.genesis_info(document)
        return first_broken(executor.invariants, State(blocks.state()), info)
    read, state = _decoder(document, executor), State(blocks.state())
    block = read(blocks.block_bytes(head.height) or b"")
    genesis_hash = genesis.header(document, executor).hash
    domain = SigningDomain(document.chain_id, genesis_hash)
    broken = _first_broken(
        {
            "store.genesis": lambda: _check_genesis(blocks, genesis_hash, read),
            "store.head": lambda: ensure(
                block.hash == head.block_hash, "the head row names another block"
            ),
            "store.certificate": lambda: _check_certificate(blocks, domain, block, state, verify),
            "store.state_root": lambda: _check_state_root(blocks, document, block),
            "store.history": lambda: _check_history(blocks, read),
        }
    )
    return broken or first_broken(executor.invariants, state, _info(document, block))


def disk_shares(home: Path) -> Mapping[str, int]:
    """What the rows of the chain in `home` take, by kind; empty before the first start."""
    document = genesis_of(home)
    try:
        with opened(home) as (store, blocks):
            return row_bytes(store, blocks, block_decoder(document))
    except NoChainError:
        return {}


def _first_broken(checks: Mapping[str, Callable[[], None]]) -> tuple[str, str] | None:
    for name, check in checks.items():
        try:
            check()
        except (InvariantViolation, PeerError) as error:
            return name, str(error)
    return None


def genesis_of(home: Path, environment: Mapping[str, str] = os.environ) -> Genesis:
    """The genesis document that the configuration in `home` names."""
    options = config.load(home / config.CONFIG_FILE, environment)
    return read_genesis(options.path(options.node.genesis))


def _info(document: Genesis, block: Block) -> BlockInfo:
    return BlockInfo(
        chain_id=document.chain_id,
        height=block.height,
        time_ms=block.time_ms,
        parent_hash=block.parent_hash,
        parent_time_ms=0,
        proposer=block.proposer,
        participation=block.participation,
    )


def block_decoder(document: Genesis) -> ReadBlock:
    """Decodes blocks of this chain, calls of its contracts included."""
    return _decoder(document, build_executor())


def _decoder(document: Genesis, executor: BlockExecutor) -> ReadBlock:
    decode_call = executor.contracts.decode_call
    return lambda raw: decode_block(raw, document.chain_id, decode_call)


def _check_genesis(blocks: BlockStore, expected: Hash, read: ReadBlock) -> None:
    held = read(blocks.block_bytes(0) or b"").hash
    found = held
    if blocks.lowest_height == 1:
        found = read(blocks.block_bytes(1) or b"").parent_hash
    for genesis_hash in (held, found):
        ensure(
            genesis_hash == expected,
            f"the chain stands on genesis {genesis_hash.hex()}, the document gives "
            f"{expected.hex()}",
        )


def _check_certificate(
    blocks: BlockStore, domain: SigningDomain, block: Block, state: State, verify: Verify
) -> None:
    raw = blocks.certificate_bytes(block.height) or b""
    certificate = Certificate.from_wire(codec.decode(raw))
    ensure(certificate.block_hash == block.hash, "the certificate is of another block")
    verify_certificate(domain, set_at(state, block.height), certificate, verify)


def _check_state_root(blocks: BlockStore, document: Genesis, block: Block) -> None:
    rows = blocks.state().iterate(STATE_START, STATE_STOP)
    root = StateCommitment.build(rows, document.bucket_count).root
    expected = block.header.state_root
    ensure(
        root == expected,
        f"the state rows give the root {root.hex()}, header {block.height} says {expected.hex()}",
    )


def _check_history(blocks: BlockStore, read: ReadBlock) -> None:
    """Some blocks of those whose history is said to be there, the newest among them."""
    head = blocks.head()
    top = 0 if head is None else head.height
    for height in sampled(blocks.index.first(top), top, CHECKED_HISTORY):
        ensure(
            blocks.index.holds(height, whom_concerns(blocks, height, read)),
            f"the history of accounts lacks block {height}",
        )
