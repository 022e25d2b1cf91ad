"""Which blocks a node removes, how many at a time, and what always stays."""

import threading
from dataclasses import replace
from itertools import pairwise

import pytest

from consensus.chain import RECENT_HEIGHTS
from ledger.errors import InvariantViolation, LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.primitives import Address
from node.store import pruning
from node.store.account_index import SHARD_BLOCKS, AccountIndex, HistoryRules
from node.store.block_store import BlockStore
from node.store.pruning import DAY_MS, REMOVED_A_BLOCK, Compactor, PruningRules, Range
from node.store.removing import OldBlocks
from tests.support.old_blocks import add, assert_exactly, parts_at

KEEP = RECENT_HEIGHTS
WEEK = PruningRules(keep_days=7)


def grown(rules: PruningRules | None, heights: int) -> tuple[MemoryStore, BlockStore]:
    memory = MemoryStore()
    store = BlockStore(memory, "test", pruning=rules)
    add(store, *(parts_at(height) for height in range(1, heights + 1)))
    return memory, store


def test_without_rules_a_node_is_an_archive() -> None:
    memory, store = grown(None, 100)
    assert store.lowest_height == 1
    assert memory.get(b"\0schema") == b"2"
    assert_exactly(memory, store)


def test_the_newest_blocks_are_kept_and_nothing_of_others() -> None:
    memory, store = grown(PruningRules(keep_blocks=KEEP), 100)
    assert store.lowest_height == 100 - KEEP + 1
    assert_exactly(memory, store)
    again = BlockStore(memory, "test")
    assert again.lowest_height == store.lowest_height, "an archive from now on: nothing comes back"
    add(again, *(parts_at(height) for height in range(101, 130)))
    assert again.lowest_height == store.lowest_height
    assert_exactly(memory, again)


def test_an_old_archive_catches_up_some_blocks_at_a_time() -> None:
    memory, _ = grown(None, 200)
    store = BlockStore(memory, "test", pruning=PruningRules(keep_blocks=KEEP))
    assert store.lowest_height == 1, "opening removes nothing"
    lowest = [1]
    for height in range(201, 230):
        add(store, parts_at(height))
        lowest.append(store.lowest_height)
        assert_exactly(memory, store)
    steps = [after - before for before, after in pairwise(lowest)]
    assert max(steps) == REMOVED_A_BLOCK
    assert lowest[-1] == 229 - KEEP + 1
    assert steps[-1] == 1, "then it keeps up"


def test_large_blocks_go_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is read: what a commit costs beside its own block is bounded by bytes too."""
    monkeypatch.setattr("node.store.removing.REMOVED_BYTES", 1)
    memory, _ = grown(None, 100)
    store = BlockStore(memory, "test", pruning=PruningRules(keep_blocks=KEEP))
    add(store, parts_at(101))
    assert store.lowest_height == 2


def test_days_are_those_of_block_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "LEAST_KEPT_BLOCKS", KEEP)
    memory = MemoryStore()
    store = BlockStore(memory, "test", pruning=WEEK)
    three_hours = DAY_MS // 8
    add(store, *(parts_at(height, step_ms=three_hours) for height in range(1, 101)))
    assert store.lowest_height == 100 - 7 * 8
    assert_exactly(memory, store, step_ms=three_hours)


def test_a_slow_chain_keeps_blocks_beyond_its_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "LEAST_KEPT_BLOCKS", KEEP)
    store = BlockStore(MemoryStore(), "test", pruning=WEEK)
    add(store, *(parts_at(height, step_ms=30 * DAY_MS) for height in range(1, 61)))
    assert store.lowest_height == 60 - KEEP + 1


def test_a_block_too_young_is_not_read_again_for_each_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pruning, "LEAST_KEPT_BLOCKS", KEEP)
    store = BlockStore(MemoryStore(), "test", pruning=WEEK)
    add(store, *(parts_at(height) for height in range(1, KEEP + 2)))
    monkeypatch.setattr(OldBlocks, "_read", None)
    add(store, parts_at(KEEP + 2))


def test_with_both_rules_a_block_goes_when_neither_wants_it() -> None:
    rules = PruningRules(keep_blocks=KEEP, keep_days=7)
    store = BlockStore(MemoryStore(), "test", pruning=rules)
    add(store, *(parts_at(height, step_ms=DAY_MS) for height in range(1, 61)))
    assert store.lowest_height == 60 - KEEP + 1, "a week is fewer blocks"
    assert not rules.is_old(0, 7 * DAY_MS)
    assert rules.is_old(0, 7 * DAY_MS + 1)


@pytest.mark.parametrize("rules", [{"keep_blocks": KEEP - 1}, {"keep_days": -1}])
def test_fewer_than_consensus_needs_is_refused(rules: dict[str, int]) -> None:
    with pytest.raises(InvariantViolation):
        PruningRules(**rules)


CHANGES = (3, 40)


def grown_with_changes(heights: int) -> tuple[MemoryStore, BlockStore]:
    memory = MemoryStore()
    store = BlockStore(memory, "test", pruning=PruningRules(keep_blocks=KEEP))
    add(store, *(parts_at(height, changes=CHANGES) for height in range(1, heights + 1)))
    return memory, store


def test_certificates_of_set_changes_stay_for_ever() -> None:
    memory, store = grown_with_changes(99)
    assert [height for height, _ in store.set_changes(99)] == list(CHANGES)
    for height in CHANGES:
        assert store.certificate_bytes(height) == parts_at(height, changes=CHANGES).certificate
        assert store.block_bytes(height) is None
    assert_exactly(memory, store, changes=CHANGES)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("height", CHANGES)
def test_a_change_whose_row_the_disk_does_not_give_takes_no_certificate_with_it(
    height: int, restarts: bool
) -> None:
    """Read wrongly once, it would have been gone for ever."""
    memory, store = grown_with_changes(height + KEEP - 1)
    assert store.lowest_height == height
    if restarts:
        store = BlockStore(memory, "test", pruning=PruningRules(keep_blocks=KEEP))
    key = b"V" + height.to_bytes(8, "big")
    row = memory.get(key)
    assert row is not None
    lost, found = WriteBatch(), WriteBatch()
    lost.operations.append((key, None))
    memory.write(lost, sync=True)
    following = parts_at(height + KEEP, changes=CHANGES)
    with pytest.raises(LocalError, match=f"block {height} has no row of a change"):
        add(store, following)
    found.put(key, row)
    memory.write(found, sync=True)
    again = BlockStore(memory, "test", pruning=PruningRules(keep_blocks=KEEP))
    add(again, following)
    assert again.lowest_height == height + 1
    assert again.certificate_bytes(height) is not None


@pytest.mark.parametrize("key", [b"B" + bytes(8), b"V" + (3).to_bytes(8, "big")])
def test_what_names_the_validators_before_is_looked_at(key: bytes) -> None:
    """At a start it is read: genesis, or the newest change before."""
    memory, _ = grown_with_changes(KEEP if key[:1] == b"B" else 10 + KEEP)
    unreadable = WriteBatch()
    unreadable.put(key, b"\x90")
    memory.write(unreadable, sync=True)
    store = BlockStore(memory, "test", pruning=PruningRules(keep_blocks=KEEP))
    head = store.head()
    assert head is not None
    with pytest.raises(LocalError, match="the newest change of the validators is unreadable"):
        add(store, parts_at(head.height + 1, changes=CHANGES))


def test_the_history_of_accounts_begins_at_the_lowest_block() -> None:
    memory, store = grown(PruningRules(keep_blocks=KEEP), 100)
    assert store.index.first(100) == store.lowest_height
    assert store.index.lowest_wanted(100) == store.lowest_height
    assert BlockStore(memory, "test").index.first(100) == store.lowest_height


@pytest.mark.parametrize(("floor", "left"), [(SHARD_BLOCKS - 1, 2), (SHARD_BLOCKS, 1)])
def test_history_rows_go_with_the_last_block_of_their_shard(floor: int, left: int) -> None:
    """65,536 heights go together: what is kept of removed blocks is bounded."""
    memory = MemoryStore()
    index = AccountIndex(memory, HistoryRules())
    whom = {Address(b"a" * 20): b"\0\0"}
    for height in (SHARD_BLOCKS - 1, SHARD_BLOCKS + 1):
        index.floor = floor if height > SHARD_BLOCKS else 1
        batch = WriteBatch()
        staged = index.add(batch.operations, height, whom)
        memory.write(batch, sync=True)
        index.settle(staged)
    assert len(list(memory.iterate(b"A", b"B"))) == left
    assert index.first(SHARD_BLOCKS + 1) == SHARD_BLOCKS + 1
    assert bool(index.removed_ranges()) is (left == 1)


def test_a_damaged_oldest_block_is_said_and_nothing_is_removed() -> None:
    memory, store = grown(PruningRules(keep_blocks=KEEP), KEEP)
    batch = WriteBatch()
    batch.delete(b"R" + (1).to_bytes(8, "big"))
    memory.write(batch, sync=True)
    with pytest.raises(LocalError, match="block 1, its oldest, is not whole"):
        add(store, parts_at(KEEP + 1))
    assert store.lowest_height == 1


def test_an_unreadable_oldest_block_is_said() -> None:
    memory, store = grown(PruningRules(keep_blocks=KEEP), KEEP)
    batch = WriteBatch()
    batch.put(b"B" + (1).to_bytes(8, "big"), b"\xc1")
    memory.write(batch, sync=True)
    with pytest.raises(LocalError, match="block 1 is unreadable"):
        add(store, parts_at(KEEP + 1))


class Removed:
    """Stands for a store: counts, and blocks while it compacts."""

    def __init__(self) -> None:
        self.removed_bytes = 0
        self.compacted: list[Range] = []
        self.may_go_on = threading.Event()
        self.defect: LocalError | None = None

    def removed_ranges(self) -> list[Range]:
        return [(b"B1", b"B%d" % self.removed_bytes), (b"R1", b"R%d" % self.removed_bytes)]

    def compact(self, start: bytes, stop: bytes) -> None:
        self.may_go_on.wait()
        if self.defect is not None:
            raise self.defect
        self.compacted.append((start, stop))


def test_ranges_are_compacted_one_call_at_a_time_once_enough_was_removed() -> None:
    store, failures = Removed(), list[BaseException]()
    compactor = Compactor(store, failures.append, threshold_bytes=100)
    store.removed_bytes = 99
    compactor.look()
    store.removed_bytes = 120
    compactor.look()
    assert compactor.is_running
    store.removed_bytes = 500
    compactor.look()  # while the first runs
    store.may_go_on.set()
    compactor.stop()
    assert store.compacted == [(b"B1", b"B120"), (b"R1", b"R120")]
    assert failures == []


def test_an_error_of_the_engine_is_passed_on() -> None:
    store, failures = Removed(), list[BaseException]()
    store.defect = LocalError("the disk is full")
    store.removed_bytes = 1
    store.may_go_on.set()
    compactor = Compactor(store, failures.append, threshold_bytes=1)
    compactor.look()
    compactor.stop()
    assert failures == [store.defect]


def test_removed_ranges_end_below_the_lowest_block() -> None:
    memory, store = grown(PruningRules(keep_blocks=KEEP), 100)
    ranges = store.removed_ranges()
    assert {start[:1] for start, _ in ranges} == {b"B", b"C", b"R"}
    assert [key for bounds in ranges for key, _ in memory.iterate(*bounds)] == []
    assert store.removed_bytes > 68 * len(parts_at(1).block)
    add(store, replace(parts_at(101)))
