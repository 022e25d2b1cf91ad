"""The two files of the vote record in a folder: made whole, locked, written and synced.

What node/votes/wal.py asks of the disk, and nothing of what the bytes mean.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from ledger.errors import LocalError
from node.files.disk_errors import sync_folder
from node.files.file_locks import hold_file, is_held
from node.votes.wal_format import PAGE_BYTES

FILES: Final = ("votes-0.wal", "votes-1.wal")
PREALLOCATED_BYTES: Final = 4 * 1024 * 1024
"""Written once when a file is made: about 500 votes or 2,000 transactions between commits, twice
each; the first append beyond it grows the file, which takes several times as long."""
_LOCK_FILE: Final = "votes.lock"


MAX_UNREADABLE_PAGES: Final = 16
"""Of one file: beyond it the disk is failing, and each try may take it seconds."""


class Content(NamedTuple):
    """What a file holds. unreadable: offsets of the pages that the disk could not read, which are
    zero in `data`."""

    data: bytes
    unreadable: tuple[int, ...] = ()


class VoteFiles(Protocol):
    """Two files by slot. Every method raises OSError when the disk refuses."""

    def path(self, slot: int) -> Path:
        """What messages call the file."""

    def found(self) -> list[bool]:
        """Which of the files are there."""

    def create(self, headers: Sequence[bytes], *, keep_old: bool) -> None:
        """Two durable files that start with these headers and hold nothing else."""

    def read(self) -> list[Content]:
        """What both hold, after a sync of what only memory may hold."""

    def write(self, slot: int, offset: int, data: bytes) -> None:
        """Write all of `data`; on return it survives loss of power."""

    def cut_back(self, slot: int, size_bytes: int) -> None:
        """Free what a file takes beyond this size."""

    def size_bytes(self) -> int:
        """Bytes that both take."""

    def close(self) -> None:
        """Release files and lock."""


class FolderFiles:
    """VoteFiles in a folder, which one process may use at a time."""

    def __init__(self, folder: Path) -> None:
        """Make and lock the folder; LocalError when another process holds it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = _lock(folder)
        self._handles: dict[int, int] = {}

    def path(self, slot: int) -> Path:
        """What messages call the file."""
        return self._folder / FILES[slot]

    def found(self) -> list[bool]:
        """Which of the files are there."""
        return [(self._folder / name).exists() for name in FILES]

    def create(self, headers: Sequence[bytes], *, keep_old: bool) -> None:
        """Two files, complete before they get their names."""
        for slot, header in enumerate(headers):
            path = self.path(slot)
            fresh = path.with_name(f"{path.name}.new")
            if keep_old and path.exists():
                path.replace(path.with_name(f"{path.name}.old"))
            with open(fresh, "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(header.ljust(PREALLOCATED_BYTES, b"\0"))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        sync_folder(self._folder)

    def read(self) -> list[Content]:
        """What both hold, synced first: what a killed process wrote may be only in memory."""
        contents = []
        for name in FILES:
            with open(self._folder / name, "rb") as file:
                os.fdatasync(file.fileno())
                contents.append(_read(file.fileno()))
        return contents

    def write(self, slot: int, offset: int, data: bytes) -> None:
        """One write and one fdatasync."""
        handle = self._handle(slot)
        written = os.pwrite(handle, data, offset)
        while written < len(data):  # a signal, or a disk that fills up
            written += os.pwrite(handle, data[written:], offset + written)
        os.fdatasync(handle)

    def cut_back(self, slot: int, size_bytes: int) -> None:
        """Free what a file takes beyond this size."""
        handle = self._handle(slot)
        if os.fstat(handle).st_size > size_bytes:
            os.ftruncate(handle, size_bytes)

    def size_bytes(self) -> int:
        """Bytes that both take."""
        return sum(os.fstat(self._handle(slot)).st_size for slot in range(len(FILES)))

    def close(self) -> None:
        """Release files and lock."""
        for handle in (*self._handles.values(), self._lock):
            os.close(handle)

    def _handle(self, slot: int) -> int:
        """Opened when it is first needed: a file may be made anew before that."""
        if slot not in self._handles:
            self._handles[slot] = os.open(self.path(slot), os.O_RDWR | os.O_CLOEXEC)
        return self._handles[slot]


def are_held(folder: Path) -> bool:
    """Whether a process holds the files in this folder, as a node does that runs. Makes nothing,
    not even the folder."""
    return is_held(folder / _LOCK_FILE)


def _read(handle: int) -> Content:
    """OSError when more than MAX_UNREADABLE_PAGES cannot be read."""
    size, at = os.fstat(handle).st_size, 0
    parts: list[bytes] = []
    unreadable: list[int] = []
    while at < size:
        try:
            part = os.pread(handle, size - at, at)  # ends before a page that cannot be read
        except OSError as error:
            if error.errno != errno.EIO or len(unreadable) == MAX_UNREADABLE_PAGES:
                raise
            unreadable.append(at - at % PAGE_BYTES)
            part = bytes(PAGE_BYTES - at % PAGE_BYTES)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return Content(b"".join(parts), tuple(unreadable))


def _lock(folder: Path) -> int:
    handle = hold_file(folder / _LOCK_FILE)
    if handle is None:
        raise LocalError(
            f"another process uses the vote record in {folder}. Two nodes with one key would sign "
            "against each other: stop the other one first."
        )
    return handle
