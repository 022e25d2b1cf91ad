"""The key-value store that state lives in, as a protocol, and the store in memory."""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from sortedcontainers import SortedDict


class KeyValueReader(Protocol):
    """Consistent reads of byte keys in byte order."""

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order."""


class WriteBatch:
    """Puts and deletes that become visible together; a later one for a key wins."""

    __slots__ = ("operations",)

    def __init__(self) -> None:
        self.operations: list[tuple[bytes, bytes | None]] = []

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`."""
        self.operations.append((key, value))

    def delete(self, key: bytes) -> None:
        """Remove `key`; removing an absent key is no error."""
        self.operations.append((key, None))


class KeyValueStore(KeyValueReader, Protocol):
    """A durable ordered map with atomic batches."""

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        """Apply the whole batch or nothing; with `sync` it survives loss of power on return."""

    def last(self, start: bytes, stop: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The last `count` pairs with start <= key < stop, the last one first."""

    def snapshot(self) -> KeyValueReader:
        """A view that later writes do not change."""

    def compact(self, start: bytes, stop: bytes) -> None:
        """Give back what deleted rows with start <= key < stop took on disk. Takes up to seconds;
        call it from a thread: reads and writes go on meanwhile."""

    def size_bytes(self) -> int:
        """Approximate bytes on disk."""

    def close(self) -> None:
        """Release files and locks; further use is an error."""


def prefix_end(prefix: bytes) -> bytes:
    """The smallest key above every key that starts with `prefix` (not all 0xff)."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,))


class MemoryStore:
    """KeyValueStore in memory, for tests and the simulator."""

    def __init__(self) -> None:
        self._rows: SortedDict[bytes, bytes] = SortedDict()

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        value: bytes | None = self._rows.get(key)
        return value

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order."""
        for key in list(self._rows.irange(start, stop, inclusive=(True, False))):
            yield key, self._rows[key]

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        """Apply the batch; memory has nothing to sync."""
        del sync
        for key, value in batch.operations:
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value

    def last(self, start: bytes, stop: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The last `count` pairs with start <= key < stop, the last one first."""
        keys = self._rows.irange(start, stop, inclusive=(True, False), reverse=True)
        return [(key, self._rows[key]) for key in islice(keys, count)]

    def snapshot(self) -> "MemoryStore":
        """A copy."""
        copy = MemoryStore()
        copy._rows = self._rows.copy()
        return copy

    def compact(self, start: bytes, stop: bytes) -> None:
        """Nothing is left of a deleted row."""

    def size_bytes(self) -> int:
        """Bytes of keys and values."""
        return sum(len(key) + len(value) for key, value in self._rows.items())

    def close(self) -> None:
        """Nothing to release."""
