"""A node catches up from several peers over real TLS, past one that lies and one that dies."""

import asyncio

from consensus.message_wire import encode
from consensus.messages import CertifiedBlock
from ledger.errors import PeerError
from ledger.primitives import Hash
from node.network.peers import Peer, Role
from node.network.wire import FrameKind, Hello
from node.sync.block_server import BlockServer
from node.sync.catchup import Synchroniser
from tests.integration.network_harness import HELLO, Harness, identity, join, running, validators
from tests.support.certified_blocks import StandInBlock, certified, make_chain, read_block

LENGTH = 400
CHAIN = make_chain(LENGTH, filler_bytes=2_000)
FORGED = {
    height: encode(certified(StandInBlock(height, Hash(bytes(32)), b"forged"))) for height in CHAIN
}


class SyncNode(Harness):
    """A peer manager with a synchroniser over a chain that may be empty."""

    def equip(self, chain: dict[int, bytes]) -> None:
        self.chain = dict(chain)
        self.hello = Hello(HELLO.chain_id, HELLO.genesis_hash, len(chain), "poyong/test")
        loop = asyncio.get_running_loop()
        self.synchroniser = Synchroniser(
            lambda key, payload: self.manager.send(key, FrameKind.SYNC, payload),
            read_block,
            lambda: len(self.chain),
            self._deliver,
            self._penalise,
            BlockServer(lambda: len(self.chain), self.chain.get, self._by_hash, loop.time),
            self._on_failure,
        )

    def _penalise(self, node_key: bytes, points: int, reason: str) -> None:
        self.manager.penalise(node_key, points, reason)

    async def _deliver(self, block: CertifiedBlock) -> None:
        if block.proposal.encoded.endswith(b"forged"):
            raise PeerError("the certificate does not verify")
        self.chain[block.proposal.height] = encode(block)
        self._notify()

    def _by_hash(self, height: int, block_hash: Hash) -> bytes | None:
        del block_hash
        return StandInBlock(height, Hash(bytes(32)), b"prepared").encoded

    async def _on_frame(self, peer: Peer, kind: FrameKind, payload: bytes) -> None:
        await self.synchroniser.on_frame(peer.node_key, payload)

    def _on_connected(self, peer: Peer) -> None:
        self.synchroniser.peer_connected(peer.node_key, peer.hello.head_height)
        super()._on_connected(peer)

    def _on_disconnected(self, peer: Peer) -> None:
        self.synchroniser.peer_lost(peer.node_key)
        super()._on_disconnected(peer)


async def test_a_new_node_catches_up_past_a_liar_and_a_peer_that_dies() -> None:
    registry = validators(1, 2, 3, 4) | {identity(5).node_key: Role(None, "observer")}
    good, other, liar, dies, new = (SyncNode(identity(n), dict(registry)) for n in range(1, 6))
    for node in (good, other, dies):
        node.equip(CHAIN)
    liar.equip(FORGED)
    new.equip({})
    async with running(good, other, liar, dies, new):
        await join((good, other, liar, dies, new))
        new.synchroniser.catch_up(LENGTH)
        await new.until(lambda: len(new.chain) >= 20)
        await dies.manager.stop()
        await new.until(lambda: len(new.chain) == LENGTH)
        assert new.chain == CHAIN
        assert new.manager.score(liar.key) < 100
        assert good.synchroniser._server.counters.blocks_served > 0
        assert other.synchroniser._server.counters.blocks_served > 0
        await new.synchroniser.stop()


async def test_a_prepared_block_is_fetched_by_hash() -> None:
    one, two = (SyncNode(identity(n), validators(1, 2)) for n in (1, 2))
    one.equip({})
    two.equip({})
    wanted = StandInBlock(9, Hash(bytes(32)), b"prepared")
    async with running(one, two):
        await join((one, two))
        assert await one.synchroniser.by_hash.fetch(9, wanted.hash, [two.key]) == wanted
