"""Answers peers that catch up, within a budget for each of them.

Observers have a smaller one than validators, and one more for all of them together: however many
catch up at once, this node's disk and its validators come first, and no observer takes it all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.primitives import Hash
from node.network.token_bucket import TokenBucket
from node.sync.sync_wire import (
    ANSWER_BYTES,
    MAX_CERTIFIED_BYTES,
    PIECE_BYTES,
    BlockAnswer,
    BlockAsk,
    HeadAsk,
    NotHeld,
    PieceAnswer,
    PieceAsk,
    RangeAnswer,
    RangeAsk,
    SnapshotOffer,
    SnapshotsAnswer,
    SnapshotsAsk,
    SyncAnswer,
    SyncQuestion,
)

PEER_BYTES_PER_SECOND: Final = 32 * 1024 * 1024
PEER_BURST_BYTES: Final = 64 * 1024 * 1024
OBSERVER_BYTES_PER_SECOND: Final = 16 * 1024 * 1024
OBSERVER_BURST_BYTES: Final = 32 * 1024 * 1024
OBSERVERS_BYTES_PER_SECOND: Final = 64 * 1024 * 1024
OBSERVERS_BURST_BYTES: Final = 128 * 1024 * 1024
"""Of all observers together."""
PIECES_BYTES_PER_SECOND: Final = 32 * 1024 * 1024
PIECES_BURST_BYTES: Final = 8 * 1024 * 1024
"""Of snapshots, for all peers together: what may wait to be sent at once, beside the disk's and
the loop's part. Who asks beyond it is told to ask again."""
QUESTION_COST_BYTES: Final = 64 * 1024
"""What a question costs of the budget even when its answer is small: 512 questions a second."""


class SnapshotSource(Protocol):
    """Where snapshots are read from (node.snapshots.shelf)."""

    def offers(self) -> tuple[SnapshotOffer, ...]:
        """All that there are, ascending by height."""

    def piece(self, question: PieceAsk, max_bytes: int) -> tuple[int, bytes]:
        """Size of an item and some of its bytes; (0, b"") when it is not here."""


@dataclass(slots=True)
class ServerCounters:
    """Totals since start, plain integers for metrics."""

    blocks_served: int = 0
    snapshot_bytes_served: int = 0
    questions_over_budget: int = 0


class BlockServer:
    """Reads blocks for peers. All sources are synchronous and answer from the own store.

    head: last committed height. lowest: the lowest block that this node still holds.
    certified_block(height): message_wire.encode(CertifiedBlock), None when this node does not have
    it. block_by_hash(height, hash): canonical bytes of a committed or durably prepared block, or
    None. is_observer(node key): whether it has no seat. snapshots: None when it serves none.
    """

    def __init__(
        self,
        head: Callable[[], int],
        certified_block: Callable[[int], bytes | None],
        block_by_hash: Callable[[int, Hash], bytes | None],
        now_s: Callable[[], float],
        is_observer: Callable[[bytes], bool] = lambda _: False,
        lowest: Callable[[], int] = lambda: 1,
        snapshots: SnapshotSource | None = None,
    ) -> None:
        self._head = head
        self._certified_block = certified_block
        self._block_by_hash = block_by_hash
        self._now_s = now_s
        self._is_observer = is_observer
        self._snapshots = snapshots
        self._pieces = TokenBucket(PIECES_BYTES_PER_SECOND, PIECES_BURST_BYTES, now_s())
        self._lowest = lowest
        self._budgets: dict[bytes, tuple[TokenBucket, ...]] = {}
        self._observers = TokenBucket(OBSERVERS_BYTES_PER_SECOND, OBSERVERS_BURST_BYTES, now_s())
        self.counters = ServerCounters()

    def answer(self, node_key: bytes, question: SyncQuestion) -> SyncAnswer | None:
        """The answer, or None for a peer over its budget: it has to wait and ask again."""
        budgets = self._budgets.get(node_key)
        if budgets is None:
            budgets = self._budgets[node_key] = self._budgets_of(node_key)
        for number, budget in enumerate(budgets):
            if not budget.take(QUESTION_COST_BYTES, self._now_s()):
                for taken in budgets[:number]:
                    taken.owe(-QUESTION_COST_BYTES)
                self.counters.questions_over_budget += 1
                return None
        match question:
            case RangeAsk() if question.first < self._lowest():
                return NotHeld(question.request_id, self._head(), self._lowest())
            case RangeAsk():
                blocks = self._range(question)
                _owe(budgets, sum(map(len, blocks)))
                return RangeAnswer(question.request_id, self._head(), blocks)
            case BlockAsk():
                block = self._block_by_hash(question.height, question.block_hash)
                if block is not None:
                    self.counters.blocks_served += 1
                    _owe(budgets, len(block))
                return BlockAnswer(question.request_id, block)
            case HeadAsk():
                return RangeAnswer(question.request_id, self._head(), ())
            case SnapshotsAsk():
                offers = () if self._snapshots is None else self._snapshots.offers()
                return SnapshotsAnswer(question.request_id, offers)
            case PieceAsk():
                answer = self._piece(question)
                _owe(budgets, len(answer.piece))
                return answer

    def peer_lost(self, node_key: bytes) -> None:
        """Forget its budget."""
        self._budgets.pop(node_key, None)

    def _budgets_of(self, node_key: bytes) -> tuple[TokenBucket, ...]:
        """The own one first, so that who has used it up takes nothing from the others."""
        now_s = self._now_s()
        if not self._is_observer(node_key):
            return (TokenBucket(PEER_BYTES_PER_SECOND, PEER_BURST_BYTES, now_s),)
        own = TokenBucket(OBSERVER_BYTES_PER_SECOND, OBSERVER_BURST_BYTES, now_s)
        return (own, self._observers)

    def _piece(self, question: PieceAsk) -> PieceAnswer:
        if self._snapshots is None:
            return PieceAnswer(question.request_id, 0, b"")
        has_room = self._pieces.take(PIECE_BYTES, self._now_s())
        size, piece = self._snapshots.piece(question, PIECE_BYTES if has_room else 0)
        if has_room:
            self._pieces.owe(len(piece) - PIECE_BYTES)
        self.counters.snapshot_bytes_served += len(piece)
        return PieceAnswer(question.request_id, size, piece)

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


def _owe(budgets: tuple[TokenBucket, ...], answer_bytes: int) -> None:
    """What the answer took beyond the cost of its question."""
    for budget in budgets:
        budget.owe(max(0, answer_bytes - QUESTION_COST_BYTES))
