"""Strangers, other chains, rubbish and silence: each is refused with a reason, at bounded cost."""

import asyncio

import pytest

from ledger.errors import LocalError
from ledger.primitives import Hash
from node.network.backoff import Backoff
from node.network.connection import ConnectionTimes
from node.network.identities import Identities
from node.network.peers import Peer, PeerManager, Role
from node.network.reputation import BAD_MESSAGE_POINTS, FULL_POINTS
from node.network.wire import FrameKind, Hello, decode_goodbye, encode_frame
from tests.integration.network_harness import (
    HELLO,
    HOST,
    WAIT_S,
    Harness,
    frames_until_closed,
    identity,
    join,
    raw_client,
    running,
    validators,
    watched_logs,
)

SHORT = ConnectionTimes(handshake_s=0.3, hello_s=0.3)
SOON_SILENT = ConnectionTimes(ping_s=0.1, silence_s=0.3)
PATIENT = ConnectionTimes(handshake_s=10 * WAIT_S)


def pair() -> tuple[Harness, Harness]:
    return Harness(identity(1), validators(1, 2)), Harness(identity(2), validators(1, 2))


async def goodbye(reader: asyncio.StreamReader) -> str:
    """The reason that the other side gave before it closed."""
    frames = await frames_until_closed(reader)
    return "; ".join(decode_goodbye(body) for kind, body in frames if kind is FrameKind.GOODBYE)


async def test_a_stranger_that_dials_is_refused_in_the_handshake() -> None:
    """The member says so in its log, and the stranger learns what to do about it."""
    member, stranger = Harness(identity(1), validators(1, 2)), Harness(identity(9), validators(1))
    with watched_logs() as logs:
        async with running(member, stranger):
            await member.start()
            await stranger.start()
            stranger.manager.set_addresses({member.key: member.address})
            told = await logs.reason("peer.unreachable")
            assert "CERTIFICATE_VERIFY_FAILED" in await logs.reason("peer.refused")
            assert member.manager.counters.refused >= 1
            assert member.manager.peers() == stranger.manager.peers() == ()
    assert "refused this node's TLS key in the handshake" in told
    assert "is the key in the registry" in told


async def test_a_stranger_that_is_dialled_is_refused_in_the_handshake() -> None:
    member, stranger = Harness(identity(1), validators(1, 2)), Harness(identity(9), validators(1))
    with watched_logs() as logs:
        async with running(member, stranger):
            await stranger.start()
            await member.start()
            # Something else listens where node 2 is expected.
            member.manager.set_addresses({identity(2).node_key: stranger.address})
            reason = await logs.reason("peer.unreachable")
    assert "CERTIFICATE_VERIFY_FAILED" in reason


async def test_a_registered_node_at_the_wrong_address_is_noticed() -> None:
    registry = validators(1, 2, 3)
    one, three = Harness(identity(1), registry), Harness(identity(3), registry)
    with watched_logs() as logs:
        async with running(one, three):
            await three.start()
            await one.start()
            one.manager.set_addresses({identity(2).node_key: three.address})
            reason = await logs.reason("peer.unreachable")
            assert {e["log_level"] for e in logs.entries if e["event"] == "peer.unreachable"} == {
                "warning"
            }, "this has to be mended, however new it is"
            assert one.manager.peers() == ()
    assert f"dialled node key {identity(2).node_key.hex()}" in reason
    assert f"reached {three.key.hex()}: correct the address" in reason


async def test_a_peer_that_is_not_up_yet_is_worth_a_warning_only_when_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.network.trouble_log.UNREACHABLE_S", 0.3)
    one, two = pair()
    with watched_logs() as logs:
        async with running(one, two):
            await two.start()
            await two.manager.stop()  # its port is free again
            await one.start()
            one.manager.set_addresses({two.key: two.address})
            await logs.reason("peer.unreachable")
            levels = [e["log_level"] for e in logs.entries if e["event"] == "peer.unreachable"]
            assert levels == ["info"]
            async with asyncio.timeout(WAIT_S):
                while len(levels) < 2:
                    await logs.another()
                    found = [e for e in logs.entries if e["event"] == "peer.unreachable"]
                    levels = [entry["log_level"] for entry in found]
            assert levels == ["info", "warning"], "each is said once"
            # It comes up, and when it goes again that is news of its own.
            await two.start(int(two.address.rpartition(":")[2]))
            await one.until_connected(two)
            assert one.manager._dialling._trouble._since_s == {}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Hello(1, HELLO.genesis_hash, 0, ""), "genesis file"),
        (Hello(HELLO.chain_id, Hash(bytes(31) + b"\1"), 0, ""), "compare the genesis files"),
    ],
)
async def test_another_chain_is_refused_with_a_reason_on_both_sides(
    other: Hello, expected: str
) -> None:
    one, two = pair()
    two.hello = other
    with watched_logs() as logs:
        async with running(one, two):
            await one.start()
            await two.start()
            one.manager.set_addresses({two.key: two.address})
            assert expected in await logs.reason("peer.unreachable")
            assert expected in await logs.reason("peer.refused")
            assert one.manager.peers() == two.manager.peers() == ()


async def test_a_peer_that_is_refused_again_and_again_is_dialled_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = asyncio.Semaphore(0)
    resets: list[None] = []

    def next_ms(_: Backoff) -> int:
        attempts.release()
        return 0

    monkeypatch.setattr(Backoff, "next_ms", next_ms)
    monkeypatch.setattr(Backoff, "reset", lambda _: resets.append(None))
    one, two = pair()
    two.hello = Hello(1, HELLO.genesis_hash, 0, "")
    async with running(one, two):
        await one.start()
        await two.start()
        one.manager.set_addresses({two.key: two.address})
        async with asyncio.timeout(WAIT_S):
            for _ in range(4):
                await attempts.acquire()
    assert resets == []


@pytest.mark.parametrize(
    ("rubbish", "reason"),
    [
        ((2**31).to_bytes(4, "big") + bytes((FrameKind.CONSENSUS,)), "at most 8388608"),
        (bytes(4) + bytes((77,)), "unknown frame kind 77"),
        (encode_frame(FrameKind.HELLO, HELLO.encode()), "HELLO is not accepted after the HELLO"),
    ],
)
async def test_a_bad_frame_closes_the_connection_and_costs_score(
    rubbish: bytes, reason: str
) -> None:
    node = Harness(identity(1), validators(1, 2))
    async with running(node):
        await node.start()
        reader, writer = await raw_client(identity(2), node)
        writer.write(encode_frame(FrameKind.HELLO, HELLO.encode()) + rubbish)
        assert reason in await goodbye(reader)
        assert node.manager.counters.bad_frames == 1
        assert node.manager.score(identity(2).node_key) < FULL_POINTS - BAD_MESSAGE_POINTS
        writer.close()
    assert node.received == []


async def test_an_oversize_or_unreadable_hello_is_refused() -> None:
    node = Harness(identity(1), validators(1, 2))
    async with running(node):
        await node.start()
        for first, reason in (
            ((5_000).to_bytes(4, "big") + bytes((FrameKind.HELLO,)), "at most 4096"),
            (encode_frame(FrameKind.HELLO, b"\xc1"), "not canonical"),
            (bytes(4) + bytes((FrameKind.CONSENSUS,)), "not accepted before the HELLO"),
        ):
            reader, writer = await raw_client(identity(2), node)
            writer.write(first)
            assert reason in await goodbye(reader)
            writer.close()
        assert node.connects == []


async def test_a_connection_without_a_handshake_is_closed() -> None:
    node = Harness(identity(1), validators(1, 2), times=SHORT)
    async with running(node):
        await node.start()
        reader, writer = await asyncio.open_connection(HOST, int(node.address.split(":")[1]))
        assert await frames_until_closed(reader) == []
        writer.close()


async def test_a_connection_without_a_hello_is_closed() -> None:
    node = Harness(identity(1), validators(1, 2), times=SHORT)
    async with running(node):
        await node.start()
        reader, writer = await raw_client(identity(2), node)
        assert "no HELLO within 0.3 s" in await goodbye(reader)
        writer.close()


async def test_a_peer_that_falls_silent_is_dropped() -> None:
    """Half-open: the other end is gone and no packet says so."""
    node = Harness(identity(1), validators(1, 2), times=SOON_SILENT)
    async with running(node):
        await node.start()
        reader, writer = await raw_client(identity(2), node)
        writer.write(encode_frame(FrameKind.HELLO, HELLO.encode()))
        await node.until(lambda: bool(node.disconnects))
        assert "nothing was received for 0.3 s" in node.disconnects[0].connection.close_reason
        assert any(kind is FrameKind.PING for kind, _ in await frames_until_closed(reader))
        writer.close()


async def test_more_half_open_connections_than_allowed_end_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.network.links.MAX_PENDING_INBOUND", 2)
    one, two = pair()
    one.times = PATIENT
    async with running(one, two):
        await one.start()
        port = int(one.address.split(":")[1])
        idle = [await asyncio.open_connection(HOST, port) for _ in range(3)]
        assert await frames_until_closed(idle[0][0]) == []
        await two.start()
        two.manager.set_addresses({one.key: one.address})
        await two.until_connected(one)
        for _, writer in idle:
            writer.close()


@pytest.mark.parametrize("listener", [1, 2])
async def test_a_second_connection_of_the_same_dialler_replaces_the_first(listener: int) -> None:
    """Who dials again has lost its end of the first: nobody waits for the silence to be noticed,
    whichever of the two has the lower key."""
    node, dialler = Harness(identity(listener), validators(1, 2)), identity(3 - listener)
    async with running(node):
        await node.start()
        hello = encode_frame(FrameKind.HELLO, HELLO.encode())
        first, first_writer = await raw_client(dialler, node)
        first_writer.write(hello)
        await node.until(lambda: len(node.connects) == 1)
        _, second_writer = await raw_client(dialler, node)
        second_writer.write(hello + encode_frame(FrameKind.CONSENSUS, b"vote"))
        assert "a newer connection of the two nodes replaces it" in await goodbye(first)
        await node.until(lambda: bool(node.received))
        assert len(node.manager.peers()) == 1
        assert [peer is node.connects[0] for peer in node.disconnects] == [True]
        for writer in (first_writer, second_writer):
            writer.close()


@pytest.mark.parametrize("simultaneous_s", [-1.0, 5.0])
async def test_the_other_side_s_later_dial_replaces_and_its_simultaneous_one_does_not(
    monkeypatch: pytest.MonkeyPatch, simultaneous_s: float
) -> None:
    monkeypatch.setattr("node.network.peers.SIMULTANEOUS_S", simultaneous_s)
    lower, higher = sorted(pair(), key=lambda node: node.key)
    async with running(lower, higher):
        await higher.start()
        await lower.start()
        lower.manager.set_addresses({higher.key: higher.address})
        await lower.until_connected(higher)
        assert lower.connects[0].outbound
        reader, writer = await raw_client(higher.identity, lower)
        writer.write(encode_frame(FrameKind.HELLO, HELLO.encode()))
        if simultaneous_s > 0:
            assert "the other connection stays" in await goodbye(reader)
            assert lower.disconnects == []
        else:
            await lower.until(lambda: len(lower.connects) == 2)
            assert not lower.connects[1].outbound
            assert lower.disconnects == [lower.connects[0]]
        writer.close()


async def test_a_peer_that_keeps_sending_rubbish_is_banned_for_a_while() -> None:
    one, two = pair()
    one.refuse = True
    async with running(one, two):
        await join((one, two))
        for _ in range(FULL_POINTS // BAD_MESSAGE_POINTS):
            two.manager.send(one.key, FrameKind.CONSENSUS, b"rubbish")
        await two.until(lambda: bool(two.disconnects))
        assert "banned for 60 s, last offence: this node likes nothing" in (
            two.disconnects[0].connection.close_reason
        )
        assert one.manager.counters.bans == 1
        reader, writer = await raw_client(identity(2), one)
        writer.write(encode_frame(FrameKind.HELLO, HELLO.encode()))
        assert "banned for another" in await goodbye(reader)
        writer.close()


async def test_a_defect_in_a_handler_is_reported_and_not_swallowed() -> None:
    registry = validators(1, 2)
    failures: list[BaseException] = []
    failed = asyncio.Event()

    async def broken(peer: Peer, kind: FrameKind, payload: bytes) -> None:
        raise ZeroDivisionError(payload.decode())

    def on_failure(error: BaseException) -> None:
        failures.append(error)
        failed.set()

    one = PeerManager(
        Identities(identity(1)), {}, lambda: registry, lambda: HELLO, broken, on_failure
    )
    two = Harness(identity(2), registry)
    async with running(two):
        port = await one.start(HOST, 0)
        await two.start()
        two.manager.set_addresses({identity(1).node_key: f"{HOST}:{port}"})
        await two.until(lambda: bool(two.connects))
        two.manager.send(identity(1).node_key, FrameKind.SYNC, b"boom")
        async with asyncio.timeout(WAIT_S):
            await failed.wait()
        await one.stop()
    assert [str(failure) for failure in failures] == ["boom"]


async def test_a_taken_port_and_a_bad_address_are_local_errors() -> None:
    one, two = pair()
    async with running(one, two):
        await one.start()
        await two.start()
        with pytest.raises(LocalError, match=r"`host` or `port` in \[network\]"):
            await two.make_manager().start(HOST, int(one.address.split(":")[1]))
        for address in ("nowhere", ":1", "host:", "host:70000", "host:x"):
            with pytest.raises(LocalError, match="expected host:port"):
                two.manager.set_addresses({one.key: address})


async def test_a_validator_key_removed_during_the_handshake_is_not_admitted() -> None:
    node = Harness(identity(1), validators(1, 2))
    async with running(node):
        await node.start()
        reader, writer = await raw_client(identity(2), node)
        await reader.read(1)  # its HELLO comes after the handshake
        node.registry = {node.key: Role(0, "org1")}
        writer.write(encode_frame(FrameKind.HELLO, HELLO.encode()))
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(2**20)
        writer.close()
        assert node.connects == []
