"""Gives a backup all rows of the chain as they are at one moment, while the node goes on.

Who takes one asks on the operator's socket, by GET /rows, and is sent one snapshot of the store:
frames of a 4-byte big-endian length and rows, then an empty frame. A row is the lengths of key and
value (4 bytes each, big-endian), key, value. One at a time, and STEP_BYTES between two turns of the
loop.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import structlog

from api.admin_ports import Backups, NotDone
from api.admin_server import READER_PATIENCE_S, ROWS_PATH
from ledger.errors import LocalError
from ledger.kv import KeyValueReader
from node.backups.last_backup import last_backup_ms
from node.files.disk_errors import os_error
from node.files.private_socket import short_name
from node.wall_clock import now_ms

STEP_BYTES: Final = 64 * 1024
PAUSE_S: Final = 0.001
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
_MAX_SAID_BYTES: Final = 1_000
"""Of a refusal."""

_LENGTH: Final = struct.Struct(">I")
_ROW: Final = struct.Struct(">II")
_LAST_KEY: Final = b"\xff" * 64
_ENDED: Final = "the node ended before it had given all rows: look at its log and try again"

log = structlog.get_logger(__name__)


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


def running_frames(operators_socket: Path) -> Iterator[bytes] | None:
    """Frames of the node that listens there for its operator, None when none does."""
    if not operators_socket.is_socket():
        return None
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.settimeout(READER_PATIENCE_S)
    try:
        with short_name(operators_socket) as name:
            caller.connect(name)
    except (FileNotFoundError, ConnectionRefusedError):
        caller.close()
        return None
    except OSError as error:
        caller.close()
        raise os_error("ask the node at", operators_socket, error) from error
    return _received(caller)


def _received(caller: socket.socket) -> Iterator[bytes]:
    connection = HTTPConnection("localhost")
    connection.sock = caller
    try:
        connection.request("GET", ROWS_PATH)
        answer = connection.getresponse()
        if answer.status != 200:
            said = answer.read(_MAX_SAID_BYTES).decode(errors="replace").strip()
            raise LocalError(f"the node gives no rows: {said}")
        while True:
            prefix = answer.read(_LENGTH.size)
            length = _LENGTH.unpack(prefix)[0] if len(prefix) == _LENGTH.size else -1
            if length == 0:
                return
            frame = answer.read(length) if 0 < length <= MAX_FRAME_BYTES else b""
            if len(frame) != length:
                raise LocalError(_ENDED)
            yield frame
    except HTTPException as error:
        raise LocalError(_ENDED) from error
    except OSError as error:
        raise LocalError(f"the node stopped giving rows ({error}): try again") from error
    finally:
        connection.close()


class RowGiver:
    """The node's side."""

    def __init__(self, folder: Path, snapshot: Callable[[], KeyValueReader]) -> None:
        """folder: the data folder. snapshot: makes a view of the store."""
        self._folder = folder
        self._snapshot = snapshot
        self._since_ms: int | None = None
        self._given_bytes = 0
        self._broken_off: str | None = None

    def state(self) -> Backups:
        """Whether somebody takes the rows, and when a backup was last proved."""
        proved_ms = last_backup_ms(self._folder)
        return Backups(self._since_ms, self._given_bytes, self._broken_off, proved_ms)

    async def give(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """All rows of now, framed. write: raises OSError when who takes them has gone. NotDone
        while another one takes them, and when it was broken off."""
        if self._since_ms is not None:
            raise NotDone("another backup is being taken of it: wait until that one has its rows")
        self._since_ms, self._given_bytes, self._broken_off = now_ms(), 0, None
        log.info("backup.started")
        try:
            for frame in frames(self._snapshot()):
                await write(_LENGTH.pack(len(frame)) + frame)
                self._given_bytes += len(frame)
                await asyncio.sleep(PAUSE_S)
            await write(_LENGTH.pack(0))
            log.info("backup.finished", bytes=self._given_bytes)
        except (OSError, LocalError) as error:
            self._broken_off = str(error) or "the command takes nothing"
            log.warning("backup.broken_off", reason=self._broken_off)
            raise NotDone(self._broken_off) from error
        finally:
            self._since_ms = None
