"""The index of accounts: pages in both orders against a plain list, gaps, and dropping old rows."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.concerned import HOOKS
from ledger.errors import DecodeError, InvariantViolation
from ledger.kv import KeyValueStore, MemoryStore, WriteBatch
from ledger.primitives import Address
from node.store import account_index
from node.store.account_index import (
    INDEX_PREFIX,
    SHARD_BLOCKS,
    AccountIndex,
    HistoryRules,
    IndexRange,
    after_block,
    index_rows,
    place_of,
    split_place,
)
from node.store.stores import installed_engines, open_store

ACCOUNTS = [Address(bytes((number,)) * 20) for number in range(1, 4)]
ALL_ROWS = INDEX_PREFIX, bytes((INDEX_PREFIX[0] + 1,))
FAR = 2**40


def encoded(*positions: int) -> bytes:
    return b"".join(position.to_bytes(2, "big") for position in positions)


def write(
    index: AccountIndex, store: KeyValueStore, height: int, whom: Mapping[Address, bytes]
) -> None:
    """As the block store does it: in one batch, and in force once that is written."""
    batch = WriteBatch()
    staged = index.add(batch.operations, height, whom)
    store.write(batch, sync=True)
    index.settle(staged)


def rows(store: KeyValueStore) -> int:
    return sum(1 for _ in store.iterate(*ALL_ROWS))


@pytest.fixture(params=["memory", *installed_engines()])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValueStore]:
    opened = MemoryStore() if request.param == "memory" else open_store(tmp_path, request.param)
    yield opened
    opened.close()


def walk_newest(index: AccountIndex, account: bytes, head: int, count: int) -> list[int]:
    """All places, page by page."""
    found: list[int] = []
    below, more = place_of(head + 1, 0), True
    while more:
        page = index.newest(account, below, count, head)
        assert len(page.places) <= count
        found += page.places
        below, more = page.resume, page.more
    return found


def walk_oldest(index: AccountIndex, account: bytes, head: int, count: int) -> list[int]:
    found: list[int] = []
    above, more = after_block(index.first(head) - 1), True
    while more:
        page = index.oldest(account, above, count, head)
        assert len(page.places) <= count
        found += page.places
        above, more = page.resume, page.more
    return found


def test_pages_cross_blocks_and_shards_in_both_orders(store: KeyValueStore) -> None:
    index = AccountIndex(store, HistoryRules())
    heights = [SHARD_BLOCKS - 2, SHARD_BLOCKS - 1, SHARD_BLOCKS, 2 * SHARD_BLOCKS + 5]
    expected = []
    for height in range(1, 4):
        write(index, store, height, {ACCOUNTS[0]: encoded(0, 7, HOOKS)})
        expected += [place_of(height, position) for position in (0, 7, HOOKS)]
    for height in heights:  # as if the blocks between concerned nobody
        index.settle(account_index.Staged(IndexRange(1, height - 1), 0, INDEX_PREFIX))
        write(index, store, height, {ACCOUNTS[0]: encoded(3), ACCOUNTS[1]: encoded(3)})
        expected.append(place_of(height, 3))
    head = heights[-1]
    for count in (1, 2, 3, 100):
        assert walk_oldest(index, ACCOUNTS[0], head, count) == expected
        assert walk_newest(index, ACCOUNTS[0], head, count) == expected[::-1]
        assert walk_newest(index, ACCOUNTS[2], head, count) == []
    assert [split_place(place)[0] for place in walk_oldest(index, ACCOUNTS[1], head, 9)] == heights


lives = st.lists(
    st.dictionaries(
        st.sampled_from(ACCOUNTS), st.sets(st.sampled_from([0, 1, 5, 1999, HOOKS]), min_size=1)
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(lives, st.integers(1, 7), st.data())
def test_pages_are_what_a_plain_list_gives(
    life: list[dict[Address, set[int]]], count: int, data: st.DataObject
) -> None:
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    plain: dict[Address, list[int]] = {account: [] for account in ACCOUNTS}
    for height, whom in enumerate(life, 1):
        write(index, memory, height, {each: encoded(*sorted(at)) for each, at in whom.items()})
        for account, at in whom.items():
            plain[account] += [place_of(height, position) for position in sorted(at)]
        if data.draw(st.integers(0, 5)) == 0:
            index = AccountIndex(memory, HistoryRules())  # a restart
    head = len(life)
    for account, places in plain.items():
        assert walk_oldest(index, account, head, count) == places
        assert walk_newest(index, account, head, count) == places[::-1]
        start = data.draw(st.integers(0, place_of(head + 2, 0)))
        newest = index.newest(account, start, count, head)
        below = [place for place in reversed(places) if place < start]
        assert (list(newest.places), newest.more) == (below[:count], len(below) > count)
        oldest = index.oldest(account, start, count, head)
        above = [place for place in places if place > start]
        assert (list(oldest.places), oldest.more) == (above[:count], len(above) > count)


def test_a_page_goes_on_where_it_was_when_blocks_were_added() -> None:
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    for height in range(1, 7):
        write(index, memory, height, {ACCOUNTS[0]: encoded(0)})
    newest = index.newest(ACCOUNTS[0], place_of(7, 0), 2, 6)
    oldest = index.oldest(ACCOUNTS[0], after_block(0), 9, 6)
    assert not oldest.more
    for height in (7, 8):
        write(index, memory, height, {ACCOUNTS[0]: encoded(0)})
    assert index.newest(ACCOUNTS[0], newest.resume, 2, 8).places == (place_of(4, 0), place_of(3, 0))
    assert index.oldest(ACCOUNTS[0], oldest.resume, 9, 8).places == (place_of(7, 0), place_of(8, 0))


def test_who_was_silent_for_long_gets_empty_pages_and_arrives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account_index, "MAX_SHARDS_A_PAGE", 3)
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    write(index, memory, 1, {ACCOUNTS[0]: encoded(4)})
    head = 10 * SHARD_BLOCKS
    index.settle(account_index.Staged(IndexRange(1, head), 0, INDEX_PREFIX))
    page = index.newest(ACCOUNTS[0], place_of(head + 1, 0), 5, head)
    assert (page.places, page.more) == ((), True)
    assert walk_newest(index, ACCOUNTS[0], head, 5) == [place_of(1, 4)]
    index.settle(account_index.Staged(IndexRange(1, head - 1), 0, INDEX_PREFIX))
    write(index, memory, head, {ACCOUNTS[1]: encoded(4)})
    page = index.oldest(ACCOUNTS[1], after_block(0), 5, head)
    assert (page.places, page.more) == ((), True)
    assert walk_oldest(index, ACCOUNTS[1], head, 5) == [place_of(head, 4)]


def test_accounts_with_one_first_half_share_a_row_and_lose_nothing() -> None:
    one, other = (Address(b"same half." + bytes((number,)) * 10) for number in (1, 2))
    whom = {one: encoded(1, 4), ACCOUNTS[0]: encoded(2), other: encoded(0, 4)}
    assert len(index_rows(9, whom)) == 2
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    write(index, memory, 1, whom)
    for account in (one, other):
        assert walk_oldest(index, account, 1, 9) == [place_of(1, at) for at in (0, 1, 4)]


# What is there, and what is not


def test_blocks_that_were_committed_without_an_index_are_not_passed_over() -> None:
    """first() is the block after the gap, and nothing below it is answered."""
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    write(index, memory, 1, {ACCOUNTS[0]: encoded(0)})
    assert index.first(1) == 1
    assert index.first(3) == 4  # two blocks without
    write(index, memory, 4, {ACCOUNTS[0]: encoded(0)})
    assert index.first(4) == 4
    assert AccountIndex(memory, HistoryRules()).first(4) == 4
    assert walk_newest(index, ACCOUNTS[0], 4, 9) == [place_of(4, 0)]


def test_older_blocks_are_filled_in_without_a_hole() -> None:
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    write(index, memory, 4, {ACCOUNTS[0]: encoded(0)})
    batch = WriteBatch()
    with pytest.raises(InvariantViolation, match="block 2 indexed, expected 3"):
        index.add_older(batch.operations, {2: {}}, 4)
    batch = WriteBatch()
    staged = index.add_older(batch.operations, {3: {}, 2: {ACCOUNTS[0]: encoded(5)}}, 4)
    memory.write(batch, sync=True)
    assert index.first(4) == 4
    index.settle(staged)
    assert index.first(4) == 2
    assert walk_oldest(index, ACCOUNTS[0], 4, 9) == [place_of(2, 5), place_of(4, 0)]


@pytest.mark.parametrize("row", [b"", b"\x92\x01", b"\x91\x01", b"\x92\x01\xa1a"])
def test_a_damaged_range_is_refused(row: bytes) -> None:
    with pytest.raises(DecodeError):
        IndexRange.decode(row)


# Dropping


STEP = SHARD_BLOCKS // 64
"""Of the heights below: an index does not mind heights that concern nobody."""


def test_the_index_stays_bounded_under_steady_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shards are kept: never more rows than those of what is kept, of one shard that is not yet
    due, and of one that is being dropped."""
    monkeypatch.setattr(account_index, "DROPPED_A_BLOCK", 1)
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules(keep_blocks=2 * SHARD_BLOCKS))
    most, sizes = 4 * SHARD_BLOCKS // STEP * len(ACCOUNTS), []
    for height in range(STEP, 12 * SHARD_BLOCKS, STEP):
        index.settle(
            account_index.Staged(
                IndexRange(index.first(height - STEP), height - 1), index._swept, index._dropped_to
            )
        )
        write(index, memory, height, dict.fromkeys(ACCOUNTS, encoded(0)))
        sizes.append(rows(memory))
    assert max(sizes) <= most
    assert max(sizes) > 2 * SHARD_BLOCKS // STEP * len(ACCOUNTS), "more than asked for is dropped"
    assert max(sizes[len(sizes) // 2 :]) <= max(sizes[: len(sizes) // 2]), "it goes on growing"


def test_each_block_drops_a_bounded_number_and_no_reader_sees_half_a_shard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account_index, "DROPPED_A_BLOCK", 10)
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules(keep_blocks=1))
    for height in range(1, 101):
        write(index, memory, height, {ACCOUNTS[0]: encoded(0)})
    old = rows(memory)
    head = SHARD_BLOCKS
    index.settle(account_index.Staged(IndexRange(1, head - 1), 0, INDEX_PREFIX))
    while old:
        write(index, memory, head, {ACCOUNTS[0]: encoded(0)})
        left = sum(1 for _ in memory.iterate(INDEX_PREFIX, INDEX_PREFIX + b"\0\0\0\1"))
        assert old - left <= 10 + 2
        assert left < old
        assert index.first(head) == SHARD_BLOCKS
        page = index.newest(ACCOUNTS[0], place_of(FAR - 1, 0), 200, head)
        assert min(page.places) >= place_of(SHARD_BLOCKS, 0)
        old, head = left, head + 1
        if left == 52:
            index = AccountIndex(memory, HistoryRules(keep_blocks=1))  # a restart on the way
    assert head < SHARD_BLOCKS + 100


def test_all_is_kept_when_nothing_else_is_said() -> None:
    index = AccountIndex(MemoryStore(), HistoryRules())
    assert index.lowest_wanted(FAR - 1) == 1
    keeping = AccountIndex(MemoryStore(), HistoryRules(keep_blocks=1_000))
    assert keeping.lowest_wanted(SHARD_BLOCKS + 900) == 1
    assert keeping.lowest_wanted(SHARD_BLOCKS + 999) == SHARD_BLOCKS
