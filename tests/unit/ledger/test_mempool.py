"""The mempool: wording of refusals, bounds, turns between senders, expiry, blocks."""

from typing import Any

import pytest

from ledger.errors import InvariantViolation
from ledger.mempool import (
    MAX_VALIDITY_BLOCKS,
    Admission,
    AdmissionError,
    Mempool,
    MempoolLimits,
    Refusal,
)
from ledger.primitives import Address
from ledger.transaction import Transaction
from tests.unit.ledger.unsigned import account, unsigned

A, B, C = account("a"), account("b"), account("c")
ALL = 10**9


def pool(height: int = 0, **limits: Any) -> Mempool:
    return Mempool(height, lambda _: False, MempoolLimits(**limits))


def fill(mempool: Mempool, sender: Address, *nonces: int, **options: Any) -> list[Transaction]:
    transactions = [unsigned(sender, nonce, **options) for nonce in nonces]
    for transaction in transactions:
        mempool.admit(transaction, 0, False)
    return transactions


def refused(mempool: Mempool, transaction: Transaction, nonce: int = 0, zero: bool = False) -> Any:
    """The AdmissionError; the pool must not have changed."""
    before = (len(mempool), mempool.bytes, mempool.executable_count)
    with pytest.raises(AdmissionError) as failure:
        mempool.admit(transaction, nonce, zero)
    assert (len(mempool), mempool.bytes, mempool.executable_count) == before
    return failure.value


def taken(mempool: Mempool, count: int = ALL, size: int = ALL) -> list[tuple[str, int]]:
    """take() as (sender's name, nonce)."""
    return [(t.sender.decode().strip("."), t.nonce) for t in mempool.take(count, size)]


def test_an_admitted_transaction_is_found_by_hash_and_taken_without_being_removed() -> None:
    mempool = pool()
    transaction = unsigned(A, 0)
    assert mempool.admit(transaction, 0, False) is Admission.EXECUTABLE
    assert mempool.has_executable
    assert transaction.hash in mempool
    assert mempool.get(transaction.hash) is transaction
    assert mempool.take(10, ALL) == [transaction] == mempool.take(10, ALL) == mempool.pending(10)
    assert (len(mempool), mempool.bytes) == (1, len(transaction.raw))
    assert mempool.get(unsigned(B, 0).hash) is None


def test_an_empty_pool_has_nothing_to_execute() -> None:
    assert not pool().has_executable
    assert pool().take(1, ALL) == []


def test_refusals_are_worded_like_geth() -> None:
    """ethers and viem classify by these words (wallets never see our enum)."""
    mempool = pool()
    fill(mempool, A, 0, fee=100)
    cases = {
        "already known": (unsigned(A, 0, fee=100), 0, Refusal.ALREADY_KNOWN),
        "nonce too low: next nonce 5, tx nonce 3": (unsigned(B, 3), 5, Refusal.NONCE_TOO_LOW),
        "replacement transaction underpriced": (unsigned(A, 0, fee=109), 0, Refusal.UNDERPRICED),
        "nonce too high: next nonce 0, tx nonce 65": (unsigned(B, 65), 0, Refusal.NONCE_TOO_HIGH),
    }
    for message, (transaction, nonce, refusal) in cases.items():
        error = refused(mempool, transaction, nonce)
        assert str(error).startswith(message)
        assert error.refusal is refusal


@pytest.mark.parametrize(("old", "new"), [(0, 1), (1, 2), (9, 10), (10, 11), (15, 17), (100, 110)])
def test_a_replacement_pays_a_tenth_more_and_takes_the_place(old: int, new: int) -> None:
    mempool = pool()
    fill(mempool, A, 0, 1, fee=old)
    error = refused(mempool, unsigned(A, 0, fee=new - 1, valid_until=99))
    assert error.refusal is Refusal.UNDERPRICED
    replacement = unsigned(A, 0, fee=new)
    assert mempool.admit(replacement, 0, False) is Admission.EXECUTABLE
    assert mempool.take(1, ALL) == [replacement]
    assert unsigned(A, 0, fee=old).hash not in mempool
    assert (len(mempool), mempool.executable_count) == (2, 2)


def test_a_full_pool_still_takes_a_replacement() -> None:
    mempool = pool(max_count=1, max_sender_count=1)
    fill(mempool, A, 0)
    mempool.admit(unsigned(A, 0, fee=1), 0, False)
    assert refused(mempool, unsigned(B, 0)).refusal is Refusal.POOL_FULL


def test_a_future_nonce_waits_until_the_hole_is_filled() -> None:
    mempool = pool()
    assert mempool.admit(unsigned(A, 2), 0, False) is Admission.FUTURE
    assert mempool.admit(unsigned(A, 1), 0, False) is Admission.FUTURE
    assert not mempool.has_executable
    assert taken(mempool) == []
    assert mempool.pending_nonce(A) == 0
    assert mempool.admit(unsigned(A, 0), 0, False) is Admission.EXECUTABLE
    assert taken(mempool) == [("a", 0), ("a", 1), ("a", 2)]
    assert mempool.pending_nonce(A) == 3
    assert mempool.pending_nonce(B) is None


def test_a_block_makes_the_next_nonce_executable() -> None:
    """The block held a transaction that this pool never saw."""
    mempool = pool()
    fill(mempool, A, 1, 2)
    mempool.applied(1, [unsigned(A, 0)])
    assert taken(mempool) == [("a", 1), ("a", 2)]


def test_senders_take_turns() -> None:
    mempool = pool()
    fill(mempool, A, 0, 1, 2, 3)
    fill(mempool, B, 0, 1)
    fill(mempool, C, 0)
    assert taken(mempool) == [
        *[("a", 0), ("b", 0), ("c", 0)],
        *[("a", 1), ("b", 1)],
        *[("a", 2), ("a", 3)],
    ]
    assert taken(mempool, count=4) == [("a", 0), ("b", 0), ("c", 0), ("a", 1)]


def test_who_was_served_in_a_block_comes_last_in_the_next() -> None:
    mempool = pool()
    for sender in (A, B, C):
        fill(mempool, sender, 0, 1)
    mempool.applied(1, mempool.take(2, ALL))
    assert taken(mempool, count=3) == [("c", 0), ("a", 1), ("b", 1)]


def test_a_full_block_ends_at_what_does_not_fit_and_later_turns_serve_it_first() -> None:
    mempool = pool()
    fill(mempool, A, 0, 1, size=1000)
    fill(mempool, B, 0, size=5000)
    fill(mempool, C, 0, size=1000)
    assert taken(mempool, size=999) == []
    assert taken(mempool, size=5999) == [("a", 0)]
    mempool.applied(1, mempool.take(ALL, 5999))
    assert taken(mempool, size=6000) == [("b", 0), ("c", 0)]
    assert taken(mempool, size=8000) == [("b", 0), ("c", 0), ("a", 1)]


def test_a_committed_transaction_does_not_come_back() -> None:
    """It was still being verified when its block came (the nonce is read after verifying)."""
    mempool = pool()
    (transaction,) = fill(mempool, A, 0)
    mempool.applied(1, [transaction])
    assert transaction.hash not in mempool
    error = refused(mempool, transaction, nonce=1)
    assert error.refusal is Refusal.NONCE_TOO_LOW


def test_a_block_drops_what_it_made_stale_though_it_held_another_transaction() -> None:
    mempool = pool()
    fill(mempool, A, 0, 1)
    mempool.applied(1, [unsigned(A, 0, fee=5)])
    assert taken(mempool) == [("a", 1)]
    assert len(mempool) == 1


def test_a_nonce_that_moved_unannounced_is_caught_up_at_admission() -> None:
    """After a range sync the state is ahead of what applied() was told."""
    mempool = pool()
    fill(mempool, A, 0, 1, 7)
    assert mempool.admit(unsigned(A, 6), 6, False) is Admission.EXECUTABLE
    assert taken(mempool) == [("a", 6), ("a", 7)]
    assert len(mempool) == 2


def test_validity_is_bounded_on_both_sides() -> None:
    mempool = pool(height=10)
    expired = refused(mempool, unsigned(A, 0, valid_until=10))
    assert str(expired) == "transaction expired: valid_until 10, next height 11"
    far = refused(mempool, unsigned(A, 0, valid_until=11 + MAX_VALIDITY_BLOCKS))
    assert far.refusal is Refusal.VALID_TOO_LONG
    mempool.admit(unsigned(A, 0, valid_until=11), 0, False)
    mempool.admit(unsigned(B, 0, valid_until=10 + MAX_VALIDITY_BLOCKS), 0, False)


def test_a_transaction_leaves_at_its_last_height() -> None:
    mempool = pool(height=5)
    fill(mempool, A, 0, valid_until=7)
    mempool.applied(6, [])
    assert len(mempool) == 1
    mempool.applied(7, [])
    assert (len(mempool), mempool.bytes, mempool.has_executable) == (0, 0, False)


def test_a_jump_over_many_heights_expires_all_it_passed() -> None:
    mempool = pool()
    for nonce, last in enumerate((90, 50, 70)):
        fill(mempool, A, nonce, valid_until=last)
    fill(mempool, B, 0, valid_until=10**4)
    mempool.applied(5000, [])
    assert taken(mempool) == [("b", 0)]


def test_expiry_leaves_a_hole_and_what_is_behind_it_waits() -> None:
    mempool = pool()
    fill(mempool, A, 0, 2)
    fill(mempool, A, 1, valid_until=1)
    assert mempool.executable_count == 3
    mempool.applied(1, [])
    assert taken(mempool) == [("a", 0)]
    assert mempool.pending_nonce(A) == 1
    fill(mempool, A, 1, fee=1)
    assert taken(mempool) == [("a", 0), ("a", 1), ("a", 2)]


def test_what_cannot_drain_never_keeps_out_what_can() -> None:
    """Behind holes there is room for few, also when expiry makes the hole."""
    mempool = pool(max_future_count=2, max_count=10)
    fill(mempool, A, 1, 2)
    error = refused(mempool, unsigned(B, 1))
    assert str(error).startswith("txpool is full for transactions that wait for others")
    fill(mempool, B, 0, valid_until=1)
    fill(mempool, B, 1, 2, 3)
    mempool.applied(1, [])
    assert (len(mempool), mempool.executable_count) == (2, 0)
    assert mempool.pending_nonce(B) is None


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        ({"max_count": 2}, Refusal.POOL_FULL),
        ({"max_bytes": 40_000}, Refusal.POOL_FULL),
        ({"max_sender_count": 2}, Refusal.SENDER_FULL),
        ({"max_sender_bytes": 40_000}, Refusal.SENDER_FULL),
    ],
    ids=str,
)
def test_each_bound_refuses_the_one_too_many(limits: Any, refusal: Refusal) -> None:
    mempool = pool(**limits)
    fill(mempool, A, 0, 1, size=16_000)
    error = refused(mempool, unsigned(A, 2, size=16_000))
    assert error.refusal is refusal
    assert "2 transactions of 32000 bytes" in str(error)
    if refusal is Refusal.SENDER_FULL:
        mempool.admit(unsigned(B, 0, size=16_000), 0, False)


def test_limits_below_one_transaction_are_a_mistake() -> None:
    with pytest.raises(InvariantViolation, match="room for one transaction"):
        pool(max_sender_bytes=100)


def test_senders_without_balance_share_one_quota() -> None:
    mempool = pool(max_unfunded_count=2)
    mempool.admit(unsigned(A, 0), 0, True)
    mempool.admit(unsigned(B, 0), 0, True)
    error = refused(mempool, unsigned(C, 0), zero=True)
    assert str(error).startswith("txpool is full for accounts without balance")
    mempool.admit(unsigned(A, 0, fee=1), 0, True)
    mempool.admit(unsigned(C, 0), 0, False)
    mempool.applied(1, [unsigned(A, 0)])
    mempool.admit(unsigned(A, 1), 1, True)


def test_a_sender_without_balance_cannot_send_ahead() -> None:
    """Its transactions drain with the blocks, or leave: the quota cannot be kept occupied."""
    mempool = pool(max_unfunded_count=3)
    assert refused(mempool, unsigned(A, 1), zero=True).refusal is Refusal.UNFUNDED
    mempool.admit(unsigned(A, 0, valid_until=1), 0, True)
    mempool.admit(unsigned(A, 1), 0, True)
    mempool.applied(1, [])
    assert len(mempool) == 0


def test_who_has_a_sponsor_needs_no_balance() -> None:
    """A credential or role vouches for the account (interfaces.md, "Accounts")."""
    mempool = Mempool(0, lambda sender: sender == A, MempoolLimits(max_unfunded_count=0))
    mempool.admit(unsigned(A, 5), 0, True)
    assert refused(mempool, unsigned(B, 0), zero=True).refusal is Refusal.UNFUNDED


def test_discarded_transactions_are_gone_and_unknown_hashes_are_no_error() -> None:
    """The proposer found that they cannot be included, after a rotation for instance."""
    mempool = pool()
    first, second, _ = fill(mempool, A, 0, 1, 2)
    mempool.discard([first.hash, second.hash, first.hash, unsigned(B, 9).hash])
    assert taken(mempool) == []
    assert len(mempool) == 1
    mempool.admit(first, 0, False)
    assert taken(mempool) == [("a", 0)]


def test_pending_gives_a_bounded_list_oldest_first() -> None:
    mempool = pool()
    transactions = fill(mempool, A, 0, 1, 2)
    assert mempool.pending(2) == transactions[:2]
