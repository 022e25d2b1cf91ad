"""A person whose key was lost goes on with another account; and what the treasury pays for."""

from typing import Any

import pytest

from ledger import accounts
from ledger.errors import ErrorCode, TransactionError
from ledger.kv import MemoryStore
from ledger.module import Context
from ledger.primitives import UNIT, ZERO_ADDRESS, Address, Hash
from ledger.state import State
from tests.support.pool_town import (
    BLOCK,
    GOVERNANCE,
    REGISTRAR,
    TOKEN,
    Book,
    PoolTown,
    nullifier,
    person,
    working_town,
)
from tokenomics.distribution.distribution import DistributionModule
from tokenomics.distribution.following import account_now
from tokenomics.distribution.leaving import LEAVE
from tokenomics.distribution.persons import ENROL, find_person
from tokenomics.distribution.pool_views import position
from tokenomics.distribution.pools import PERSON_POOLS, POOL_ACCOUNTS, VESTING_ACCOUNT, Pool
from tokenomics.distribution.shares import HOLDINGS, holding_key
from tokenomics.distribution.spending import SPEND
from tokenomics.distribution.vesting import SLOTS

NEW, NEWER = person(100), person(101)
MEMO = Hash(b"\x05" * 32)


def shown(desk: PoolTown, account: Address) -> dict[str, Any]:
    """What the API shows of a person, but for the account that it was asked for."""
    found = position(desk.state, account)
    assert found is not None
    return {name: value for name, value in found.items() if name != "account"}


def rebound(desk: PoolTown, old: Address, new: Address) -> None:
    """As the re-binding does: an overlay, rolled back when the module cannot follow."""
    context = Context(desk.state, BLOCK)
    desk.state.begin()
    try:
        desk.module.rebound(context, old, new)
    except TransactionError:
        desk.state.rollback()
        raise
    desk.state.commit()
    desk.events = context.events


def test_shares_standing_and_grants_are_those_of_the_new_account() -> None:
    """Against a town in which the key was never lost: the same to the last unit."""
    lost, kept = working_town(), working_town()
    for desk in (lost, kept):
        desk.close()
        desk.close(1_000 * UNIT)
        desk.claim(0)
        desk.close(1_000 * UNIT)
        desk.certify(0, "research", 30)
    rebound(lost, person(0), NEW)
    lost.check()
    assert shown(lost, NEW) == shown(kept, person(0))
    assert find_person(lost.state, person(0)) is None
    for pool in PERSON_POOLS:
        assert lost.state.get(HOLDINGS, holding_key(pool, person(0))) is None
    for desk, number in ((lost, 100), (kept, 0)):
        for _ in range(17):
            desk.close(1_000 * UNIT)
        for name in ("participation", "achievement"):
            assert desk.claim(number, name) is ErrorCode.OK
        assert desk.release(number) is ErrorCode.OK
        desk.check()
    assert lost.balance(100) == kept.balance(0) > 0
    assert lost.balance(0) == 0


def test_a_certificate_of_the_old_account_can_still_be_revoked() -> None:
    desk = PoolTown()
    desk.enrol(0)
    desk.certify(0)
    rebound(desk, person(0), NEW)
    rebound(desk, NEW, NEWER)
    assert account_now(desk.state, person(0)) == account_now(desk.state, NEW) == NEWER
    assert desk.revoke(1) is ErrorCode.OK
    assert desk.state.get(HOLDINGS, holding_key(Pool.PARTICIPATION, NEWER)) is None
    desk.check()


def test_the_old_account_is_nobodys_and_the_nullifier_stays_used() -> None:
    desk = PoolTown()
    desk.enrol(0)
    rebound(desk, person(0), NEW)
    assert desk.certify(0) is ErrorCode.NOT_FOUND
    assert desk.send(REGISTRAR, ENROL, NEWER, nullifier(0)) is ErrorCode.CONFLICT
    assert desk.send(NEW, LEAVE, NEW, "left") is ErrorCode.OK
    desk.check()


def test_who_is_not_enrolled_has_nothing_that_could_follow() -> None:
    desk = PoolTown()
    rebound(desk, person(0), NEW)
    assert desk.events == []
    assert account_now(desk.state, person(0)) == person(0)


def test_nobody_follows_to_an_account_that_has_shares() -> None:
    desk = PoolTown()
    desk.enrol(0, 1)
    before = desk.state.changes()
    with pytest.raises(TransactionError, match="has, or had, shares of its own") as error:
        rebound(desk, person(0), person(1))
    assert error.value.code is ErrorCode.CONFLICT
    assert desk.state.changes() == before


def test_a_move_touches_a_bounded_number_of_rows() -> None:
    desk = PoolTown(cliff_quarters=0)
    desk.enrol(0)
    for kind in ("work", "research", "founding", "expropriation"):
        desk.certify(0, kind)
    for _ in range(SLOTS + 5):
        desk.close(1_000 * UNIT)
        desk.claim(0)
    stored = State(desk.stored())
    desk.module.rebound(Context(stored, BLOCK), person(0), NEW)
    moved = 3 + len(PERSON_POOLS) + SLOTS
    # Each row leaves one place and takes another; MOVED is new, the nullifier's row only changes.
    assert len(stored.changes()) <= 2 * moved


# -- enrolment -------------------------------------------------------------------------------------


class Granted:
    """Credentials of a chain with stakeholders."""

    def __init__(self) -> None:
        self.held: dict[Address, Hash] = {}

    def are_needed(self, state: State) -> bool:
        del state
        return True

    def nullifier(self, state: State, account: Address) -> Hash | None:
        del state
        return self.held.get(account)


def test_with_stakeholders_only_a_credentials_holder_is_enrolled_with_its_nullifier() -> None:
    desk, granted = PoolTown(), Granted()
    desk.module = DistributionModule(Book(), TOKEN, granted)
    before = desk.state.changes()
    assert desk.send(REGISTRAR, ENROL, person(0), nullifier(0)) is ErrorCode.NOT_FOUND
    assert "has no credential in force" in desk.refusal
    granted.held[person(0)] = nullifier(0)
    assert desk.send(REGISTRAR, ENROL, person(0), nullifier(1)) is ErrorCode.INVALID_MESSAGE
    assert f"expected that of the credential, 0x{nullifier(0).hex()}" in desk.refusal
    assert desk.state.changes() == before
    desk.enrol(0)


# -- the treasury ----------------------------------------------------------------------------------


def test_a_vote_pays_from_the_treasury() -> None:
    desk = PoolTown()
    desk.close(1_000 * UNIT)
    assert desk.send(GOVERNANCE, SPEND, person(7), 30 * UNIT, MEMO) is ErrorCode.OK
    assert (desk.balance(7), desk.pool(Pool.TREASURY)) == (30 * UNIT, 70 * UNIT)
    (event,) = desk.events
    assert dict(event.values)["memo_hash"] == MEMO
    desk.check()


@pytest.mark.parametrize(
    ("sender", "to", "amount", "code", "sentence"),
    [
        (REGISTRAR, person(7), UNIT, ErrorCode.UNAUTHORISED, "spends from the treasury"),
        (GOVERNANCE, person(7), 0, ErrorCode.INVALID_MESSAGE, "expected more than 0"),
        (GOVERNANCE, person(7), 101 * UNIT, ErrorCode.INSUFFICIENT_FUNDS, "the treasury holds"),
        (GOVERNANCE, ZERO_ADDRESS, UNIT, ErrorCode.INVALID_MESSAGE, "of the chain itself"),
        (GOVERNANCE, VESTING_ACCOUNT, UNIT, ErrorCode.INVALID_MESSAGE, "of the chain itself"),
        (GOVERNANCE, POOL_ACCOUNTS[0], UNIT, ErrorCode.INVALID_MESSAGE, "of the chain itself"),
    ],
)
def test_a_refused_payment_says_why_and_moves_nothing(
    sender: Address, to: Address, amount: int, code: ErrorCode, sentence: str
) -> None:
    desk = PoolTown()
    desk.close(1_000 * UNIT)
    before = desk.state.changes()
    assert desk.send(sender, SPEND, to, amount, MEMO) is code
    assert sentence in desk.refusal
    assert desk.state.changes() == before


def test_a_chain_without_distribution_has_no_books_to_spend_from() -> None:
    desk = PoolTown(state=State(MemoryStore()), distributes=False)
    assert desk.send(GOVERNANCE, SPEND, person(7), 1, MEMO) is ErrorCode.NOT_NOW
    assert accounts.balance(desk.state, person(7)) == 0
