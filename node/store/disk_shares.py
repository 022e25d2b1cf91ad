"""What the rows of a chain take on disk, by kind: for `poyong doctor`.

Rows of state are all read, as the audit does. Those of blocks are read at some heights spread over
the chain, and what these take on average is taken for all: a chain of any length takes seconds.
"""

from collections.abc import Mapping
from typing import Final

from ledger.kv import KeyValueStore
from ledger.primitives import HASH_BYTES
from node.store.account_index import index_rows
from node.store.block_store import TRANSACTION_ROW_BYTES, BlockStore
from node.store.index_rebuild import ReadBlock, whom_concerns
from node.store.row_keys import STATE_PREFIX

SAMPLED_HEIGHTS: Final = 256
BLOCKS, RECEIPTS, STATE = "blocks and certificates", "receipts", "state"
TRANSACTIONS, HISTORY = "transactions by hash", "history of accounts"
_HEIGHT_KEY_BYTES: Final = 9
_STATE_END: Final = bytes((STATE_PREFIX[0] + 1,))


def sampled(first: int, last: int, count: int) -> list[int]:
    """At most `count` heights spread over first..last, ascending and with the last one; all of
    them when there are no more."""
    step = (last - first) // count + 1
    return sorted(range(last, first - 1, -step))


def row_bytes(store: KeyValueStore, blocks: BlockStore, read: ReadBlock) -> Mapping[str, int]:
    """Bytes of keys and values by kind; exact for state, and for a chain of few blocks."""
    head = blocks.head()
    top = 0 if head is None else head.height
    found = dict.fromkeys((BLOCKS, RECEIPTS, STATE, TRANSACTIONS, HISTORY), 0)
    lowest = blocks.lowest_height
    heights = sampled(lowest, top, SAMPLED_HEIGHTS)
    for height in heights:
        for kind, size in _block_bytes(blocks, height, read).items():
            found[kind] += size * (top + 1 - lowest) // len(heights)
    first = blocks.index.first(top)
    indexed = sampled(first, top, SAMPLED_HEIGHTS)
    for height in indexed:
        rows = index_rows(height, whom_concerns(blocks, height, read))
        size = sum(len(key) + len(value or b"") for key, value in rows)
        found[HISTORY] += size * (top + 1 - first) // len(indexed)
    for key, value in store.iterate(STATE_PREFIX, _STATE_END):
        found[STATE] += len(key) + len(value)
    return found


def _block_bytes(blocks: BlockStore, height: int, read: ReadBlock) -> dict[str, int]:
    """What the rows of one block take, without state and history."""
    block = blocks.block_bytes(height) or b""
    certificate = blocks.certificate_bytes(height) or b""
    receipts = blocks.receipts_bytes(height) or b""
    count = len(read(block).transactions)
    by_hash = 1 + HASH_BYTES + _HEIGHT_KEY_BYTES - 1
    return {
        BLOCKS: len(block) + len(certificate) + 2 * _HEIGHT_KEY_BYTES + by_hash,
        RECEIPTS: len(receipts) + _HEIGHT_KEY_BYTES,
        TRANSACTIONS: count * TRANSACTION_ROW_BYTES,
    }
