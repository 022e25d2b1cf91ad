"""KeyValueStore over RocksDB (rocksdict): where LevelDB has no wheels (docs/adr/0004)."""

import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    Rdict,
    ReadOptions,
    WriteOptions,
)
from rocksdict import RdictIter as Cursor
from rocksdict import WriteBatch as EngineBatch

from ledger.kv import KeyValueReader, WriteBatch
from node.files.disk_errors import engine_error, folder_bytes
from node.store.engine_threads import low_priority

BLOOM_BITS_PER_KEY: Final = 10
KEPT_ENGINE_LOGS: Final = 4
MAX_ENGINE_LOG_BYTES: Final = 4 * 1024 * 1024

READ_AHEAD_PAIRS: Final = 256
"""Pairs that iterating a snapshot takes at once, since all its readers share one cursor."""


class RocksDbStore:
    """An open RocksDB folder. Safe to read from several threads while one writes."""

    def __init__(self, path: Path, *, write_buffer_bytes: int, cache_bytes: int) -> None:
        """Open or create; LocalError when it is in use, damaged or cannot be written."""
        self._path = path
        # Snapshots keep the folder locked until they are gone, so close() has to end them.
        self._snapshots: weakref.WeakSet[_Snapshot] = weakref.WeakSet()
        self._write_options = {sync: _write_options(sync) for sync in (True, False)}
        try:
            with low_priority():
                self._database = Rdict(str(path), _options(write_buffer_bytes, cache_bytes))
        except Exception as error:
            raise engine_error(path, error) from error

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        try:
            value: bytes | None = self._database.get(key)
        except Exception as error:
            raise engine_error(self._path, error) from error
        return value

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order, as they were at the first step."""
        bound = ReadOptions()
        bound.set_iterate_upper_bound(stop)
        try:
            yield from self._database.items(from_key=start, read_opt=bound)
        except Exception as error:
            raise engine_error(self._path, error) from error

    def last(self, start: bytes, stop: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The last `count` pairs with start <= key < stop, the last one first."""
        pairs: list[tuple[bytes, bytes]] = []
        try:
            cursor = self._database.iter()
            cursor.seek_for_prev(stop)
            if cursor.valid() and cursor.key() == stop:
                cursor.prev()
            while len(pairs) < count and cursor.valid() and cursor.key() >= start:
                pairs.append((cursor.key(), cursor.value()))
                cursor.prev()
            cursor.status()
        except Exception as error:
            raise engine_error(self._path, error) from error
        return pairs

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        """Apply the whole batch or nothing; LocalError when the disk refuses."""
        pending = EngineBatch(raw_mode=True)
        put, delete = pending.put, pending.delete
        for key, value in batch.operations:
            if value is None:
                delete(key)
            else:
                put(key, value)
        try:
            self._database.write(pending, self._write_options[sync])
        except Exception as error:
            raise engine_error(self._path, error) from error

    def snapshot(self) -> KeyValueReader:
        """A view that later writes do not change; free it by forgetting it."""
        snapshot = _Snapshot(self._path, self._database.iter())
        self._snapshots.add(snapshot)
        return snapshot

    def compact(self, start: bytes, stop: bytes) -> None:
        """Merge the tables with keys from start to stop."""
        try:
            self._database.compact_range(start, stop)
        except Exception as error:
            raise engine_error(self._path, error) from error

    def size_bytes(self) -> int:
        """Bytes of the files in the folder."""
        return folder_bytes(self._path)

    def close(self) -> None:
        """Release files and lock; open snapshots end with it."""
        for snapshot in list(self._snapshots):
            snapshot.close()
        self._database.close()


class _Snapshot:
    """A cursor, which keeps the moment at which it was made.

    The Snapshot class of rocksdict is of no use here: iterating it reads the newest rows.
    """

    __slots__ = ("__weakref__", "_cursor", "_lock", "_path")

    def __init__(self, path: Path, cursor: Cursor) -> None:
        self._path = path
        self._cursor: Cursor | None = cursor
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._cursor = None

    def get(self, key: bytes) -> bytes | None:
        for found, value in self._read(key, 1):
            return value if found == key else None
        return None

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        while True:
            pairs = self._read(start, READ_AHEAD_PAIRS)
            for key, value in pairs:
                if key >= stop:
                    return
                yield key, value
            if len(pairs) < READ_AHEAD_PAIRS:
                return
            start = pairs[-1][0] + b"\0"

    def _read(self, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs with key >= start."""
        pairs: list[tuple[bytes, bytes]] = []
        with self._lock:
            if self._cursor is None:
                raise RuntimeError("the database of this snapshot is closed")
            cursor = self._cursor
            try:
                cursor.seek(start)
                while len(pairs) < limit and cursor.valid():
                    pairs.append((cursor.key(), cursor.value()))
                    cursor.next()
                cursor.status()
            except Exception as error:
                raise engine_error(self._path, error) from error
        return pairs


def _write_options(sync: bool) -> WriteOptions:
    options = WriteOptions()
    options.sync = sync
    return options


def _options(write_buffer_bytes: int, cache_bytes: int) -> Options:
    tables = BlockBasedOptions()
    tables.set_bloom_filter(BLOOM_BITS_PER_KEY, False)
    tables.set_block_cache(Cache(cache_bytes))
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(write_buffer_bytes)
    options.set_block_based_table_factory(tables)
    # Blocks are mostly signatures and hashes, which do not compress.
    options.set_compression_type(DBCompressionType.none())
    # A torn end of the log was never acknowledged; damage before it must not be skipped.
    options.set_wal_recovery_mode(DBRecoveryMode.tolerate_corrupted_tail_records())
    options.set_keep_log_file_num(KEPT_ENGINE_LOGS)
    options.set_max_log_file_size(MAX_ENGINE_LOG_BYTES)
    return options
