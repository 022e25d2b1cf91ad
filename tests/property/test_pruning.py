"""Inside the window that it keeps, a pruned node answers everything as an archive does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.chain import RECENT_HEIGHTS
from ledger.accounts import ACCOUNTS
from node.reads.block_reader import BlockReader
from node.store.account_index import after_block
from node.store.pruning import PruningRules
from node.store.storage import certified_block_bytes
from tests.property.test_account_history import EVERYBODY, blocks_of_payments, pay
from tests.support.applied_chain import AppliedChain

EMPTY_BLOCKS = RECENT_HEIGHTS
lives = st.lists(blocks_of_payments, min_size=3, max_size=6)


def assert_same_answers(archive: AppliedChain, pruned: AppliedChain) -> None:
    whole, part = archive.chain.blocks, pruned.chain.blocks
    head, lowest = archive.chain.head.height, part.lowest_height
    readers = BlockReader(archive.chain), BlockReader(pruned.chain)
    for height in range(1, head + 1):
        found = readers[0].block(height)
        assert found is not None
        if height < lowest:
            assert readers[1].block(height) is None
            assert part.height_of(found.hash) is None
            assert certified_block_bytes(part, height) is None
            continue
        assert readers[1].block(height) == found
        assert readers[1].receipts(height) == readers[0].receipts(height)
        assert part.height_of(found.hash) == height
        assert certified_block_bytes(part, height) == certified_block_bytes(whole, height)
        for index, item in enumerate(found.transactions):
            assert readers[1].locate(item.hash) == (item, height, index)
    assert list(part.set_changes(head + 1)) == list(whole.set_changes(head + 1))
    assert list(pruned.state.iterate(ACCOUNTS)) == list(archive.state.iterate(ACCOUNTS))
    above = after_block(lowest - 1)
    for account in EVERYBODY:
        expected = whole.index.oldest(account, above, 100_000, head).places
        assert part.index.oldest(account, 0, 100_000, head).places == expected
        newest = part.index.newest(account, after_block(head + 1), 100_000, head).places
        assert newest == tuple(reversed(expected))


@settings(max_examples=15, deadline=None)
@given(lives, st.integers(0, 20), st.data())
def test_a_pruned_life_is_a_window_on_the_life_of_an_archive(
    life: list[list[list[tuple[int, tuple[int, ...], int]]]], more: int, data: st.DataObject
) -> None:
    """Through restarts, pruning switched off and on, and sizes of the window that change."""
    archive = AppliedChain()
    rules = PruningRules(keep_blocks=RECENT_HEIGHTS + more)
    pruned = AppliedChain(pruning=rules)
    for part in life:
        for paid in part:
            pay(archive, paid)
            pruned.take(archive.applied[-1].certified)
        for _ in range(data.draw(st.integers(0, EMPTY_BLOCKS))):
            pruned.take(archive.grow())
        assert_same_answers(archive, pruned)
        chosen = data.draw(st.sampled_from([rules, PruningRules(keep_blocks=64), None]))
        pruned = AppliedChain(pruned.store, pruning=chosen)
        assert pruned.chain.head == archive.chain.head
    assert_same_answers(archive, pruned)
