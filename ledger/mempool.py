"""Verified transactions that wait for a block: bounded, ordered by nonce, fair between senders.

A sender's transactions are EXECUTABLE as far as their nonces follow the account's without a hole;
behind a hole they are FUTURE. Executable ones drain with every block; what cannot drain has a
bound of its own, so that it never keeps out what can.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum
from itertools import islice
from typing import Final

import msgspec

from ledger.errors import PeerError, ensure
from ledger.primitives import Address, Hash
from ledger.transaction import MAX_TRANSACTION_BYTES, Transaction

MAX_VALIDITY_BLOCKS: Final = 100_000
"""How far valid_until may lie above the head: a day of one-second blocks, for who signs offline."""
WAIT_WITHOUT_END_BLOCKS: Final = 10_000
"""How long an Ethereum transaction, which names no last height, is kept: some hours of one-second
blocks, as geth does. It may be sent again afterwards."""
REPLACEMENT_PERCENT: Final = 110
"""A replacement's fee, in percent of the fee of what it replaces."""


class MempoolLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a mempool; bytes are those of raw transactions."""

    max_bytes: int = 64 * 1024 * 1024
    max_count: int = 50_000
    max_sender_bytes: int = 2 * 1024 * 1024
    max_sender_count: int = 2_048
    max_future_count: int = 8_192
    """Of all senders together."""
    max_nonce_gap: int = 64
    """How far a nonce may lie above the sender's first missing one."""
    max_unfunded_count: int = 256
    """Shared by all senders that have neither balance nor sponsor."""


class Refusal(Enum):
    """Why a transaction was not admitted; the value labels the metric."""

    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    NONCE_TOO_HIGH = "nonce_too_high"
    EXPIRED = "expired"
    VALID_TOO_LONG = "valid_too_long"
    UNDERPRICED = "underpriced"
    POOL_FULL = "pool_full"
    SENDER_FULL = "sender_full"
    UNFUNDED = "unfunded"


class AdmissionError(PeerError):
    """The mempool does not take a transaction; worded like geth, which wallets parse."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class Admission(Enum):
    """Where an admitted transaction went."""

    EXECUTABLE = "executable"
    FUTURE = "future"


class _Queue:
    """Transactions of one sender by nonce; nonce .. ready_until - 1 are all there."""

    __slots__ = ("bytes", "nonce", "ready_until", "sender", "transactions")

    def __init__(self, sender: Address, nonce: int) -> None:
        self.sender = sender
        self.nonce = nonce
        self.ready_until = nonce
        self.transactions: dict[int, Transaction] = {}
        self.bytes = 0


class Mempool:
    """Admits verified transactions and hands them out in turns, one for each sender."""

    def __init__(
        self,
        height: int,
        is_sponsored: Callable[[Address], bool],
        limits: MempoolLimits | None = None,
    ) -> None:
        """`height` is the head's; is_sponsored: may this account send without a balance?"""
        self._height = height
        self._is_sponsored = is_sponsored
        self._limits = limits or MempoolLimits()
        ensure(
            self._limits.max_sender_bytes >= MAX_TRANSACTION_BYTES,
            "mempool limits leave no room for one transaction",
        )
        self._by_hash: dict[Hash, Transaction] = {}
        self._queues: dict[Address, _Queue] = {}
        # Senders with an executable transaction, who waited longest first.
        self._ready: OrderedDict[Address, _Queue] = OrderedDict()
        # By last height; dicts keep the order of admission, so that runs repeat exactly.
        self._expiring: dict[int, dict[Hash, Transaction]] = {}
        # Last height of those that name none.
        self._given_height: dict[Hash, int] = {}
        self._unfunded: set[Hash] = set()
        self._bytes = 0
        self._executable = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, transaction_hash: Hash) -> bool:
        return transaction_hash in self._by_hash

    @property
    def bytes(self) -> int:
        """Raw bytes of all transactions held."""
        return self._bytes

    @property
    def has_executable(self) -> bool:
        """Whether take() would find anything: work in the sense of consensus.md rule 4. O(1)."""
        return bool(self._ready)

    @property
    def executable_count(self) -> int:
        """Transactions that could be in the next block, were it large enough."""
        return self._executable

    def get(self, transaction_hash: Hash) -> Transaction | None:
        """The transaction with this hash, or None."""
        return self._by_hash.get(transaction_hash)

    def pending_nonce(self, sender: Address) -> int | None:
        """Nonce after the sender's executable transactions; None: nothing here, ask the state."""
        queue = self._queues.get(sender)
        return None if queue is None else queue.ready_until

    def pending(self, max_count: int) -> list[Transaction]:
        """The `max_count` transactions that have been here longest, for relaying to a peer."""
        return list(islice(self._by_hash.values(), max_count))

    def admit(
        self, transaction: Transaction, account_nonce: int, balance_is_zero: bool
    ) -> Admission:
        """Take in a transaction whose signature is verified, or raise AdmissionError.

        account_nonce and balance_is_zero are read from the head's state now, after verifying: a
        transaction whose block came meanwhile is refused by its nonce.
        """
        nonce = transaction.nonce
        if transaction.hash in self._by_hash:
            raise AdmissionError(Refusal.ALREADY_KNOWN, "already known")
        queue = self._queues.get(transaction.sender)
        if queue is None:
            queue = _Queue(transaction.sender, account_nonce)
        elif queue.nonce < account_nonce:  # blocks came by a road that did not say so
            self._advance(queue, account_nonce)
        if nonce < queue.nonce:
            raise AdmissionError(
                Refusal.NONCE_TOO_LOW,
                f"nonce too low: next nonce {queue.nonce}, tx nonce {nonce}",
            )
        if transaction.named_sender is not None:  # Ethereum envelopes have no last height
            self._check_validity(transaction.valid_until)
        replaced = queue.transactions.get(nonce)
        if replaced is not None:
            _check_replacement(transaction, replaced)
        self._check_room(transaction, queue, replaced)
        unfunded = balance_is_zero and not self._is_sponsored(transaction.sender)
        if unfunded:
            self._check_unfunded(nonce, queue, replaced)
        if replaced is not None:
            self._forget(queue, replaced)
        self._insert(transaction, queue)
        if unfunded:
            self._unfunded.add(transaction.hash)
        return Admission.EXECUTABLE if nonce < queue.ready_until else Admission.FUTURE

    def take(self, max_count: int, max_bytes: int) -> list[Transaction]:
        """Executable transactions for a block, a sender's by nonce; none is removed.

        Senders take turns, one transaction a turn; who was served in the last block comes last.
        Ends at the first that does not fit into max_bytes, which is first in turn next time.
        """
        chosen: list[Transaction] = []
        turn: Iterable[_Queue] = self._ready.values()
        offset = 0
        while True:
            further: list[_Queue] = []
            for queue in turn:
                nonce = queue.nonce + offset
                transaction = queue.transactions[nonce]
                max_bytes -= len(transaction.raw)
                if max_bytes < 0 or len(chosen) == max_count:
                    return chosen
                chosen.append(transaction)
                if nonce + 1 < queue.ready_until:
                    further.append(queue)
            if not further:
                return chosen
            turn = further
            offset += 1

    def applied(self, height: int, transactions: Iterable[Transaction]) -> None:
        """A block became the head: drop its transactions, what they replace and what expired.

        Every transaction of a block, failed or not, moves its sender's nonce to the one after it.
        """
        next_nonces = {transaction.sender: transaction.nonce + 1 for transaction in transactions}
        for sender, nonce in next_nonces.items():
            queue = self._queues.get(sender)
            if queue is not None:
                self._advance(queue, nonce)
        self._expire(height)

    def discard(self, hashes: Iterable[Hash]) -> None:
        """Drop transactions that turned out not to be includable; unknown hashes are ignored."""
        found = {wanted: self._by_hash.get(wanted) for wanted in hashes}
        self._drop([transaction for transaction in found.values() if transaction is not None])

    def _check_validity(self, valid_until: int) -> None:
        if valid_until <= self._height:
            raise AdmissionError(
                Refusal.EXPIRED,
                f"transaction expired: valid_until {valid_until}, next height {self._height + 1}",
            )
        latest = self._height + MAX_VALIDITY_BLOCKS
        if valid_until > latest:
            raise AdmissionError(
                Refusal.VALID_TOO_LONG,
                f"valid_until {valid_until} is too far ahead: at most {latest} now",
            )

    def _check_room(
        self, transaction: Transaction, queue: _Queue, replaced: Transaction | None
    ) -> None:
        limits = self._limits
        added = len(transaction.raw) - (len(replaced.raw) if replaced is not None else 0)
        if queue.bytes + added > limits.max_sender_bytes or (
            replaced is None and len(queue.transactions) >= limits.max_sender_count
        ):
            raise AdmissionError(
                Refusal.SENDER_FULL,
                f"account limit exceeded: {len(queue.transactions)} transactions of "
                f"{queue.bytes} bytes wait, at most {limits.max_sender_count} of "
                f"{limits.max_sender_bytes} are kept",
            )
        if self._bytes + added > limits.max_bytes or (
            replaced is None and len(self._by_hash) >= limits.max_count
        ):
            raise AdmissionError(
                Refusal.POOL_FULL,
                f"txpool is full: {len(self._by_hash)} transactions of {self._bytes} bytes wait; "
                "send it again later",
            )
        if replaced is not None or transaction.nonce <= queue.ready_until:
            return
        if transaction.nonce > queue.ready_until + limits.max_nonce_gap:
            raise AdmissionError(
                Refusal.NONCE_TOO_HIGH,
                f"nonce too high: next nonce {queue.ready_until}, tx nonce {transaction.nonce}, "
                f"at most {limits.max_nonce_gap} ahead",
            )
        if len(self._by_hash) - self._executable >= limits.max_future_count:
            raise AdmissionError(
                Refusal.POOL_FULL,
                f"txpool is full for transactions that wait for others: send nonce "
                f"{queue.ready_until} first",
            )

    def _check_unfunded(self, nonce: int, queue: _Queue, replaced: Transaction | None) -> None:
        if replaced is not None and replaced.hash in self._unfunded:
            return
        if nonce > queue.ready_until:
            raise AdmissionError(
                Refusal.UNFUNDED,
                f"nonce too high: next nonce {queue.ready_until}, tx nonce {nonce}; an account "
                "without balance cannot send ahead",
            )
        if len(self._unfunded) >= self._limits.max_unfunded_count:
            raise AdmissionError(
                Refusal.UNFUNDED,
                f"txpool is full for accounts without balance: all {len(self._unfunded)} places "
                "are taken; send it again later, or receive tokens first",
            )

    def _insert(self, transaction: Transaction, queue: _Queue) -> None:
        nonce = transaction.nonce
        self._by_hash[transaction.hash] = transaction
        self._queues[queue.sender] = queue
        queue.transactions[nonce] = transaction
        queue.bytes += len(transaction.raw)
        self._bytes += len(transaction.raw)
        last = transaction.valid_until
        if transaction.named_sender is None:
            last = self._given_height[transaction.hash] = self._height + WAIT_WITHOUT_END_BLOCKS
        expiring = self._expiring.get(last)
        if expiring is None:
            expiring = self._expiring[last] = {}
        expiring[transaction.hash] = transaction
        if nonce == queue.ready_until:
            self._extend(queue)

    def _extend(self, queue: _Queue) -> None:
        """Count as executable what follows ready_until without a hole."""
        end = queue.ready_until
        while end in queue.transactions:
            end += 1
        self._executable += end - queue.ready_until
        queue.ready_until = end
        if end > queue.nonce:
            self._ready[queue.sender] = queue

    def _advance(self, queue: _Queue, nonce: int) -> None:
        """The account's nonce is now `nonce`: lower ones are gone, the sender goes last in turn."""
        waiting = queue.transactions
        passed = range(queue.nonce, nonce)
        if len(passed) > len(waiting):
            passed_here = sorted(n for n in waiting if n < nonce)
        else:
            passed_here = [n for n in passed if n in waiting]
        self._executable -= min(nonce, queue.ready_until) - queue.nonce
        for n in passed_here:
            self._forget(queue, waiting.pop(n))
        queue.nonce = nonce
        self._ready.pop(queue.sender, None)
        if not waiting:
            del self._queues[queue.sender]
            return
        queue.ready_until = max(queue.ready_until, nonce)
        self._extend(queue)

    def _expire(self, height: int) -> None:
        """Drop what could be included up to `height` at the latest."""
        passed: Iterable[int] = range(self._height + 1, height + 1)
        if height - self._height > len(self._expiring):
            passed = sorted(last for last in self._expiring if last <= height)
        self._height = height
        for last in passed:
            self._drop(list(self._expiring.get(last, {}).values()))

    def _drop(self, transactions: list[Transaction]) -> None:
        """Take these out; what their senders sent after them becomes future."""
        touched: dict[Address, _Queue] = {}
        for transaction in transactions:
            queue = touched[transaction.sender] = self._queues[transaction.sender]
            nonce = transaction.nonce
            self._forget(queue, queue.transactions.pop(nonce))
            if nonce < queue.ready_until:
                self._executable -= queue.ready_until - nonce
                queue.ready_until = nonce
        for queue in touched.values():
            self._trim(queue)

    def _trim(self, queue: _Queue) -> None:
        """Behind a new hole, keep what the bounds on future transactions still allow."""
        if queue.ready_until == queue.nonce:
            self._ready.pop(queue.sender, None)
        waiting = queue.transactions
        excess = len(self._by_hash) - self._executable - self._limits.max_future_count
        behind = sorted((n for n in waiting if n > queue.ready_until), reverse=True)
        for position, nonce in enumerate(behind):
            if position < excess or waiting[nonce].hash in self._unfunded:
                self._forget(queue, waiting.pop(nonce))
        if not waiting:
            del self._queues[queue.sender]

    def _forget(self, queue: _Queue, transaction: Transaction) -> None:
        """Undo all bookkeeping of one transaction but its place in the queue."""
        del self._by_hash[transaction.hash]
        queue.bytes -= len(transaction.raw)
        self._bytes -= len(transaction.raw)
        last = transaction.valid_until
        if transaction.named_sender is None:
            last = self._given_height.pop(transaction.hash)
        expiring = self._expiring[last]
        del expiring[transaction.hash]
        if not expiring:
            del self._expiring[last]
        if self._unfunded:
            self._unfunded.discard(transaction.hash)


def _check_replacement(transaction: Transaction, replaced: Transaction) -> None:
    needed = max(replaced.fee + 1, -(-replaced.fee * REPLACEMENT_PERCENT // 100))
    if transaction.fee < needed:
        raise AdmissionError(
            Refusal.UNDERPRICED,
            f"replacement transaction underpriced: fee {transaction.fee} for nonce "
            f"{transaction.nonce}, at least {needed} is needed",
        )
