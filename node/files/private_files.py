"""Files with secrets: made for their owner alone, never replaced, and checked at every opening."""

import os
import stat
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node.files.disk_errors import os_error, sync_folder
from node.files.whole_files import replace_whole

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def write_private(path: Path, content: bytes, what: str, if_lost: str) -> None:
    """Write a new file, on disk when this returns. LocalError when it exists or the disk refuses.

    `what` is its kind ("the key file"), `if_lost` says what overwriting would cost.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise LocalError(
            f"{path} exists and is not replaced: {if_lost}. Name another "
            "file, or move the old one away."
        ) from error
    except OSError as error:
        raise os_error(f"write {what}", path, error) from error


def replace_private(path: Path, content: bytes) -> None:
    """Replace a file whole, on disk when this returns: a crash leaves the old content or the new,
    never a mixture. LocalError when the disk refuses."""
    replace_whole(path, content, mode=_FILE_MODE)


def read_private(path: Path, max_bytes: int, kinds: str, or_make: str) -> bytes:
    """Content of a file that belongs to its owner alone, in a folder where nobody else writes.

    `kinds`: what it has to be ("key or password file"); `or_make`: the remedy when it is missing.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS:
                raise LocalError(
                    f"{path} can be read or written by others (mode {stat.S_IMODE(mode):04o}): "
                    f"chmod 600 {path}"
                )
            folder = path.absolute().parent
            if folder.stat().st_mode & _OTHERS_WRITE:
                raise LocalError(
                    f"others can replace {path}, since they can write its folder: "
                    f"chmod go-w {folder}"
                )
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise LocalError(f"there is no file {path}: correct the path, or {or_make}") from error
    except OSError as error:
        raise os_error("read", path, error) from error
    if len(content) > max_bytes:
        raise LocalError(f"{path} has more than {max_bytes} bytes: it is no {kinds}")
    return content
