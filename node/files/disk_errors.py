"""What both store engines and the vote record need of the file system: errors as one sentence for
the operator, folders synced and measured."""

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from ledger.errors import LocalError

FREE_BYTES_WANTED: Final = 1024 * 1024 * 1024
"""Free space that lets a node run on for days; named in the remedy for a full disk."""

_MIB: Final = 1024 * 1024
_MAX_QUOTED: Final = 300


class StoreHeldError(LocalError):
    """Another process has the database open."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another process uses the database in {path}. Stop it first: two nodes cannot share "
            "one data folder."
        )


def os_error(action: str, path: Path, error: OSError) -> LocalError:
    """LocalError for `error` while doing `action` (as in "cannot <action>") on `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(action, path)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return LocalError(
            f"cannot {action} {path}: permission denied. Give the user that runs the node "
            f"(uid {os.getuid()}) the right to write {path.parent}."
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return LocalError(
            f"cannot {action} {path}: {error.strerror}. Create its folder, or correct the path."
        )
    return LocalError(
        f"cannot {action} {path}: {error.strerror or error}. Check the disk "
        "(dmesg, smartctl), then start again; nothing finalised is lost."
    )


def disk_full(action: str, path: Path, wanted_bytes: int = FREE_BYTES_WANTED) -> LocalError:
    """LocalError for a disk without room: what is free, what is wanted, what is safe."""
    folder = path if path.is_dir() else path.parent
    free = shutil.disk_usage(folder).free if folder.exists() else 0
    return LocalError(
        f"cannot {action} {path}: the disk is full ({free // _MIB} MiB free). Free at least "
        f"{-(-wanted_bytes // _MIB)} MiB on the file system of {folder} and start again; "
        "nothing finalised is lost."
    )


def sync_folder(folder: Path) -> None:
    """Make file creations and renames in `folder` survive loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def engine_error(path: Path, error: Exception) -> LocalError:
    """LocalError for what a store engine says about its folder; engines speak only in text."""
    said = " ".join(str(error).removeprefix("b'").removesuffix("'").split())[:_MAX_QUOTED]
    text = said.lower()
    if "lock" in text and ("held" in text or "hold" in text or "unavailable" in text):
        return StoreHeldError(path)
    if "no space left" in text or "quota exceeded" in text:
        return disk_full("write the database in", path)
    if "permission denied" in text or "read-only file system" in text:
        return os_error("write the database in", path, PermissionError(errno.EACCES, said))
    if isinstance(error, OSError) or text.startswith("io error"):
        remedy = "Check the disk (dmesg, smartctl) and that no file is missing or cut short."
    else:
        remedy = "Check the disk (dmesg, smartctl)."
    return LocalError(
        f"the database in {path} is damaged or unreadable ({said}). {remedy} Then restore a "
        "backup, or move this folder away and start again: the node fetches the chain from its "
        "peers. Nothing finalised is lost; keep the folder until the node has caught up."
    )


def folder_bytes(path: Path) -> int:
    """Bytes of the regular files in a flat folder; a file that vanishes meanwhile counts 0."""
    total = 0
    for entry in path.iterdir():
        try:
            total += entry.stat().st_size
        except FileNotFoundError:  # compaction removed it
            continue
    return total
