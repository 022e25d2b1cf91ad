"""A lost key: a new account takes effect unless the owner of the old one objects in time."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.chambers import CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.stakeholders import credentials, membership, rebinding
from governance.stakeholders.credentials import GRANT, REVOKE
from governance.stakeholders.rebinding import (
    MAX_MOVES_A_BLOCK,
    OBJECT,
    PROPOSE,
    WITHDRAW,
    RebindingStatus,
)
from ledger.errors import ErrorCode, TransactionError
from tests.support.stakeholder_town import (
    EVIDENCE,
    OBJECTION_MS,
    REGISTRAR,
    StakeholderTown,
    account,
    granted,
)

OLD, NEW = account("kim"), account("kim's new phone")


def town_with_a_proposal() -> StakeholderTown:
    town = StakeholderTown()
    town.grant("kim")
    town.send(REGISTRAR, PROPOSE, OLD, NEW, EVIDENCE)
    return town


def status(town: StakeholderTown, number: int = 1) -> RebindingStatus:
    row = rebinding.find(town.state, number)
    assert row is not None
    return row.status


def test_after_the_time_for_objections_the_new_account_has_the_vote() -> None:
    town = town_with_a_proposal()
    member = membership.member_id(town.state, OLD)
    due = town.time_ms + OBJECTION_MS
    assert town.module.next_deadline_ms(town.state) == due
    town.block(after_ms=OBJECTION_MS - 1)
    assert membership.chamber_of(town.state, OLD) == CHAMBER_PARTICIPANTS
    assert membership.chamber_of(town.state, NEW) is None
    assert membership.member_id(town.state, NEW) is None
    town.block()
    state = town.state
    assert status(town) is RebindingStatus.DONE
    assert membership.chamber_of(state, NEW) == CHAMBER_PARTICIPANTS
    assert membership.member_id(state, NEW) == member
    assert membership.chamber_of(state, OLD) is None
    assert membership.member_id(state, OLD) is None
    # A frozen electorate has the vote of one person once, with the account that is theirs now.
    assert membership.was_member(state, NEW, CHAMBER_PARTICIPANTS, 1)
    assert not membership.was_member(state, OLD, CHAMBER_PARTICIPANTS, 1)
    assert membership.snapshot(state) == 1
    assert membership.seated(state, CHAMBER_PARTICIPANTS) == 1
    assert town.module.next_deadline_ms(state) is None


def test_shares_and_vesting_follow() -> None:
    town = town_with_a_proposal()
    town.block(after_ms=OBJECTION_MS)
    assert town.followed.moves == [(OLD, NEW)]
    assert town.named("shares.moved") == [{"old": OLD, "new": NEW}]
    assert town.named("stakeholders.rebound") == [{"rebinding": 1, "old": OLD, "new": NEW}]


def test_a_module_that_cannot_follow_leaves_the_person_where_they_are() -> None:
    town = town_with_a_proposal()
    town.followed.refuse[OLD] = TransactionError(ErrorCode.CONFLICT, "escrow is running")
    town.block(after_ms=OBJECTION_MS)
    assert status(town) is RebindingStatus.REFUSED
    assert membership.chamber_of(town.state, OLD) == CHAMBER_PARTICIPANTS
    (event,) = town.named("stakeholders.rebinding_refused")
    assert event["reason"] == "escrow is running"
    # The account is free again, and the registrar may try once more.
    town.followed.refuse.clear()
    town.send(REGISTRAR, PROPOSE, OLD, NEW, EVIDENCE)
    town.block(after_ms=OBJECTION_MS)
    assert status(town, 2) is RebindingStatus.DONE


def test_the_owner_of_the_old_account_objects() -> None:
    town = town_with_a_proposal()
    town.send(OLD, OBJECT, 1)
    assert status(town) is RebindingStatus.OBJECTED
    town.block(after_ms=OBJECTION_MS)
    assert membership.chamber_of(town.state, OLD) == CHAMBER_PARTICIPANTS
    assert town.refused(OLD, OBJECT, 1).code is ErrorCode.NOT_NOW
    # The proposed account belongs to nobody.
    town.send(REGISTRAR, GRANT, NEW, CHAMBER_PARTICIPANTS, granted("lee")[2], granted("lee")[3])


def test_a_registrar_takes_a_proposal_back() -> None:
    town = town_with_a_proposal()
    town.send(REGISTRAR, WITHDRAW, 1)
    assert status(town) is RebindingStatus.WITHDRAWN
    town.block(after_ms=OBJECTION_MS)
    assert not town.followed.moves
    assert town.refused(REGISTRAR, WITHDRAW, 1).code is ErrorCode.NOT_NOW


def test_a_person_who_has_left_may_still_move_what_is_theirs() -> None:
    """Vesting goes on after a credential ends; so does the loss of keys."""
    town = town_with_a_proposal()
    town.send(REGISTRAR, REVOKE, OLD, 1)
    town.block(after_ms=OBJECTION_MS)
    assert town.followed.moves == [(OLD, NEW)]
    assert membership.was_member(town.state, NEW, CHAMBER_PARTICIPANTS, 1)
    assert membership.chamber_of(town.state, NEW) is None


def test_a_person_moves_twice_and_never_back() -> None:
    town, third = town_with_a_proposal(), account("third")
    town.block(after_ms=OBJECTION_MS)
    town.send(REGISTRAR, PROPOSE, NEW, third, EVIDENCE)
    town.block(after_ms=OBJECTION_MS)
    assert membership.member_id(town.state, third) == credentials.member_of_number(1)
    for used in (OLD, NEW, third):
        assert town.refused(REGISTRAR, PROPOSE, third, used, EVIDENCE).code is ErrorCode.CONFLICT


@pytest.mark.parametrize(
    ("sender", "message", "values", "code"),
    [
        (OLD, PROPOSE, (OLD, account("x"), EVIDENCE), ErrorCode.UNAUTHORISED),
        (GOVERNANCE, PROPOSE, (OLD, account("x"), EVIDENCE), ErrorCode.UNAUTHORISED),
        (REGISTRAR, PROPOSE, (OLD, account("x"), EVIDENCE), ErrorCode.CONFLICT),
        (REGISTRAR, PROPOSE, (account("lee"), NEW, EVIDENCE), ErrorCode.CONFLICT),
        (REGISTRAR, PROPOSE, (account("lee"), OLD, EVIDENCE), ErrorCode.CONFLICT),
        (REGISTRAR, PROPOSE, (account("lee"), account("lee"), EVIDENCE), ErrorCode.CONFLICT),
        (REGISTRAR, PROPOSE, (account("city"), account("x"), EVIDENCE), ErrorCode.NOT_FOUND),
        (REGISTRAR, PROPOSE, (NEW, account("x"), EVIDENCE), ErrorCode.NOT_FOUND),
        (NEW, OBJECT, (1,), ErrorCode.UNAUTHORISED),
        (REGISTRAR, OBJECT, (1,), ErrorCode.UNAUTHORISED),
        (OLD, OBJECT, (2,), ErrorCode.NOT_FOUND),
        (OLD, WITHDRAW, (1,), ErrorCode.UNAUTHORISED),
        (REGISTRAR, WITHDRAW, (0,), ErrorCode.NOT_FOUND),
    ],
)
def test_what_cannot_be_is_refused(
    sender: Any, message: Any, values: tuple[Any, ...], code: ErrorCode
) -> None:
    town = town_with_a_proposal()
    town.grant("lee")
    town.register("city", CHAMBER_PUBLIC)
    assert town.refused(sender, message, *values).code is code


def test_a_block_moves_so_many_and_the_next_one_goes_on() -> None:
    town = StakeholderTown()
    people = [f"p{n}" for n in range(2 * MAX_MOVES_A_BLOCK + 1)]
    town.block(*[(REGISTRAR, GRANT, granted(name)) for name in people])
    town.block(
        *[
            (REGISTRAR, PROPOSE, (account(name), account(f"new {name}"), EVIDENCE))
            for name in people
        ]
    )
    town.block(after_ms=OBJECTION_MS)
    moved = [len(town.followed.moves)]
    while town.module.next_deadline_ms(town.state) is not None:
        town.block()
        moved.append(len(town.followed.moves))
    assert moved == [16, 32, 33]
    assert [old for old, _ in town.followed.moves] == [account(name) for name in people]


def test_the_queue_is_in_the_order_of_time() -> None:
    town = StakeholderTown()
    for name in ("kim", "lee"):
        town.grant(name)
    town.send(REGISTRAR, PROPOSE, account("lee"), account("b"), EVIDENCE)
    town.block(after_ms=100)
    town.send(REGISTRAR, PROPOSE, account("kim"), account("a"), EVIDENCE)
    town.block(after_ms=OBJECTION_MS - 50)
    assert town.followed.moves == [(account("lee"), account("b"))]
    town.block(after_ms=50)
    assert len(town.followed.moves) == 2
