"""A Unix socket that its owner alone can open, in place of what a killed process left."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node.files.disk_errors import os_error

MAX_PATH_BYTES: Final = 107
"""Of the name of a Unix socket on Linux."""
_OWNER_ONLY: Final = 0o177


def bind_private(path: Path, what: str) -> socket.socket:
    """A bound socket, mode 0600. LocalError when somebody listens there, or something else lies
    there. what: the option that names it."""
    try:
        with short_name(path) as name:
            _clear(path, name, what)
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(_OWNER_ONLY)
            try:
                made.bind(name)
            except OSError:
                made.close()
                raise
            finally:
                os.umask(before)
    except OSError as error:
        raise LocalError(
            f"{what}: cannot make the socket {path}: {error.strerror or error}"
        ) from error
    return made


def _clear(path: Path, name: str, what: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise LocalError(f"{what}: {path} is no socket: move it away, or name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(name)
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:
                raise
            path.unlink()  # nobody listens: it is what a killed process left
            return
    raise LocalError(f"{what}: another process listens on {path}: stop it, or name another path")


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """The path, or a short name for one that is longer than a socket's may be."""
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise os_error("open", path.parent, error) from error
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
