"""Backups of a node: taken while it runs, encrypted, proved by restoring, restored into a new
folder alone.

A backup is one sealed file (sealed_stream) of chunks (backup_content). It never holds the vote
record: the restored node knows that it lost it, and waits for its operator's word besides
(node.signing.fence).
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from nacl.pwhash import argon2id

from ledger import genesis
from ledger.errors import LocalError
from ledger.primitives import Hash
from node import audit, config
from node.audit import OK, StoreAudit
from node.backups.backup_content import GENESIS, Told, chunks, unpack
from node.backups.last_backup import note_backup
from node.backups.sealed_stream import require_password, seal, unseal
from node.files.disk_errors import disk_full, os_error, sync_folder
from node.files.file_locks import hold_file
from node.keys.keystore import STANDARD_COST, Cost
from node.modules import build_executor
from node.opening import CHAIN_FOLDER, read_genesis
from node.store.data_folder import require_chain

PART: Final = ".part"
"""A backup that is not proved yet."""
UNFINISHED: Final = ".unfinished"
"""A folder that a restore is filling."""
_LOCK: Final = "restore.lock"


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
    examine that, and only then give it its name. keys: with its key files.

    LocalError when `out` exists or lies in the data folder, when the chain cannot be read, or what
    was written does not hold; then there is no `out`. What a killed backup left beside it is used
    or removed by the next.
    """
    require_password(password)
    settings = config.load(home / config.CONFIG_FILE)
    data = settings.path(settings.storage.path)
    require_chain(data, read_genesis(settings.path(settings.node.genesis)))
    part = out.with_name(out.name + PART)
    _require_place(out, part, data)
    chain_bytes = _bytes_below(data / CHAIN_FOLDER)
    _require_room(part, 2 * chain_bytes)
    with _written_alone(part) as file:
        try:
            salt = secrets.token_bytes(argon2id.SALTBYTES)
            seal(file, chunks(home, settings, keys=keys, told=told), password, salt, cost)
            file.flush()
            os.fsync(file.fileno())
            found = verify(part, password)
            part.rename(out)
            try:
                sync_folder(out.absolute().parent)
            except OSError:
                out.unlink()
                raise
            note_backup(data)
        except OSError as error:
            raise os_error("write", part, error) from error
        finally:
            part.unlink(missing_ok=True)
    return found


def verify(
    file: Path, password: str, told: Told = lambda _: None, expected: Hash | None = None
) -> StoreAudit:
    """Prove a backup: restore it into a scratch folder beside it, examine that, and remove it.

    LocalError as restore.
    """
    scratch = file.with_name(f".{file.name}{UNFINISHED}")
    with _new_folder(scratch):
        return _restored(file, scratch, password, told, expected)


def restore(
    file: Path,
    home: Path,
    password: str,
    told: Told = lambda _: None,
    expected: Hash | None = None,
) -> StoreAudit:
    """Make the node folder `home` from a backup; it gets its name once its store was examined:
    the root over all state rows is that of the head's header, which the certificate names, and
    every invariant holds. expected: hash of the genesis that it has to be of.

    LocalError when `home` holds anything, when the backup cannot be opened, and when its store
    does not add up; then nothing is left. What a killed restore left is removed by the next.
    """
    if home.exists() and not (home.is_dir() and not any(home.iterdir())):
        raise LocalError(f"{home} is not empty: restore into a new folder")
    fresh = home.with_name(home.name + UNFINISHED)
    with _new_folder(fresh):
        found = _restored(file, fresh, password, told, expected)
        try:
            fresh.rename(home)
            (home / _LOCK).unlink()
            sync_folder(home.absolute().parent)
        except OSError as error:
            raise os_error("restore into", home, error) from error
    return found


def _restored(
    file: Path, folder: Path, password: str, told: Told, expected: Hash | None
) -> StoreAudit:
    """Fill a new folder and examine it."""
    try:
        with file.open("rb") as source:
            _require_room(folder, file.stat().st_size)
            unpack(
                unseal(source, password),
                folder,
                told,
                lambda: _require_chain(folder / GENESIS, expected),
            )
    except OSError as error:
        raise os_error("restore", file, error) from error
    # Without the environment: that of a node which runs may name another folder.
    found = audit.audit(folder, {})
    if found.invariants != OK:
        raise LocalError(
            f"the store in the backup is wrong: {found.invariants}, {found.found}; "
            "take a backup of another node"
        )
    return found


def _require_chain(document: Path, expected: Hash | None) -> None:
    if expected is None:
        return
    found = genesis.header(read_genesis(document), build_executor()).hash
    if found != expected:
        raise LocalError(
            f"the backup is of the chain with genesis hash 0x{found.hex()}, expected "
            f"0x{expected.hex()}: name a backup of this chain"
        )


def _require_place(out: Path, part: Path, data: Path) -> None:
    """LocalError for a place that a backup would harm, or that would not survive with it."""
    for path in (out, part):
        if path.is_symlink():
            raise LocalError(f"{path} is a link, and nothing is written through it: name a file")
    if out.exists():
        raise LocalError(f"{out} exists and is not replaced: name another file")
    if out.absolute().resolve().is_relative_to(data.absolute().resolve()):
        raise LocalError(
            f"{out} lies in the node's data folder {data}: name a file elsewhere, best on another "
            "disk"
        )


def _require_room(path: Path, wanted_bytes: int) -> None:
    """LocalError when it is certain that the disk is too small: a lower bound."""
    folder = path.absolute().parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise os_error("write", path, error) from error
    if free < wanted_bytes:
        raise disk_full("write", path, wanted_bytes)


@contextmanager
def _written_alone(part: Path) -> Iterator[IO[bytes]]:
    """The file `part`, empty, for this process alone; one that a killed process left is used."""
    try:
        handle = hold_file(part)
    except OSError as error:
        raise os_error("write", part, error) from error
    if handle is None:
        raise LocalError(f"another backup writes {part}: wait for it, or name another file")
    with os.fdopen(handle, "r+b") as file:
        file.truncate()
        yield file


@contextmanager
def _new_folder(path: Path) -> Iterator[None]:
    """A new folder for this process alone, removed at the end if it still has this name."""
    lock = path / _LOCK
    if path.is_symlink() or (path.exists() and not lock.exists()):
        raise LocalError(f"{path} is in the way and was not made by a restore: move it away")
    above = [folder for folder in path.absolute().parents if not folder.exists()]
    try:
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        handle = hold_file(lock)
    except OSError as error:
        raise os_error("restore into", path, error) from error
    if handle is None:
        raise LocalError(f"another restore fills {path}: wait for it, or name another folder")
    try:
        for left in path.iterdir():  # of a restore that was killed
            if left.is_dir():
                shutil.rmtree(left)
            elif left != lock:
                left.unlink()
        try:
            yield
        finally:
            shutil.rmtree(path, ignore_errors=True)
            _remove_empty(above)
    finally:
        os.close(handle)


def _remove_empty(made: Sequence[Path]) -> None:
    """Folders that were made, innermost first, as far as nothing is in them."""
    for folder in made:
        try:
            folder.rmdir()
        except OSError:  # what was restored is in it
            return


def _bytes_below(folder: Path) -> int:
    """Bytes of the files below; those that a compaction removes meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
