"""One WebSocket connection: calls answered side by side, and subscriptions.

Text and binary frames are both read; answers are text. At most MAX_CALLS_IN_FLIGHT messages are
worked on at once, then nothing more is read: a client that pipelines too much waits by itself.

What is written and not taken is bounded: one notification of all subscriptions of a connection and
one answer to each call, of all clients together what they may leave unsent. A reader that takes
nothing for its patience is disconnected, with the reason in the close frame.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from api.dispatch import LARGE_BYTES, Dispatcher
from api.ethereum.gateway import Gateway
from api.ports import NodePort
from api.registry import Context, MethodRegistry
from api.slow_readers import SlowReaderError, write_patiently
from api.subscriptions import EncodedBlocks, Subscriptions

MAX_CALLS_IN_FLIGHT: Final = 16
"""Messages of one connection that are worked on at once."""
HEARTBEAT_S: Final = 30.0
"""A ping goes out so often; a connection that answers none is closed."""
CLOSE_TIMEOUT_S: Final = 1.0
"""For the other side to answer a close frame."""
WRITE_BUFFER_BYTES: Final = 256 * 1024
"""Unsent bytes after which a writer waits for the reader."""
AT_ONCE_BYTES: Final = 32 * 1024
"""A frame up to this size never has to wait when nothing is unsent: half of what a transport takes
before it says that it is full."""

log = logging.getLogger(__name__)


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
        max_subscriptions: int,
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
        self._subscriptions = Subscriptions(
            node, blocks, self._send_notice, self._give_up, max_subscriptions
        )
        self._noticing = asyncio.Lock()
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
                # Not awaited itself: when the connection is lost this task is cancelled, and would
                # cancel what stop() waits for.
                await asyncio.wait((self._closing,))
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
        except SlowReaderError as error:
            self._give_up(error)
            return
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
        transport = self._transport
        size_bytes = len(frame)
        if transport is None or transport.is_closing():
            raise ConnectionError("the connection is gone")
        if size_bytes <= AT_ONCE_BYTES and not transport.get_write_buffer_size():
            await self._socket.send_frame(frame, WSMsgType.TEXT)
            return
        unsent = self._dispatcher.unsent
        unsent.hold(size_bytes)
        try:
            writing = self._socket.send_frame(frame, WSMsgType.TEXT)
            await write_patiently(writing, transport, size_bytes, self._reader_patience_ms)
        finally:
            unsent.release(size_bytes)

    async def _send_notice(self, *parts: bytes) -> None:
        """Send a notification when the one before it is taken, whichever subscription it is of."""
        async with self._noticing:
            if sum(map(len, parts)) > LARGE_BYTES:
                await self._dispatcher.unsent.room()
            await self._send(b"".join(parts))

    def _give_up(self, error: SlowReaderError) -> None:
        if self._closing is None:
            log.warning("WebSocket client disconnected: %s", error)
            self.close(WSCloseCode.POLICY_VIOLATION, str(error))
