"""Every crash point of the vote record (node/votes/wal.py), by building what the disk then holds.

consensus.md rule 1: a record is durable before its vote is sent; a torn last record was never sent
and is dropped, or whole.
"""

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.votes import vote_files
from node.votes.wal import hold, open_log, open_log_on
from node.votes.wal_format import PAGE_BYTES
from tests.support.vote_record_files import (
    LARGE,
    SMALL_BYTES,
    contents,
    empty_marker,
    one_append,
    opened_by_the_next,
    recovered,
    restore,
    with_pages,
    written_pages,
)


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes them hundreds of times."""
    monkeypatch.setattr(vote_files, "PREALLOCATED_BYTES", SMALL_BYTES)


def test_append_before_write_leaves_what_was_durable(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    before, _ = one_append(tmp_path / "log", [[b"a"], [b"b", b"c"]], [b"d"])
    restore(tmp_path / "log", before)
    assert recovered(tmp_path / "log", marker) == ([b"a", b"b", b"c"], None)


def test_append_before_sync_gives_a_frame_torn_at_any_byte_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    """The last write cut off at every byte: its records are dropped until one copy is there, and
    all earlier ones kept; what is found is then there twice."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [b"b" * 40, b"c" * 30])
    first, second = (page * PAGE_BYTES for page in written_pages(before[1], after[1]))
    length = len(after[1][first:second].rstrip(b"\0"))
    for cut in (*range(length + 1), *range(PAGE_BYTES, PAGE_BYTES + length + 1)):
        torn = after[1][: first + cut] + before[1][first + cut :]
        restore(tmp_path / "log", [before[0], torn])
        whole = cut >= length
        expected = [b"a", b"b" * 40, b"c" * 30] if whole else [b"a"]
        assert opened_by_the_next(tmp_path / "log", marker) == (expected, None), cut
        if whole:
            assert contents(tmp_path / "log") == after


def test_append_before_sync_drops_a_frame_at_the_end_of_a_truncated_file(tmp_path: Path) -> None:
    """Every file that ends in the frame; the first half of what was written is one copy."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [LARGE])
    first, *_, last = written_pages(before[1], after[1])
    half = (first + last + 1) // 2 * PAGE_BYTES
    end_of_body = half - PAGE_BYTES + len(after[1][half - PAGE_BYTES : half].rstrip(b"\0"))
    for end in range(first * PAGE_BYTES, (last + 1) * PAGE_BYTES + 1, 512):
        restore(tmp_path / "log", [after[0], after[1][:end]])
        expected = [b"a", LARGE] if end >= end_of_body else [b"a"]
        assert opened_by_the_next(tmp_path / "log", marker) == (expected, None), end


def test_append_before_sync_gives_any_pages_of_a_frame_whole_or_not_at_all(tmp_path: Path) -> None:
    """A disk writes pages in any order: every subset of a frame of four pages and its copy."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [LARGE])
    pages = written_pages(before[1], after[1])
    assert len(pages) == 8
    for mask in range(2 ** len(pages)):
        kept = [page for bit, page in enumerate(pages) if mask >> bit & 1]
        whole = mask & 0x0F == 0x0F or mask & 0xF0 == 0xF0
        restore(tmp_path / "log", [after[0], with_pages(before[1], after[1], kept)])
        expected = [b"a", LARGE] if whole else [b"a"]
        assert opened_by_the_next(tmp_path / "log", marker) == (expected, None), kept
        if whole:
            assert contents(tmp_path / "log") == after


def test_append_after_sync_gives_the_record(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    _, after = one_append(tmp_path / "log", [[b"a"]], [b"b"])
    restore(tmp_path / "log", after)
    assert recovered(tmp_path / "log", marker) == ([b"a", b"b"], None)


def test_commit_before_cut_gives_the_records_of_the_applied_height(tmp_path: Path) -> None:
    """Recovery ignores them by height; the log need not know heights."""
    log = open_log(tmp_path / "log", None).log
    log.append([b"height 1"])
    committed = log.marker()
    crashed = contents(tmp_path / "log")
    log.close()
    restore(tmp_path / "log", crashed)
    assert recovered(tmp_path / "log", committed) == ([b"height 1"], None)


def test_cut_before_append_loses_nothing(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", None).log
    log.append([b"height 1"])
    committed = log.marker()
    before_cut = contents(tmp_path / "log")
    log.cut(committed)
    assert contents(tmp_path / "log") == before_cut  # a cut touches no disk
    assert log.marker() == committed
    log.close()
    assert recovered(tmp_path / "log", committed) == ([b"height 1"], None)


@pytest.mark.parametrize("heights", [1, 2, 3, 6])
def test_cut_during_append_drops_the_torn_first_frame(tmp_path: Path, heights: int) -> None:
    """The file has frames of an older generation below the torn one: they do not come back."""
    log = open_log(tmp_path / "log", None).log
    committed = log.marker()
    for height in range(1, heights + 1):
        log.append([b"proposal %d" % height, LARGE])
        log.append([b"commit %d" % height])
        committed = log.marker()
        log.cut(committed)
    before = contents(tmp_path / "log")
    log.append([b"next", LARGE])
    after = contents(tmp_path / "log")
    log.close()
    slot = 0 if before[0] != after[0] else 1
    pages = written_pages(before[slot], after[slot])
    assert len(pages) == 8
    masks = [mask for mask in range(2**8) if mask & 0x0F != 0x0F and mask & 0xF0 != 0xF0]
    for mask in random.Random(heights).sample(masks, 60):
        kept = [page for bit, page in enumerate(pages) if mask >> bit & 1]
        torn = list(after)
        torn[slot] = with_pages(before[slot], after[slot], kept)
        restore(tmp_path / "log", torn)
        expected = [b"proposal %d" % heights, LARGE, b"commit %d" % heights]
        assert opened_by_the_next(tmp_path / "log", committed) == (expected, None), kept


def test_the_dropped_frame_gives_its_place_to_the_next(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [LARGE])
    pages = written_pages(before[1], after[1])
    torn = [page for number, page in enumerate(pages) if number not in (0, 7)]
    restore(tmp_path / "log", [after[0], with_pages(before[1], after[1], torn)])
    opened = open_log(tmp_path / "log", marker)
    opened.log.append([b"b"])
    crashed = contents(tmp_path / "log")
    opened.log.close()
    restore(tmp_path / "log", crashed)
    assert recovered(tmp_path / "log", marker) == ([b"a", b"b"], None)


def test_a_record_past_the_marker_whose_sync_failed_is_written_again(tmp_path: Path) -> None:
    """The process dies before the cut: the generation that the marker names has the newest frame,
    and whoever believes it writes it once more."""
    log = open_log(tmp_path / "log", None).log
    log.append([b"height 1"])
    committed = log.marker()
    log.append([b"height 2, before the cut"])
    log._files.close()
    files = hold(tmp_path / "log")
    written: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "write", lambda slot, offset, _: written.append((slot, offset)))
        opened = open_log_on(files, committed)
    assert opened.records == [b"height 1", b"height 2, before the cut"]
    assert written == [(1, 3 * PAGE_BYTES), (1, 4 * PAGE_BYTES)]
    files.close()


@settings(max_examples=60)
@given(data=st.data())
def test_a_random_history_recovers_all_that_was_synced(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Appends, commits with or without their cut, crashes that tear the last append, clean stops:
    the log gives back at least every record since the last commit, never a torn or an old one."""
    folder = tmp_path_factory.mktemp("wal") / "log"
    log = open_log(folder, None).log
    committed, pending, number = log.marker(), [], 0
    for _ in range(data.draw(st.integers(1, 25))):
        match data.draw(st.sampled_from(["append", "append", "commit", "stop", "crash"])):
            case "append":
                number += 1
                size = data.draw(st.sampled_from([0, 10, 5_000]))
                records = [b"%08d" % number + bytes(size), b"vote"]
                log.append(records)
                pending += records
            case "commit":
                committed = log.marker()
                if data.draw(st.booleans()):
                    log.cut(committed)
                    pending = []
                # Without the cut the process dies between commit and cut.
                else:
                    crashed = contents(folder)
                    log.close()
                    restore(folder, crashed)
                    opened = open_log(folder, committed)
                    assert opened.lost is None
                    assert opened.records[len(opened.records) - len(pending) :] == pending
                    log = opened.log
                    pending = []
            case "stop":
                log.close()
                opened = open_log(folder, committed)
                assert opened.lost is None
                assert opened.records[len(opened.records) - len(pending) :] == pending
                log = opened.log
            case "crash":
                before = contents(folder)
                number += 1
                last = b"%08d" % number * 1_000
                log.append([last])
                after = contents(folder)
                log.close()
                slot = 0 if before[0] != after[0] else 1
                pages = written_pages(before[slot], after[slot])
                kept = [page for page in pages if data.draw(st.booleans())]
                half = len(pages) // 2
                torn = not ({*pages[:half]} <= {*kept} or {*pages[half:]} <= {*kept})
                if not torn:
                    pending += [last]
                after[slot] = with_pages(before[slot], after[slot], kept)
                restore(folder, after)
                opened = open_log(folder, committed)
                assert opened.lost is None
                assert opened.records[len(opened.records) - len(pending) :] == pending
                assert (last in opened.records) == (not torn)
                log = opened.log
    log.close()
    shutil.rmtree(folder)
