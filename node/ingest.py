"""Transactions on their way into the mempool: decoded, verified in small turns, admitted.

Verification is most of what a transaction costs (performance.md: 44 of 105 microseconds), so it
runs in turns that let consensus go first, and one that a proposal needs is verified at once.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.ports import Refusal, RefusalReason, SubmitOutcome
from ledger.errors import DecodeError
from ledger.mempool import AdmissionError, Mempool
from ledger.mempool import Refusal as MempoolRefusal
from ledger.message_registry import MessageRegistry
from ledger.primitives import Hash
from ledger.transaction import (
    Transaction,
    WrongChainError,
    decode_transaction,
    verify_transaction,
)
from node.meter import Meter, Part

TURN_TRANSACTIONS: Final = 48
"""Verified in one turn, about 2 ms, before the event loop sees to others."""
MAX_WAITING_TRANSACTIONS: Final = 20_000
"""Decoded and not yet verified; beyond it a client is told to come back, gossip is dropped."""
MAX_VERIFIED_ASIDE: Final = 20_000
"""Verified for a proposal but not in the mempool; kept until the next block."""

_REASONS: Final = {
    MempoolRefusal.NONCE_TOO_LOW: RefusalReason.NONCE_TOO_LOW,
    MempoolRefusal.NONCE_TOO_HIGH: RefusalReason.NONCE_TOO_HIGH,
    MempoolRefusal.EXPIRED: RefusalReason.EXPIRED,
    MempoolRefusal.VALID_TOO_LONG: RefusalReason.INVALID_MESSAGE,
    MempoolRefusal.UNDERPRICED: RefusalReason.UNDERPRICED,
    MempoolRefusal.POOL_FULL: RefusalReason.MEMPOOL_FULL,
    MempoolRefusal.SENDER_FULL: RefusalReason.SENDER_QUOTA,
    MempoolRefusal.UNFUNDED: RefusalReason.INSUFFICIENT_FUNDS,
}

_BAD_SIGNATURE: Final = Refusal(
    RefusalReason.BAD_SIGNATURE, "the signature does not match its content"
)

AccountFacts = Callable[[Transaction], tuple[int, bool, str | None]]
"""(nonce, balance is zero, why the revealed keys may not act for the sender) at the head."""
Admitted = Callable[[list[Transaction], bool], None]
"""(transactions now in the mempool, whether they came from a client of this node)."""


@dataclass(slots=True)
class _Job:
    """Transactions that came together; `outcomes` is filled position by position."""

    transactions: list[Transaction | None]
    outcomes: list[SubmitOutcome | None]
    done: asyncio.Future[None] | None
    next: int = 0
    admitted: list[Transaction] = field(default_factory=list)


class Ingest:
    """Owns what is decoded and not yet admitted; one task verifies it in order of arrival."""

    def __init__(
        self,
        chain_id: int,
        messages: MessageRegistry,
        mempool: Mempool,
        facts: AccountFacts,
        admitted: Admitted,
        meter: Meter | None = None,
    ) -> None:
        self._chain_id = chain_id
        self._messages = messages
        self._mempool = mempool
        self._facts = facts
        self._admitted = admitted
        self._meter = meter or Meter()
        self._jobs: deque[_Job] = deque()
        self._waiting: dict[Hash, Transaction] = {}
        self._verified_aside: dict[Hash, Transaction] = {}
        self._arrived = asyncio.Event()
        self.rejected: Counter[RefusalReason] = Counter()
        """Transactions refused since start, for the metric."""

    @property
    def waiting(self) -> int:
        """Transactions that are decoded and not yet verified."""
        return len(self._waiting)

    async def submit(self, raws: Sequence[bytes]) -> list[SubmitOutcome]:
        """A client's transactions: one outcome each, in order, when all are verified."""
        with self._meter.part(Part.DECODE):
            job = self._decode(raws, from_client=True)
        job.done = asyncio.get_running_loop().create_future()
        self._enqueue(job)
        await job.done
        return [outcome for outcome in job.outcomes if outcome is not None]

    def receive(self, raws: Sequence[bytes]) -> list[Transaction]:
        """A peer's transactions. Returns those that are new here, not yet verified."""
        with self._meter.part(Part.DECODE):
            job = self._decode(raws, from_client=False)
        new = [transaction for transaction in job.transactions if transaction is not None]
        if new:
            self._enqueue(job)
        return new

    def find_verified(self, transaction_hash: Hash) -> Transaction | None:
        """For a proposal: the transaction from the mempool or, verified now, from what waits."""
        found = self._mempool.get(transaction_hash) or self._verified_aside.get(transaction_hash)
        if found is not None:
            return found
        waiting = self._waiting.get(transaction_hash)
        if waiting is None or not verify_transaction(waiting):
            return None
        self._set_aside(waiting)
        return waiting

    def verify_all(self, transactions: Sequence[Transaction]) -> bool:
        """True when every signature is valid; those known here are not verified again."""
        with self._meter.part(Part.VERIFY):
            for transaction in transactions:
                known = transaction.hash
                if known in self._mempool or known in self._verified_aside:
                    continue
                if not verify_transaction(transaction):
                    return False
                self._set_aside(transaction)
        return True

    def applied(self, transactions: Iterable[Transaction] = ()) -> None:
        """A block with these transactions is applied: what was verified aside for it has had its
        use, and those that still wait for their turn need none."""
        self._verified_aside.clear()
        for transaction in transactions:
            self._waiting.pop(transaction.hash, None)

    async def run(self) -> None:
        """Verify and admit for ever, in turns."""
        while True:
            while not self._jobs:
                self._arrived.clear()
                await self._arrived.wait()
            self._turn()
            await asyncio.sleep(0)  # consensus and connections go between two turns

    def _decode(self, raws: Sequence[bytes], *, from_client: bool) -> _Job:
        job = _Job([], [], None)
        for raw in raws:
            transaction: Transaction | None = None
            outcome: SubmitOutcome | None = None
            try:
                transaction = decode_transaction(raw, self._chain_id)
            except WrongChainError as error:
                outcome = Refusal(RefusalReason.WRONG_CHAIN, str(error))
            except DecodeError as error:
                outcome = Refusal(RefusalReason.MALFORMED, str(error))
            if transaction is not None:
                outcome = self._before_verification(transaction, from_client)
            if outcome is None and transaction is not None:
                self._waiting[transaction.hash] = transaction
            else:
                transaction = None
            job.transactions.append(transaction)
            job.outcomes.append(outcome)
        return job

    def _before_verification(
        self, transaction: Transaction, from_client: bool
    ) -> SubmitOutcome | None:
        """The outcome when it needs no signature check: known already, full, no such message.

        Only a client is told that its message cannot be executed; what a peer admitted was checked
        there, and the executor refuses it by a receipt at the latest.
        """
        if transaction.hash in self._mempool or transaction.hash in self._waiting:
            return transaction.hash
        if len(self._waiting) >= MAX_WAITING_TRANSACTIONS:
            return Refusal(
                RefusalReason.MEMPOOL_FULL,
                f"{len(self._waiting)} transactions wait to be verified; send it again later",
            )
        if not from_client:
            return None
        message_type = self._messages.find(transaction.type)
        if message_type is None:
            return Refusal(RefusalReason.UNKNOWN_MESSAGE, f"no message type {transaction.type!r}")
        try:
            message_type.decode(transaction.body)
        except DecodeError as error:
            return Refusal(RefusalReason.INVALID_MESSAGE, str(error))
        return None

    def _enqueue(self, job: _Job) -> None:
        self._jobs.append(job)
        self._arrived.set()

    def _turn(self) -> None:
        job = self._jobs[0]
        stop = min(job.next + TURN_TRANSACTIONS, len(job.transactions))
        with self._meter.part(Part.VERIFY):
            valid = [self._is_valid(job.transactions[i]) for i in range(job.next, stop)]
        with self._meter.part(Part.MEMPOOL):
            for position, is_valid in enumerate(valid, job.next):
                transaction = job.transactions[position]
                if transaction is None:
                    continue
                if self._waiting.pop(transaction.hash, None) is None:
                    job.outcomes[position] = transaction.hash  # final before its turn came
                elif is_valid:
                    job.outcomes[position] = self._admit(transaction, job)
                else:
                    job.outcomes[position] = _BAD_SIGNATURE
        job.next = stop
        if stop == len(job.transactions):
            self._jobs.popleft()
            for outcome in job.outcomes:
                if isinstance(outcome, Refusal):
                    self.rejected[outcome.reason] += 1
            if job.done is not None and not job.done.cancelled():
                job.done.set_result(None)
        if job.admitted:
            admitted, job.admitted = job.admitted, []
            self._admitted(admitted, job.done is not None)

    def _is_valid(self, transaction: Transaction | None) -> bool:
        """Verified for a proposal, or now; what is final already is not verified again."""
        return transaction is not None and (
            transaction.hash in self._verified_aside
            or transaction.hash not in self._waiting
            or verify_transaction(transaction)
        )

    def _admit(self, transaction: Transaction, job: _Job) -> SubmitOutcome:
        # Read after verifying: a block may have come meanwhile (performance.md, "Traps").
        nonce, balance_is_zero, problem = self._facts(transaction)
        if problem is not None:
            return Refusal(RefusalReason.BAD_SIGNATURE, problem)
        try:
            self._mempool.admit(transaction, nonce, balance_is_zero)
        except AdmissionError as error:
            if error.refusal is MempoolRefusal.ALREADY_KNOWN:
                return transaction.hash
            return Refusal(_REASONS[error.refusal], str(error))
        job.admitted.append(transaction)
        return transaction.hash

    def _set_aside(self, transaction: Transaction) -> None:
        if len(self._verified_aside) >= MAX_VERIFIED_ASIDE:
            self._verified_aside.clear()
        self._verified_aside[transaction.hash] = transaction
