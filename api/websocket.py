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
from api.ethereum.gateway import Gateway
from api.ports import NodePort
from api.registry import Context, MethodRegistry
from api.subscriptions import EncodedBlocks, Subscriptions

MAX_CALLS_IN_FLIGHT: Final = 16
"""Messages of one connection that are worked on at once."""
HEARTBEAT_S: Final = 30.0
"""A ping goes out so often; a connection that answers none is closed."""
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
        ethereum: Gateway,
        admit: Callable[[int], None],
        max_message_bytes: int,
        reader_patience_ms: int,
    ) -> None:
        self._node = node
        self._registry = registry
        self._dispatcher = dispatcher
        self._ethereum = ethereum
        self._admit = admit
        self._reader_patience_ms = reader_patience_ms
        self._closing: asyncio.Task[None] | None = None
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
            if self._closing is not None:
                await self._closing
        return self._socket

    def close(self, code: int, reason: str) -> asyncio.Task[None]:
        """Begin to say why and to end the connection; the first reason counts. The task ends
        soon, whether the other side listens or not."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(code, reason))
        return self._closing

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                await self._socket.close(code=code, message=reason.encode())
        except TimeoutError:
            log.debug("the close frame was not taken in time")
        if self._transport is not None:
            # What is written may still reach a reader that wakes up now, but not for ever.
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    async def _answer(self, data: str | bytes) -> None:
        context = Context(self._node, self._registry, self._ethereum, self._subscriptions)
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
            async with asyncio.timeout(self._reader_patience_ms / 1000):
                await self._socket.send_frame(frame, WSMsgType.TEXT)
        except TimeoutError:
            reason = f"reader too slow: took nothing for {self._reader_patience_ms} ms"
            if self._closing is None:
                log.warning("WebSocket client disconnected: %s", reason)
                self.close(WSCloseCode.POLICY_VIOLATION, reason)
            raise SlowReaderError(reason) from None
