"""A file or folder that one process holds at a time; the kernel lets go of it however the process
ends."""

import fcntl
import os
from pathlib import Path


def hold_file(path: Path, *, mode: int = 0o600) -> int | None:
    """A handle of the file, made when it is missing, which holds it until it is closed; None when
    another process holds it. A link is not followed. OSError when the file cannot be opened."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return _held(os.open(path, flags, mode))


def hold_folder(path: Path) -> int | None:
    """As hold_file of a folder that is there; nothing is made in it."""
    return _held(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _held(handle: int) -> int | None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return handle


def is_held(path: Path) -> bool:
    """Whether another process holds the file; one that is missing nobody holds. Makes nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
