"""A file or folder that one process holds at a time; the kernel lets go of it however the process
ends."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

GLANCES: Final = 200
GLANCE_S: Final = 0.001
"""So often, and so long apart, a lock that others share is tried again."""


def hold_file(path: Path, *, mode: int = 0o600) -> int | None:
    """A handle of the file, made when it is missing, which holds it until it is closed; None when
    another process holds it. A link is not followed. OSError when the file cannot be opened."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return _held(os.open(path, flags, mode))


def hold_folder(path: Path) -> int | None:
    """As hold_file of a folder that is there; nothing is made in it."""
    return _held(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _held(handle: int) -> int | None:
    """The handle once it holds its file, None when another process does. Who only looks (is_held)
    shares the lock for an instant, and is waited for."""
    try:
        for _ in range(GLANCES):
            if _locked(handle, fcntl.LOCK_EX):
                return handle
            if not _locked(handle, fcntl.LOCK_SH):
                break
            fcntl.flock(handle, fcntl.LOCK_UN)
            time.sleep(GLANCE_S)
    except OSError:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether another process holds the file; one that is missing nobody holds. Makes nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)
