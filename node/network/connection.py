"""One TLS connection: frames in and out of an asyncio transport, with priorities and bounds.

Sending is synchronous: on an idle connection a frame is handed to the transport within the call;
while the transport is full it waits in a FrameQueue. Receiving is paused while the owner is slower
than the peer, so that the peer waits in TCP and not in this node's memory.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final, cast

from ledger.errors import PeerError, ensure
from node.network.frame_queue import FrameQueue, QueueBound
from node.network.wire import (
    DATA_KINDS,
    MAX_FRAME_BYTES,
    OLDEST_PROTOCOL,
    Frame,
    FrameDecoder,
    FrameKind,
    Hello,
    OtherProtocolError,
    decode_goodbye,
    encode_frame,
    encode_goodbye,
)

WRITE_HIGH_BYTES: Final = 128 * 1024
"""Bytes handed to the transport and not yet written at which sending waits in the queue: what a
consensus frame can find ahead of itself, beside one frame that is already under way."""
WRITE_LOW_BYTES: Final = 32 * 1024
UNSENT_IN_KERNEL_BYTES: Final = 128 * 1024
RECEIVE_HIGH_BYTES: Final = 1024 * 1024
RECEIVE_HIGH_FRAMES: Final = 256
# What is pushed between reaching the high mark and the pause is one read of the transport; the
# bound is there so that even a broken transport cannot fill the memory.
_RECEIVE_BOUNDS: Final = dict.fromkeys(DATA_KINDS, QueueBound(4 * MAX_FRAME_BYTES, 2**20))


@dataclass(slots=True)
class TrafficCounters:
    """Totals since start, as plain integers for metrics; dropped counts sent frames only."""

    bytes_sent: int = 0
    bytes_received: int = 0
    frames_sent: dict[FrameKind, int] = field(default_factory=lambda: dict.fromkeys(FrameKind, 0))
    frames_received: dict[FrameKind, int] = field(
        default_factory=lambda: dict.fromkeys(FrameKind, 0)
    )
    frames_dropped: dict[FrameKind, int] = field(
        default_factory=lambda: dict.fromkeys(FrameKind, 0)
    )

    def add(self, other: "TrafficCounters") -> None:
        """Add the totals of another connection."""
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received
        for kind in FrameKind:
            self.frames_sent[kind] += other.frames_sent[kind]
            self.frames_received[kind] += other.frames_received[kind]
            self.frames_dropped[kind] += other.frames_dropped[kind]


@dataclass(frozen=True, slots=True)
class ConnectionTimes:
    """Bounds in seconds; a half-open connection is found by the last two."""

    connect_s: float = 5.0
    handshake_s: float = 5.0
    hello_s: float = 5.0
    ping_s: float = 5.0  # each side sends a PING this often
    silence_s: float = 15.0  # a side that has received nothing for this long closes
    shutdown_s: float = 1.0


class Connection(asyncio.Protocol):
    """Frames of one peer. The owner awaits greet() once, then receive() until it gives None."""

    def __init__(self, times: ConnectionTimes) -> None:
        self._times = times
        self.traffic = TrafficCounters()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._decoder = FrameDecoder()
        self._sending = FrameQueue()
        self._received = FrameQueue(_RECEIVE_BOUNDS)
        self._write_paused = False
        self._read_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._hello: Hello | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._last_received = self._loop.time()
        self._pinged_s: float | None = None  # when the PING that is not answered yet was sent
        self._closing = False
        self._lost = asyncio.Event()
        self.own_key = b""
        """Node key under which this node is known on it, of the one or two that it has."""
        self.close_reason = ""
        """Why the connection ended, for the log; empty while it is open."""
        self.peer_error: PeerError | None = None
        """Set when the peer broke the framing: the owner lowers its score."""
        self.round_trip_ms: int | None = None
        """From the last PING to its answer, with what waited before them on the connection and in
        both nodes; None before the first answer."""
        self.protocol = OLDEST_PROTOCOL
        """The version that both sides speak, once the peer's HELLO was read."""

    # What the owner uses

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait for the transport."""
        return self._sending.total_bytes

    @property
    def queued_frames(self) -> int:
        """Frames that wait for the transport."""
        return self._sending.total_frames

    @property
    def is_open(self) -> bool:
        """False once either side has closed."""
        return self._transport is not None and not self._closing

    @property
    def received_bytes(self) -> int:
        """Bytes that were received and wait for the owner."""
        return self._received.total_bytes

    def peer_certificate(self) -> bytes | None:
        """Leaf of the peer in DER form, after the handshake."""
        ensure(self._transport is not None, "peer_certificate before the handshake")
        tls = self._open_transport().get_extra_info("ssl_object")
        leaf: bytes | None = tls.getpeercert(binary_form=True)
        return leaf

    def context(self) -> ssl.SSLContext:
        """Under which this side was authenticated, after the handshake."""
        tls: ssl.SSLObject = self._open_transport().get_extra_info("ssl_object")
        return tls.context

    async def greet(self, own: Hello) -> Hello:
        """Send the own HELLO and return the peer's; PeerError when none comes in time."""
        if self._closing:
            raise PeerError(self.close_reason)
        self._write_one(FrameKind.HELLO, own.encode())
        try:
            async with asyncio.timeout(self._times.hello_s):
                while self._hello is None and not self._closing:
                    await self._wait()
        except TimeoutError:
            raise PeerError(f"no HELLO within {self._times.hello_s} s") from None
        if self._hello is None:
            raise self.peer_error or PeerError(self.close_reason)
        return self._hello

    async def receive(self) -> Frame | None:
        """Next data frame, consensus first; None once the connection is closed."""
        while not self._received:
            if self._closing:
                return None
            await self._wait()
        frame = self._received.pop()
        if self._read_paused and self._received.total_bytes <= RECEIVE_HIGH_BYTES // 2:
            self._read_paused = False
            if not self._closing:
                self._open_transport().resume_reading()
        return frame

    def send(self, kind: FrameKind, frame: bytes) -> bool:
        """Write or queue an encoded frame; False when it was dropped. Never blocks."""
        if self._closing or self._transport is None:
            return False
        if not self._write_paused and not self._sending:
            self._write([(kind, frame)])
            return True
        dropped = self._sending.push(kind, frame)
        self.traffic.frames_dropped[kind] += dropped
        return dropped == 0 or kind is FrameKind.CONSENSUS

    def close(self, reason: str) -> None:
        """Tell the peer why, flush, close. What waits in the queue is dropped."""
        if self._closing:
            return
        if self._transport is not None:
            if not self._write_paused:
                self._write_one(FrameKind.GOODBYE, encode_goodbye(reason))
            self._transport.close()
        self._received.clear()
        self._end(reason)

    def abort(self, reason: str) -> None:
        """Close at once, without a word: nothing can be expected of the peer."""
        if self._transport is not None:
            self._transport.abort()
        self._received.clear()
        self._end(reason)

    async def wait_closed(self) -> None:
        """Return when the transport is gone, at most shutdown_s after close()."""
        if self._transport is not None:
            await self._lost.wait()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """After the TLS handshake of this side."""
        # Not checked: uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._open_transport().set_write_buffer_limits(WRITE_HIGH_BYTES, WRITE_LOW_BYTES)
        self._last_received = self._loop.time()
        self._ticker = self._loop.call_later(self._times.ping_s, self._tick)

    def data_received(self, data: bytes) -> None:
        """Cut into frames; a bad header closes the connection before its payload is read."""
        if self._closing:
            return
        self._last_received = self._loop.time()
        self.traffic.bytes_received += len(data)
        try:
            for kind, payload in self._decoder.feed(data):
                self.traffic.frames_received[kind] += 1
                self._take(kind, payload)
        except OtherProtocolError as error:
            self.close(str(error))
            return
        except PeerError as error:
            self.peer_error = error
            self.close(str(error))
            return
        if self._received.total_bytes > RECEIVE_HIGH_BYTES or (
            self._received.total_frames > RECEIVE_HIGH_FRAMES
        ):
            self._read_paused = True
            self._open_transport().pause_reading()

    def eof_received(self) -> None:
        """The peer closed its side; TLS has no half-closed connections."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone, by either side."""
        self._end(_loss(exc, heard=self.traffic.bytes_received > 0))
        self._lost.set()

    def pause_writing(self) -> None:
        """The transport is full."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """The transport has room: write what waits, by priority, in as few writes as possible."""
        self._write_paused = False
        while self._sending and not self._write_paused and not self._closing:
            self._write(self._sending.pop_batch(WRITE_HIGH_BYTES))

    # Inside

    def _open_transport(self) -> asyncio.Transport:
        ensure(self._transport is not None, "the connection has no transport yet")
        return self._transport  # type: ignore[return-value]  # checked in the line above

    def _take(self, kind: FrameKind, payload: bytes) -> None:
        if self._closing:
            return
        match kind:
            case FrameKind.HELLO:
                self._hello = Hello.decode(payload)
                self.protocol = self._hello.spoken
            case FrameKind.PING:
                if not self._write_paused:
                    self._write_one(FrameKind.PONG, b"")
                return
            case FrameKind.PONG:
                self._ponged()
                return
            case FrameKind.GOODBYE:
                self._open_transport().abort()
                self._end(f"the peer closed: {decode_goodbye(payload)}")
            case _:
                self._received.push(kind, payload)
        self._wake()

    def _write_one(self, kind: FrameKind, payload: bytes) -> None:
        self._write([(kind, encode_frame(kind, payload))])

    def _write(self, frames: list[Frame]) -> None:
        for kind, frame in frames:
            self.traffic.frames_sent[kind] += 1
            self.traffic.bytes_sent += len(frame)
        self._open_transport().writelines([frame for _, frame in frames])

    def _end(self, reason: str) -> None:
        """The connection takes and gives nothing more; the first reason stands. What was received
        before the peer closed can still be read."""
        if self._closing:
            return
        self._closing = True
        self.close_reason = reason
        self._sending.clear()
        if self._ticker is not None:
            self._ticker.cancel()
        self._wake()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _ponged(self) -> None:
        if self._pinged_s is not None:
            self.round_trip_ms = round((self._loop.time() - self._pinged_s) * 1_000)
            self._pinged_s = None

    def _tick(self) -> None:
        """Every ping_s: close a silent connection, keep the own side from being silent."""
        now = self._loop.time()
        if now - self._last_received >= self._times.silence_s and not self._read_paused:
            self.abort(f"nothing was received for {self._times.silence_s} s")
            return
        if not self._write_paused:
            self._pinged_s = now if self._pinged_s is None else self._pinged_s
            self._write_one(FrameKind.PING, b"")
        self._ticker = self._loop.call_later(self._times.ping_s, self._tick)


def _loss(error: Exception | None, *, heard: bool) -> str:
    """Why the transport was lost, for an operator."""
    alert = isinstance(error, ssl.SSLError) and "alert" in str(error).lower()
    if alert or not heard:
        # In TLS 1.3 the dialler ends its handshake before the listener judges it, and a refusal
        # shows as an alert or as a plain end. Whoever accepts says HELLO at once.
        return (
            "the peer refused this node's TLS key in the handshake: is the key in the registry "
            "of the peer's chain (`poyong validators`)?"
        )
    return str(error or "the peer closed the connection") or type(error).__name__


def tune(stream: socket.socket) -> None:
    """No delay for small frames; little unsent data in the kernel, where priority has no say."""
    stream.setblocking(False)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL_BYTES)
