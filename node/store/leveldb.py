"""KeyValueStore over LevelDB (plyvel): the default engine where it has wheels (docs/adr/0004)."""

from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Final

import plyvel

from ledger.kv import KeyValueReader, WriteBatch
from node.files.disk_errors import engine_error, folder_bytes
from node.store.engine_threads import low_priority

BLOCK_BYTES: Final = 1_024


class LevelDbStore:
    """An open LevelDB folder. Safe to read from several threads while one writes."""

    def __init__(self, path: Path, *, write_buffer_bytes: int, cache_bytes: int) -> None:
        """Open or create; LocalError when it is in use, damaged or cannot be written."""
        self._path = path
        try:
            with low_priority():
                self._database = _open(path, write_buffer_bytes, cache_bytes)
        except (plyvel.Error, OSError) as error:
            raise engine_error(path, error) from error

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        try:
            value: bytes | None = self._database.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise engine_error(self._path, error) from error
        return value

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order, as they were at the first step."""
        return _iterate(self._path, self._database, start, stop)

    def last(self, start: bytes, stop: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The last `count` pairs with start <= key < stop, the last one first."""
        # With a start plyvel leaves out a pair that has this very key and is the only one.
        try:
            with self._database.iterator(stop=stop, reverse=True, verify_checksums=True) as pairs:
                return list(islice(takewhile(lambda pair: pair[0] >= start, pairs), count))
        except plyvel.Error as error:
            raise engine_error(self._path, error) from error

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        """Apply the whole batch or nothing; LocalError when the disk refuses."""
        try:
            pending = self._database.write_batch(sync=sync)
            put, delete = pending.put, pending.delete
            for key, value in batch.operations:
                if value is None:
                    delete(key)
                else:
                    put(key, value)
            pending.write()
        except plyvel.Error as error:
            raise engine_error(self._path, error) from error

    def snapshot(self) -> KeyValueReader:
        """A view that later writes do not change; free it by forgetting it."""
        return _Snapshot(self._path, self._database)

    def compact(self, start: bytes, stop: bytes) -> None:
        """Merge the tables with keys from start to stop. The engine's own thread does it, and
        writes its buffer first when that is full."""
        try:
            self._database.compact_range(start=start, stop=stop)
        except plyvel.Error as error:
            raise engine_error(self._path, error) from error

    def size_bytes(self) -> int:
        """Bytes of the files in the folder."""
        return folder_bytes(self._path)

    def close(self) -> None:
        """Release files and lock; open snapshots and iterators end with it."""
        self._database.close()


def _open(path: Path, write_buffer_bytes: int, cache_bytes: int) -> Any:
    database = plyvel.DB(
        str(path),
        create_if_missing=True,
        # A damaged record in the middle of the log must not be skipped in silence. It says
        # nothing of blocks of a table: each read asks for their checksum.
        paranoid_checks=True,
        write_buffer_size=write_buffer_bytes,
        lru_cache_size=cache_bytes,
        # State rows are small and read at random: the checksum of the whole block that holds
        # one is most of what a read from a larger block costs.
        block_size=BLOCK_BYTES,
        bloom_filter_bits=10,
        # Blocks are mostly signatures and hashes, which do not compress.
        compression=None,
    )
    # The engine's thread starts with the first work for it: here, with none.
    database.compact_range(start=b"\xff", stop=b"\xff")
    return database


class _Snapshot:
    __slots__ = ("_path", "_snapshot")

    def __init__(self, path: Path, database: Any) -> None:
        self._path = path
        self._snapshot: Any = database.snapshot()

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._snapshot.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise engine_error(self._path, error) from error
        return value

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        return _iterate(self._path, self._snapshot, start, stop)


def _iterate(path: Path, source: Any, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
    try:
        with source.iterator(start=start, stop=stop, verify_checksums=True) as pairs:
            yield from pairs
    except plyvel.Error as error:
        raise engine_error(path, error) from error
