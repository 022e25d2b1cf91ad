"""The mempool does what a naive model does: lists, scanned anew for every question."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.mempool import Admission, AdmissionError, Mempool, MempoolLimits, Refusal
from ledger.primitives import Address
from ledger.transaction import Transaction
from tests.unit.ledger.unsigned import account, unsigned

SENDERS = [account(name) for name in "abcd"]
LIMITS = MempoolLimits(
    max_count=12,
    max_bytes=60_000,
    max_sender_count=5,
    max_sender_bytes=32_000,
    max_future_count=4,
    max_nonce_gap=3,
    max_unfunded_count=2,
)
SIZES = st.sampled_from([200, 200, 200, 12_000])


class MempoolAgainstModel(RuleBasedStateMachine):
    """The model is a list of (transaction, unfunded), the chain's nonces and the last turns."""

    @initialize(height=st.integers(0, 5))
    def start(self, height: int) -> None:
        self.height = height
        self.mempool = Mempool(height, lambda sender: sender == SENDERS[3], LIMITS)
        self.held: list[tuple[Transaction, bool]] = []
        self.nonces = dict.fromkeys(SENDERS, 0)
        self.committed: list[Transaction] = []

    def of(self, sender: Address) -> dict[int, Transaction]:
        return {t.nonce: t for t, _ in self.held if t.sender == sender}

    def ready_until(self, sender: Address) -> int:
        nonce = self.nonces[sender]
        while nonce in self.of(sender):
            nonce += 1
        return nonce

    def executable(self) -> list[Transaction]:
        return [t for t, _ in self.held if t.nonce < self.ready_until(t.sender)]

    def expected_refusal(self, new: Transaction, zero: bool) -> Refusal | None:
        mine = self.of(new.sender)
        old, ready = mine.get(new.nonce), self.ready_until(new.sender)
        others = [t for t, _ in self.held if t is not old]
        own_others = [t for t in others if t.sender == new.sender]
        unfunded = {t.hash for t, is_unfunded in self.held if is_unfunded}
        counts = zero and new.sender != SENDERS[3] and not (old and old.hash in unfunded)
        waiting = len(self.held) - len(self.executable())
        size = len(new.raw)
        checks: list[tuple[Refusal, Any]] = [
            (Refusal.ALREADY_KNOWN, any(t.hash == new.hash for t, _ in self.held)),
            (Refusal.NONCE_TOO_LOW, new.nonce < self.nonces[new.sender]),
            (Refusal.EXPIRED, new.valid_until <= self.height),
            (
                Refusal.UNDERPRICED,
                old and (new.fee * 100 < old.fee * 110 or new.fee <= old.fee),
            ),
            (Refusal.SENDER_FULL, len(own_others) >= LIMITS.max_sender_count),
            (
                Refusal.SENDER_FULL,
                sum(len(t.raw) for t in own_others) + size > LIMITS.max_sender_bytes,
            ),
            (Refusal.POOL_FULL, len(others) >= LIMITS.max_count),
            (Refusal.POOL_FULL, sum(len(t.raw) for t in others) + size > LIMITS.max_bytes),
            (Refusal.NONCE_TOO_HIGH, not old and new.nonce > ready + LIMITS.max_nonce_gap),
            (
                Refusal.POOL_FULL,
                not old and new.nonce > ready and waiting >= LIMITS.max_future_count,
            ),
            (Refusal.UNFUNDED, counts and new.nonce > ready),
            (Refusal.UNFUNDED, counts and len(unfunded) >= LIMITS.max_unfunded_count),
        ]
        return next((refusal for refusal, applies in checks if applies), None)

    def outcome(self, transaction: Transaction, zero: bool) -> Admission | Refusal:
        try:
            return self.mempool.admit(transaction, self.nonces[transaction.sender], zero)
        except AdmissionError as error:
            return error.refusal

    @rule(
        sender=st.sampled_from(SENDERS),
        ahead=st.integers(-1, 6),
        fee=st.sampled_from([0, 1, 10, 11, 12]),
        life=st.integers(0, 4),
        size=SIZES,
        zero=st.booleans(),
    )
    def admit(
        self, sender: Address, ahead: int, fee: int, life: int, size: int, zero: bool
    ) -> None:
        nonce = max(0, self.nonces[sender] + ahead)
        new = unsigned(sender, nonce, fee, self.height + life, size)
        expected = self.expected_refusal(new, zero)
        outcome = self.outcome(new, zero)
        assert (outcome if isinstance(outcome, Refusal) else None) is expected
        if isinstance(outcome, Refusal):
            return
        self.held = [(t, z) for t, z in self.held if (t.sender, t.nonce) != (sender, nonce)]
        self.held.append((new, zero and sender != SENDERS[3]))
        ready = nonce < self.ready_until(sender)
        assert outcome is (Admission.EXECUTABLE if ready else Admission.FUTURE)

    @precondition(lambda self: self.committed)
    @rule(data=st.data(), zero=st.booleans())
    def admit_what_was_committed(self, data: st.DataObject, zero: bool) -> None:
        old = data.draw(st.sampled_from(self.committed))
        assert self.outcome(old, zero) in (Refusal.NONCE_TOO_LOW, Refusal.EXPIRED)

    @rule(count=st.integers(0, 8), size=st.integers(0, 40_000), stranger=st.booleans(),
          skipped=st.sampled_from([0, 0, 0, 1, 30]))  # fmt: skip
    def commit_a_block(self, count: int, size: int, stranger: bool, skipped: int) -> None:
        """What take() gives, perhaps one the pool never saw in front, heights perhaps skipped."""
        block = self.mempool.take(count, size)
        self.check_taken(block, count, size)
        if stranger:
            sender = SENDERS[0]
            unseen = unsigned(sender, self.nonces[sender], 999, self.height + 1)
            block = [unseen, *(t for t in block if t.sender != sender)]
        self.height += 1 + skipped
        for transaction in block:
            assert transaction.nonce == self.nonces[transaction.sender]
            self.nonces[transaction.sender] += 1
        self.committed.extend(block)
        self.mempool.applied(self.height, block)
        self.held = [(t, z) for t, z in self.held if t.nonce >= self.nonces[t.sender]]
        self.drop([t for t, _ in self.held if t.valid_until <= self.height])

    def check_taken(self, block: list[Transaction], count: int, size: int) -> None:
        assert len(block) <= count
        assert sum(len(t.raw) for t in block) <= size
        turns = [t.nonce - self.nonces[t.sender] for t in block]
        assert turns == sorted(turns), "a sender was served twice before another was served once"
        full = self.mempool.take(10**6, 10**9)
        assert block == full[: len(block)]
        assert sorted(t.hash for t in full) == sorted(t.hash for t in self.executable())
        if len(block) < min(count, len(full)):
            assert sum(len(t.raw) for t in full[: len(block) + 1]) > size

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        held = [t for t, _ in self.held]
        chosen = data.draw(st.lists(st.sampled_from(held), max_size=3, unique_by=lambda t: t.hash))
        self.mempool.discard([t.hash for t in chosen])
        self.drop(chosen)

    def drop(self, gone: list[Transaction]) -> None:
        """Only what the bounds on future transactions ask for may go beside `gone`."""
        hashes = {t.hash for t in gone}
        expected = [(t, z) for t, z in self.held if t.hash not in hashes]
        self.held = [(t, z) for t, z in expected if t.hash in self.mempool]
        lost = [(t, z) for t, z in expected if t.hash not in self.mempool]
        touched = {t.sender for t in gone}
        for transaction, is_unfunded in lost:
            assert transaction.sender in touched
            assert transaction.nonce > self.ready_until(transaction.sender)
            assert is_unfunded or self.future_of(expected) > LIMITS.max_future_count

    def future_of(self, held: list[tuple[Transaction, bool]]) -> int:
        kept, self.held = self.held, held
        count = len(held) - len(self.executable())
        self.held = kept
        return count

    @invariant()
    def the_pool_holds_what_the_model_holds(self) -> None:
        held = [t for t, _ in self.held]
        assert len(self.mempool) == len(held)
        assert all(self.mempool.get(t.hash) is t for t in held)
        assert self.mempool.bytes == sum(len(t.raw) for t in held)
        assert self.mempool.executable_count == len(self.executable())
        assert self.mempool.has_executable == bool(self.executable())
        assert len(held) - len(self.executable()) <= LIMITS.max_future_count
        assert {t.hash for t in self.mempool.pending(100)} == {t.hash for t in held}
        for sender in SENDERS:
            expected = self.ready_until(sender) if self.of(sender) else None
            assert self.mempool.pending_nonce(sender) == expected

    def teardown(self) -> None:
        """Everything expires in the end, and then nothing is left over anywhere."""
        if hasattr(self, "mempool"):
            self.mempool.applied(self.height + 100, [])
            leftovers = {
                name: value
                for name, value in vars(self.mempool).items()
                if name not in ("_height", "_is_sponsored", "_limits") and value
            }
            assert not leftovers


TestMempoolAgainstModel = MempoolAgainstModel.TestCase
TestMempoolAgainstModel.settings = settings(max_examples=80, stateful_step_count=40)
