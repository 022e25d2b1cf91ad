"""What is in a backup, as chunks in the order in which they are written, and a folder from them.

A chunk begins with its kind: F a piece of a file (the number of its name, its bytes), N the fence
of the node, R rows of the chain. Files and fence come before rows. What a node must not share is
left out: the vote record, API keys, and the files of passwords.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from ledger.errors import DecodeError, LocalError
from ledger.kv import WriteBatch
from node import audit, config
from node.backups.backup_rows import frames, rows_of, running_frames
from node.config import Config
from node.files.disk_errors import StoreHeldError, os_error, sync_folder
from node.files.file_formats import require_tag
from node.files.private_files import replace_private
from node.opening import CHAIN_FOLDER
from node.signing.fence import (
    FENCE_TAG,
    MAX_FENCE_BYTES,
    Fence,
    Standing,
    decode_fence,
    encode_fence,
    new_place,
    read_fence,
)
from node.state_files.restart import state_path
from node.store.stores import open_store

Told = Callable[[int], None]
"""Told how many bytes of rows were read or written since."""

GENESIS: Final = "genesis.json"
_ROWS: Final = b"R"
_FILE: Final = b"F"
_FENCE: Final = b"N"
_STEP_BYTES: Final = 1024 * 1024
_STATE: Final = "genesis.state"
_VALIDATOR_KEY: Final = "keys/validator.json"
_NODE_KEY: Final = "keys/node.json"
_NEXT_VALIDATOR_KEY: Final = "keys/next-validator.json"
_NEXT_NODE_KEY: Final = "keys/next-node.json"
_NAMES: Final = (
    config.CONFIG_FILE,
    GENESIS,
    _STATE,
    _VALIDATOR_KEY,
    _NODE_KEY,
    _NEXT_VALIDATOR_KEY,
    _NEXT_NODE_KEY,
)


def chunks(home: Path, settings: Config, *, keys: bool, told: Told) -> Iterator[bytes]:
    """All chunks of the node in `home`, whether it runs or not; keys: with its key files."""
    node = settings.node
    key_files = {
        _NODE_KEY: node.node_key,
        _NEXT_NODE_KEY: node.next_node_key,
        _VALIDATOR_KEY: node.validator_key,
        _NEXT_VALIDATOR_KEY: node.next_validator_key,
    }
    moved_key = {name: name if file else "" for name, file in key_files.items()}
    moved = replace(
        settings,
        node=replace(
            node,
            genesis=GENESIS,
            validator_key=moved_key[_VALIDATOR_KEY],
            next_validator_key=moved_key[_NEXT_VALIDATOR_KEY],
            node_key=moved_key[_NODE_KEY],
            next_node_key=moved_key[_NEXT_NODE_KEY],
        ),
        storage=replace(settings.storage, path=config.StorageConfig().path, engine="auto"),
    )
    yield _file_chunk(config.CONFIG_FILE, config.render(moved).encode())
    genesis = settings.path(node.genesis)
    named = [(GENESIS, genesis)]
    if state_path(genesis).exists():
        named.append((_STATE, state_path(genesis)))
    if keys:
        named += [(name, settings.path(file)) for name, file in key_files.items() if file]
    for name, path in named:
        try:
            with path.open("rb") as file:
                while data := file.read(_STEP_BYTES):
                    yield _file_chunk(name, data)
        except OSError as error:
            raise os_error("read", path, error) from error
    fence = read_fence(settings.path(settings.storage.path))
    if fence is not None:
        yield _FENCE + encode_fence(fence)
    read = 0
    for frame in _row_frames(home, settings):
        yield _ROWS + frame
        read += len(frame)
        told(read)


def unpack(
    source: Iterator[bytes], home: Path, told: Told, before_rows: Callable[[], None]
) -> None:
    """Fill the new folder `home`. before_rows: called when all files are there, to look at them.

    A validator's folder waits: it signs nothing before its operator has taken the right to sign.
    LocalError for what this release does not know.
    """
    data = home / config.StorageConfig().path
    fence: Fence | None = None
    store = None
    written = 0
    try:
        for chunk in source:
            kind, body = chunk[:1], chunk[1:]
            if kind == _FILE and body and body[0] < len(_NAMES) and store is None:
                _append(home / _NAMES[body[0]], body[1:])
            elif kind == _FENCE and store is None:
                fence = _read_fence(body)
            elif kind == _ROWS:
                if store is None:
                    before_rows()
                    store = open_store(data / CHAIN_FOLDER)
                batch = WriteBatch()
                for key, value in rows_of(body):
                    batch.put(key, value)
                store.write(batch, sync=False)
                written += len(chunk)
                told(written)
            else:
                raise LocalError(
                    "the backup holds what this release does not know: use the release that "
                    "wrote it or a later one"
                )
        if store is None:
            raise LocalError("the backup holds no rows of a chain: take another one")
        store.write(WriteBatch(), sync=True)
    finally:
        if store is not None:
            store.close()
    is_validator = config.load(home / config.CONFIG_FILE, {}).is_validator
    replace_private(data / "fence", encode_fence(_restored(fence, is_validator)))
    for folder in (home / "keys", home):
        if folder.exists():
            sync_folder(folder)


def _restored(fence: Fence | None, is_validator: bool) -> Fence:
    """The fence of a restored folder: a place of its own, and no right to sign."""
    fresh = Fence(new_place())
    if not is_validator:
        return fresh
    fresh = replace(fresh, standing=Standing.WAITING, signs_from=None)
    return fresh if fence is None else replace(fresh, keys=fence.keys, number=fence.number)


def _read_fence(body: bytes) -> Fence:
    require_tag(body, "the backup's fence", FENCE_TAG, MAX_FENCE_BYTES)
    try:
        return decode_fence(body)
    except DecodeError as error:
        raise LocalError(
            f"the backup's fence cannot be read ({error}): take another copy of the backup"
        ) from error


def _row_frames(home: Path, settings: Config) -> Iterator[bytes]:
    if settings.admin.socket:
        running = running_frames(settings.path(settings.admin.socket))
        if running is not None:
            yield from running
            return
    try:
        with audit.opened(home) as (store, _):
            yield from frames(store)
    except StoreHeldError as error:
        raise LocalError(
            "another process uses the database and gives no rows: wait for a command that reads "
            "it; a node gives rows on its [admin] socket, so name one, or stop the node meanwhile"
        ) from error


def _file_chunk(name: str, data: bytes) -> bytes:
    return _FILE + bytes((_NAMES.index(name),)) + data


def _append(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    file: IO[bytes]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
