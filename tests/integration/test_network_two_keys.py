"""A node that has the next node key beside the present one; peers at other heights (ADR 0022)."""

import asyncio

import pytest

from node.network.peers import Role
from node.network.wire import FrameKind
from tests.integration.network_harness import (
    Harness,
    identity,
    join,
    running,
    validators,
    watched_logs,
)

OLD, NEW, PEER, THIRD = 1, 9, 2, 3
BEFORE = validators(OLD, PEER, THIRD)
CHANGING = {**BEFORE, identity(NEW).node_key: Role(0, "org1")}
AFTER = {key: role for key, role in CHANGING.items() if key != identity(OLD).node_key}
OLD_KEY, NEW_KEY = identity(OLD).node_key, identity(NEW).node_key


def pair(own: dict[bytes, Role], peers: dict[bytes, Role]) -> tuple[Harness, Harness]:
    """Whose key is replaced, with the registry of its head; and a peer with that of its own."""
    return Harness(identity(OLD), dict(own), coming=identity(NEW)), Harness(
        identity(PEER), dict(peers)
    )


def learn(node: Harness, registry: dict[bytes, Role]) -> None:
    node.registry.clear()
    node.registry.update(registry)
    node.manager.registry_changed()


def known_as(node: Harness) -> set[bytes]:
    """Keys under which the other side knows this node."""
    return {peer.connection.own_key for peer in node.manager.peers()}


async def test_before_the_change_it_is_known_by_the_present_key() -> None:
    one, two = pair(BEFORE, BEFORE)
    async with running(one, two):
        await join((two, one))
        assert known_as(one) == {OLD_KEY}


@pytest.mark.parametrize(("registry", "expected"), [(BEFORE, OLD_KEY), (AFTER, NEW_KEY)])
async def test_a_caller_gets_the_key_that_it_asks_for(
    registry: dict[bytes, Role], expected: bytes
) -> None:
    """Who is ahead knows the coming key alone, who is behind the present one alone."""
    one, two = pair(BEFORE, registry)
    async with running(one, two):
        await one.start()
        await two.start()
        two.manager.set_addresses({expected: one.address})
        await two.until(lambda: two.manager.peer(expected) is not None)
        assert known_as(one) == {expected}


async def test_it_calls_under_the_other_key_when_one_is_refused() -> None:
    for own, registry, expected in ((BEFORE, AFTER, NEW_KEY), (AFTER, BEFORE, OLD_KEY)):
        one, two = pair(own, registry)
        async with running(one, two):
            await two.start()
            await one.start()
            one.manager.set_addresses({two.key: two.address})
            await one.until_connected(two)
            assert known_as(one) == {expected}
            assert two.manager.peer(expected) is not None


async def test_it_changes_over_when_its_registry_names_the_coming_key() -> None:
    """Nothing that was under way is lost, and there is no moment without a connection."""
    one, two = pair(BEFORE, BEFORE)
    async with running(one, two):
        await join((two, one))
        learn(two, CHANGING)
        learn(one, CHANGING)
        await one.until(lambda: known_as(one) == {NEW_KEY})
        await two.until(lambda: two.manager.peer(NEW_KEY) is not None)
        # Frames that two still sends under the old key arrive; so do those under the new one.
        assert two.manager.send(OLD_KEY, FrameKind.CONSENSUS, b"by the old one")
        assert two.manager.send(NEW_KEY, FrameKind.CONSENSUS, b"by the new one")
        await one.until(lambda: len(one.received) == 2)
        assert {payload for _, _, payload in one.received} == {b"by the old one", b"by the new one"}
        learn(two, AFTER)
        await two.until(lambda: two.manager.peer(OLD_KEY) is None)
        learn(one, AFTER)
        assert one.manager.send(two.key, FrameKind.CONSENSUS, b"answer")
        await two.until(lambda: bool(two.received))
        assert two.received == [(NEW_KEY, FrameKind.CONSENSUS, b"answer")]


async def test_it_waits_for_a_peer_that_is_a_block_behind() -> None:
    one, two = pair(BEFORE, BEFORE)
    async with running(one, two):
        await join((two, one))
        learn(one, CHANGING)
        while two.manager.counters.refused == 0:  # noqa: ASYNC110  # a refusal is no event here
            await asyncio.sleep(0.01)
        assert known_as(one) == {OLD_KEY}, "the present connection stays meanwhile"
        learn(two, CHANGING)
        await one.until(lambda: known_as(one) == {NEW_KEY})


async def test_who_lists_the_present_key_dials_the_coming_one() -> None:
    one, two = pair(BEFORE, BEFORE)
    async with running(one, two):
        await one.start()
        await two.start()
        two.manager.set_addresses({one.key: one.address})
        await two.until_connected(one)
        learn(one, CHANGING)
        learn(two, CHANGING)
        await two.until(lambda: two.manager.peer(NEW_KEY) is not None)
        learn(two, AFTER)
        learn(one, AFTER)
        await two.until(lambda: two.manager.peer(OLD_KEY) is None)
        # And again when the connection is lost.
        await two.until(lambda: two.manager.peer(NEW_KEY) is not None)
        lost = two.manager.peer(NEW_KEY)
        assert lost is not None
        lost.connection.abort("the cable")
        await two.until(lambda: two.manager.peer(NEW_KEY) not in (None, lost))


async def test_keys_that_are_read_while_it_runs_count() -> None:
    one, two = pair(CHANGING, CHANGING)
    coming, one.coming = one.coming, None
    async with running(one, two):
        await join((two, one))
        assert known_as(one) == {OLD_KEY}
        one.coming = coming
        one.manager.set_identities(one.identities())
        await one.until(lambda: known_as(one) == {NEW_KEY})


async def test_nobody_comes_in_under_a_key_of_the_node_itself() -> None:
    """Whoever got hold of the present key is not this node."""
    one, _ = pair(CHANGING, CHANGING)
    thief = Harness(identity(OLD), {**CHANGING, NEW_KEY: Role(0, "org1")})
    with watched_logs() as logs:
        async with running(one, thief):
            await one.start()
            await thief.start()
            thief.manager.set_addresses({NEW_KEY: one.address})
            assert await logs.reason("peer.refused")
            assert one.manager.peers() == ()


async def test_two_entries_for_one_address_end_with_one_connection() -> None:
    """An operator who added the coming key early: the connection under the present one stays."""
    one, two = pair(BEFORE, BEFORE)
    async with running(one, two):
        await one.start()
        await two.start()
        two.manager.set_addresses({OLD_KEY: one.address, NEW_KEY: one.address})
        await two.until_connected(one)
        await two.until(lambda: NEW_KEY in {peer.node_key for peer in two.disconnects})
        assert known_as(one) == {OLD_KEY}
        assert one.manager.counters.bans == two.manager.counters.bans == 0
