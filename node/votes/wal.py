"""The vote record: a write-ahead log of what a replica must not forget (consensus.md rule 1).

`append` makes all records of one step durable with one write and one fdatasync, before anything is
sent. Two files take turns by GENERATION; a generation holds the records since a block commit. The
commit batch of a block carries the log's Marker; once the batch is synced, `cut` moves on to the
other file without touching the disk, and the next append overwrites what was there two cuts ago.
So a cut costs nothing, pages are written before they are needed again (no growth of the file, no
journal commit), and the generation that the newest commit names is always complete on disk.

The layout of the files is in wal_format.py: each frame is there twice, so that a page that is
damaged later takes no vote with it. Whoever opens the log mends the bad copy, one copy at a time,
so that the other one stays whole if power fails meanwhile.

Crash points, each with a test in tests/crash/test_wal_crash.py or test_wal_damage.py:
  append.before_write    nothing of the frame is on disk: it was never sent
  append.before_sync     any subset of its pages is on disk: with a whole copy it is believed and
                         mended, else the checksums fail and it is dropped; it was never sent
  append.sync_failed     memory has the frame and the disk may not: the log ends; who opens it reads
                         the frame, and writes it again before anything is said on its strength
  append.after_sync      the frame is on disk, nothing was sent: recovery sends the same vote
  commit.before_cut      the store's marker names the running generation: its records are read and
                         recovery ignores those of applied heights
  cut.before_append      the next generation is empty
  cut.during_append      its first frame is torn: dropped; the generation before it is untouched
  mend.between_copies    one copy is whole: the same again at the next opening
What cannot be told apart from a torn write is damage of both copies of the very last frame of a
process that was killed; after a clean stop it can, since `close` writes one more frame.
docs/adr/0007 has the table of what a disk may do, and what follows.

The same marker shows a lost or older log: the store remembers which frame was durable at its last
commit. When that frame is not found the log starts anew and `OpenedLog.lost` says why; the replica
then signs only from two heights above the first certified head that it sees (rule 6).
"""

import errno
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from ledger.errors import LocalError, ensure
from node.files.disk_errors import os_error
from node.version import other_format
from node.votes.vote_files import FILES, Content, FolderFiles, VoteFiles
from node.votes.wal_format import (
    COPIES,
    IDENTITY_BYTES,
    PAGE_BYTES,
    VERSION,
    Frame,
    Marker,
    encode_frame,
    file_header,
    file_version,
    read_file_header,
    scan,
)

KEPT_BYTES: Final = 32 * 1024 * 1024
"""A file that grew beyond this is cut back to it when its next generation starts."""
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
MAX_GENERATION_BYTES: Final = 1024 * 1024 * 1024
"""Between two commits; days of view changes. Beyond it the log refuses to grow."""


class _Lost(Exception):
    """The log is not the one that the store's marker names; the message says why."""


class OpenedLog(NamedTuple):
    """log: ready to append. records: those of unfinished heights, oldest first (and possibly of
    the last applied ones). lost: None, or why the vote record cannot be trusted (rule 6)."""

    log: "WriteAheadLog"
    records: list[bytes]
    lost: str | None


def open_log(
    folder: Path,
    marker: Marker | None,
    *,
    on_sync: Callable[[float], None] = lambda _: None,
) -> OpenedLog:
    """Open or create the log in `folder`.

    marker: from the store's last commit, None when the store is empty.
    on_sync: called with the seconds that each write and fdatasync took.
    Raises LocalError when another process holds the log, when the disk refuses, and when a record
    in the middle is damaged (the node must not sign; the message says what to do).
    """
    files = hold(folder)
    try:
        return open_log_on(files, marker, on_sync)
    except BaseException:
        files.close()
        raise


def open_log_on(
    files: VoteFiles,
    marker: Marker | None,
    on_sync: Callable[[float], None] = lambda _: None,
    make_identity: Callable[[int], bytes] = secrets.token_bytes,
) -> OpenedLog:
    """open_log on files that are held already. make_identity: random bytes, so many."""
    try:
        return _open(files, marker, on_sync, make_identity)
    except OSError as error:
        raise os_error("open the vote record in", files.path(0), error) from error


def _open(
    files: VoteFiles,
    marker: Marker | None,
    on_sync: Callable[[float], None],
    make_identity: Callable[[int], bytes],
) -> OpenedLog:
    def create(*, keep_old: bool) -> None:
        identity = make_identity(IDENTITY_BYTES)
        headers = [file_header(identity, slot) for slot in range(len(FILES))]
        files.create(headers, keep_old=keep_old)

    found = files.found()
    lost = None
    try:
        if not any(found):
            if marker is not None:
                raise _Lost("the vote record is missing")
            create(keep_old=False)
        elif not all(found):
            if marker is not None:
                missing = files.path(found.index(False))
                raise _Lost(f"one file of the vote record, {missing}, is missing")
            create(keep_old=True)
        position, frames = _recover(files, marker)
    except _Lost as reason:
        lost = str(reason)
        create(keep_old=True)
        position, frames = _recover(files, None)
    log = WriteAheadLog(files, position, on_sync)
    return OpenedLog(log, [record for frame in frames for record in frame.records], lost)


def hold(folder: Path) -> FolderFiles:
    """The files of the vote record, locked before anything else of a node is opened: to close, or
    to give to open_log_on. LocalError when another process holds them, or when this release does
    not read what is there; then nothing was changed."""
    try:
        require_version(folder)
        return FolderFiles(folder)
    except OSError as error:
        raise os_error("open the vote record in", folder / FILES[0], error) from error


def require_version(folder: Path) -> None:
    """LocalError when one of the files has another layout than this release knows. What names no
    layout at all is left to open_log."""
    for name in FILES:
        path = folder / name
        if not path.exists():
            continue
        with path.open("rb") as file:
            found = file_version(file.read(PAGE_BYTES))
        if found not in (None, str(VERSION)):
            raise other_format(
                f"the vote record {path}",
                found,
                VERSION,
                "Start the release that wrote it or a later one: a validator must not vote without "
                "what it has voted",
            )


class _Position(NamedTuple):
    """Where the next frame goes, and the newest durable frame before the running generation.

    before: frames of the generation before the running one.
    """

    marker: Marker
    generation: int
    before: int
    sequence: int
    offset: int
    checksum: int


def _recover(files: VoteFiles, marker: Marker | None) -> tuple[_Position, list[Frame]]:
    """Read both files, drop a torn last frame, mend what is damaged and find where to go on; _Lost
    or LocalError."""
    contents = files.read()
    identity = _read_identity(files, contents)
    scanned = [scan(content.data, crc32(identity)) for content in contents]
    _require_readable(files, contents, scanned)
    newest = max((frame.generation for frames in scanned for frame in frames), default=0)
    if marker is None:
        if newest > 0:
            raise _Lost("the vote record is in use, but the database is empty")
        marker = Marker(identity, 0, 0, 0)
    if marker.identity != identity:
        raise _Lost("the vote record is not the one that the database was written with")
    if newest > marker.generation + 1:
        raise _Lost("the database is older than the vote record")
    committed, running = (
        _complete(files.path(generation % 2), scanned[generation % 2], generation)
        for generation in (marker.generation, marker.generation + 1)
    )
    if marker.frames and (
        len(committed) < marker.frames or committed[marker.frames - 1].checksum != marker.checksum
    ):
        raise _Lost("the vote record is older than the database")
    if any(frame.before != len(committed) for frame in running):
        end = committed[-1].end if committed else PAGE_BYTES
        raise _damaged(files.path(marker.generation % len(FILES)), _unreadable(end))
    _make_durable(files, committed + running, crc32(identity))
    if not running:
        before = len(committed)
        position = _Position(marker, marker.generation + 1, before, 0, PAGE_BYTES, 0)
    else:
        last = running[-1]
        position = _Position(
            marker, last.generation, last.before, last.sequence + 1, last.end, last.checksum
        )
    return position, committed + running


def _require_readable(
    files: VoteFiles, contents: list[Content], scanned: list[list[Frame]]
) -> None:
    """LocalError when the disk could not read a page, and no frame is known to have its copy."""
    for slot, content in enumerate(contents):
        for at in content.unreadable:
            if not any(frame.offset <= at < frame.end for frame in scanned[slot]):
                failed = OSError(errno.EIO, f"{os.strerror(errno.EIO)} at byte {at}")
                raise os_error("read the vote record", files.path(slot), failed)


def _make_durable(files: VoteFiles, frames: list[Frame], seed: int) -> None:
    """Write the copies that are damaged, and both of the last frame.

    A sync that failed leaves the last frame in memory and counts it as written: a later sync does
    nothing for it. What this node is about to stand by is therefore written once more. The damaged
    copy comes first and each is synced alone, so that one is whole at any time.
    """
    for frame in frames:
        pages, _ = encode_frame(
            frame.generation, frame.sequence, frame.before, frame.offset, frame.records, seed
        )
        for copy in sorted(range(COPIES), key=frame.intact.__contains__):
            if frame is frames[-1] or copy not in frame.intact:
                files.write(frame.generation % len(FILES), frame.place(copy), pages)


def _read_identity(files: VoteFiles, contents: list[Content]) -> bytes:
    identities: set[bytes] = set()
    for slot, content in enumerate(contents):
        identity = read_file_header(content.data, slot)
        if identity is None:
            raise _damaged(files.path(slot), "its first page is not that of this file")
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
            raise _damaged(path, _unreadable(expected))
        expected = frame.end
    return own


def _unreadable(at: int) -> str:
    return f"the record at byte {at} is unreadable in both its copies, later ones are not"


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
        self, files: VoteFiles, position: _Position, on_sync: Callable[[float], None]
    ) -> None:
        self._files = files
        self._seed = crc32(position.marker.identity)
        self._committed = position.marker
        self._generation = position.generation
        self._before = position.before
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
        slot = self._generation % len(FILES)
        path = self._files.path(slot)
        if self._failed:
            raise LocalError(f"the vote record {path} failed before: restart the node")
        pages, checksum = encode_frame(
            self._generation, self._sequence, self._before, self._offset, records, self._seed
        )
        ensure(len(pages) <= MAX_FRAME_BYTES, f"{len(pages)} bytes of records in one step")
        end = self._offset + COPIES * len(pages)
        if records and end > MAX_GENERATION_BYTES:
            raise LocalError(
                f"the vote record {path} holds {self._offset} bytes since the last block, the "
                f"limit is {MAX_GENERATION_BYTES}: find out why no block was finalised "
                "(poyong why-stalled)"
            )
        started = time.perf_counter()
        try:
            self._files.write(slot, self._offset, pages * COPIES)
        except OSError as error:
            self._failed = True
            raise os_error("write the vote record", path, error) from error
        self._on_sync(time.perf_counter() - started)
        self._offset, self._checksum = end, checksum
        self._sequence += 1

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
        self._before = self._sequence
        self._sequence, self._offset, self._checksum = 0, PAGE_BYTES, 0
        self._files.cut_back(self._generation % len(FILES), KEPT_BYTES)

    def size_bytes(self) -> int:
        """Bytes that both files take on disk."""
        return self._files.size_bytes()

    def close(self) -> None:
        """Release files and lock. Writes one empty frame, so that the last record is no longer
        the last frame, and damage to it will be told from a torn write."""
        try:
            if self._sequence and not self._failed:
                self._append_frame([])
        finally:
            self._files.close()
