"""Answers peers that catch up, within a budget for each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledger.primitives import Hash
from node.sync_wire import (
    ANSWER_BYTES,
    MAX_CERTIFIED_BYTES,
    BlockAnswer,
    BlockAsk,
    HeadAsk,
    RangeAnswer,
    RangeAsk,
    SyncAnswer,
    SyncQuestion,
)
from node.token_bucket import TokenBucket

PEER_BYTES_PER_SECOND: Final = 32 * 1024 * 1024
PEER_BURST_BYTES: Final = 64 * 1024 * 1024
QUESTION_COST_BYTES: Final = 64 * 1024
"""What a question costs of the budget even when its answer is small: 512 questions a second."""


@dataclass(slots=True)
class ServerCounters:
    """Totals since start, plain integers for metrics."""

    blocks_served: int = 0
    questions_over_budget: int = 0


class BlockServer:
    """Reads blocks for peers. All three sources are synchronous and answer from the own store.

    head: last committed height. certified_block(height): message_wire.encode(CertifiedBlock), None
    when this node does not have it. block_by_hash(height, hash): canonical bytes of a
    committed or durably prepared block, or None.
    """

    def __init__(
        self,
        head: Callable[[], int],
        certified_block: Callable[[int], bytes | None],
        block_by_hash: Callable[[int, Hash], bytes | None],
        now_s: Callable[[], float],
    ) -> None:
        self._head = head
        self._certified_block = certified_block
        self._block_by_hash = block_by_hash
        self._now_s = now_s
        self._budgets: dict[bytes, TokenBucket] = {}
        self.counters = ServerCounters()

    def answer(self, node_key: bytes, question: SyncQuestion) -> SyncAnswer | None:
        """The answer, or None for a peer over its budget: it has to wait and ask again."""
        budget = self._budgets.get(node_key)
        if budget is None:
            budget = TokenBucket(PEER_BYTES_PER_SECOND, PEER_BURST_BYTES, self._now_s())
            self._budgets[node_key] = budget
        if not budget.take(QUESTION_COST_BYTES, self._now_s()):
            self.counters.questions_over_budget += 1
            return None
        match question:
            case RangeAsk():
                blocks = self._range(question)
                budget.owe(max(0, sum(map(len, blocks)) - QUESTION_COST_BYTES))
                return RangeAnswer(question.request_id, self._head(), blocks)
            case BlockAsk():
                block = self._block_by_hash(question.height, question.block_hash)
                if block is not None:
                    self.counters.blocks_served += 1
                    budget.owe(max(0, len(block) - QUESTION_COST_BYTES))
                return BlockAnswer(question.request_id, block)
            case HeadAsk():
                return RangeAnswer(question.request_id, self._head(), ())

    def peer_lost(self, node_key: bytes) -> None:
        """Forget its budget."""
        self._budgets.pop(node_key, None)

    def _range(self, question: RangeAsk) -> tuple[bytes, ...]:
        blocks: list[bytes] = []
        room = ANSWER_BYTES
        for height in range(question.first, min(question.last, self._head()) + 1):
            block = self._certified_block(height)
            if block is None or len(block) > (room if blocks else MAX_CERTIFIED_BYTES):
                break
            blocks.append(block)
            room -= len(block)
        self.counters.blocks_served += len(blocks)
        return tuple(blocks)
