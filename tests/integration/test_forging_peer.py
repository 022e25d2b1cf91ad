"""A registered node that gossips forged transactions is dropped, and nobody else is hurt."""

import asyncio
from pathlib import Path

import pytest

from node import opening
from node.network.peers import Peer, PeerManager, Role
from node.network.wire import FrameKind
from node.transactions.gossip import encode_batch
from node.transactions.ingest import MAX_BAD_A_TURN
from tests.integration.network_harness import HOST, watched_logs
from tests.support.running_nodes import RunningNodes, running_nodes, until
from tests.support.town import base_port


class Forger:
    """The fourth validator's node key in other hands: it connects and gossips."""

    def __init__(self, nodes: RunningNodes, victim: str) -> None:
        opened = opening.open_files(nodes.settings(nodes.validators[3]))
        opened.votes.log.close()
        opened.chain.blocks.close()
        target = nodes.nodes[victim]
        self.victim = target.opened.identity.node_key
        self.key = opened.identity.node_key
        self.reasons: list[str] = []
        roles = {self.victim: Role(0, "victim")}

        async def ignore(peer: Peer, kind: FrameKind, payload: bytes) -> None:
            del peer, kind, payload

        def fail(error: BaseException) -> None:
            raise AssertionError(error)

        port = nodes.settings(victim).network.port
        self.manager = PeerManager(
            opened.identities,
            {self.victim: f"{HOST}:{port}"},
            lambda: roles,
            target.runtime._hello,
            ignore,
            fail,
            on_disconnected=lambda peer: self.reasons.append(peer.connection.close_reason),
        )

    def gossip(self, raws: list[bytes]) -> None:
        """Send a batch to the victim."""
        assert self.manager.send(self.victim, FrameKind.TRANSACTIONS, encode_batch(raws))


@pytest.fixture
def port() -> int:
    return base_port() + 1000


async def test_a_forging_peer_is_dropped_and_clients_are_served(tmp_path: Path, port: int) -> None:
    async with running_nodes(tmp_path, port) as nodes:
        first, *others = nodes.validators[:3]
        await nodes.start(first, *others)
        await nodes.connected(first, others)
        await nodes.finalise(first)
        forger = Forger(nodes, first)
        runtime = nodes.nodes[first].runtime
        with watched_logs() as logs:
            await forger.manager.start(HOST, 0)
            await until(lambda: forger.manager.peer(forger.victim) is not None)
            raw = nodes.transfer().raw
            nodes._nonce -= 1
            batch = [raw[:-2] + number.to_bytes(2, "big") for number in range(2_000)]
            for _ in range(5):
                forger.gossip(batch)
            await until(lambda: bool(forger.reasons))
            assert "10 gossiped transactions do not match" in await logs.reason("peer.banned")
        assert "banned for 60 s" in forger.reasons[0]
        assert runtime.peers.counters.bans == 1
        assert runtime.ingest.bad_gossip == MAX_BAD_A_TURN
        assert runtime.ingest.waiting == 0
        # It dials again and is told so; the others finalise meanwhile.
        await until(lambda: runtime.peers.counters.refused > 0)
        assert forger.key not in {peer.node_key for peer in runtime.peers.peers()}
        await nodes.finalise(first)
        await asyncio.wait_for(forger.manager.stop(), 10)
