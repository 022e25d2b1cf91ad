"""One WebSocket connection: calls answered side by side, and block subscriptions.

Text and binary frames are both read; answers are text. At most MAX_CALLS_IN_FLIGHT messages are
worked on at once, then nothing more is read: a client that pipelines too much waits by itself.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from api.dispatch import Dispatcher
from api.ports import NodePort
from api.registry import Context, MethodRegistry
from api.subscriptions import EncodedBlocks, Subscriptions

MAX_CALLS_IN_FLIGHT: Final = 16
"""Messages of one connection that are worked on at once."""
HEARTBEAT_S: Final = 30.0
"""A ping goes out so often; a connection that answers none is closed."""
READER_PATIENCE_S: Final = 10.0
"""A reader that takes nothing for so long is disconnected."""
CLOSE_TIMEOUT_S: Final = 1.0
"""For the other side to answer a close frame."""
WRITE_BUFFER_BYTES: Final = 256 * 1024
"""Unsent bytes after which a writer waits for the reader."""

log = logging.getLogger(__name__)


class SlowReaderError(ConnectionError):
    """The other side takes nothing; the connection is given up."""


class WebSocketConnection:
    """Serves one client until it leaves, reads too slowly, or the node stops."""

    def __init__(
        self,
        node: NodePort,
        registry: MethodRegistry,
        dispatcher: Dispatcher,
        blocks: EncodedBlocks,
        admit: Callable[[int], None],
        max_message_bytes: int,
        reader_patience_s: float = READER_PATIENCE_S,
    ) -> None:
        self._node = node
        self._registry = registry
        self._dispatcher = dispatcher
        self._admit = admit
        self._reader_patience_s = reader_patience_s
        self._socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S,
            timeout=CLOSE_TIMEOUT_S,
            max_msg_size=max_message_bytes,
            compress=False,
            writer_limit=WRITE_BUFFER_BYTES,
        )
        self._subscriptions = Subscriptions(node, blocks, self._send)
        self._slots = asyncio.Semaphore(MAX_CALLS_IN_FLIGHT)
        self._calls: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None

    async def serve(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Speak until the connection ends."""
        self._transport = request.transport
        await self._socket.prepare(request)
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                await self._slots.acquire()
                call = asyncio.create_task(self._answer(message.data))
                self._calls.add(call)
                call.add_done_callback(self._answered)
        finally:
            await self._subscriptions.close()
            for call in list(self._calls):
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)
        return self._socket

    async def close(self, code: int, reason: str) -> None:
        """Say why, and end the connection whether the other side listens or not."""
        try:
            async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                await self._socket.close(code=code, message=reason.encode())
        except TimeoutError:
            log.debug("the close frame was not taken in time")
        finally:
            if self._transport is not None:
                self._transport.abort()

    async def _answer(self, data: str | bytes) -> None:
        context = Context(self._node, self._registry, self._subscriptions)
        answer = await self._dispatcher.answer(data, context, self._admit)
        try:
            if answer is not None:
                await self._send(answer)
        except ConnectionError:
            return  # serve() ends by itself
        self._subscriptions.start()

    def _answered(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._slots.release()
        if not call.cancelled() and call.exception() is not None:
            log.error("a WebSocket call failed", exc_info=call.exception())

    async def _send(self, frame: bytes) -> None:
        """Send one text frame; SlowReaderError when the reader takes nothing for too long."""
        try:
            async with asyncio.timeout(self._reader_patience_s):
                await self._socket.send_frame(frame, WSMsgType.TEXT)
        except TimeoutError:
            reason = f"reader too slow: took nothing for {self._reader_patience_s:g} s"
            log.warning("WebSocket client disconnected: %s", reason)
            await self.close(WSCloseCode.POLICY_VIOLATION, reason)
            raise SlowReaderError(reason) from None
