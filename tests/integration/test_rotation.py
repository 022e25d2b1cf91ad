"""A validator takes new keys while four nodes run under load: no view fails, nobody restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from governance.deciding import ROTATE_KEY
from node.peers import PeerManager
from tests.support.rotation import late_views, make_next_keys, sealed
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
            await nodes.at_height(3, watcher)
            decided = await nodes.decide(watcher, ROTATE_KEY, organisation, new.validator, new.node)
            since = decided.height + 2
            last = since + BLOCKS_AFTER
            await nodes.at_height(last + 2, *nodes.validators, nodes.observer)
        service = nodes.nodes[watcher].service
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
