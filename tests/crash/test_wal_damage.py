"""Damage of the vote record (docs/adr/0007): one page takes nothing and is mended; damage of both
copies of what is not the last frame refuses to sign.
"""

import errno
import os
import random
from pathlib import Path

import pytest

from ledger.errors import LocalError
from node.votes import vote_files
from node.votes.wal import hold, open_log, open_log_on
from node.votes.wal_format import PAGE_BYTES, Marker
from tests.support.vote_record_files import (
    LARGE,
    SMALL_BYTES,
    contents,
    empty_marker,
    flip,
    one_append,
    opened_by_the_next,
    restore,
    twice,
    written_pages,
)


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes them hundreds of times."""
    monkeypatch.setattr(vote_files, "PREALLOCATED_BYTES", SMALL_BYTES)


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
