"""The operator's methods: JSON-RPC by HTTP POST on a Unix socket that its owner alone can open, and
there, by GET, all rows of the chain for a backup.

Who may speak is decided by the file system; there are no API keys, no budgets and no WebSocket.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

from api import responses
from api.admin_ports import AdminPort, NotDone
from api.dispatch import Dispatcher
from api.errors import INVALID_REQUEST
from api.ethereum.gateway import Gateway
from api.methods import admin_methods
from api.ports import NodePort
from api.registry import Context
from ledger.errors import InvariantViolation

MAX_CONNECTIONS: Final = 16
MAX_BODY_BYTES: Final = 64 * 1024
MAX_BATCH: Final = 16
PATIENCE_S: Final = 10.0
"""For the whole of a request to arrive."""
STOP_GRACE_S: Final = 2.0
ROWS_PATH: Final = "/rows"
READER_PATIENCE_S: Final = 60.0
"""A backup that takes nothing for so long is cut off, since its view keeps old rows on disk."""


class AdminServer:
    """Serves one bound socket until stop()."""

    def __init__(
        self,
        node: NodePort,
        desk: AdminPort,
        on_invariant_violation: Callable[[InvariantViolation], None],
        clock_s: Callable[[], float],
    ) -> None:
        registry = admin_methods()
        self._dispatcher = Dispatcher(registry, MAX_BATCH, on_invariant_violation)
        self._context = Context(node, registry, Gateway(node, clock_s), admin=desk)
        self._desk = desk
        self._giving: set[asyncio.Task[None]] = set()
        self._runner: web.ServerRunner | None = None
        self._listener: asyncio.Server | None = None
        self._open = 0

    async def start(self, bound: socket.socket) -> None:
        """Listen on it."""
        server = web.Server(self._handle, access_log=None, auto_decompress=False)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=STOP_GRACE_S)
        self._runner = runner
        await runner.setup()
        self._listener = await asyncio.get_running_loop().create_unix_server(
            server, sock=bound, backlog=MAX_CONNECTIONS
        )

    async def stop(self) -> None:
        """Finish what is under way, and close."""
        if self._listener is not None:
            self._listener.close()
        for giving in self._giving:
            giving.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._open >= MAX_CONNECTIONS:
            return responses.refusal(
                503, INVALID_REQUEST, f"{MAX_CONNECTIONS} requests are under way: ask again"
            )
        self._open += 1
        try:
            return await self._answer(request)
        finally:
            self._open -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == hdrs.METH_GET and request.path == ROWS_PATH:
            return await self._give_rows(request)
        if request.method != hdrs.METH_POST:
            return web.Response(status=405, headers={hdrs.ALLOW: "POST"}, text="JSON-RPC: POST\n")
        body = bytearray()
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > MAX_BODY_BYTES:
                        return responses.too_large(MAX_BODY_BYTES)
        except TimeoutError:
            return responses.refusal(
                408, INVALID_REQUEST, f"the body did not arrive within {PATIENCE_S:g} s"
            )
        answer = await self._dispatcher.answer(bytes(body), self._context, lambda calls: None)
        if answer is None:
            return web.Response(status=204)
        return web.Response(body=answer, content_type=responses.JSON)

    async def _give_rows(self, request: web.BaseRequest) -> web.StreamResponse:
        """Frames of rows; a backup that is broken off ends without the last one, which is empty."""
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/octet-stream"})

        async def write(frame: bytes) -> None:
            async with asyncio.timeout(READER_PATIENCE_S):
                if not response.prepared:
                    await response.prepare(request)
                await response.write(frame)

        self._giving.add(request.task)
        try:
            await self._desk.give_rows(write)
        except NotDone as error:
            if not response.prepared:
                return web.Response(status=409, text=str(error))
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._giving.discard(request.task)
        return response
