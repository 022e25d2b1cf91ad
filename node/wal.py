"""The vote record: a write-ahead log of what a replica must not forget (consensus.md rule 1).

`append` makes all records of one step durable with one write and one fdatasync, before anything is
sent. Two files take turns by GENERATION; a generation holds the records since a block commit. The
commit batch of a block carries the log's Marker; once the batch is synced, `cut` moves on to the
other file without touching the disk, and the next append overwrites what was there two cuts ago.
So a cut costs nothing, pages are written before they are needed again (no growth of the file, no
journal commit), and the generation that the newest commit names is always complete on disk.

The layout of the files is in node/wal_format.py.

Crash points, each with a test in tests/crash/test_wal_crash.py:
  append.before_write    nothing of the frame is on disk: it was never sent
  append.before_sync     any subset of its pages is on disk: the checksum fails, it is dropped
  append.after_sync      the frame is on disk, nothing was sent: recovery sends the same vote
  commit.before_cut      the store's marker names the running generation: its records are read and
                         recovery ignores those of applied heights
  cut.before_append      the next generation is empty
  cut.during_append      its first frame is torn: dropped; the generation before it is untouched
What cannot be told apart from a torn write is damage of the very last frame of a process that was
killed; after a clean stop it can, since `close` writes one more frame.

The same marker shows a lost or older log: the store remembers which frame was durable at its last
commit. When that frame is not found the log starts anew and `OpenedLog.lost` says why; the replica
then signs only from two heights above the first certified head that it sees (rule 6).
"""

import fcntl
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from ledger.errors import LocalError, ensure
from node.disk_errors import os_error, sync_folder
from node.wal_format import (
    IDENTITY_BYTES,
    PAGE_BYTES,
    Frame,
    Marker,
    encode_frame,
    file_header,
    read_file_header,
    scan,
)

PREALLOCATED_BYTES: Final = 2 * 1024 * 1024
"""Written once when a file is made: about 500 votes or 2,000 transactions between commits."""
KEPT_BYTES: Final = 32 * 1024 * 1024
"""A file that grew beyond this is cut back to it when its next generation starts."""
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
MAX_GENERATION_BYTES: Final = 1024 * 1024 * 1024
"""Between two commits; days of view changes. Beyond it the log refuses to grow."""
_FILES: Final = ("votes-0.wal", "votes-1.wal")
_LOCK_FILE: Final = "votes.lock"


class _Lost(Exception):
    """The log is not the one that the store's marker names; the message says why."""


class OpenedLog(NamedTuple):
    """log: ready to append. records: those of unfinished heights, oldest first (and possibly of
    the last applied ones). lost: None, or why the vote record cannot be trusted (rule 6)."""

    log: "WriteAheadLog"
    records: list[bytes]
    lost: str | None


def open_log(
    folder: Path, marker: Marker | None, *, on_sync: Callable[[float], None] = lambda _: None
) -> OpenedLog:
    """Open or create the log in `folder`.

    marker: from the store's last commit, None when the store is empty.
    on_sync: called with the seconds that each write and fdatasync took.
    Raises LocalError when another process holds the log, when the disk refuses, and when a record
    in the middle is damaged (the node must not sign; the message says what to do).
    """
    try:
        lock = hold(folder)
        try:
            return _open_locked(folder, lock, marker, on_sync)
        except BaseException:
            os.close(lock)
            raise
    except OSError as error:
        raise os_error("open the vote record in", folder / _FILES[0], error) from error


def _open_locked(
    folder: Path, lock: int, marker: Marker | None, on_sync: Callable[[float], None]
) -> OpenedLog:
    paths = [folder / name for name in _FILES]
    found = [path.exists() for path in paths]
    lost = None
    try:
        if not any(found):
            if marker is not None:
                raise _Lost("the vote record is missing")
            _create(folder, keep_old=False)
        elif not all(found):
            if marker is not None:
                raise _Lost(f"one file of the vote record, {paths[found.index(False)]}, is missing")
            _create(folder, keep_old=True)
        position, frames = _recover(folder, marker)
    except _Lost as reason:
        lost = str(reason)
        _create(folder, keep_old=True)
        position, frames = _recover(folder, None)
    log = WriteAheadLog(paths, lock, position, on_sync)
    return OpenedLog(log, [record for frame in frames for record in frame.records], lost)


def hold(folder: Path) -> int:
    """Lock the vote record in `folder`, also before there is one: a handle to close.

    LocalError when another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise os_error("open the vote record in", folder / _FILES[0], error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise LocalError(
            f"another process uses the vote record in {folder}. Two nodes with one key would sign "
            "against each other: stop the other one first."
        ) from error
    return handle


def _create(folder: Path, *, keep_old: bool) -> None:
    """Two empty files of one new identity, complete before they get their names."""
    identity = secrets.token_bytes(IDENTITY_BYTES)
    for slot, name in enumerate(_FILES):
        path, fresh = folder / name, folder / f"{name}.new"
        if keep_old and path.exists():
            path.replace(folder / f"{name}.old")
        with open(fresh, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(file_header(identity, slot).ljust(PREALLOCATED_BYTES, b"\0"))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    sync_folder(folder)


class _Position(NamedTuple):
    """Where the next frame goes, and the newest durable frame before the running generation."""

    marker: Marker
    generation: int
    sequence: int
    offset: int
    checksum: int


def _recover(folder: Path, marker: Marker | None) -> tuple[_Position, list[Frame]]:
    """Read both files, drop a torn last frame, and find where to go on; _Lost or LocalError."""
    contents = []
    for name in _FILES:
        with open(folder / name, "rb") as file:
            # What a killed process wrote may be only in the page cache: make it durable before
            # anything is said on its strength.
            os.fdatasync(file.fileno())
            contents.append(file.read())
    identity = _read_identity(folder, contents)
    files = [scan(data, crc32(identity)) for data in contents]
    newest = max((frame.generation for frames in files for frame in frames), default=0)
    if marker is None:
        if newest > 0:
            raise _Lost("the vote record is in use, but the database is empty")
        marker = Marker(identity, 0, 0, 0)
    if marker.identity != identity:
        raise _Lost("the vote record is not the one that the database was written with")
    if newest > marker.generation + 1:
        raise _Lost("the database is older than the vote record")
    committed, running = (
        _complete(folder / _FILES[generation % 2], files[generation % 2], generation)
        for generation in (marker.generation, marker.generation + 1)
    )
    if marker.frames and (
        len(committed) < marker.frames or committed[marker.frames - 1].checksum != marker.checksum
    ):
        raise _Lost("the vote record is older than the database")
    if not running:
        position = _Position(marker, marker.generation + 1, 0, PAGE_BYTES, 0)
    else:
        last = running[-1]
        position = _Position(marker, last.generation, last.sequence + 1, last.end, last.checksum)
    return position, committed + running


def _read_identity(folder: Path, contents: list[bytes]) -> bytes:
    identities: set[bytes] = set()
    for slot, data in enumerate(contents):
        identity = read_file_header(data, slot)
        if identity is None:
            raise _damaged(folder / _FILES[slot], "its first page is not that of this file")
        identities.add(identity)
    if len(identities) != 1:
        raise _Lost("the two files of the vote record do not belong together")
    return identities.pop()


def _complete(path: Path, frames: list[Frame], generation: int) -> list[Frame]:
    """The frames of one generation, which must follow each other from the first page on.

    A gap is damage: a frame is written only after the one before it was durable.
    """
    own = [frame for frame in frames if frame.generation == generation]
    expected = PAGE_BYTES
    for sequence, frame in enumerate(own):
        if frame.offset != expected or frame.sequence != sequence:
            raise _damaged(path, f"the record at byte {expected} is unreadable, later ones are not")
        expected = frame.end
    return own


def _damaged(path: Path, what: str) -> LocalError:
    return LocalError(
        f"the vote record {path} is damaged: {what}. This node does not sign, because it could "
        "contradict what it signed before. Check the disk; then move the folder "
        f"{path.parent} away and start again: the node follows the chain and votes "
        "once it is two heights above the first certified head that it sees."
    )


class WriteAheadLog:
    """An open log; made by open_log. One task appends, cuts and closes."""

    def __init__(
        self, paths: list[Path], lock: int, position: _Position, on_sync: Callable[[float], None]
    ) -> None:
        self._paths = paths
        self._lock = lock
        self._files = [os.open(path, os.O_RDWR | os.O_CLOEXEC) for path in paths]
        self._seed = crc32(position.marker.identity)
        self._committed = position.marker
        self._generation = position.generation
        self._sequence = position.sequence
        self._offset = position.offset
        self._checksum = position.checksum
        self._on_sync = on_sync
        self._failed = False

    def append(self, records: list[bytes]) -> None:
        """Make all `records` durable together; on return they survive loss of power.

        LocalError when the disk refuses; the log is unusable from then on, since nobody knows
        what a failed sync left on disk.
        """
        if records:
            self._append_frame(records)

    def _append_frame(self, records: list[bytes]) -> None:
        path = self._paths[self._generation % 2]
        if self._failed:
            raise LocalError(f"the vote record {path} failed before: restart the node")
        pages, checksum = encode_frame(self._generation, self._sequence, records, self._seed)
        ensure(len(pages) <= MAX_FRAME_BYTES, f"{len(pages)} bytes of records in one step")
        end = self._offset + len(pages)
        if records and end > MAX_GENERATION_BYTES:
            raise LocalError(
                f"the vote record {path} holds {self._offset} bytes since the last block, the "
                f"limit is {MAX_GENERATION_BYTES}: find out why no block was finalised "
                "(poyong why-stalled)"
            )
        started = time.perf_counter()
        try:
            self._write(pages)
        except OSError as error:
            self._failed = True
            raise os_error("write the vote record", path, error) from error
        self._on_sync(time.perf_counter() - started)
        self._offset, self._checksum = end, checksum
        self._sequence += 1

    def _write(self, pages: bytes) -> None:
        handle, offset = self._files[self._generation % 2], self._offset
        written = os.pwrite(handle, pages, offset)
        while written < len(pages):  # a signal, or a disk that fills up
            written += os.pwrite(handle, pages[written:], offset + written)
        os.fdatasync(handle)

    def marker(self) -> Marker:
        """The newest durable frame; goes into the commit batch of a block."""
        if self._sequence == 0:
            return self._committed
        return Marker(self._committed.identity, self._generation, self._sequence, self._checksum)

    def cut(self, committed: Marker) -> None:
        """Records up to `committed` are no longer needed: the batch that holds it is synced.

        Touches no disk. Call it before the replica learns that the block is applied, so that
        records of the next height start the next generation (later is safe, only longer).
        """
        ensure(committed.identity == self._committed.identity, "a marker of another vote record")
        if committed.generation != self._generation or self._sequence == 0:
            return
        self._committed = self.marker()
        self._generation += 1
        self._sequence, self._offset, self._checksum = 0, PAGE_BYTES, 0
        handle = self._files[self._generation % 2]
        if os.fstat(handle).st_size > KEPT_BYTES:
            os.ftruncate(handle, KEPT_BYTES)

    def size_bytes(self) -> int:
        """Bytes that both files take on disk."""
        return sum(os.fstat(handle).st_size for handle in self._files)

    def close(self) -> None:
        """Release files and lock. Writes one empty frame, so that the last record is no longer
        the last frame, and damage to it will be told from a torn write."""
        try:
            if self._sequence and not self._failed:
                self._append_frame([])
        finally:
            for handle in (*self._files, self._lock):
                os.close(handle)
