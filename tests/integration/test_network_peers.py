"""Peer managers that get on with each other: connect, route, reconnect, keep priorities."""

import asyncio
import time

import pytest
import uvloop

from node.network import dialling
from node.network.backoff import RECONNECT_CAP_MS
from node.network.connection import ConnectionTimes
from node.network.dialling import YIELD_MS
from node.network.peers import Audience, Role
from node.network.wire import FrameKind
from tests.integration.network_harness import (
    WAIT_S,
    Harness,
    identity,
    join,
    running,
    validators,
)
from tests.support.running_nodes import until


def three_nodes() -> tuple[Harness, Harness, Harness]:
    """Two validators and an observer."""
    registry = validators(1, 2) | {identity(3).node_key: Role(None, "observer")}
    first, second, third = (Harness(identity(n), dict(registry)) for n in (1, 2, 3))
    return first, second, third


async def test_frames_reach_whom_they_are_for() -> None:
    nodes = three_nodes()
    one, two, observer = nodes
    async with running(*nodes):
        await join(nodes)
        assert one.manager.send(two.key, FrameKind.CONSENSUS, b"vote")
        assert one.manager.broadcast(FrameKind.SYNC, b"validators", Audience.VALIDATORS) == 1
        assert one.manager.broadcast(FrameKind.TRANSACTIONS, b"all", Audience.ALL) == 2
        assert one.manager.broadcast(FrameKind.CONSENSUS, b"named", [observer.key, bytes(32)]) == 1
        assert not one.manager.send(bytes(32), FrameKind.CONSENSUS, b"nobody")
        await two.until(lambda: len(two.received) == 3)
        await observer.until(lambda: len(observer.received) == 2)
    assert sorted(two.received) == sorted(
        [
            (one.key, FrameKind.CONSENSUS, b"vote"),
            (one.key, FrameKind.SYNC, b"validators"),
            (one.key, FrameKind.TRANSACTIONS, b"all"),
        ]
    )
    assert {payload for _, _, payload in observer.received} == {b"all", b"named"}
    assert one.manager.traffic().frames_sent[FrameKind.CONSENSUS] == 2
    assert two.manager.traffic().frames_received[FrameKind.TRANSACTIONS] == 1


async def test_a_frame_on_an_idle_connection_is_written_within_the_call() -> None:
    nodes = three_nodes()[:2]
    one, two = nodes
    async with running(*nodes):
        await join(nodes)
        sent = one.manager.traffic().frames_sent[FrameKind.CONSENSUS]
        one.manager.send(two.key, FrameKind.CONSENSUS, b"vote")
        assert one.manager.traffic().frames_sent[FrameKind.CONSENSUS] == sent + 1
        assert one.manager.queued_frames == 0
        await two.until(lambda: bool(two.received))


async def test_both_dialling_at_once_ends_with_one_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one that the lower node key dialled, on both sides, whichever was ready first."""
    monkeypatch.setattr(dialling, "YIELD_MS", 0)
    for _ in range(5):
        await both_dial(*sorted(three_nodes()[:2], key=lambda node: node.key))


async def both_dial(lower: Harness, higher: Harness) -> None:
    async with running(lower, higher):
        await lower.start()
        await higher.start()
        higher.manager.set_addresses({lower.key: lower.address})
        lower.manager.set_addresses({higher.key: higher.address})
        await lower.until(lambda: [peer.outbound for peer in lower.manager.peers()] == [True])
        await higher.until(lambda: [peer.outbound for peer in higher.manager.peers()] == [False])
        lower.manager.send(higher.key, FrameKind.CONSENSUS, b"one way")
        higher.manager.send(lower.key, FrameKind.CONSENSUS, b"other way")
        await higher.until(lambda: bool(higher.received))
        await lower.until(lambda: bool(lower.received))
        assert lower.manager.counters.bans == higher.manager.counters.bans == 0


async def test_a_lost_peer_is_dialled_again_within_the_backoff() -> None:
    """consensus.md rule 3: at most 2 s after the peer is back."""
    nodes = three_nodes()[:2]
    one, two = nodes
    async with running(*nodes):
        await join(nodes)
        port = int(one.address.rpartition(":")[2])
        await one.manager.stop()
        await two.until(lambda: len(two.disconnects) == 1)
        await one.start(port)
        back = time.monotonic()
        await two.until(lambda: len(two.connects) == 2)
        waited_ms = (time.monotonic() - back) * 1_000
        assert waited_ms < RECONNECT_CAP_MS + YIELD_MS
        await one.until_connected(two)


async def test_consensus_overtakes_a_queue_of_transactions() -> None:
    nodes = three_nodes()[:2]
    one, two = nodes
    async with running(*nodes):
        await join(nodes)
        two.hold = asyncio.Event()
        batch = bytes(256 * 1024)
        accepted = 0
        while one.manager.send(two.key, FrameKind.TRANSACTIONS, batch):
            accepted += 1
            await asyncio.sleep(0)  # lets what fits go to the kernel
        refused = one.manager.traffic().frames_dropped[FrameKind.TRANSACTIONS]
        assert refused == 1
        assert one.manager.send(two.key, FrameKind.SYNC, b"block")
        assert one.manager.send(two.key, FrameKind.CONSENSUS, b"vote")
        queued = one.manager.queued_frames - 2
        two.hold.set()
        await two.until(lambda: len(two.received) == accepted + 2)
    kinds = [kind for _, kind, _ in two.received]
    vote, block = kinds.index(FrameKind.CONSENSUS), kinds.index(FrameKind.SYNC)
    assert vote < block
    assert queued > 10
    assert len(kinds) - 1 - block >= queued, "the queued transactions come after both"


async def test_a_slow_handler_slows_its_peer_and_fills_no_memory() -> None:
    nodes = three_nodes()[:2]
    one, two = nodes
    async with running(*nodes):
        await join(nodes)
        two.hold = asyncio.Event()
        frame = bytes(1024 * 1024)
        for _ in range(200):
            one.manager.send(two.key, FrameKind.CONSENSUS, frame)
            await asyncio.sleep(0)
        (connection,) = [peer.connection for peer in two.manager.peers()]
        assert connection.received_bytes <= 4 * len(frame)
        assert one.manager.queued_bytes <= 25 * len(frame)
        two.hold.set()


async def test_a_changed_registry_admits_and_drops() -> None:
    nodes = three_nodes()
    one, two, observer = nodes
    for node in (one, two):
        del node.registry[observer.key]
    async with running(*nodes):
        await join((one, two))
        await observer.start()
        observer.manager.set_addresses({one.key: one.address})
        one.registry[observer.key] = Role(None, "observer")
        one.manager.registry_changed()
        await one.until_connected(observer)
        del one.registry[observer.key]
        one.manager.registry_changed()
        await observer.until(lambda: bool(observer.disconnects))
        assert "no longer in the registry" in observer.disconnects[0].connection.close_reason
        one.registry[two.key] = Role(7, "org2")
        one.manager.registry_changed()
        assert [peer.role.validator for peer in one.manager.peers()] == [7]


async def test_whom_the_own_book_names_is_dialled_before_the_registry_knows_it() -> None:
    """A node that is far behind knows old keys alone; the others, who know its key, take it."""
    behind, ahead, _ = three_nodes()
    del behind.registry[ahead.key]
    async with running(behind, ahead):
        await behind.start()
        await ahead.start()
        ahead.manager.set_addresses({behind.key: behind.address})
        await until(lambda: behind.manager.counters.refused > 0)
        assert not behind.manager.peers(), "who is unknown may not come by itself"
        behind.manager.set_addresses({ahead.key: ahead.address})
        await behind.until_connected(ahead)
        (peer,) = behind.manager.peers()
        assert peer.role == Role(None, "")
        behind.registry[ahead.key] = Role(1, "org1")
        behind.manager.registry_changed()
        assert peer.role == Role(1, "org1")
        del behind.registry[ahead.key]
        behind.manager.registry_changed()
        await behind.until(lambda: not behind.manager.peers())
        assert "no longer in the registry" in peer.connection.close_reason
        assert not behind.manager._dialling._diallers, "who left is not dialled again"


async def throughput() -> tuple[int, float]:
    nodes = three_nodes()[:2]
    one, two = nodes
    frame, count = bytes(1_000), 5_000
    async with running(*nodes):
        await join(nodes)
        started = time.perf_counter()
        for _ in range(count):
            assert one.manager.send(two.key, FrameKind.CONSENSUS, frame)
            await asyncio.sleep(0)
        await two.until(lambda: len(two.received) == count)
        return len(two.frames(FrameKind.CONSENSUS)), time.perf_counter() - started


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_throughput_smoke_on_both_loops(factory: object) -> None:
    """Prints what this machine does; asserts only that everything arrived."""
    with asyncio.Runner(loop_factory=factory) as runner:  # type: ignore[arg-type]  # two factories
        frames, seconds = runner.run(throughput())
    assert frames == 5_000
    print(f"{frames / seconds:,.0f} frames/s of 1,000 bytes over TLS, both ends in one process")


async def test_the_round_trip_to_a_peer_is_known_after_the_first_ping() -> None:
    times = ConnectionTimes(ping_s=0.05)
    one, two = (Harness(identity(number), validators(1, 2), times=times) for number in (1, 2))
    async with running(one, two):
        await join((one, two))
        (there,), (back,) = one.manager.peers(), two.manager.peers()
        ends = (there.connection, back.connection)
        await until(lambda: all(end.round_trip_ms is not None for end in ends))
        assert all(0 <= (end.round_trip_ms or 0) < WAIT_S * 1_000 for end in ends)
