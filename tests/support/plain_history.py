"""The history of accounts as a plain look at every block gives it, to compare an index with."""

from collections.abc import Iterable
from functools import partial

from ledger.block import decode_block
from ledger.concerned import positions
from ledger.kv import KeyValueStore
from ledger.primitives import Address
from node.store.account_index import INDEX_PREFIX, place_of
from node.store.block_store import BlockStore
from node.store.index_rebuild import whom_concerns

_END = bytes((INDEX_PREFIX[0] + 1,))


def rows_of(store: KeyValueStore) -> dict[bytes, bytes]:
    """Every row of the index."""
    return dict(store.iterate(INDEX_PREFIX, _END))


def plain_look(blocks: BlockStore, chain_id: int) -> dict[Address, list[int]]:
    """Places by account, from the blocks and their receipts alone."""
    head = blocks.head()
    assert head is not None
    read = partial(decode_block, chain_id=chain_id)
    found: dict[Address, list[int]] = {}
    for height in range(1, head.height + 1):
        for account, places in whom_concerns(blocks, height, read).items():
            found.setdefault(account, []).extend(
                place_of(height, position) for position in positions(places)
            )
    return found


def assert_complete(blocks: BlockStore, chain_id: int, others: Iterable[Address] = ()) -> None:
    """The index holds what a plain look gives from block 1 on, and nothing of `others`."""
    head = blocks.head()
    assert head is not None
    assert blocks.index.first(head.height) == 1
    looked = {**{account: [] for account in others}, **plain_look(blocks, chain_id)}
    for account, places in looked.items():
        page = blocks.index.oldest(account, 0, 100_000, head.height)
        assert (list(page.places), page.more) == (places, False)
