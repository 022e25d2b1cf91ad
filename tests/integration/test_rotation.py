"""A validator takes new keys while four nodes run under load: no view fails, nobody restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from governance.deciding import ROTATE_KEY
from ledger.crypto import Ed25519Signer
from ledger.validator_tables import PROBES_NEEDED
from node.localnet.creation import read_keys
from node.network.peers import PeerManager
from tests.support.rotation import (
    NextKeys,
    all_have_signed,
    end_rotation,
    late_views,
    make_next_keys,
    sealed,
    write_config,
)
from tests.support.running_nodes import RunningNodes, running_nodes, until
from tests.support.town import base_port

BLOCKS_AFTER = 12
MISSED_AT_MOST = 2
"""Heights without its seal: one vote may be on its way when a block is final."""


@asynccontextmanager
async def load(nodes: RunningNodes, through: str) -> AsyncIterator[None]:
    """Blocks without end, each with a transfer."""

    async def send() -> None:
        while True:
            await nodes.finalise(through)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


def _knows(peers: PeerManager, node_key: bytes) -> bool:
    return peers.peer(node_key) is not None


@pytest.mark.parametrize("with_node_key", [True, False])
async def test_new_keys_take_over_without_a_missed_view(
    tmp_path: Path, with_node_key: bool
) -> None:
    async with running_nodes(tmp_path, base_port() + 1100) as nodes:
        rotated, watcher, *_ = nodes.validators
        organisation = nodes.town.validators[0].organisation
        new = make_next_keys(nodes.folder / rotated, node_key=with_node_key)
        await nodes.start(*nodes.validators, nodes.observer)
        for name in nodes.validators:
            await nodes.connected(name, nodes.validators)
        running = nodes.nodes[rotated]
        async with load(nodes, watcher):
            service = nodes.nodes[watcher].service
            await until(lambda: all_have_signed(service))
            decided = await nodes.decide(watcher, ROTATE_KEY, organisation, new.validator, new.node)
            since = decided.height + 2
            last = since + BLOCKS_AFTER
            await nodes.at_height(last + 2, *nodes.validators, nodes.observer)
        before, after = service.validators(since - 1), service.validators(since)
        assert before is not None
        assert after is not None
        assert before.members[0].public_key != after.members[0].public_key == new.validator
        assert running.runtime.signing_key == new.validator
        assert late_views(service, 2, last) == []
        missed = set(range(since, last)) - sealed(service, organisation, since, last)
        assert len(missed) <= MISSED_AT_MOST, missed
        # Everybody knows it by the new node key, the observer too, whose list names the old one.
        for name in (watcher, nodes.observer):
            peers = nodes.nodes[name].runtime.peers
            await until(partial(_knows, peers, new.node))
        if with_node_key:
            assert running.opened.identity.node_key not in {
                peer.node_key for peer in nodes.nodes[watcher].runtime.peers.peers()
            }


async def _decided(nodes: RunningNodes, through: str, new: NextKeys) -> int:
    """First height of the new keys of the town's first validator."""
    running = [name for name in nodes.validators if name in nodes.nodes]
    for name in running:
        await nodes.connected(name, running)
    await nodes.finalise(through, 4)  # so that everybody has a seal on the chain
    organisation = nodes.town.validators[0].organisation
    decided = await nodes.decide(through, ROTATE_KEY, organisation, new.validator, new.node)
    return decided.height + 2


async def test_who_was_away_gets_in_by_its_new_node_key(tmp_path: Path) -> None:
    """Its own registry knows the old key alone, everybody else's the new one alone."""
    async with running_nodes(tmp_path, base_port() + 1200) as nodes:
        rotated, *others = nodes.validators
        new = make_next_keys(nodes.folder / rotated)
        await nodes.start(*nodes.validators)
        await nodes.finalise(others[0], 2)
        await nodes.stop(rotated)
        since = await _decided(nodes, others[0], new)
        await nodes.finalise(others[0], 3)
        await nodes.at_height(since + 1, *others)
        await nodes.start(rotated)
        await nodes.at_height(since + 1, rotated)
        running = nodes.nodes[rotated].runtime
        assert running.signing_key == new.validator
        (*known_as,) = {peer.connection.own_key for peer in running.peers.peers()}
        assert known_as == [new.node]
        # It votes: with one of the others away, its vote is needed.
        await nodes.stop(others[2])
        await nodes.finalise(others[0], 3)


async def test_who_is_behind_finds_the_old_node_key(tmp_path: Path) -> None:
    """An observer that knows nobody but the node whose keys changed, by its old key, and follows it
    to the new one while it catches up."""
    async with running_nodes(tmp_path, base_port() + 1300) as nodes:
        rotated, *others = nodes.validators
        home = nodes.folder / nodes.observer
        settings = nodes.settings(nodes.observer)
        old = nodes.town.validators[0]
        alone = tuple(
            entry for entry in settings.network.peers if entry.endswith(f":{old.p2p_port}")
        )
        assert len(alone) == 1
        network = replace(settings.network, peers=alone)
        write_config(home, replace(settings, network=network))
        new = make_next_keys(nodes.folder / rotated)
        await nodes.start(*nodes.validators)
        since = await _decided(nodes, others[0], new)
        await nodes.finalise(others[0], 3)
        await nodes.at_height(since + 1, rotated)
        await nodes.start(nodes.observer)
        await nodes.at_height(since + 1, nodes.observer)
        peers = nodes.nodes[nodes.observer].runtime.peers
        await until(partial(_knows, peers, new.node))


async def test_the_next_key_of_a_lone_validator_probes_by_itself(tmp_path: Path) -> None:
    """Nobody else is alive in the new set, so three probes have to show that the node is."""
    async with running_nodes(tmp_path, base_port() + 1400, validators=1) as nodes:
        (only,) = nodes.validators
        new = make_next_keys(nodes.folder / only)
        await nodes.start(only)
        await nodes.finalise(only, 1 + PROBES_NEEDED)
        since = await _decided(nodes, only, new)
        await nodes.finalise(only, 3)
        assert nodes.height(only) >= since
        assert nodes.nodes[only].runtime.signing_key == new.validator
        # A restart with both keys goes on, and so does one with the new keys alone.
        for prepare in (lambda home: None, end_rotation):
            await nodes.stop(only)
            prepare(nodes.folder / only)
            await nodes.start(only)
            await nodes.finalise(only)
            assert nodes.nodes[only].runtime.signing_key == new.validator


async def test_a_restart_amid_the_change_goes_on_with_the_same_votes(tmp_path: Path) -> None:
    """Killed at every height around the change: whatever was signed is signed again, by the same
    seat, and the chain goes on."""
    async with running_nodes(tmp_path, base_port() + 1500, validators=1) as nodes:
        (only,) = nodes.validators
        new = make_next_keys(nodes.folder / only)
        await nodes.start(only)
        await nodes.finalise(only, 1 + PROBES_NEEDED)
        since = await _decided(nodes, only, new)
        while nodes.height(only) < since + 2:
            await nodes.stop(only)
            await nodes.start(only)
            await nodes.finalise(only)
        service = nodes.nodes[only].service
        assert sealed(service, nodes.town.validators[0].organisation, since, since + 1)


async def test_a_key_that_the_node_lacks_is_named_to_its_operator(tmp_path: Path) -> None:
    async with running_nodes(tmp_path, base_port() + 1600) as nodes:
        rotated, *others = nodes.validators
        lost = Ed25519Signer(b"lost" * 8).public_key
        present = read_keys(nodes.folder, nodes.town.validators[0])
        await nodes.start(*nodes.validators)
        status = nodes.nodes[rotated].service.status
        await nodes.finalise(others[0])
        await nodes.at_height(nodes.height(others[0]), rotated)
        assert status().signing_key == present.validator
        assert status().rotation is None
        since = await _decided(nodes, others[0], NextKeys(lost, present.node))
        await nodes.finalise(others[0], 3)
        await nodes.at_height(since, rotated)
        found = status()
        assert found.signing_key is None
        assert found.rotation is not None
        assert found.rotation.stage == "missing"
        assert lost.hex() in found.rotation.advice


async def test_the_stages_of_a_rotation_are_told(tmp_path: Path) -> None:
    async with running_nodes(tmp_path, base_port() + 1700, validators=1) as nodes:
        (only,) = nodes.validators
        new = make_next_keys(nodes.folder / only)
        await nodes.start(only)
        await nodes.finalise(only, 1 + PROBES_NEEDED)
        status, stages = nodes.nodes[only].service.status, list[tuple[str, int | None]]()

        def note(_: object) -> None:
            rotation = status().rotation
            assert rotation is not None
            if (rotation.stage, rotation.since) not in stages:
                stages.append((rotation.stage, rotation.since))

        nodes.nodes[only].runtime.on_block.append(note)
        await nodes.finalise(only)
        since = await _decided(nodes, only, new)
        await nodes.finalise(only, 3)
        assert stages == [("waiting", None), ("decided", since), ("done", since)]
