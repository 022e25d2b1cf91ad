"""Fills in the history of accounts of blocks that were committed without it.

From the newest block that lacks it down to the oldest that is wanted, some blocks in each synced
batch: who interrupts it loses nothing, and the next run goes on from there.
"""

from collections.abc import Callable, Mapping
from typing import Final

from ledger.block import Block
from ledger.concerned import concerned
from ledger.errors import LocalError
from ledger.primitives import Address
from ledger.receipt import decode_hook_leaf, decode_leaves, decode_receipt
from node.store.block_store import BlockStore

BLOCKS_A_BATCH: Final = 64
ROWS_A_BATCH: Final = 20_000
"""A batch ends with the block that reaches it."""

ReadBlock = Callable[[bytes], Block]
"""Decodes a block of this chain."""
Told = Callable[[int, int], None]
"""(blocks done, blocks to do in all)"""


def fill_in(
    blocks: BlockStore, read: ReadBlock, told: Told = lambda done, whole: None
) -> tuple[int, int]:
    """Index the blocks that lack it; (first height that is indexed now, blocks done). Blocks below
    the lowest that the store holds stay without.

    LocalError when the rules of the store keep no history.
    """
    if not blocks.index.rules.enabled:
        raise LocalError(
            "the configuration of this node keeps no history of accounts: set enabled = true in "
            "its section [history] first"
        )
    head = blocks.head()
    height = 0 if head is None else head.height
    lowest, start = blocks.index.lowest_wanted(height), blocks.index.first(height)
    whole = max(0, start - lowest)
    first = start
    while first > lowest:
        batch: dict[int, Mapping[Address, bytes]] = {}
        rows = 0
        while first > lowest and len(batch) < BLOCKS_A_BATCH and rows < ROWS_A_BATCH:
            first -= 1
            batch[first] = whom_concerns(blocks, first, read)
            rows += len(batch[first])
        blocks.index_older(batch)
        told(start - first, whole)
    return first, start - first


def whom_concerns(blocks: BlockStore, height: int, read: ReadBlock) -> dict[Address, bytes]:
    """Whom a committed block concerns, from what the store holds of it alone."""
    raw, receipts = blocks.block_bytes(height), blocks.receipts_bytes(height)
    if raw is None or receipts is None:
        raise LocalError(
            f"the database is damaged: block {height} is missing. Restore a backup, or move its "
            "folder away and start again: the node fetches the chain from its peers."
        )
    *leaves, hooks = decode_leaves(receipts)
    return concerned(
        read(raw).transactions,
        [decode_receipt(leaf) for leaf in leaves],
        decode_hook_leaf(hooks),
    )
