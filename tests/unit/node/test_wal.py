"""The vote record: identity, loss, locks, bounds, failures of the disk."""

import os
import shutil
from pathlib import Path

import pytest

from ledger.errors import DecodeError, LocalError
from node.votes import wal
from node.votes.wal import open_log
from node.votes.wal_format import PAGE_BYTES, Marker


def test_a_marker_survives_its_encoding_and_nothing_else_does() -> None:
    marker = Marker(b"i" * 16, 7, 3, 0xFFFFFFFF)
    assert Marker.decode(marker.encode()) == marker
    for bad in (b"", b"\x94", marker.encode()[:-1], Marker(b"i" * 15, 7, 3, 1).encode()):
        with pytest.raises(DecodeError):
            Marker.decode(bad)


def test_a_new_log_is_empty_private_and_not_lost(tmp_path: Path) -> None:
    opened = open_log(tmp_path / "log", None)
    assert (opened.records, opened.lost) == ([], None)
    assert opened.log.marker().generation == 0
    opened.log.close()
    for path in (tmp_path / "log").glob("votes-*.wal"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_records_come_back_in_order_across_restarts(tmp_path: Path) -> None:
    opened = open_log(tmp_path, None)
    marker = opened.log.marker()
    opened.log.append([b"1", b""])
    opened.log.append([b"3"])
    opened.log.close()
    opened = open_log(tmp_path, marker)
    opened.log.append([b"4"])
    opened.log.close()
    assert open_log(tmp_path, marker).records == [b"1", b"", b"3", b"4"]


def test_an_append_of_nothing_writes_nothing(tmp_path: Path) -> None:
    syncs: list[float] = []
    log = open_log(tmp_path, None, on_sync=syncs.append).log
    log.append([])
    assert log.marker().generation == 0
    assert syncs == []
    log.close()


def test_the_time_of_each_sync_is_reported(tmp_path: Path) -> None:
    syncs: list[float] = []
    log = open_log(tmp_path, None, on_sync=syncs.append).log
    log.append([b"a"])
    log.append([b"b", b"c"])
    assert len(syncs) == 2
    assert all(seconds > 0 for seconds in syncs)
    log.close()


def test_a_cut_drops_records_once_the_next_generation_is_cut_too(tmp_path: Path) -> None:
    log = open_log(tmp_path, None).log
    for height in range(5):
        log.append([b"%d" % height])
        committed = log.marker()
        log.cut(committed)
    log.append([b"5"])
    log.close()
    assert open_log(tmp_path, committed).records == [b"4", b"5"]


def test_a_cut_without_new_records_changes_nothing(tmp_path: Path) -> None:
    """Blocks that come by sync append nothing: the marker keeps naming the last frame."""
    log = open_log(tmp_path, None).log
    log.append([b"a"])
    marker = log.marker()
    for _ in range(3):
        log.cut(log.marker())
        assert log.marker() == marker
    log.close()
    assert open_log(tmp_path, marker).lost is None


def test_records_written_before_a_late_cut_are_kept(tmp_path: Path) -> None:
    log = open_log(tmp_path, None).log
    log.append([b"height 1"])
    committed = log.marker()
    log.append([b"height 2, before the cut"])
    log.cut(committed)
    log.append([b"height 2, after the cut"])
    log.close()
    assert open_log(tmp_path, committed).records[1:] == [
        b"height 2, before the cut",
        b"height 2, after the cut",
    ]


def test_a_file_that_grew_large_is_cut_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "KEPT_BYTES", 4 * 1024 * 1024)
    log = open_log(tmp_path, None).log
    log.append([bytes(8 * 1024 * 1024)])
    assert log.size_bytes() > 10 * 1024 * 1024
    for _ in range(2):
        log.cut(log.marker())
        log.append([b"x"])
    log.cut(log.marker())
    assert log.size_bytes() <= 8 * 1024 * 1024
    log.close()


class TestLost:
    """A lost, older or restored vote record is recognised (rule 6)."""

    def used(self, folder: Path) -> Marker:
        """A log with one committed and one running generation."""
        log = open_log(folder, None).log
        log.append([b"a"])
        committed = log.marker()
        log.cut(committed)
        log.append([b"b"])
        log.close()
        return committed

    def lost(self, folder: Path, marker: Marker | None) -> str:
        opened = open_log(folder, marker)
        opened.log.append([b"usable"])
        opened.log.close()
        assert opened.lost is not None
        assert opened.records == []
        return opened.lost

    def test_missing(self, tmp_path: Path) -> None:
        marker = self.used(tmp_path / "log")
        shutil.rmtree(tmp_path / "log")
        assert "missing" in self.lost(tmp_path / "log", marker)

    def test_one_file_missing(self, tmp_path: Path) -> None:
        marker = self.used(tmp_path)
        (tmp_path / "votes-0.wal").unlink()
        assert "votes-0.wal, is missing" in self.lost(tmp_path, marker)

    def test_of_another_node(self, tmp_path: Path) -> None:
        marker = self.used(tmp_path / "log")
        self.used(tmp_path / "other")
        assert "not the one" in self.lost(tmp_path / "other", marker)

    def test_files_of_two_logs(self, tmp_path: Path) -> None:
        marker = self.used(tmp_path / "log")
        self.used(tmp_path / "other")
        shutil.copy(tmp_path / "other" / "votes-1.wal", tmp_path / "log" / "votes-1.wal")
        assert "do not belong together" in self.lost(tmp_path / "log", marker)

    @pytest.mark.parametrize("commits", [1, 2, 3])
    def test_older_than_the_database(self, tmp_path: Path, commits: int) -> None:
        marker = self.used(tmp_path / "log")
        shutil.copytree(tmp_path / "log", tmp_path / "copy")
        log = open_log(tmp_path / "log", marker).log
        for _ in range(commits):
            log.append([b"c"])
            marker = log.marker()
            log.cut(marker)
        log.close()
        assert "older than the database" in self.lost(tmp_path / "copy", marker)

    def test_newer_than_the_database(self, tmp_path: Path) -> None:
        old = self.used(tmp_path)
        log = open_log(tmp_path, old).log
        for _ in range(2):
            log.cut(log.marker())
            log.append([b"c"])
        log.close()
        assert "database is older" in self.lost(tmp_path, old)

    def test_in_use_with_an_empty_database(self, tmp_path: Path) -> None:
        self.used(tmp_path)
        assert "database is empty" in self.lost(tmp_path, None)

    def test_the_old_files_are_kept(self, tmp_path: Path) -> None:
        self.used(tmp_path)
        content = (tmp_path / "votes-1.wal").read_bytes()
        self.lost(tmp_path, None)
        assert (tmp_path / "votes-1.wal.old").read_bytes() == content

    def test_the_new_log_is_another(self, tmp_path: Path) -> None:
        old = self.used(tmp_path)
        opened = open_log(tmp_path, None)
        opened.log.close()
        assert opened.log.marker().identity != old.identity
        assert open_log(tmp_path, opened.log.marker()).lost is None


def test_two_processes_cannot_use_one_log(tmp_path: Path) -> None:
    opened = open_log(tmp_path, None)
    with pytest.raises(LocalError, match="another process uses the vote record"):
        open_log(tmp_path, None)
    opened.log.close()
    open_log(tmp_path, None).log.close()


def test_after_a_failed_sync_the_log_refuses_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what a failed fdatasync left on disk, so a later success proves nothing."""
    log = open_log(tmp_path, None).log

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(LocalError, match=r"cannot write the vote record.*Check the disk"):
            log.append([b"a"])
    with pytest.raises(LocalError, match="failed before: restart"):
        log.append([b"b"])
    log.close()


def test_a_record_whose_sync_failed_is_written_again_by_who_believes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux counts pages as written after a sync that failed, so the next process reads them and a
    sync alone does nothing for them: they have to be written, then synced, before a vote."""
    log = open_log(tmp_path, None).log
    marker = log.marker()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda _: _fail(5, "Input/output error"))
        with pytest.raises(LocalError, match="cannot write the vote record"):
            log.append([b"a"])
    log.close()
    done: list[str] = []
    write, sync = os.pwrite, os.fdatasync

    def written(handle: int, data: bytes, offset: int) -> int:
        done.append(f"write {offset} {b'a' in data}")
        return write(handle, data, offset)

    def synced(handle: int) -> None:
        done.append("sync")
        sync(handle)

    monkeypatch.setattr(os, "pwrite", written)
    monkeypatch.setattr(os, "fdatasync", synced)
    opened = open_log(tmp_path, marker)
    assert opened.records == [b"a"]
    assert done[-4:] == [
        *(f"write {PAGE_BYTES} True", "sync"),
        *(f"write {2 * PAGE_BYTES} True", "sync"),
    ]
    opened.log.close()


def _fail(code: int, said: str) -> None:
    raise OSError(code, said)


def test_a_full_disk_is_named_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log(tmp_path, None).log

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(LocalError, match=r"disk is full.*Free at least 1024 MiB.*nothing fin"):
            log.append([b"a"])
    log.close()


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_log(tmp_path, None).log
    marker, real = log.marker(), os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:1000], at))
        log.append([b"a" * 3 * PAGE_BYTES])
    log.close()
    assert open_log(tmp_path, marker).records == [b"a" * 3 * PAGE_BYTES]


def test_the_log_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "MAX_GENERATION_BYTES", 7 * PAGE_BYTES)
    log = open_log(tmp_path, None).log
    for _ in range(3):
        log.append([b"a"])
    with pytest.raises(LocalError, match="why-stalled"):
        log.append([b"a"])
    log.close()


def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    """As root every folder is writable, so the path is made impossible instead."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalError, match="cannot open the vote record"):
        open_log(tmp_path / "file" / "log", None)
