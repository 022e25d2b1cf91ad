"""The virtual disk loses what a real one may lose; the vote record on it is node/votes/wal.py."""

import errno
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import wal_records
from consensus.messages import ViewChange
from consensus.wal_records import ViewChangeRecord
from ledger.errors import LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.registry import Phase
from node.votes.wal import OpenedLog, open_log, open_log_on
from node.votes.wal_format import PAGE_BYTES, Marker
from tests.simulation.disk import BadRead, Crash, Disk, Fuse, Misread, Refusal, Tear
from tests.simulation.store import VirtualStore
from tests.simulation.vote_files import VirtualFiles
from tests.simulation.world import World


def record(height: int, view: int = 1) -> bytes:
    return wal_records.encode(ViewChangeRecord(ViewChange(height, view, None, None, 0), None))


LARGE = [record(2, view) for view in range(1, 200)]


def batch(**rows: bytes) -> WriteBatch:
    made = WriteBatch()
    for key, value in rows.items():
        made.put(key.encode(), value)
    return made


class Machine:
    """A node's disk, with a store and a vote record on it."""

    def __init__(self, seed: int = 1) -> None:
        self.world = World()
        self.fuse = Fuse()
        self.disk = Disk(self.world, Random(seed))
        self.disk.working = True
        self.store = VirtualStore(MemoryStore(), self.fuse, self.disk)
        self.files = VirtualFiles(Random(seed), self.fuse, self.disk, 82062)

    def open(self, marker: Marker | None = None) -> OpenedLog:
        return open_log_on(self.files, marker)

    def named(self) -> OpenedLog:
        """The record as it is once the head row names it."""
        return self.open(self.open().log.marker())

    def cut_power(self) -> None:
        self.store.crash()
        self.files.crash()


def test_a_crash_undoes_writes_that_were_not_synced() -> None:
    machine = Machine()
    machine.store.write(batch(a=b"1"), sync=True)
    machine.store.write(batch(a=b"2", b=b"2"), sync=False)
    machine.cut_power()
    assert (machine.store.get(b"a"), machine.store.get(b"b")) == (b"1", None)


def test_a_sync_makes_earlier_writes_durable() -> None:
    machine = Machine()
    machine.store.write(batch(a=b"1"), sync=False)
    machine.store.write(batch(b=b"2"), sync=True)
    machine.cut_power()
    assert (machine.store.get(b"a"), machine.store.get(b"b")) == (b"1", b"2")


def test_a_burnt_fuse_ends_the_process_before_or_after_the_batch() -> None:
    for left, expected in ((0, None), (1, b"1")):
        machine = Machine()
        machine.fuse.left = left
        with pytest.raises(Crash):
            machine.store.write(batch(a=b"1"), sync=True)
        machine.cut_power()
        assert machine.store.get(b"a") == expected


@pytest.mark.parametrize("tear", Tear)
def test_a_torn_last_record_is_dropped_and_earlier_ones_stay(tear: Tear) -> None:
    """Whatever of it survives: any pages, the sectors before some point, any sectors."""
    torn = 0
    for seed in range(30):
        machine = Machine(seed)
        log = machine.named().log
        marker = log.marker()
        log.append([record(1)])
        before = machine.files.platter()
        machine.disk.tear, machine.disk.power_fails_after = tear, 0
        with pytest.raises(Crash):
            log.append(LARGE)
        machine.cut_power()
        torn += machine.files.platter() != before
        opened = machine.open(marker)
        assert opened.records in ([record(1)], [record(1), *LARGE])
        opened.log.append([record(3)])
        assert machine.open(marker).records == [*opened.records, record(3)]
    assert torn > 20


def test_sectors_in_the_middle_of_a_record_can_be_all_that_survives() -> None:
    """Not only a prefix: in some crash the end of a frame is there and its beginning is not."""
    holes = 0
    for seed in range(20):
        machine = Machine(seed)
        log = machine.named().log
        machine.disk.tear, machine.disk.power_fails_after = Tear.SECTORS, 0
        with pytest.raises(Crash):
            log.append(LARGE)
        machine.cut_power()
        written = machine.files.platter()[1][PAGE_BYTES:]
        sectors = [any(written[at : at + 512]) for at in range(0, len(written), 512)]
        holes += any(not one and other for one, other in pairwise(sectors))
    assert holes > 10


def test_a_sync_that_failed_leaves_a_record_in_memory_that_power_takes_away() -> None:
    """What Linux does: the next process reads the record, and a sync does nothing for it. The vote
    record writes it once more, and from then on it is durable."""
    rewritten = 0
    for seed in range(10):
        machine = Machine(seed)
        log = machine.named().log
        marker = log.marker()
        machine.disk.tear = Tear.SECTORS
        machine.disk.refusal = Refusal(errno.EIO, 0, once=True, at_sync=True)
        with pytest.raises(LocalError, match=r"cannot write the vote record.*Check the disk"):
            log.append(LARGE)
        with pytest.raises(LocalError, match="failed before: restart the node"):
            log.append([record(3)])
        assert not machine.files.durable()
        opened = machine.open(marker)
        assert opened.records == LARGE
        assert len(machine.files.durable()) == len(LARGE)
        machine.cut_power()
        rewritten += machine.open(marker).records == LARGE
    assert rewritten == 10


def test_a_slow_sync_is_over_later_and_until_then_power_can_take_the_vote() -> None:
    outcomes = set()
    for seed in range(20):
        for waits in (False, True):
            machine = Machine(seed)
            log = machine.named().log
            marker = log.marker()
            machine.disk.sync_us, machine.disk.tear = (5_000, 5_000), Tear.SECTORS
            log.append([record(1)])
            assert machine.disk.lag_us == 5_000
            assert not machine.files.durable()
            if waits:
                machine.world.step(machine.world.now_us + 5_000)
                assert machine.files.durable()
            machine.cut_power()
            outcomes.add((waits, machine.open(marker).records == [record(1)]))
    assert outcomes == {(False, False), (False, True), (True, True)}


def test_unsynced_batches_vanish_whole_and_from_the_end() -> None:
    """A log is read up to its first hole: never a synced batch, never a later one without."""
    left = set()
    for seed in range(40):
        machine = Machine(seed)
        machine.disk.struck.add("reordered")
        machine.store.write(batch(a=b"0"), sync=True)
        machine.store.write(batch(a=b"1", b=b"1"), sync=False)
        machine.store.write(batch(a=b"2", c=b"2"), sync=False)
        machine.cut_power()
        left.add(tuple(machine.store.get(key) for key in (b"a", b"b", b"c")))
    assert left == {(b"0", None, None), (b"1", b"1", None), (b"2", b"1", b"2")}


@pytest.mark.parametrize("at_sync", [False, True])
def test_a_store_whose_write_failed_takes_no_more_until_it_is_opened(at_sync: bool) -> None:
    """A batch that was in the log is there afterwards, one that never got there is not."""
    machine = Machine()
    machine.disk.refusal = Refusal(errno.EIO, 0, once=True, at_sync=at_sync)
    for key in ("a", "b"):
        with pytest.raises(LocalError, match=r"node/chain.*Input/output error.*Check the disk"):
            machine.store.write(batch(**{key: b"1"}), sync=True)
    assert machine.store.get(b"a") is None
    machine.store.open()
    assert machine.store.get(b"a") == (b"1" if at_sync else None)
    machine.cut_power()
    assert machine.store.get(b"a") == (b"1" if at_sync else None)


def test_a_full_disk_refuses_until_there_is_room() -> None:
    machine = Machine()
    log = machine.named().log
    machine.disk.refusal = Refusal(errno.ENOSPC, 0, once=False, spares_votes=True)
    log.append([record(1)])  # its blocks are all there
    full = r"the disk is full.*Free at least 1024 MiB"
    with pytest.raises(LocalError, match=full):
        machine.store.write(batch(a=b"1"), sync=True)
    with pytest.raises(LocalError, match=full):
        machine.store.open()
    machine.disk.mend()
    machine.store.open()
    machine.store.write(batch(a=b"1"), sync=True)
    assert machine.store.get(b"a") == b"1"


def test_a_bad_block_of_the_store_is_found_each_time_and_a_bad_read_once() -> None:
    for lasting in (False, True):
        machine = Machine()
        machine.store.write(batch(a=b"1"), sync=True)
        machine.disk.bad_row = BadRead(Misread.FLIPPED, 1, lasting)
        assert machine.store.get(b"a") == b"1"
        with pytest.raises(LocalError, match=r"damaged.*checksum mismatch.*restore a backup"):
            machine.store.get(b"a")
        if lasting:
            with pytest.raises(LocalError, match="damaged"):
                machine.store.get(b"a")
        else:
            assert machine.store.get(b"a") == b"1"


def test_a_misdirected_read_of_the_store_gives_what_was_there_before() -> None:
    machine = Machine()
    machine.store.write(batch(a=b"1"), sync=True)
    machine.disk.bad_row = BadRead(Misread.MISDIRECTED, 0)
    machine.store.write(batch(a=b"2"), sync=True)
    assert [machine.store.get(b"a"), machine.store.get(b"a")] == [b"1", b"2"]


@pytest.mark.parametrize("kind", Misread)
def test_a_record_that_is_misread_in_the_middle_is_damaged_or_of_another_time(
    kind: Misread,
) -> None:
    """After a clean stop no vote is forgotten without a word: the node does not start, or knows
    that it lost its record."""
    said = set()
    for seed in range(60):
        machine = Machine(seed)
        log = machine.named().log
        marker = log.marker()
        for view in range(1, 5):
            log.append([record(1, view)])
        log.close()
        machine.disk.bad_record = BadRead(kind, 0)
        try:
            opened = machine.open(marker)
        except LocalError as error:
            said.add("damaged")
            assert "does not sign" in str(error)  # noqa: PT017 - three outcomes are allowed
        else:
            said.add("lost" if opened.lost else "whole")
            assert opened.lost or len(opened.records) == 4
    assert "damaged" in said
    assert "whole" in said


def test_a_lost_vote_record_is_noticed_by_the_marker_of_the_store() -> None:
    machine = Machine()
    log = machine.named().log
    marker = log.marker()
    log.append([record(1)])
    machine.files.lose()
    opened = machine.open(marker)
    assert (opened.records, opened.lost) == ([], "the vote record is missing")


def test_the_record_knows_which_votes_are_durable() -> None:
    machine = Machine()
    log = machine.named().log
    assert not machine.files.durable()
    log.append([record(4, view=2)])
    assert list(machine.files.durable()) == [(Phase.VIEW_CHANGE, 4, 2, b"")]


STEPS = st.lists(st.one_of(st.integers(1, 3), st.just("commit"), st.just("kill")), max_size=25)


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_it_keeps_the_same_records_as_files_in_a_folder(steps: list[Any]) -> None:
    """Appends, cuts and clean restarts in any order give the same records back from both."""
    with TemporaryDirectory() as folder:
        machine = Machine()
        real, virtual = open_log(Path(folder), None).log, machine.open().log
        stored = (real.marker(), virtual.marker())
        for number, step in enumerate(steps):
            if step == "commit":
                stored = (real.marker(), virtual.marker())
                real.cut(stored[0])
                virtual.cut(stored[1])
            elif step == "kill":
                real.close()
                virtual.close()
                machine.cut_power()
                opened, again = open_log(Path(folder), stored[0]), machine.open(stored[1])
                assert (opened.lost, opened.records) == (again.lost, again.records)
                real, virtual = opened.log, again.log
            else:
                records = [record(number + 1, view + 1) for view in range(step)]
                real.append(records)
                virtual.append(records)
        real.close()
