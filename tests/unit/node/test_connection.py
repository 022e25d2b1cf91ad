"""One connection on a stand-in transport and clock: silence, pings, bounds, the end."""

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

import pytest

from ledger.primitives import Hash
from node.network import connection as module
from node.network.connection import (
    RECEIVE_HIGH_BYTES,
    WRITE_HIGH_BYTES,
    Connection,
    ConnectionTimes,
)
from node.network.frame_queue import SEND_BOUNDS
from node.network.wire import FrameDecoder, FrameKind, Hello, encode_frame

TIMES = ConnectionTimes(ping_s=5, silence_s=15)
HELLO = encode_frame(FrameKind.HELLO, Hello(1, Hash(bytes(32)), 0, "").encode())


class Clock:
    """The part of an event loop that a connection uses, with time in the test's hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._timers: list[tuple[float, Callable[[], None], Timer]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> "Timer":
        timer = Timer()
        self._timers.append((self.now_s + delay_s, callback, timer))
        return timer

    def pass_to(self, now_s: float) -> None:
        while due := [item for item in self._timers if item[0] <= now_s]:
            first = min(due, key=lambda item: item[0])
            self._timers.remove(first)
            self.now_s = first[0]
            if not first[2].cancelled:
                first[1]()
        self.now_s = now_s


class Timer:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Pipe(asyncio.Transport):
    """Takes what is written; full when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self._reading = True
        self.ended = ""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert (high, low) == (module.WRITE_HIGH_BYTES, module.WRITE_LOW_BYTES)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"".join(list_of_data))

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True

    def is_reading(self) -> bool:
        return self._reading

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"

    def kinds(self) -> list[FrameKind]:
        decoder = FrameDecoder()
        list(decoder.feed(HELLO))
        return [kind for kind, _ in decoder.feed(b"".join(self.writes))]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stand_in = Clock()
    loop = cast(asyncio.AbstractEventLoop, stand_in)
    monkeypatch.setattr("node.network.connection.asyncio.get_running_loop", lambda: loop)
    return stand_in


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def connection(clock: Clock, pipe: Pipe) -> Connection:
    opened = Connection(TIMES)
    opened.connection_made(pipe)
    opened.data_received(HELLO)
    return opened


def test_a_silent_peer_is_cut_off_and_not_before(
    clock: Clock, connection: Connection, pipe: Pipe
) -> None:
    clock.pass_to(10)
    connection.data_received(encode_frame(FrameKind.PING, b""))
    clock.pass_to(24.9)
    assert connection.is_open
    clock.pass_to(25)
    assert pipe.ended == "aborted"
    assert connection.close_reason == "nothing was received for 15 s"


def test_each_side_pings_now_and_then(clock: Clock, connection: Connection, pipe: Pipe) -> None:
    clock.pass_to(4)
    connection.send(FrameKind.CONSENSUS, encode_frame(FrameKind.CONSENSUS, b"x"))
    assert pipe.kinds() == [FrameKind.CONSENSUS]
    clock.pass_to(10)
    assert pipe.kinds() == [FrameKind.CONSENSUS, FrameKind.PING, FrameKind.PING]


def test_a_ping_is_answered_unless_the_transport_is_full(
    connection: Connection, pipe: Pipe
) -> None:
    connection.data_received(encode_frame(FrameKind.PING, b""))
    assert pipe.kinds() == [FrameKind.PONG]
    connection.pause_writing()
    connection.data_received(encode_frame(FrameKind.PING, b"") * 100)
    assert pipe.kinds() == [FrameKind.PONG], "who does not read cannot make answers pile up"


def test_the_round_trip_is_measured_from_a_ping_to_its_answer(
    clock: Clock, connection: Connection
) -> None:
    pong = encode_frame(FrameKind.PONG, b"")
    connection.data_received(pong)
    unasked = connection.round_trip_ms
    assert unasked is None
    clock.pass_to(5)
    clock.pass_to(5.25)
    connection.data_received(pong)
    assert connection.round_trip_ms == 250
    connection.data_received(pong)
    assert connection.round_trip_ms == 250
    clock.pass_to(16)
    connection.data_received(pong)
    assert connection.round_trip_ms == 6_000, "from the first ping that was not answered"


def test_pings_of_both_sides_keep_a_quiet_connection_open(
    clock: Clock, connection: Connection, pipe: Pipe
) -> None:
    for second in range(5, 200, 5):
        clock.pass_to(second)
        connection.data_received(encode_frame(FrameKind.PING, b""))
    assert connection.is_open
    assert pipe.kinds().count(FrameKind.PING) == 39


def test_a_full_transport_makes_frames_wait_and_room_lets_them_go_together(
    connection: Connection, pipe: Pipe
) -> None:
    connection.pause_writing()
    for kind in (FrameKind.TRANSACTIONS, FrameKind.SYNC, FrameKind.CONSENSUS):
        assert connection.send(kind, encode_frame(kind, b"payload"))
    assert pipe.writes == []
    assert connection.queued_frames == 3
    connection.resume_writing()
    assert len(pipe.writes) == 1, "one write for all"
    assert pipe.kinds() == [FrameKind.CONSENSUS, FrameKind.SYNC, FrameKind.TRANSACTIONS]


def test_room_lets_go_no_more_than_the_transport_takes(
    connection: Connection, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = encode_frame(FrameKind.TRANSACTIONS, bytes(WRITE_HIGH_BYTES))
    connection.pause_writing()
    for _ in range(5):
        connection.send(FrameKind.TRANSACTIONS, frame)
    written = pipe.writelines

    def fills_up(frames: Iterable[bytes | bytearray | memoryview]) -> None:
        written(frames)
        connection.pause_writing()

    monkeypatch.setattr(pipe, "writelines", fills_up)
    connection.resume_writing()
    assert (len(pipe.writes), connection.queued_frames) == (1, 4)


def test_what_a_full_queue_drops_is_counted(connection: Connection) -> None:
    connection.pause_writing()
    limit = SEND_BOUNDS[FrameKind.SYNC].max_frames
    taken = [connection.send(FrameKind.SYNC, b"frame") for _ in range(limit + 2)]
    assert taken == [True] * limit + [False] * 2
    limit = SEND_BOUNDS[FrameKind.CONSENSUS].max_frames
    assert all(connection.send(FrameKind.CONSENSUS, b"frame") for _ in range(limit + 3))
    dropped = connection.traffic.frames_dropped
    assert (dropped[FrameKind.SYNC], dropped[FrameKind.CONSENSUS]) == (2, 3)


def test_a_peer_that_is_faster_than_the_owner_is_not_read_further(
    connection: Connection, pipe: Pipe
) -> None:
    frame = encode_frame(FrameKind.CONSENSUS, bytes(RECEIVE_HIGH_BYTES // 4))
    while pipe.is_reading():
        connection.data_received(frame)
    assert connection.received_bytes <= RECEIVE_HIGH_BYTES + len(frame)
    while not pipe.is_reading():
        with pytest.raises(StopIteration):
            connection.receive().send(None)
    assert connection.received_bytes <= RECEIVE_HIGH_BYTES // 2


def test_many_tiny_frames_are_bounded_by_their_number(connection: Connection, pipe: Pipe) -> None:
    sent = 0
    while pipe.is_reading():
        connection.data_received(encode_frame(FrameKind.TRANSACTIONS, b""))
        sent += 1
    assert sent == module.RECEIVE_HIGH_FRAMES + 1


def received(connection: Connection) -> list[object]:
    frames: list[object] = []
    while True:
        try:
            connection.receive().send(None)
        except StopIteration as result:
            if result.value is None:
                return frames
            frames.append(result.value)


def test_what_came_before_the_peer_s_goodbye_is_still_read(connection: Connection) -> None:
    connection.data_received(
        encode_frame(FrameKind.CONSENSUS, b"vote")
        + encode_frame(FrameKind.GOODBYE, b"stopping")
        + encode_frame(FrameKind.CONSENSUS, b"after the end")
    )
    assert received(connection) == [(FrameKind.CONSENSUS, b"vote")]
    assert connection.close_reason == "the peer closed: stopping"


def test_after_an_own_close_nothing_is_read_or_sent(connection: Connection, pipe: Pipe) -> None:
    connection.data_received(encode_frame(FrameKind.CONSENSUS, b"vote"))
    connection.close("banned")
    assert received(connection) == []
    assert not connection.send(FrameKind.CONSENSUS, b"frame")
    assert pipe.kinds() == [FrameKind.GOODBYE]
    assert pipe.ended == "closed"


def test_the_first_reason_stands(connection: Connection) -> None:
    connection.close("first")
    connection.abort("second")
    connection.connection_lost(None)
    assert connection.close_reason == "first"
