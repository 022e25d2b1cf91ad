"""Every crash point of the vote record (node/wal.py), by building what the disk may then hold.

consensus.md rule 1: a record is durable before its vote is sent; a torn last record was never sent
and is dropped, or whole; a damaged page takes nothing, and damage of both copies of what is not the
last frame refuses to sign.
"""

import errno
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import LocalError
from node import vote_files
from node.wal import hold, open_log, open_log_on
from node.wal_format import PAGE_BYTES, Marker

FILES = ("votes-0.wal", "votes-1.wal")
LARGE = bytes(range(256)) * 60  # a record over several pages


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes them hundreds of times."""
    monkeypatch.setattr(vote_files, "PREALLOCATED_BYTES", 16 * PAGE_BYTES)


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in FILES]


def restore(folder: Path, files: list[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in zip(FILES, files, strict=True):
        (folder / name).write_bytes(data)


def written_pages(before: bytes, after: bytes) -> list[int]:
    """Page numbers that differ."""
    return [
        at // PAGE_BYTES
        for at in range(0, len(after), PAGE_BYTES)
        if before[at : at + PAGE_BYTES] != after[at : at + PAGE_BYTES]
    ]


def with_pages(before: bytes, after: bytes, pages: list[int]) -> bytes:
    """`before`, with some pages as in `after`: what a crash between write and sync may leave."""
    mixed = bytearray(before.ljust(len(after), b"\0"))
    for page in pages:
        at = page * PAGE_BYTES
        mixed[at : at + PAGE_BYTES] = after[at : at + PAGE_BYTES]
    return bytes(mixed)


def one_append(
    folder: Path, earlier: list[list[bytes]], last: list[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """Both files before and after the append of `last`; no clean stop."""
    log = open_log(folder, None).log
    for records in earlier:
        log.append(records)
    before = contents(folder)
    log.append(last)
    after = contents(folder)
    log.close()
    return before, after


def recovered(folder: Path, marker: Marker | None) -> tuple[list[bytes], str | None]:
    opened = open_log(folder, marker)
    try:
        return opened.records, opened.lost
    finally:
        opened.log.close()


def opened_by_the_next(folder: Path, marker: Marker | None) -> tuple[list[bytes], str | None]:
    """As recovered, and the next process is killed as well: it adds nothing to the files."""
    opened = open_log(folder, marker)
    opened.log._files.close()
    return opened.records, opened.lost


def empty_marker(folder: Path) -> Marker:
    """The marker that the store holds before any frame: written with genesis."""
    opened = open_log(folder, None)
    opened.log.close()
    return opened.log.marker()


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


def flip(data: bytes, byte: int, bit: int) -> bytes:
    return data[:byte] + bytes((data[byte] ^ 1 << bit,)) + data[byte + 1 :]


def twice(data: bytes, first: int, second: int, bit: int) -> bytes:
    return flip(flip(data, first, bit), second, bit)


def test_a_byte_of_the_newest_frame_that_is_damaged_takes_no_vote(tmp_path: Path) -> None:
    """Every byte of both copies, alone: the vote is there, and then it is there twice again."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [b"b" * 40])
    first, second = (page * PAGE_BYTES for page in written_pages(before[1], after[1]))
    length = len(after[1][first:second].rstrip(b"\0"))
    for byte in (*range(first, first + length), *range(second, second + length)):
        restore(tmp_path / "log", [after[0], flip(after[1], byte, byte % 8)])
        expected = ([b"a", b"b" * 40], None)
        assert opened_by_the_next(tmp_path / "log", marker) == expected, byte
        assert contents(tmp_path / "log") == after


def unreadable(patch: pytest.MonkeyPatch, *pages: int) -> None:
    """As a disk with bad sectors reads a file: what comes before them, then an error."""
    real = os.pread

    def pread(handle: int, length: int, offset: int) -> bytes:
        bad = [page * PAGE_BYTES for page in pages if (page + 1) * PAGE_BYTES > offset]
        end = min(bad, default=offset + length)
        if "votes-1" not in os.readlink(f"/proc/self/fd/{handle}") or end >= offset + length:
            return real(handle, length, offset)
        if end <= offset:
            raise OSError(errno.EIO, "Input/output error")
        return real(handle, end - offset, offset)

    patch.setattr(os, "pread", pread)


@pytest.mark.parametrize("page", range(1, 7))
def test_a_page_of_a_frame_that_cannot_be_read_takes_no_vote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Each page of three frames, also in the middle of a long one; it is written again."""
    marker = empty_marker(tmp_path / "log")
    _, after = one_append(tmp_path / "log", [[b"a"]], [LARGE[: PAGE_BYTES + 9]])
    zero = after[1][: page * PAGE_BYTES] + bytes(PAGE_BYTES) + after[1][(page + 1) * PAGE_BYTES :]
    restore(tmp_path / "log", [after[0], zero])
    with monkeypatch.context() as patch:
        unreadable(patch, page)
        expected = ([b"a", LARGE[: PAGE_BYTES + 9]], None)
        assert opened_by_the_next(tmp_path / "log", marker) == expected
    assert contents(tmp_path / "log") == after


@pytest.mark.parametrize("pages", [(3, 4), (1, 2), (5,), (14,), tuple(range(1, 16))])
def test_a_page_that_cannot_be_read_and_has_no_copy_stops_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: tuple[int, ...]
) -> None:
    """It could be a vote: both copies of the newest frame, which a torn write never makes
    unreadable, those of an older one, and pages where the next frame may have been."""
    marker = empty_marker(tmp_path / "log")
    _, after = one_append(tmp_path / "log", [[b"a"]], [b"b"])
    restore(tmp_path / "log", after)
    unreadable(monkeypatch, *pages)
    with pytest.raises(LocalError, match=r"cannot .*vote record.*Input/output.*Check the disk"):
        open_log(tmp_path / "log", marker)
    assert contents(tmp_path / "log") == after


def test_a_disk_that_reads_nothing_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = empty_marker(tmp_path / "log")
    tried: list[int] = []

    def pread(handle: int, length: int, offset: int) -> bytes:
        del handle, length
        tried.append(offset)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(vote_files, "MAX_UNREADABLE_PAGES", 4)
    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(LocalError, match=r"cannot open the vote record.*Check the disk"):
        open_log(tmp_path / "log", marker)
    assert tried == [page * PAGE_BYTES for page in range(5)]


@pytest.mark.parametrize("at", range(6))
def test_a_page_of_any_frame_may_hold_what_lies_elsewhere(tmp_path: Path, at: int) -> None:
    """Each page of three frames, one at a time, replaced by each other page of both files."""
    marker = empty_marker(tmp_path / "log")
    _, after = one_append(tmp_path / "log", [[b"a"], [b"b"]], [b"c"])
    place = (1 + at) * PAGE_BYTES
    for number in range(10):
        for file in after:
            page = file[number * PAGE_BYTES :][:PAGE_BYTES]
            damaged = after[1][:place] + page + after[1][place + PAGE_BYTES :]
            restore(tmp_path / "log", [after[0], damaged])
            expected = ([b"a", b"b", b"c"], None)
            assert opened_by_the_next(tmp_path / "log", marker) == expected
            assert contents(tmp_path / "log") == after


def test_damage_of_both_copies_of_the_newest_frame_looks_like_a_torn_write(tmp_path: Path) -> None:
    """What is left of the gap (docs/adr/0007): two pages at once, of a process that was killed."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [b"b"])
    first, second = (page * PAGE_BYTES for page in written_pages(before[1], after[1]))
    restore(tmp_path / "log", [after[0], twice(after[1], first + 48, second + 9, 0)])
    assert opened_by_the_next(tmp_path / "log", marker) == ([b"a"], None)


def test_power_that_fails_while_a_copy_is_mended_leaves_the_other(tmp_path: Path) -> None:
    """One write and one sync for each copy, the damaged one first: whatever becomes of the page
    that is under way, the vote is there at the next opening."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [b"b"])
    first, second = (page * PAGE_BYTES for page in written_pages(before[1], after[1]))
    for damaged, whole in ((first, second), (second, first)):
        broken = [after[0], flip(after[1], damaged + 48, 0)]
        for under_way, at in enumerate((damaged, whole)):
            restore(tmp_path / "log", broken)
            _open_until_write(tmp_path / "log", marker, under_way, at)
            assert opened_by_the_next(tmp_path / "log", marker) == ([b"a", b"b"], None)
            assert contents(tmp_path / "log") == after


def _open_until_write(folder: Path, marker: Marker, number: int, at: int) -> None:
    """Power fails in a write of recovery: its page is neither the old one nor the new one."""
    files = hold(folder)
    written: list[int] = []
    real = files.write

    def write(slot: int, offset: int, data: bytes) -> None:
        written.append(offset)
        if len(written) > number:
            assert len(data) == PAGE_BYTES
            real(slot, offset, bytes(PAGE_BYTES))
            raise OSError(5, "Input/output error")
        real(slot, offset, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "write", write)
        with pytest.raises(LocalError, match="cannot open the vote record"):
            open_log_on(files, marker)
    files.close()
    assert written[-1] == at


def test_damage_of_both_copies_before_the_last_frame_refuses_to_sign(tmp_path: Path) -> None:
    """Bits flipped anywhere in both copies of an earlier frame, or one in the file's header: a
    clear refusal. In one copy alone: nothing is lost."""
    marker = empty_marker(tmp_path / "log")
    _, after = one_append(tmp_path / "log", [[b"a" * 50], [LARGE]], [b"last"])
    choose = random.Random(1)
    large, copy = 3 * PAGE_BYTES, 4 * PAGE_BYTES
    pairs = [
        (byte + first, byte + second)
        for byte, first, second in (
            *((choose.randrange(90), PAGE_BYTES, 2 * PAGE_BYTES) for _ in range(40)),
            *((choose.randrange(15_000), large, large + copy) for _ in range(110)),
        )
    ]
    for first, second in pairs:
        damaged = twice(after[1], first, second, choose.randrange(8))
        restore(tmp_path / "log", [after[0], damaged])
        with pytest.raises(LocalError, match=r"votes-1\.wal is damaged.*move the folder"):
            open_log(tmp_path / "log", marker)
        assert contents(tmp_path / "log") == [after[0], damaged]
        restore(tmp_path / "log", [after[0], flip(after[1], choose.choice((first, second)), 3)])
        expected = ([b"a" * 50, LARGE, b"last"], None)
        assert opened_by_the_next(tmp_path / "log", marker) == expected
        assert contents(tmp_path / "log") == after
    for byte in range(37):
        restore(tmp_path / "log", [after[0], flip(after[1], byte, choose.randrange(8))])
        with pytest.raises(LocalError, match=r"votes-1\.wal is damaged.*move the folder"):
            open_log(tmp_path / "log", marker)


def test_damage_of_the_last_record_is_found_after_a_clean_stop(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    log = open_log(tmp_path / "log", None).log
    log.append([b"only record"])
    log.close()
    files = contents(tmp_path / "log")
    restore(tmp_path / "log", [files[0], twice(files[1], PAGE_BYTES + 50, 2 * PAGE_BYTES + 50, 0)])
    with pytest.raises(LocalError, match="damaged"):
        open_log(tmp_path / "log", marker)


def test_a_lost_end_of_the_generation_before_refuses_to_sign(tmp_path: Path) -> None:
    """A vote that was written between a commit's batch and its cut: no marker names it, and the
    next generation says that it was there."""
    log = open_log(tmp_path / "log", None).log
    log.append([b"height 1"])
    committed = log.marker()
    log.append([b"height 2, before the cut"])
    log.cut(committed)
    log.append([b"height 2, after the cut"])
    after = contents(tmp_path / "log")
    log.close()
    lost = twice(after[1], 3 * PAGE_BYTES + 50, 4 * PAGE_BYTES + 50, 0)
    restore(tmp_path / "log", [after[0], lost])
    with pytest.raises(LocalError, match=r"votes-1\.wal is damaged.*byte 12288.*both its copies"):
        open_log(tmp_path / "log", committed)


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
