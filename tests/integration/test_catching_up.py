"""Who joins late or was away reaches the head soon after connecting, also on an idle chain.

No block comes by itself in these tests (the next heartbeat is 30 s away), so a node that waited for
one would not arrive in time.
"""

import asyncio
import shutil
from pathlib import Path

import pytest

from consensus.chain import RETAINED_BLOCKS
from node.opening import VOTES_FOLDER
from tests.support.running_nodes import running_nodes, until
from tests.support.town import base_port

SOON_S = 10.0
"""From the connection to the head: below two seconds on a quiet machine, and long before the next
heartbeat would bring a block by itself."""


@pytest.fixture
def port() -> int:
    return base_port() + 500


async def test_an_observer_that_joins_late_is_at_the_head_of_an_idle_chain(
    tmp_path: Path, port: int
) -> None:
    async with running_nodes(tmp_path, port) as nodes:
        await nodes.start_validators()
        await nodes.finalise(nodes.validators[0], 30)
        await nodes.start(nodes.observer)
        await nodes.connected(nodes.observer, nodes.validators[:2])
        head = nodes.height(nodes.validators[0])
        await nodes.at_height(head, nodes.observer, within_s=SOON_S)
        assert nodes.balance(nodes.observer) == nodes.balance(nodes.validators[0])
        assert nodes.nodes[nodes.observer].service.target_height() == head
        # From here on it finalises with everybody else.
        final = await nodes.finalise(nodes.validators[0])
        await nodes.at_height(final.height, nodes.observer, within_s=SOON_S)


async def test_an_observer_with_one_peer_follows_it_from_far_behind(
    tmp_path: Path, port: int
) -> None:
    """ADR 0013: fewer than f + 1 validators are connected, and the chain is idle."""
    async with running_nodes(tmp_path, port) as nodes:
        first, *others = nodes.validators
        await nodes.start_validators()
        head = await nodes.finalise(first, 120)
        await nodes.at_height(head.height, first)
        await nodes.stop(*others)
        await nodes.start(nodes.observer)
        await nodes.connected(nodes.observer, [first])
        await nodes.at_height(nodes.height(first), nodes.observer, within_s=SOON_S)
        assert nodes.balance(nodes.observer) == nodes.balance(first)
        assert nodes.nodes[nodes.observer].runtime.synchroniser.blocks_applied >= 100
        assert nodes.nodes[nodes.observer].runtime.peers.counters.bad_frames == 0


@pytest.mark.parametrize("missed", [1, 3, 90])
async def test_a_validator_that_was_away_is_at_the_head_of_an_idle_chain(
    tmp_path: Path, port: int, missed: int
) -> None:
    async with running_nodes(tmp_path, port) as nodes:
        *others, away = nodes.validators
        await nodes.start_validators()
        before = await nodes.finalise(others[0], 2)
        await nodes.at_height(before.height, away)
        await nodes.stop(away)
        head = await nodes.finalise(others[0], missed)
        assert head.height == before.height + missed
        await nodes.start(away)
        await nodes.connected(away, others)
        await nodes.at_height(head.height, away, within_s=SOON_S)
        synced = nodes.nodes[away].runtime.synchroniser.blocks_applied
        assert synced <= missed
        # The last few come as answers to Status, more than that as a range.
        assert synced > 0 or missed <= RETAINED_BLOCKS
        # It votes again: with another one gone, three of four need it.
        await nodes.stop(others[2])
        await nodes.finalise(others[0])
        # Between a final block and the next height nobody signs.
        await until(lambda: nodes.nodes[away].service.consensus_state().signing)


async def test_a_validator_catches_up_while_the_others_go_on(tmp_path: Path, port: int) -> None:
    async with running_nodes(tmp_path, port) as nodes:
        *others, away = nodes.validators
        await nodes.start_validators()
        before = await nodes.finalise(others[0])
        await nodes.at_height(before.height, away)
        await nodes.stop(away)
        await nodes.finalise(others[0], 40)
        going_on = asyncio.create_task(nodes.finalise(others[0], 60))
        await nodes.start(away)
        await nodes.connected(away, others)
        head = await going_on
        await nodes.at_height(head.height, away, within_s=SOON_S)


async def test_everybody_starts_again_and_goes_on(tmp_path: Path, port: int) -> None:
    async with running_nodes(tmp_path, port) as nodes:
        await nodes.start_validators()
        head = await nodes.finalise(nodes.validators[0], 3)
        await nodes.stop(*nodes.validators)
        await nodes.start_validators()
        assert (await nodes.finalise(nodes.validators[1])).height > head.height


async def test_a_lost_vote_record_ends_two_heights_above_the_head_for_good(
    tmp_path: Path, port: int
) -> None:
    """Rule 6, over restarts: nothing is signed before, and the loss is forgotten after."""
    async with running_nodes(tmp_path, port) as nodes:
        *others, lost = nodes.validators
        await nodes.start_validators()
        before = await nodes.finalise(others[0], 2)
        await nodes.at_height(before.height, lost)
        await nodes.stop(lost)
        shutil.rmtree(nodes.data(lost, VOTES_FOLDER))
        await nodes.start(lost)
        await nodes.connected(lost, others)
        assert nodes.nodes[lost].runtime.chain.vote_record_lost
        assert not nodes.nodes[lost].service.consensus_state().signing
        first = await nodes.finalise(others[0])
        await nodes.at_height(first.height, lost)
        assert nodes.nodes[lost].runtime.replica.describe().signs_from == first.height + 2
        assert nodes.nodes[lost].runtime.chain.vote_record_lost
        second = await nodes.finalise(others[0])
        await nodes.at_height(second.height, lost)
        assert not nodes.nodes[lost].runtime.chain.vote_record_lost
        await until(lambda: nodes.nodes[lost].service.consensus_state().signing)
        await nodes.stop(lost)
        await nodes.start(lost)
        assert not nodes.nodes[lost].opened.chain.vote_record_lost
        await nodes.connected(lost, others)
        # Three of four need it now.
        await nodes.stop(others[2])
        await nodes.finalise(others[0])


async def test_a_restart_before_that_still_knows_of_the_loss(tmp_path: Path, port: int) -> None:
    async with running_nodes(tmp_path, port) as nodes:
        *others, lost = nodes.validators
        await nodes.start_validators()
        before = await nodes.finalise(others[0])
        await nodes.at_height(before.height, lost)
        await nodes.stop(lost)
        shutil.rmtree(nodes.data(lost, VOTES_FOLDER))
        await nodes.start(lost)
        await nodes.connected(lost, others)
        first = await nodes.finalise(others[0])
        await nodes.at_height(first.height, lost)
        await nodes.stop(lost)
        await nodes.start(lost)
        assert nodes.nodes[lost].opened.chain.vote_record_lost
