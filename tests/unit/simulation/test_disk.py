"""The virtual disk loses what a real one may lose, and its vote record is that of node/wal.py."""

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
from ledger.kv import MemoryStore, WriteBatch
from ledger.registry import Phase
from node.wal import open_log
from tests.simulation.disk import Crash, Fuse, VirtualLog, VirtualStore


def record(height: int, view: int = 1) -> bytes:
    return wal_records.encode(ViewChangeRecord(ViewChange(height, view, None, None, 0), None))


def batch(**rows: bytes) -> WriteBatch:
    made = WriteBatch()
    for key, value in rows.items():
        made.put(key.encode(), value)
    return made


def virtual_log(fuse: Fuse | None = None) -> VirtualLog:
    return VirtualLog(Random(1), fuse or Fuse(), 82062)


def test_a_crash_undoes_writes_that_were_not_synced() -> None:
    store = VirtualStore(MemoryStore(), Fuse())
    store.write(batch(a=b"1"), sync=True)
    store.write(batch(a=b"2", b=b"2"), sync=False)
    store.crash()
    assert (store.get(b"a"), store.get(b"b")) == (b"1", None)


def test_a_sync_makes_earlier_writes_durable() -> None:
    store = VirtualStore(MemoryStore(), Fuse())
    store.write(batch(a=b"1"), sync=False)
    store.write(batch(b=b"2"), sync=True)
    store.crash()
    assert (store.get(b"a"), store.get(b"b")) == (b"1", b"2")


def test_a_burnt_fuse_ends_the_process_before_or_after_the_batch() -> None:
    for left, expected in ((0, None), (1, b"1")):
        fuse = Fuse()
        store = VirtualStore(MemoryStore(), fuse)
        fuse.left = left
        with pytest.raises(Crash):
            store.write(batch(a=b"1"), sync=True)
        store.crash()
        assert store.get(b"a") == expected


def test_a_torn_last_record_is_dropped_and_earlier_ones_stay() -> None:
    fuse = Fuse()
    log = virtual_log(fuse)
    log.append([record(1)])
    fuse.left = 0
    with pytest.raises(Crash):
        log.append([record(2, view) for view in range(1, 200)])
    fuse.left = None
    records, lost = log.open(None)
    assert (records, lost) == ([record(1)], False)
    log.append([record(3)])
    assert log.open(None)[0] == [record(1), record(3)]


def test_a_lost_vote_record_is_noticed_by_the_marker_of_the_store() -> None:
    log = virtual_log()
    marker = log.marker()
    log.append([record(1)])
    log.lose()
    assert log.open(marker) == ([], True)


def test_the_log_knows_which_votes_are_durable() -> None:
    log = virtual_log()
    assert not log.durable
    log.append([record(4, view=2)])
    assert list(log.durable) == [(Phase.VIEW_CHANGE, 4, 2, b"")]
    log.cut(log.marker())
    assert not log.durable


STEPS = st.lists(st.one_of(st.integers(1, 3), st.just("commit"), st.just("reopen")), max_size=25)


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_it_keeps_the_same_records_as_the_vote_record_on_disk(steps: list[Any]) -> None:
    """Appends, cuts and restarts in any order: the two logs give the same records back."""
    with TemporaryDirectory() as folder:
        real, virtual = open_log(Path(folder), None).log, virtual_log()
        stored = (real.marker(), virtual.marker())
        for number, step in enumerate(steps):
            if step == "commit":
                stored = (real.marker(), virtual.marker())
                real.cut(stored[0])
                virtual.cut(stored[1])
            elif step == "reopen":
                real.close()
                opened = open_log(Path(folder), stored[0])
                assert opened.lost is None
                assert opened.records == virtual.open(stored[1])[0]
                real = opened.log
            else:
                records = [record(number + 1, view + 1) for view in range(step)]
                real.append(records)
                virtual.append(records)
        real.close()
