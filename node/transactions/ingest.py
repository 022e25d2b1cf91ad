"""Transactions on their way into the mempool: decoded, verified in small turns, admitted.

Verification is most of what a transaction costs (performance.md: 44 of 105 microseconds), so it
runs in turns that let consensus go first, and one that a proposal needs is verified at once.

What waits is kept in shares: one for all clients of this node, one for what each peer gossips, one
for what each peer answers about proposals. Shares have bounds of their own and take turns, so that
a flood fills its own share and delays nobody else by more than a turn. Who gossips forged or
undecodable transactions is reported; when that costs it its connection, its share is dropped
unverified.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from api.ports import Refusal, RefusalReason, SubmitOutcome
from ledger.block import MAX_BLOCK_TRANSACTIONS
from ledger.contracts import ContractTable
from ledger.errors import DecodeError, WrongChainError
from ledger.ethereum_envelope import EthereumSignature
from ledger.mempool import AdmissionError, Mempool
from ledger.mempool import Refusal as MempoolRefusal
from ledger.message_registry import MessageRegistry
from ledger.primitives import Hash
from ledger.transaction import (
    Transaction,
    decode_transaction,
    verify_transaction,
)
from node.meter import Meter, Part
from node.transactions.ingest_shares import Job, Share

TURN_TRANSACTIONS: Final = 48
"""Verified in one turn, about 2 ms, before the event loop sees to others."""
MAX_WAITING_TRANSACTIONS: Final = 20_000
"""Of clients, decoded and not yet verified; beyond it they are told to come back."""
MAX_PEER_WAITING_TRANSACTIONS: Final = 8_192
"""Of one peer's gossip; what comes beyond it is dropped, and asked for by proposals."""
MAX_GOSSIP_WAITING_TRANSACTIONS: Final = 65_536
"""Of all peers' gossip: when more than eight peers have that much waiting, each may have less."""
MAX_ANSWERED_TRANSACTIONS: Final = 2 * MAX_BLOCK_TRANSACTIONS
"""Of what one peer answered about proposals."""
MAX_BAD_A_TURN: Final = 10
"""After so many bad transactions its sender is judged before anything more of it is verified."""
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

AccountFacts = Callable[[Transaction], tuple[int, int, str | None]]
"""(nonce, balance, why the revealed keys may not act for the sender) at the head."""
Admitted = Callable[[list[Transaction], bool], None]
"""(transactions now in the mempool, whether they came from a client of this node)."""
Judge = Callable[[bytes, int, str], bool]
"""(node key, how many bad transactions it gossiped, what is wrong with them): True when the peer
is banned for it, so that the rest of its share is not worth verifying."""


class Ingest:
    """Owns what is decoded and not yet admitted; one task verifies it, shares taking turns."""

    def __init__(
        self,
        chain_id: int,
        messages: MessageRegistry,
        mempool: Mempool,
        facts: AccountFacts,
        admitted: Admitted,
        meter: Meter | None = None,
        judge: Judge = lambda *_: False,
    ) -> None:
        self._chain_id = chain_id
        self._messages = messages
        self._mempool = mempool
        self._facts = facts
        self._admitted = admitted
        self._meter = meter or Meter()
        self._judge = judge
        self._decode_call = ContractTable(messages).decode_call
        self._clients = Share()
        self._gossip: dict[bytes, Share] = {}
        self._answers: dict[bytes, Share] = {}
        self._busy: deque[Share] = deque()
        self._waiting: dict[Hash, tuple[Transaction, Share]] = {}
        self._verified_aside: dict[Hash, Transaction] = {}
        self._arrived = asyncio.Event()
        self.rejected: Counter[RefusalReason] = Counter()
        """Transactions refused since start, for the metric."""
        self.bad_gossip = 0
        """Gossiped transactions that were forged or could not be decoded, since start."""
        self.dropped_gossip = 0
        """Transactions of peers dropped unverified, since start: over the bound of their sender, or
        of one that was banned."""

    @property
    def waiting(self) -> int:
        """Transactions that are decoded and not yet verified."""
        return len(self._waiting)

    async def submit(self, raws: Sequence[bytes]) -> list[SubmitOutcome]:
        """A client's transactions: one outcome each, in order, when all are verified."""
        with self._meter.part(Part.DECODE):
            job = self._decode(raws, self._clients, MAX_WAITING_TRANSACTIONS)
        job.done = asyncio.get_running_loop().create_future()
        self._enqueue(job, self._clients)
        await job.done
        return [outcome for outcome in job.outcomes if outcome is not None]

    def receive(self, peer: bytes, raws: Sequence[bytes]) -> list[Transaction]:
        """What a peer (node key) gossiped. Returns those that are new here, not yet verified."""
        share = self._gossip.setdefault(peer, Share(peer))
        bound = min(
            MAX_PEER_WAITING_TRANSACTIONS, MAX_GOSSIP_WAITING_TRANSACTIONS // len(self._gossip)
        )
        return self._take_in(raws, share, bound)

    def receive_answer(self, peer: bytes, raws: Sequence[bytes]) -> list[Transaction]:
        """What a peer answered to a question about a proposal; as receive(), but what is bad is not
        held against it: an honest peer passes on a proposal before it has checked the block."""
        share = self._answers.setdefault(peer, Share(peer))
        return self._take_in(raws, share, MAX_ANSWERED_TRANSACTIONS)

    def find_verified(self, transaction_hash: Hash) -> Transaction | None:
        """For a proposal: the transaction from the mempool or, verified now, from what waits."""
        found = self._mempool.get(transaction_hash) or self._verified_aside.get(transaction_hash)
        if found is not None:
            return found
        waiting, _ = self._waiting.get(transaction_hash, (None, None))
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

    def set_aside(self, transactions: Iterable[Transaction]) -> None:
        """Take these for verified until the next block is applied: somebody of this node did it."""
        self._verified_aside.update((item.hash, item) for item in transactions)

    def applied(self, transactions: Iterable[Transaction] = ()) -> None:
        """A block with these transactions is applied: what was verified aside for it has had its
        use, and those that still wait for their turn need none."""
        self._verified_aside.clear()
        for transaction in transactions:
            found = self._waiting.pop(transaction.hash, None)
            if found is not None:
                found[1].waiting -= 1

    async def run(self) -> None:
        """Verify and admit for ever, in turns."""
        while True:
            while not self._busy:
                self._arrived.clear()
                await self._arrived.wait()
            self._turn()
            await asyncio.sleep(0)  # consensus and connections go between two turns

    def _take_in(self, raws: Sequence[bytes], share: Share, bound: int) -> list[Transaction]:
        with self._meter.part(Part.DECODE):
            job = self._decode(raws, share, bound)
        new = [transaction for transaction in job.transactions if transaction is not None]
        if new:
            self._enqueue(job, share)
        if job.undecodable:
            self._bad(share, job.undecodable, f"cannot be decoded, the last: {job.problem}")
        self._forget_idle(share)
        return [transaction for transaction in new if transaction.hash in self._waiting]

    def _decode(self, raws: Sequence[bytes], share: Share, bound: int) -> Job:
        """Of a peer nothing more is read after MAX_BAD_A_TURN that cannot be decoded."""
        job = Job()
        for raw in raws:
            transaction: Transaction | None = None
            outcome: SubmitOutcome | None = None
            try:
                transaction = decode_transaction(raw, self._chain_id, self._decode_call)
            except DecodeError as error:
                wrong_chain = isinstance(error, WrongChainError)
                reason = RefusalReason.WRONG_CHAIN if wrong_chain else RefusalReason.MALFORMED
                outcome = Refusal(reason, str(error))
                job.undecodable, job.problem = job.undecodable + 1, outcome.detail
            if transaction is not None:
                outcome = self._before_verification(transaction, share, bound)
            if outcome is None and transaction is not None:
                self._waiting[transaction.hash] = transaction, share
                share.waiting += 1
            else:
                transaction = None
            job.transactions.append(transaction)
            job.outcomes.append(outcome)
            if job.undecodable >= MAX_BAD_A_TURN and share is not self._clients:
                break
        return job

    def _before_verification(
        self, transaction: Transaction, share: Share, bound: int
    ) -> SubmitOutcome | None:
        """The outcome when it needs no signature check: known already, full, no such message.

        Only a client is told that its message cannot be executed; what a peer admitted was checked
        there, and the executor refuses it by a receipt at the latest. A client's transaction does
        not wait in a peer's share, which may be dropped.
        """
        from_client = share is self._clients
        known = transaction.hash
        if known in self._mempool:
            return known
        found = self._waiting.get(known)
        if found is not None and (not from_client or found[1] is share):
            return known
        if share.waiting >= bound:
            self.dropped_gossip += not from_client
            return Refusal(
                RefusalReason.MEMPOOL_FULL,
                f"{share.waiting} transactions wait to be verified; send it again later",
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
        if found is not None:
            found[1].waiting -= 1
        return None

    def _enqueue(self, job: Job, share: Share) -> None:
        if not share.jobs:
            self._busy.append(share)
        share.jobs.append(job)
        self._arrived.set()

    def _turn(self) -> None:
        """Verify and admit some of the share whose turn it is, then let the next one go."""
        share = self._busy.popleft()
        job = share.jobs[0]
        with self._meter.part(Part.VERIFY):
            valid = self._verify(job, share)
        bad = 0
        with self._meter.part(Part.MEMPOOL):
            for position, is_valid in enumerate(valid, job.next):
                transaction = job.transactions[position]
                if transaction is None:
                    continue
                known = transaction.hash
                found = self._waiting.get(known)
                if found is None or found[1] is not share:
                    job.outcomes[position] = known  # final, or a client's, by now
                    continue
                del self._waiting[known]
                share.waiting -= 1
                if is_valid:
                    job.outcomes[position] = self._admit(
                        transaction, job, from_client=share is self._clients
                    )
                else:
                    job.outcomes[position] = _BAD_SIGNATURE
                    bad += 1
        job.next += len(valid)
        if job.next == len(job.transactions):
            share.jobs.popleft()
            self._answer(job)
        if share.jobs:
            self._busy.append(share)
        if job.admitted:
            admitted, job.admitted = job.admitted, []
            self._admitted(admitted, share is self._clients)
        if bad:
            self._bad(share, bad, "do not match their signature")
        self._forget_idle(share)

    def _verify(self, job: Job, share: Share) -> list[bool]:
        """Of the next transactions of a job; ends early at MAX_BAD_A_TURN wrong signatures."""
        valid: list[bool] = []
        bad = 0
        for transaction in job.transactions[job.next : job.next + TURN_TRANSACTIONS]:
            is_valid = transaction is not None and self._is_valid(transaction, share)
            valid.append(is_valid)
            if not is_valid and transaction is not None:
                bad += 1
                if bad == MAX_BAD_A_TURN:
                    break
        return valid

    def _is_valid(self, transaction: Transaction, share: Share) -> bool:
        """Verified for a proposal, or now; what left the share already is not verified again."""
        if transaction.hash in self._verified_aside:
            return True
        found = self._waiting.get(transaction.hash)
        return found is None or found[1] is not share or verify_transaction(transaction)

    def _answer(self, job: Job) -> None:
        for outcome in job.outcomes:
            if isinstance(outcome, Refusal):
                self.rejected[outcome.reason] += 1
        if job.done is not None and not job.done.cancelled():
            job.done.set_result(None)

    def _bad(self, share: Share, count: int, problem: str) -> None:
        """Have the sender of bad transactions judged, and drop its share when it is banned."""
        if share.peer is None:
            return
        if self._gossip.get(share.peer) is not share:
            if count >= MAX_BAD_A_TURN:
                self._drop(share)
            return
        self.bad_gossip += count
        if self._judge(share.peer, count, f"{count} gossiped transactions {problem}"):
            self._drop(share)

    def _drop(self, share: Share) -> None:
        """Forget what waits in a share, unverified."""
        if share.jobs:
            self._busy.remove(share)
        for job in share.jobs:
            for transaction in job.transactions[job.next :]:
                if transaction is None:
                    continue
                found = self._waiting.get(transaction.hash)
                if found is not None and found[1] is share:
                    del self._waiting[transaction.hash]
        self.dropped_gossip += share.waiting
        share.waiting = 0
        share.jobs.clear()

    def _forget_idle(self, share: Share) -> None:
        """A peer of which nothing waits takes no room."""
        if share.peer is not None and not share.jobs:
            for shares in (self._gossip, self._answers):
                if shares.get(share.peer) is share:
                    del shares[share.peer]

    def _admit(self, transaction: Transaction, job: Job, *, from_client: bool) -> SubmitOutcome:
        # Read after verifying: a block may have come meanwhile (performance.md, "Traps").
        nonce, balance, problem = self._facts(transaction)
        if problem is not None:
            return Refusal(RefusalReason.BAD_SIGNATURE, problem)
        if from_client and transaction.nonce >= nonce:
            uncovered = _uncovered(transaction, balance)
            if uncovered is not None:
                return uncovered
        try:
            self._mempool.admit(transaction, nonce, balance == 0)
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


def _uncovered(transaction: Transaction, balance: int) -> Refusal | None:
    """Why a wallet's transfer cannot be paid now. Wallets look for this answer; a native
    transaction is final with a receipt that says the same."""
    authority = transaction.authority
    if not isinstance(authority, EthereumSignature) or authority.value <= balance:
        return None
    return Refusal(
        RefusalReason.INSUFFICIENT_FUNDS,
        f"balance {balance}, tx cost {authority.value}, overshot {authority.value - balance}",
    )
