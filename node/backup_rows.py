"""Gives a backup all rows of the chain as they are at one moment, while the node goes on.

The node listens on a Unix socket in its data folder, for its owner alone. Whoever connects is sent
one snapshot: frames of a 4-byte big-endian length and rows, then an empty frame. A row is the
lengths of key and value (4 bytes each, big-endian), key, value. One client at a time, at most
STEP_BYTES between two turns of the loop, and nothing is read from a client.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from ledger.errors import LocalError
from ledger.kv import KeyValueReader
from node.disk_errors import os_error

SOCKET: Final = "backup.sock"
LAST_BACKUP: Final = "last-backup"
STEP_BYTES: Final = 64 * 1024
PAUSE_S: Final = 0.001
CLIENT_SILENCE_S: Final = 60.0
"""A client that takes nothing for so long is cut off, since its snapshot keeps old rows on disk."""
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
MAX_ADDRESS_BYTES: Final = 103
"""What every system takes as the path of a Unix socket."""

_LENGTH: Final = struct.Struct(">I")
_ROW: Final = struct.Struct(">II")
_LAST_KEY: Final = b"\xff" * 64

log = structlog.get_logger(__name__)


def note_backup(folder: Path) -> None:
    """Remember in a data folder that a backup of it was proved now, for the node's metrics.

    On a disk that takes no writes a backup is worth the most, so that is only a warning.
    """
    try:
        (folder / LAST_BACKUP).touch(0o600)
    except OSError as error:
        log.warning("backup.not_noted", reason=error.strerror)


def last_backup_s(folder: Path) -> float:
    """When note_backup was called last, Unix seconds; 0 for never."""
    try:
        return (folder / LAST_BACKUP).stat().st_mtime
    except OSError:
        return 0.0


def frames(rows: KeyValueReader) -> Iterator[bytes]:
    """All rows, about STEP_BYTES at a time."""
    step = bytearray()
    for key, value in rows.iterate(b"", _LAST_KEY):
        step += _ROW.pack(len(key), len(value)) + key + value
        if len(step) >= STEP_BYTES:
            yield bytes(step)
            step.clear()
    if step:
        yield bytes(step)


def rows_of(frame: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The rows of a frame; LocalError when they do not fill it."""
    position = 0
    while position < len(frame):
        start = position + _ROW.size
        if start > len(frame):
            raise LocalError("a row of the backup is cut short: take another backup")
        key_bytes, value_bytes = _ROW.unpack_from(frame, position)
        position = start + key_bytes + value_bytes
        if position > len(frame) or key_bytes == 0:
            raise LocalError("a row of the backup is cut short: take another backup")
        yield frame[start : start + key_bytes], frame[start + key_bytes : position]


def running_frames(folder: Path) -> Iterator[bytes] | None:
    """Frames of the node that runs on this data folder, None when none does."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(CLIENT_SILENCE_S)
    try:
        with _address(folder) as path:
            connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError, LocalError):
        connection.close()
        return None  # none listens; one that runs all the same holds the store
    except OSError as error:
        connection.close()
        raise os_error("ask the node at", folder / SOCKET, error) from error
    return _received(connection)


def _received(connection: socket.socket) -> Iterator[bytes]:
    with connection, connection.makefile("rb") as stream:
        try:
            while True:
                prefix = stream.read(_LENGTH.size)
                length = _LENGTH.unpack(prefix)[0] if len(prefix) == _LENGTH.size else -1
                if length == 0:
                    return
                frame = stream.read(length) if 0 < length <= MAX_FRAME_BYTES else b""
                if len(frame) != length:
                    raise LocalError(
                        "the node ended before it had given all rows, or gives another backup at "
                        "the moment: look at its log and try again"
                    )
                yield frame
        except OSError as error:
            raise LocalError(f"the node stopped giving rows ({error}): try again") from error


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """A path to the socket that fits into an address, however deep the folder lies.

    On Linux a deep one is reached through /proc; LocalError where there is no such way.
    """
    path = folder.absolute() / SOCKET
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        yield str(path)
        return
    if not Path("/proc/self/fd").is_dir():
        raise LocalError(
            f"{path} is too long for a socket on this system, at most {MAX_ADDRESS_BYTES} bytes "
            "are possible: name a shorter storage.path to take backups while the node runs"
        )
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


class RowServer:
    """The node's side; snapshot: makes a view of the store."""

    def __init__(self, folder: Path, snapshot: Callable[[], KeyValueReader]) -> None:
        self._folder = folder
        self._snapshot = snapshot
        self._server: asyncio.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; a warning when the folder's path is too long for a socket here, LocalError when
        the folder refuses. The vote record's lock is held already, so a socket that lies there is
        one of a killed process."""
        path = self._folder / SOCKET
        listening = socket.socket(socket.AF_UNIX)
        try:
            path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                with _address(self._folder) as short:
                    listening.bind(short)
            finally:
                os.umask(before)
            self._server = await asyncio.start_unix_server(self._accept, sock=listening)
        except LocalError as error:
            listening.close()
            log.warning("backup.not_while_running", reason=str(error))
        except OSError as error:
            listening.close()
            raise os_error("listen at", path, error) from error

    async def stop(self) -> None:
        """Close the socket and end a backup that runs; before the store is closed."""
        if self._server is None:
            return
        self._server.close()
        if self._serving is not None:
            self._serving.cancel()
            with suppress(asyncio.CancelledError):
                await self._serving
        (self._folder / SOCKET).unlink(missing_ok=True)

    async def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._serving is not None and not self._serving.done():
            writer.close()
            return
        self._serving = asyncio.ensure_future(self._serve(writer))

    async def _serve(self, writer: asyncio.StreamWriter) -> None:
        log.info("backup.started")
        try:
            for frame in frames(self._snapshot()):
                writer.write(_LENGTH.pack(len(frame)) + frame)
                await asyncio.wait_for(writer.drain(), CLIENT_SILENCE_S)
                await asyncio.sleep(PAUSE_S)
            writer.write(_LENGTH.pack(0))
            await asyncio.wait_for(writer.drain(), CLIENT_SILENCE_S)
            log.info("backup.finished")
        except (OSError, TimeoutError, LocalError) as error:
            log.warning("backup.broken_off", reason=str(error) or "the client takes nothing")
        finally:
            writer.close()
