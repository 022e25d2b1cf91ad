"""Completes proposals whose transactions are named by hash.

A transaction is gossiped once and named by hash in the block (performance.md, finding 8). When a
compact PrePrepare comes, most of its transactions are verified already, some wait for their
verification (done at once), some are still on the wire (awaited for a moment), and only what is
really missing is asked of the peer that sent the proposal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from consensus.messages import PrePrepare
from ledger.block import CompactBlock
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.transaction import Transaction

FIRST_ASK_MS: Final = 20
"""How long a transaction may still be on the wire before it is asked for."""
ASK_AGAIN_MS: Final = 250
MAX_ASKS: Final = 20
"""Then the proposal is dropped; its sender or Status offers it again."""


class TransactionSource(Protocol):
    """Where decoded transactions are found by hash."""

    def find_verified(self, transaction_hash: Hash) -> Transaction | None:
        """The transaction if this node holds it, verified now if it was still waiting; None when
        it is unknown, or when its signature is wrong."""


Ask = Callable[[bytes, Hash, Sequence[int]], None]
"""(peer, block hash, positions): ask the peer for these transactions of the block."""
Deliver = Callable[[bytes, PrePrepare], None]
"""(peer, complete PrePrepare)."""
CallLater = Callable[[int, Callable[[], None]], None]
"""(delay in ms, callback)."""


@dataclass(slots=True)
class _Waiting:
    """One incomplete proposal of one peer; `missing` maps hash to position."""

    message: PrePrepare
    block: CompactBlock
    found: list[Transaction | None]
    missing: dict[Hash, int]
    asks: int = 0


class ProposalAssembler:
    """At most one incomplete proposal for each peer; a newer one replaces it."""

    def __init__(
        self, source: TransactionSource, ask: Ask, deliver: Deliver, call_later: CallLater
    ) -> None:
        self._source = source
        self._ask = ask
        self._deliver = deliver
        self._call_later = call_later
        self._waiting: dict[bytes, _Waiting] = {}

    @property
    def waiting(self) -> int:
        """Proposals that still lack transactions."""
        return len(self._waiting)

    def receive(self, peer: bytes, message: PrePrepare, block: CompactBlock) -> None:
        """Take a PrePrepare whose proposal is compact; deliver it as soon as it is complete."""
        found = [self._source.find_verified(item) for item in block.transaction_hashes]
        missing = {
            block.transaction_hashes[position]: position
            for position, transaction in enumerate(found)
            if transaction is None
        }
        waiting = _Waiting(message, block, found, missing)
        if not missing:
            self._waiting.pop(peer, None)
            self._complete(peer, waiting)
            return
        self._waiting[peer] = waiting
        self._call_later(FIRST_ASK_MS, lambda: self._ask_again(peer, waiting))

    def arrived(self, transactions: Sequence[Transaction]) -> None:
        """Transactions have reached this node; complete what waited for them."""
        for peer, waiting in list(self._waiting.items()):
            for transaction in transactions:
                position = waiting.missing.get(transaction.hash)
                if position is None:
                    continue
                verified = self._source.find_verified(transaction.hash)
                if verified is not None:
                    waiting.found[position] = verified
                    del waiting.missing[transaction.hash]
            if not waiting.missing:
                del self._waiting[peer]
                self._complete(peer, waiting)

    def forget(self, below_height: int) -> None:
        """Drop proposals of finished heights."""
        for peer, waiting in list(self._waiting.items()):
            if waiting.message.height < below_height:
                del self._waiting[peer]

    def forget_peer(self, peer: bytes) -> None:
        """The peer is gone."""
        self._waiting.pop(peer, None)

    def missing_of(self, block_hash: Hash) -> bool:
        """True while a proposal of this hash waits (answers to anything else are unasked)."""
        return any(waiting.block.header.hash == block_hash for waiting in self._waiting.values())

    def _complete(self, peer: bytes, waiting: _Waiting) -> None:
        transactions = [item for item in waiting.found if item is not None]
        block = waiting.block.complete(transactions)
        self._deliver(peer, replace(waiting.message, proposal=block))

    def _ask_again(self, peer: bytes, waiting: _Waiting) -> None:
        if self._waiting.get(peer) is not waiting:
            return
        if waiting.asks >= MAX_ASKS:
            del self._waiting[peer]
            return
        waiting.asks += 1
        self._ask(peer, waiting.block.header.hash, tuple(waiting.missing.values()))
        self._call_later(ASK_AGAIN_MS, lambda: self._ask_again(peer, waiting))


def answer_positions(hashes: Sequence[Hash], positions: Sequence[int]) -> list[Hash]:
    """Hashes at the asked positions; PeerError when one is outside the block."""
    for position in positions:
        if position >= len(hashes):
            raise PeerError(f"asked for transaction {position} of a block of {len(hashes)}")
    return [hashes[position] for position in positions]
