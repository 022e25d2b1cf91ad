"""Every crash point of the vote record (node/wal.py), by building what the disk may then hold.

consensus.md rule 1: a record is durable before its vote is sent; a torn last record was never sent
and is dropped; damage elsewhere refuses to sign.
"""

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import LocalError
from node.wal import open_log
from node.wal_format import PAGE_BYTES, Marker

FILES = ("votes-0.wal", "votes-1.wal")
LARGE = bytes(range(256)) * 60  # a record over several pages


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
    mixed = bytearray(before)
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


def test_append_before_sync_drops_a_frame_torn_at_any_byte(tmp_path: Path) -> None:
    """The last frame cut off at every byte: all its records are dropped, all earlier ones kept."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [b"b" * 40, b"c" * 30])
    (page,) = written_pages(before[1], after[1])
    start = page * PAGE_BYTES
    length = len(after[1][start : start + PAGE_BYTES].rstrip(b"\0"))
    for cut in range(length):
        torn = before[1][:start] + after[1][start : start + cut] + before[1][start + cut :]
        restore(tmp_path / "log", [before[0], torn])
        assert recovered(tmp_path / "log", marker) == ([b"a"], None), cut
    restore(tmp_path / "log", after)
    assert recovered(tmp_path / "log", marker)[0] == [b"a", b"b" * 40, b"c" * 30]


def test_append_before_sync_drops_a_frame_at_the_end_of_a_truncated_file(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [LARGE])
    first, *_, last = written_pages(before[1], after[1])
    for end in range(first * PAGE_BYTES, last * PAGE_BYTES + 1, 512):
        restore(tmp_path / "log", [after[0], after[1][:end]])
        assert recovered(tmp_path / "log", marker) == ([b"a"], None), end


def test_append_before_sync_drops_a_frame_with_any_page_missing(tmp_path: Path) -> None:
    """A disk writes pages in any order: every proper subset of a frame of four pages."""
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [LARGE])
    pages = written_pages(before[1], after[1])
    assert len(pages) == 4
    for mask in range(2 ** len(pages) - 1):
        kept = [page for bit, page in enumerate(pages) if mask >> bit & 1]
        restore(tmp_path / "log", [after[0], with_pages(before[1], after[1], kept)])
        assert recovered(tmp_path / "log", marker) == ([b"a"], None), kept


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
    for mask in range(2 ** len(pages) - 1):
        kept = [page for bit, page in enumerate(pages) if mask >> bit & 1]
        torn = list(after)
        torn[slot] = with_pages(before[slot], after[slot], kept)
        restore(tmp_path / "log", torn)
        expected = [b"proposal %d" % heights, LARGE, b"commit %d" % heights]
        assert recovered(tmp_path / "log", committed) == (expected, None), kept


def test_the_dropped_frame_gives_its_place_to_the_next(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    before, after = one_append(tmp_path / "log", [[b"a"]], [LARGE])
    _, *rest = written_pages(before[1], after[1])
    restore(tmp_path / "log", [after[0], with_pages(before[1], after[1], rest)])
    opened = open_log(tmp_path / "log", marker)
    opened.log.append([b"b"])
    crashed = contents(tmp_path / "log")
    opened.log.close()
    restore(tmp_path / "log", crashed)
    assert recovered(tmp_path / "log", marker) == ([b"a", b"b"], None)


def flip(data: bytes, byte: int, bit: int) -> bytes:
    return data[:byte] + bytes((data[byte] ^ 1 << bit,)) + data[byte + 1 :]


def test_damage_before_the_last_frame_refuses_to_sign(tmp_path: Path) -> None:
    """A bit flipped anywhere in an earlier frame or in the file's header: a clear refusal."""
    marker = empty_marker(tmp_path / "log")
    _, after = one_append(tmp_path / "log", [[b"a" * 50], [LARGE]], [b"last"])
    choose = random.Random(1)
    header = range(37)
    frames = [*range(PAGE_BYTES, PAGE_BYTES + 90), *range(2 * PAGE_BYTES, 2 * PAGE_BYTES + 15_000)]
    for byte in [*header, *choose.sample(frames, 150)]:
        damaged = flip(after[1], byte, choose.randrange(8))
        restore(tmp_path / "log", [after[0], damaged])
        with pytest.raises(LocalError, match=r"votes-1\.wal is damaged.*move the folder"):
            open_log(tmp_path / "log", marker)


def test_damage_of_the_last_record_is_found_after_a_clean_stop(tmp_path: Path) -> None:
    marker = empty_marker(tmp_path / "log")
    log = open_log(tmp_path / "log", None).log
    log.append([b"only record"])
    log.close()
    files = contents(tmp_path / "log")
    restore(tmp_path / "log", [files[0], flip(files[1], PAGE_BYTES + 40, 0)])
    with pytest.raises(LocalError, match="damaged"):
        open_log(tmp_path / "log", marker)


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
                log.append([b"torn" * 2_000])
                after = contents(folder)
                log.close()
                slot = 0 if before[0] != after[0] else 1
                pages = written_pages(before[slot], after[slot])
                kept = [page for page in pages if data.draw(st.booleans())][: len(pages) - 1]
                after[slot] = with_pages(before[slot], after[slot], kept)
                restore(folder, after)
                opened = open_log(folder, committed)
                assert opened.lost is None
                assert opened.records[len(opened.records) - len(pending) :] == pending
                assert not any(record.startswith(b"torn") for record in opened.records)
                log = opened.log
    log.close()
    shutil.rmtree(folder)
