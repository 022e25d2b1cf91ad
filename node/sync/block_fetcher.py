"""Fetches single blocks by hash, prepared or committed, from whoever is said to hold them."""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from consensus.messages import Proposal, ReadProposal
from ledger.errors import PeerError
from ledger.primitives import Hash
from node.network.reputation import BAD_MESSAGE_POINTS
from node.sync.sync_wire import BlockAnswer, BlockAsk

BLOCK_ANSWER_S: Final = 1.0
"""After this long another holder is asked."""


class BlockFetcher:
    """Asks one holder after the other.

    ask: (node key, question): False when it could not be sent. next_id: a request id that no
    other question has. penalise: (node key, points, reason).
    """

    def __init__(
        self,
        ask: Callable[[bytes, BlockAsk], bool],
        next_id: Callable[[], int],
        read: ReadProposal,
        penalise: Callable[[bytes, int, str], object],
    ) -> None:
        self._ask = ask
        self._next_id = next_id
        self._read = read
        self._penalise = penalise
        self._waiting: dict[int, tuple[bytes, asyncio.Future[bytes | None]]] = {}

    async def fetch(
        self, height: int, block_hash: Hash, holders: Collection[bytes]
    ) -> Proposal | None:
        """The complete block of this hash, asking the holders (node keys) one after the other;
        None when none of them gave it."""
        for node_key in holders:
            raw = await self._block_from(node_key, BlockAsk(self._next_id(), height, block_hash))
            if raw is None:
                continue
            try:
                block = self._read(raw)
                if block.hash == block_hash and block.height == height:
                    return block
                reason = f"asked for block {block_hash.hex()}, received {block.hash.hex()}"
            except PeerError as error:
                reason = f"asked for block {block_hash.hex()}: {error}"
            self._penalise(node_key, BAD_MESSAGE_POINTS, reason)
        return None

    def answered(self, node_key: bytes, answer: BlockAnswer) -> None:
        """Take an answer; one that nobody waits for, or of another peer, counts for nothing."""
        peer, waiting = self._waiting.get(answer.request_id, (b"", None))
        if waiting is not None and peer == node_key and not waiting.done():
            waiting.set_result(answer.block)

    def peer_lost(self, node_key: bytes) -> None:
        """The next holder is asked in place of this one."""
        for peer, waiting in self._waiting.values():
            if peer == node_key and not waiting.done():
                waiting.set_result(None)

    def stop(self) -> None:
        """Forget open questions."""
        for _, waiting in self._waiting.values():
            waiting.cancel()

    async def _block_from(self, node_key: bytes, question: BlockAsk) -> bytes | None:
        if not self._ask(node_key, question):
            return None
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting[question.request_id] = node_key, answer
        try:
            async with asyncio.timeout(BLOCK_ANSWER_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._waiting[question.request_id]
