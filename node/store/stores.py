"""Which engine holds the database, and opening it.

The chain's folder holds one sub-folder named after the engine that wrote it. `auto` takes the
engine of an existing folder, else LevelDB where it is installed, else RocksDB. A store is
complete before it gets its name: a folder that lacks its first row has lost data.
"""

import contextlib
import importlib
import shutil
from pathlib import Path
from typing import Final, Literal, Protocol

from ledger.errors import LocalError
from ledger.kv import KeyValueStore, WriteBatch
from node.files.disk_errors import os_error, sync_folder

Engine = Literal["leveldb", "rocksdb"]
ENGINES: Final[tuple[Engine, ...]] = ("leveldb", "rocksdb")

WRITE_BUFFER_BYTES: Final = 64 * 1024 * 1024
"""With LevelDB's default of 4 MiB single blocks wait 0.3 s for compaction (store_micro)."""
CACHE_BYTES: Final = 32 * 1024 * 1024

_CREATED_KEY: Final = b"\0created"
_CLASSES: Final = {
    "leveldb": ("node.store.leveldb", "LevelDbStore", "plyvel"),
    "rocksdb": ("node.store.rocksdb", "RocksDbStore", "rocksdict"),
}


class _OpenEngine(Protocol):
    def __call__(
        self, path: Path, *, write_buffer_bytes: int, cache_bytes: int
    ) -> KeyValueStore: ...


def installed_engines() -> tuple[Engine, ...]:
    """The engines whose libraries this machine has, the preferred one first."""
    found = []
    for engine in ENGINES:
        with contextlib.suppress(ImportError):
            importlib.import_module(_CLASSES[engine][2])
            found.append(engine)
    return tuple(found)


def has_chain(path: Path) -> bool:
    """Whether some engine has a store in `path`."""
    return any((path / engine).is_dir() for engine in ENGINES)


def open_store(
    path: Path,
    engine: str = "auto",
    *,
    write_buffer_bytes: int = WRITE_BUFFER_BYTES,
    cache_bytes: int = CACHE_BYTES,
) -> KeyValueStore:
    """Open the store in `path`, or create it there.

    engine: auto, leveldb or rocksdb (option storage.engine).
    Raises LocalError when the folder is in use, damaged, full or of another engine, or when the
    engine is not installed; the message names the folder and the remedy.
    """
    chosen = _choose(path, engine)
    opener = _opener(chosen)
    folder = path / chosen
    if not folder.exists():
        _create(folder, opener)
    store = opener(folder, write_buffer_bytes=write_buffer_bytes, cache_bytes=cache_bytes)
    if store.get(_CREATED_KEY) is None:
        store.close()
        raise LocalError(
            f"the database in {folder} has lost its rows: files are missing or cut short. "
            "Restore a backup, or move this folder away and start again: the node fetches the "
            "chain from its peers. Nothing finalised is lost."
        )
    return store


def _choose(path: Path, engine: str) -> Engine:
    present = [name for name in ENGINES if (path / name).exists()]
    if engine == "auto":
        available = installed_engines()
        if not present and not available:
            raise LocalError("no store engine is installed: pip install plyvel, or rocksdict")
        return present[0] if present else available[0]
    for name in ENGINES:
        if name == engine:
            if present and name not in present:
                raise LocalError(
                    f"{path} was written by {present[0]}, but storage.engine is {engine!r}. Set it "
                    f"to {present[0]!r} or 'auto', or name another storage.path: the node then "
                    "fetches the chain from its peers."
                )
            return name
    raise LocalError(f"storage.engine: expected auto, leveldb or rocksdb, found {engine!r}")


def _opener(engine: Engine) -> _OpenEngine:
    module, name, library = _CLASSES[engine]
    try:
        opener: _OpenEngine = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise LocalError(
            f"storage.engine {engine!r} needs the library {library}, which is not installed "
            f"({error}): pip install {library}, or choose another engine"
        ) from error
    return opener


def _create(folder: Path, opener: _OpenEngine) -> None:
    fresh = folder.with_name(f"{folder.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        store = opener(fresh, write_buffer_bytes=WRITE_BUFFER_BYTES, cache_bytes=CACHE_BYTES)
        first = WriteBatch()
        first.put(_CREATED_KEY, b"1")
        store.write(first, sync=True)
        store.close()
        fresh.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise os_error("create the database in", folder, error) from error
