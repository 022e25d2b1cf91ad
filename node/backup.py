"""Backups of a node: taken while it runs, encrypted, restored into an empty folder alone.

A backup holds configuration, genesis document, the state a restart carries over, all rows of the
chain at one moment and, when asked for, the key files (encrypted under their own password). It
never holds the vote record: the restored node knows that it lost it, and votes only past the
heights that others certify (docs/consensus.md, "A lost vote record").
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from nacl.pwhash import argon2id

from ledger.errors import LocalError
from ledger.kv import WriteBatch
from node import audit, config
from node.assembly import CHAIN_FOLDER
from node.audit import OK, StoreAudit
from node.backup_rows import frames, rows_of, running_frames
from node.config import Config
from node.disk_errors import os_error, sync_folder
from node.keystore import STANDARD_COST, Cost
from node.restart import state_path
from node.sealed_stream import seal, unseal
from node.stores import open_store

Told = Callable[[int], None]

_ROWS: Final = b"R"
_FILE: Final = b"F"
_STEP_BYTES: Final = 1024 * 1024
_GENESIS: Final = "genesis.json"
_STATE: Final = "genesis.state"
_VALIDATOR_KEY: Final = "keys/validator.json"
_NODE_KEY: Final = "keys/node.json"
_NAMES: Final = (config.CONFIG_FILE, _GENESIS, _STATE, _VALIDATOR_KEY, _NODE_KEY)


def backup(
    home: Path,
    out: Path,
    password: str,
    *,
    keys: bool,
    told: Told = lambda _: None,
    cost: Cost = STANDARD_COST,
) -> StoreAudit:
    """Write a backup of the node in `home` to `out`, restore it into a scratch folder beside it,
    examine that, and only then give it its name. told: bytes read from the chain since.

    LocalError when `out` exists, when the chain cannot be read, or what was written does not hold.
    """
    if out.exists():
        raise LocalError(f"{out} exists and is not replaced: name another file")
    settings = config.load(home / config.CONFIG_FILE, {})
    part = out.with_name(out.name + ".part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            salt = secrets.token_bytes(argon2id.SALTBYTES)
            seal(file, _chunks(home, settings, keys, told), password, salt, cost)
            file.flush()
            os.fsync(handle)
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".restored-") as scratch:
            found = restore(part, Path(scratch) / "node", password)
        part.rename(out)
        sync_folder(out.absolute().parent)
    except OSError as error:
        raise os_error("write", part, error) from error
    finally:
        part.unlink(missing_ok=True)
    return found


def restore(file: Path, home: Path, password: str, told: Told = lambda _: None) -> StoreAudit:
    """Make the node folder `home` from a backup; it gets its name once its store was examined.

    LocalError when `home` holds anything, when the backup cannot be opened, and when its store
    does not add up; then nothing is left.
    """
    if home.exists() and any(home.iterdir()):
        raise LocalError(f"{home} is not empty: restore into a new folder")
    fresh = home.with_name(home.name + ".new")
    if fresh.exists():
        raise LocalError(f"{fresh} is left of a restore that was killed: remove it first")
    try:
        fresh.mkdir(parents=True, mode=0o700)
        with file.open("rb") as source:
            _unpack(unseal(source, password), fresh, told)
        found = audit.audit(fresh)
        if found.invariants != OK:
            raise LocalError(
                f"the restored store is wrong: {found.invariants}, {found.found}; "
                "take a backup of another node"
            )
        fresh.rename(home)
        sync_folder(home.absolute().parent)
    except OSError as error:
        raise os_error("restore into", home, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return found


def _chunks(home: Path, settings: Config, keys: bool, told: Told) -> Iterator[bytes]:
    node = settings.node
    moved = replace(
        settings,
        node=replace(
            node,
            genesis=_GENESIS,
            validator_key=_VALIDATOR_KEY if node.validator_key else "",
            node_key=_NODE_KEY,
        ),
        storage=replace(settings.storage, path=config.StorageConfig().path, engine="auto"),
    )
    yield _file_chunk(config.CONFIG_FILE, config.render(moved).encode())
    genesis = settings.path(node.genesis)
    named = [(_GENESIS, genesis)]
    if state_path(genesis).exists():
        named.append((_STATE, state_path(genesis)))
    if keys:
        named.append((_NODE_KEY, settings.path(node.node_key)))
        if node.validator_key:
            named.append((_VALIDATOR_KEY, settings.path(node.validator_key)))
    for name, path in named:
        with path.open("rb") as file:
            while data := file.read(_STEP_BYTES):
                yield _file_chunk(name, data)
    read = 0
    for frame in _row_frames(home, settings):
        yield _ROWS + frame
        read += len(frame)
        told(read)


def _row_frames(home: Path, settings: Config) -> Iterator[bytes]:
    running = running_frames(settings.path(settings.storage.path))
    if running is not None:
        yield from running
        return
    with audit.opened(home) as (store, _):
        yield from frames(store)


def _file_chunk(name: str, data: bytes) -> bytes:
    return _FILE + bytes((_NAMES.index(name),)) + data


def _unpack(chunks: Iterator[bytes], home: Path, told: Told) -> None:
    store = open_store(home / config.StorageConfig().path / CHAIN_FOLDER)
    written = 0
    try:
        for chunk in chunks:
            if chunk[:1] == _ROWS:
                batch = WriteBatch()
                for key, value in rows_of(chunk[1:]):
                    batch.put(key, value)
                store.write(batch, sync=False)
                written += len(chunk)
                told(written)
            elif chunk[:1] == _FILE and len(chunk) > 1 and chunk[1] < len(_NAMES):
                _append(home / _NAMES[chunk[1]], chunk[2:])
            else:
                raise LocalError("the backup holds what this release does not know: use a newer")
        store.write(WriteBatch(), sync=True)
    finally:
        store.close()


def _append(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    file: IO[bytes]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
