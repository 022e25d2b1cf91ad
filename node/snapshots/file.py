"""The file of a snapshot: its items one after the other, and where each of them lies.

  poyong-snapshot-1\\n
  items 1, 2, ... in order, then item 0, the manifest
  length of each item in that order (8 bytes each), number of items (4), SHA-256 of these two (32)

Integers are big-endian. The manifest comes last, because it is known last.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BufferedWriter
from itertools import accumulate
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from ledger.primitives import HASH_BYTES
from node.files.disk_errors import os_error, sync_folder
from node.snapshots.format import MAX_ITEMS, VERSION
from node.version import other_format

FAMILY: Final = b"poyong-snapshot-"
MAGIC: Final = FAMILY + b"%d\n" % VERSION
OTHER_SNAPSHOT: Final = "Use the release that made it, or a snapshot that this one makes"
_LENGTH_BYTES: Final = 8
_COUNT_BYTES: Final = 4
_END_BYTES: Final = _COUNT_BYTES + HASH_BYTES


class SnapshotWriter:
    """Takes the items 1, 2, ... in order, and last the manifest."""

    def __init__(self, path: Path) -> None:
        """LocalError when the disk refuses. The file gets its name with finish()."""
        self._path = path
        self._temporary = path.with_name(f"{path.name}.new")
        self._lengths: list[int] = []
        try:
            self._file: BufferedWriter = self._temporary.open("wb")
            self._file.write(MAGIC)
        except OSError as error:
            raise os_error("write", self._temporary, error) from error

    def add(self, item: bytes) -> None:
        """The next item."""
        try:
            self._file.write(item)
        except OSError as error:
            raise os_error("write", self._temporary, error) from error
        self._lengths.append(len(item))

    def finish(self) -> None:
        """Make the file whole, durable and known by its name. Waits for the disk."""
        table = b"".join(length.to_bytes(_LENGTH_BYTES, "big") for length in self._lengths)
        table += len(self._lengths).to_bytes(_COUNT_BYTES, "big")
        try:
            with self._file as file:
                file.write(table + sha256(table).digest())
                file.flush()
                os.fsync(file.fileno())
            self._temporary.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise os_error("write", self._path, error) from error

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # what a full disk did not take is thrown away all the same
            self._file.close()
        self._temporary.unlink(missing_ok=True)


class SnapshotFile:
    """A snapshot in a file, whose items are read by number. Nothing stays open between reads."""

    def __init__(self, path: Path) -> None:
        """LocalError when the file is no whole snapshot of this version."""
        self.path = path
        self.size_bytes = 0
        with self._opened() as number:
            self.size_bytes = os.fstat(number).st_size
            self._starts, self._lengths = self._read_table(number)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield number
            finally:
                os.close(number)
        except OSError as error:
            raise os_error("read", self.path, error) from error

    @property
    def item_count(self) -> int:
        """Items, the manifest included."""
        return len(self._lengths)

    def length(self, item: int) -> int:
        """Bytes of an item; 0 for one that is not there."""
        return self._lengths[item - 1] if 0 <= item < self.item_count else 0

    def read(self, item: int, offset: int = 0, count: int | None = None) -> bytes:
        """Up to `count` bytes of an item from an offset on, all by default."""
        rest = max(0, self.length(item) - offset)
        wanted = rest if count is None else min(rest, count)
        if not wanted:
            return b""
        with self._opened() as number:
            return os.pread(number, wanted, self._starts[item - 1] + offset)

    def _read_table(self, number: int) -> tuple[list[int], list[int]]:
        """Start and length of the items 1, 2, ... and last of the manifest."""
        size = self.size_bytes
        end = size - _END_BYTES
        begin = os.pread(number, len(MAGIC), 0)
        if begin != MAGIC:
            raise _unknown(self.path, begin)
        last = os.pread(number, _END_BYTES, max(0, end))
        count = int.from_bytes(last[:_COUNT_BYTES], "big")
        first = end - count * _LENGTH_BYTES
        if not 0 < count <= MAX_ITEMS or first < len(MAGIC):
            raise self._damaged()
        table = os.pread(number, size - HASH_BYTES - first, first)
        if sha256(table).digest() != last[_COUNT_BYTES:]:
            raise self._damaged()
        lengths = [
            int.from_bytes(table[at : at + _LENGTH_BYTES], "big")
            for at in range(0, count * _LENGTH_BYTES, _LENGTH_BYTES)
        ]
        starts = list(accumulate(lengths, initial=len(MAGIC)))
        if starts.pop() != first:
            raise self._damaged()
        return starts, lengths

    def _damaged(self) -> LocalError:
        return LocalError(
            f"{self.path} is damaged or cut short: what it says of its items does not fit its "
            f"{self.size_bytes:,} bytes. Copy it again from where it was made"
        )


def _unknown(path: Path, begin: bytes) -> LocalError:
    found = begin[len(FAMILY) :].strip()
    if begin.startswith(FAMILY) and found not in (b"", b"%d" % VERSION):
        return other_format(path, found.decode(errors="replace"), VERSION, OTHER_SNAPSHOT)
    return LocalError(f"{path} is no snapshot: name a file that poyong snapshot create wrote")
