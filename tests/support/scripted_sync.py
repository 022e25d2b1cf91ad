"""A node that catches up from peers which answer by functions; nothing of it is on a network."""

import asyncio
from collections import Counter
from collections.abc import Callable

from consensus.messages import CertifiedBlock
from consensus.sync import Progress
from ledger.errors import PeerError
from node.network.reputation import FULL_POINTS
from node.sync import sync_wire
from node.sync.block_server import BlockServer
from node.sync.catchup import Synchroniser
from node.sync.sync_wire import BlockAnswer, NotHeld, PieceAnswer, RangeAnswer, SnapshotsAnswer
from tests.support.certified_blocks import read_block

WAIT_S = 20.0
Answer = Callable[[sync_wire.SyncQuestion], sync_wire.SyncAnswer | None]


def honest(chain: dict[int, bytes]) -> Answer:
    server = BlockServer(
        lambda: max(chain),
        chain.get,
        lambda *_: None,
        lambda: 0.0,
        lowest=lambda: min(chain),
    )
    return lambda question: server.answer(b"", question)


class ScriptedNode:
    """A node that catches up, with peers that answer by functions."""

    def __init__(self) -> None:
        self.peers: dict[bytes, Answer] = {}
        self.asked: list[tuple[bytes, sync_wire.SyncQuestion]] = []
        self.delivered: list[int] = []
        self.penalties: list[tuple[bytes, str]] = []
        self.progress: list[Progress] = []
        self.failures: list[BaseException] = []
        self.invalid: set[bytes] = set()
        self.gate: asyncio.Event | None = None
        self.defect: Exception | None = None
        self.head = 0
        self.follows = False
        self.points: Counter[bytes] = Counter()
        self.asked_more = asyncio.Event()
        self._reached = asyncio.Event()
        self.synchroniser = Synchroniser(
            self._send,
            read_block,
            lambda: self.head,
            self._deliver,
            self._penalise,
            BlockServer(lambda: self.head, lambda _: None, lambda *_: None, lambda: 0.0),
            self._failed,
            on_progress=self._progressed,
            follows=lambda: self.follows,
        )

    def _penalise(self, node_key: bytes, points: int, reason: str) -> None:
        """As the peer manager does: who has no points left is disconnected, here for good."""
        self.penalties.append((node_key, reason))
        self.points[node_key] += points
        if self.points[node_key] >= FULL_POINTS and node_key in self.peers:
            del self.peers[node_key]
            self.synchroniser.peer_lost(node_key)
        self._reached.set()

    def connect(self, name: bytes, height: int, answer: Answer) -> None:
        self.peers[name] = answer
        self.synchroniser.peer_connected(name, height)

    def _send(self, node_key: bytes, payload: bytes) -> bool:
        question = sync_wire.decode(payload)
        assert not isinstance(
            question, RangeAnswer | BlockAnswer | NotHeld | SnapshotsAnswer | PieceAnswer
        )
        self.asked.append((node_key, question))
        self.asked_more.set()
        if node_key not in self.peers:
            return False
        answer = self.peers[node_key](question)
        if answer is not None:
            self.answer_later(node_key, answer)
        return True

    def answer_later(self, node_key: bytes, answer: sync_wire.SyncAnswer) -> None:
        asyncio.get_running_loop().call_soon(self._answer, node_key, sync_wire.encode(answer))

    def _answer(self, node_key: bytes, payload: bytes) -> None:
        step = self.synchroniser.on_frame(node_key, payload)
        try:
            step.send(None)
        except StopIteration:
            return
        except PeerError as error:
            self.penalties.append((node_key, str(error)))

    async def _deliver(self, block: CertifiedBlock) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.defect is not None:
            raise self.defect
        if block.proposal.encoded in self.invalid:
            raise PeerError("the certificate does not verify")
        assert block.proposal.height == self.head + 1, "in order, each once"
        self.head += 1
        self.delivered.append(self.head)
        self._reached.set()

    def _failed(self, error: BaseException) -> None:
        self.failures.append(error)
        self._reached.set()

    def _progressed(self, progress: Progress) -> None:
        self.progress.append(progress)
        self._reached.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._reached.clear()
                await self._reached.wait()

    async def caught_up(self, target: int) -> None:
        self.synchroniser.catch_up(target)
        await self.until(lambda: self.head >= target)
        await self.synchroniser.stop()
        assert self.delivered == list(range(1, target + 1))
        assert self.failures == []
