"""Rows on the operator's socket: whole or not there, one backup at a time, and who takes nothing
holds up neither the node nor its end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api import admin_server
from api.admin_server import ROWS_PATH, AdminServer
from ledger.errors import LocalError
from ledger.kv import KeyValueReader, MemoryStore, WriteBatch
from node.backups import backup_rows
from node.backups.backup_rows import RowGiver, rows_of, running_frames
from node.backups.last_backup import note_backup
from node.files.private_socket import bind_private
from tests.support.api_fakes import FakeNode

ROWS = {b"%06d" % number: b"v" * 1_000 for number in range(3_000)}
QUICK_S = 5.0


class Desk:
    """What the server asks for when somebody takes a backup."""

    def __init__(self, rows: RowGiver) -> None:
        self.give_rows = rows.give


@asynccontextmanager
async def served(path: Path, rows: RowGiver) -> AsyncIterator[AdminServer]:
    desk: Any = Desk(rows)
    server = AdminServer(FakeNode(), desk, lambda error: None, lambda: 0.0)
    await server.start(bind_private(path, "[admin] socket"))
    try:
        yield server
    finally:
        await server.stop()


def giver(folder: Path) -> RowGiver:
    store, batch = MemoryStore(), WriteBatch()
    for key, value in ROWS.items():
        batch.put(key, value)
    store.write(batch, sync=False)
    return RowGiver(folder, store.snapshot)


def taken(path: Path) -> dict[bytes, bytes]:
    frames = running_frames(path)
    assert frames is not None
    return dict(row for frame in frames for row in rows_of(frame))


async def stalled(path: Path) -> socket.socket:
    """Somebody who asks for the rows and takes none of them."""
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(str(path))
    caller.sendall(f"GET {ROWS_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return caller


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "admin.sock"


async def test_all_rows_come_and_the_node_knows_of_them(tmp_path: Path, path: Path) -> None:
    rows = giver(tmp_path)
    assert rows.state().proved_ms is None
    async with served(path, rows):
        assert await asyncio.to_thread(taken, path) == ROWS
    found = rows.state()
    assert (found.giving_since_ms, found.broken_off) == (None, None)
    assert found.given_bytes == sum(8 + len(key) + len(value) for key, value in ROWS.items())
    note_backup(tmp_path)
    assert rows.state().proved_ms is not None


async def test_a_second_backup_is_refused_in_a_sentence(tmp_path: Path, path: Path) -> None:
    rows = giver(tmp_path)
    async with served(path, rows):
        caller = await stalled(path)
        async with asyncio.timeout(QUICK_S):
            while rows.state().giving_since_ms is None:  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.001)
        with pytest.raises(LocalError, match="another backup is being taken"):
            await asyncio.to_thread(taken, path)
        assert rows.state().broken_off is None
        caller.close()


async def test_who_takes_nothing_is_cut_off(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_server, "READER_PATIENCE_S", 0.05)
    rows = giver(tmp_path)
    async with served(path, rows):
        caller = await stalled(path)
        async with asyncio.timeout(QUICK_S):
            while rows.state().broken_off is None:  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.001)
        assert rows.state().broken_off == "the command takes nothing"
        assert await asyncio.to_thread(taken, path) == ROWS
        caller.close()


async def test_a_row_that_cannot_be_read_ends_it_before_the_end(tmp_path: Path, path: Path) -> None:
    class Damaged(MemoryStore):
        def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
            yield b"k", b"v" * backup_rows.STEP_BYTES
            raise LocalError("the table is damaged")

    def view() -> KeyValueReader:
        return Damaged()

    rows = RowGiver(tmp_path, view)
    async with served(path, rows):
        with pytest.raises(LocalError, match=r"the node (ended|stopped)"):
            await asyncio.to_thread(taken, path)
    assert rows.state().broken_off == "the table is damaged"


async def test_a_stop_does_not_wait_for_who_takes_nothing(tmp_path: Path, path: Path) -> None:
    rows = giver(tmp_path)
    loop = asyncio.get_running_loop()
    async with served(path, rows) as server:
        caller = await stalled(path)
        async with asyncio.timeout(QUICK_S):
            while rows.state().given_bytes == 0:  # noqa: ASYNC110  # no event tells
                await asyncio.sleep(0.001)
        before_s = loop.time()
        await server.stop()
        assert loop.time() - before_s < admin_server.STOP_GRACE_S
        assert rows.state().giving_since_ms is None
        caller.close()


def test_nobody_there_is_no_error(tmp_path: Path, path: Path) -> None:
    assert running_frames(path) is None
    path.write_text("no socket")
    assert running_frames(path) is None
    path.unlink()
    bind_private(path, "[admin] socket").close()  # what a killed node leaves
    assert running_frames(path) is None


async def test_what_is_no_row_of_a_node_is_refused(tmp_path: Path, path: Path) -> None:
    """Another program on that socket."""

    answers: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.pop())
        writer.close()

    server = await asyncio.start_unix_server(answer, sock=bind_private(path, "x"))
    for said in (
        b"",
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n\xff\xff\xff\xff",
        b"HTTP/1.1 200 OK\r\n\r\n\x00\x00\x00\x09abc",
    ):
        answers.append(said)
        with pytest.raises(LocalError, match="ended before"):
            await asyncio.to_thread(taken, path)
    answers.append(b"HTTP/1.1 405 No\r\nContent-Length: 14\r\n\r\nJSON-RPC: POST")
    with pytest.raises(LocalError, match="gives no rows: JSON-RPC: POST"):
        await asyncio.to_thread(taken, path)
    server.close()
    await server.wait_closed()
