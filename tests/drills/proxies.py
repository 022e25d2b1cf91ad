"""Wires for any machine: a TCP proxy for each ordered pair of nodes, in a thread of this process.

A proxy sees no packets, so what bad weather does to TCP is imitated: bytes of a connection arrive
in order, and what is lost is sent again after a time that doubles, as Linux does it (0.2 s after
data, 1 s after a connection request; RFC 6298), with nothing that shortens it (no fast retransmit).
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from node.localnet.layout import TownNode
from node.localnet.ports import LOOPBACK
from tests.drills.weather import Weather

SEGMENT_BYTES: Final = 1_448
CHUNK_BYTES: Final = 64 * SEGMENT_BYTES
CHUNKS_UNDER_WAY: Final = 64
DATA_AGAIN_S: Final = 0.2
CONNECT_AGAIN_S: Final = 1.0
LONGEST_AGAIN_S: Final = 120.0
STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Line:
    weather: Weather
    of: str
    to: str

    async def carry(self, segments: int, again_s: float) -> None:
        """Return when so many packets, which were sent together, have all got through."""
        while segments := sum(self._lost() for _ in range(segments)):
            await asyncio.sleep(again_s)
            again_s = min(2 * again_s, LONGEST_AGAIN_S)

    def _lost(self) -> bool:
        return not self.weather.reaches(self.of, self.to) or self.weather.loses()


class ProxyWires:
    """See above."""

    kind = "TCP proxies on loopback (loss is imitated)"

    def __init__(self, nodes: Sequence[TownNode], weather: Weather) -> None:
        self._weather = weather
        self._ports: dict[tuple[str, str], int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(nodes), self._loop).result(STOP_S)

    def listen_host(self, name: str) -> str:
        """Loopback for all."""
        return LOOPBACK

    def users_host(self, name: str) -> str:
        """Loopback for all."""
        return LOOPBACK

    def address(self, of: str, to: TownNode) -> str:
        """Of the proxy that stands between the two."""
        return f"{LOOPBACK}:{self._ports[of, to.name]}"

    def command(self, name: str) -> list[str]:
        """Nothing: nodes are started as they are."""
        return []

    def close(self) -> None:
        """End every connection, and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(STOP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._loop.close()

    async def _listen(self, nodes: Sequence[TownNode]) -> None:
        self._servers = []
        for of in nodes:
            for to in nodes:
                if of.name != to.name:
                    self._servers.append(await self._between(of.name, to))

    async def _between(self, of: str, to: TownNode) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                with suppress(OSError):
                    await self._connection(of, to, reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, LOOPBACK, 0, limit=CHUNK_BYTES)
        self._ports[of, to.name] = server.sockets[0].getsockname()[1]
        return server

    async def _connection(
        self, of: str, to: TownNode, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = _Line(self._weather, of, to.name), _Line(self._weather, to.name, of)
        await there.carry(1, CONNECT_AGAIN_S)
        await asyncio.sleep(self._weather.delay_s)
        # A host that is down refuses at once, as its kernel would.
        far_reader, far_writer = await asyncio.open_connection(
            LOOPBACK, to.p2p_port, limit=CHUNK_BYTES
        )
        try:
            await asyncio.gather(
                self._pump(there, reader, far_writer), self._pump(back, far_reader, writer)
            )
        finally:
            far_writer.close()

    async def _pump(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry everything one way, its end too. Chunks wait for their turn, not for each other's
        delay."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_UNDER_WAY)

        async def deliver() -> None:
            while True:
                sent_s, chunk = await queue.get()
                await line.carry(-(-len(chunk) // SEGMENT_BYTES) or 1, DATA_AGAIN_S)
                due_s = sent_s + line.weather.delay_s
                await asyncio.sleep(max(0.0, due_s - self._loop.time()))
                if not chunk:
                    writer.write_eof() if writer.can_write_eof() else writer.close()
                    return
                writer.write(chunk)
                await writer.drain()

        delivering = asyncio.ensure_future(deliver())
        try:
            while True:
                chunk = await reader.read(CHUNK_BYTES)
                await queue.put((self._loop.time(), chunk))
                if not chunk:
                    break
            await delivering
        finally:
            delivering.cancel()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
