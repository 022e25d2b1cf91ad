"""Committed blocks and their receipts for readers, decoded once while they are recent."""

from typing import Final, TypeVar

from api.history_ports import HistoryEntry, Place
from ledger import codec
from ledger.block import MAX_BLOCK_BYTES, Block, Header, decode_block
from ledger.concerned import HOOKS
from ledger.primitives import Hash
from ledger.receipt import Receipt, decode_hook_leaf, decode_leaves, decode_receipt
from ledger.transaction import Transaction, decode_transaction
from node.replica.execution import AppliedBlock, Chain

CACHED_BLOCKS: Final = 8
"""Decoded blocks, and receipts of blocks, kept for readers; a full one takes about 1.5 MB."""
DECODED_RECEIPTS: Final = 3
"""Blocks whose receipts are kept decoded; those of a full one take about 3 MB."""

T = TypeVar("T")


class BlockReader:
    """Reads of the store at any height; the last CACHED_BLOCKS of each kind stay decoded."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._blocks: dict[int, Block] = {}
        self._receipts: dict[int, tuple[bytes, ...]] = {}
        self._decoded: dict[int, tuple[Receipt, ...]] = {}
        self._opened: tuple[int, int, tuple[bytes, ...], tuple[bytes, ...]] | None = None

    def add(self, applied: AppliedBlock) -> None:
        """Keep a block that was applied just now: it is what readers ask for most."""
        _remember(self._blocks, applied.block.height, applied.block)
        _remember(self._receipts, applied.block.height, applied.executed.receipt_leaves)
        _remember(self._decoded, applied.block.height, applied.executed.receipts, DECODED_RECEIPTS)

    def is_cached(self, height: int) -> bool:
        """Whether the block of this height is decoded already."""
        return height in self._blocks

    def block(self, height: int) -> Block | None:
        """The committed block of a height, None where this node holds none."""
        if height < self._chain.blocks.lowest_height:
            return None  # perhaps still decoded, but its receipts may be gone
        found = self._blocks.get(height)
        if found is None and 0 < height <= self._chain.head.height:
            raw = self._chain.blocks.block_bytes(height)
            if raw is None:
                return None
            found = decode_block(
                raw, self._chain.chain_id, self._chain.executor.contracts.decode_call
            )
            _remember(self._blocks, height, found)
        return found

    def receipt_leaves(self, height: int) -> tuple[bytes, ...]:
        """Encoded receipts of a committed block in order, and last its hook events."""
        found = self._receipts.get(height)
        if found is None:
            found = decode_leaves(self._chain.blocks.receipts_bytes(height) or b"")
            _remember(self._receipts, height, found)
        return found

    def receipts(self, height: int) -> tuple[Receipt, ...]:
        """Receipts of a committed block in order; those of the last blocks need no decoding."""
        found = self._decoded.get(height)
        if found is None:
            found = tuple([decode_receipt(raw) for raw in self.receipt_leaves(height)[:-1]])
            _remember(self._decoded, height, found, DECODED_RECEIPTS)
        return found

    def entry(self, place: Place) -> HistoryEntry | None:
        """What a committed block holds at a place.

        Old blocks are taken apart and only this one transaction is decoded: a tenth of the whole.
        What is kept for other readers stays as it is.
        """
        height, position = place
        if not self._chain.blocks.lowest_height <= height <= self._chain.head.height:
            return None
        time_ms, raws, leaves = self._take_apart(height)
        if position == HOOKS:
            return HistoryEntry(place, time_ms, None, None, decode_hook_leaf(leaves[-1]))
        if position >= len(raws):
            return None
        receipt = decode_receipt(leaves[position])
        transaction = decode_transaction(
            raws[position], self._chain.chain_id, self._chain.executor.contracts.decode_call
        )
        return HistoryEntry(place, time_ms, transaction, receipt, receipt.events)

    def _take_apart(self, height: int) -> tuple[int, tuple[bytes, ...], tuple[bytes, ...]]:
        """(block time, transactions, receipts and last the hook events) of a committed block, not
        decoded. The one taken apart last is kept: places of one block are read together."""
        if self._opened is None or self._opened[0] != height:
            blocks = self._chain.blocks
            header, _, raws = codec.decode(blocks.block_bytes(height) or b"", MAX_BLOCK_BYTES)
            leaves = self._receipts.get(height)
            if leaves is None:
                leaves = decode_leaves(blocks.receipts_bytes(height) or b"")
            self._opened = (height, Header.from_wire(header).time_ms, raws, leaves)
        return self._opened[1:]

    def locate(self, transaction_hash: bytes) -> tuple[Transaction, int, int] | None:
        """A final transaction with its height and its position in the block."""
        place = self._chain.blocks.locate_transaction(Hash(transaction_hash))
        if place is None:
            return None
        height, index = place
        block = self.block(height)
        if block is None or block.transactions[index].hash != transaction_hash:
            return None
        return block.transactions[index], height, index


def _remember(cache: dict[int, T], height: int, value: T, maximum: int = CACHED_BLOCKS) -> None:
    """Keep it, and drop what was kept longest beyond `maximum`."""
    while len(cache) >= maximum:
        del cache[next(iter(cache))]
    cache[height] = value
