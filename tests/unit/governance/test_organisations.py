"""Organisations: registered, changed, suspended and removed by votes, with their history."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.chambers import (
    ALL_CHAMBERS,
    CHAMBER_ACADEMIA,
    CHAMBER_BUILDERS,
    CHAMBER_PARTICIPANTS,
    CHAMBER_PUBLIC,
)
from governance.stakeholders import membership, organisations
from governance.stakeholders.organisations import CHANGE, REGISTER, REINSTATE, REMOVE, SUSPEND
from ledger.errors import ErrorCode
from ledger.message_registry import MessageType
from tests.support.stakeholder_town import StakeholderTown, account
from tokenomics import roles

KEY, NODE, WATCH = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


def registration(name: str = "gist", **changes: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "id": name,
        "name_ko": "지스트",
        "name_en": "GIST",
        "chamber": CHAMBER_ACADEMIA,
        "account": account(name),
        "validator_key": b"",
        "node_key": b"",
        "observers": (),
    }
    return tuple((values | changes).values())


def change_of(name: str = "gist", **changes: Any) -> tuple[Any, ...]:
    values = registration(name, **changes)
    return (*values[:4], *values[5:])


def test_the_chambers_are_those_that_the_economy_knows_and_weigh_a_hundred() -> None:
    assert tuple(chamber.name for chamber in ALL_CHAMBERS) == roles.CHAMBERS
    assert [chamber.weight for chamber in ALL_CHAMBERS] == [16, 16, 16, 16, 20, 16]
    assert sum(chamber.weight for chamber in ALL_CHAMBERS) == 100


def test_a_registered_organisation_sits_in_its_chamber() -> None:
    town = StakeholderTown()
    town.decide(
        REGISTER, *registration(validator_key=KEY, node_key=NODE, observers=(WATCH, b"\x00" * 32))
    )
    state, who = town.state, account("gist")
    row = organisations.find(state, "gist")
    assert row is not None
    assert (row.name_ko, row.name_en, row.status.name) == ("지스트", "GIST", "ACTIVE")
    assert row.observers == (b"\x00" * 32, WATCH)
    assert membership.seated(state, CHAMBER_ACADEMIA) == 1
    assert not membership.is_vacant(state, CHAMBER_ACADEMIA)
    assert membership.chamber_of(state, who) == CHAMBER_ACADEMIA
    assert membership.member_id(state, who) == b"gist"
    assert membership.snapshot(state) == 1
    assert membership.was_member(state, who, CHAMBER_ACADEMIA, 1)
    assert not membership.was_member(state, who, CHAMBER_ACADEMIA, 0)
    assert not membership.was_member(state, who, CHAMBER_PUBLIC, 1)
    assert town.named("stakeholders.organisation_registered")[0]["account"] == who


def test_a_move_to_another_chamber_leaves_the_past_as_it_was() -> None:
    town = StakeholderTown()
    who = town.register("gist", CHAMBER_ACADEMIA)
    town.decide(CHANGE, *change_of(chamber=CHAMBER_BUILDERS))
    state = town.state
    assert membership.chamber_of(state, who) == CHAMBER_BUILDERS
    assert (membership.seated(state, CHAMBER_ACADEMIA), membership.snapshot(state)) == (0, 3)
    assert membership.was_member(state, who, CHAMBER_ACADEMIA, 1)
    # Between the two changes of one block it sat nowhere.
    assert not membership.was_member(state, who, CHAMBER_ACADEMIA, 2)
    assert membership.was_member(state, who, CHAMBER_BUILDERS, 3)


def test_a_change_of_names_and_keys_is_no_change_of_membership() -> None:
    town = StakeholderTown()
    town.decide(REGISTER, *registration(validator_key=KEY, node_key=NODE))
    town.decide(CHANGE, *change_of(name_en="Institute", validator_key=WATCH, node_key=NODE))
    assert membership.snapshot(town.state) == 1
    # The key that it gave up is free, the others are not.
    town.decide(REGISTER, *registration("cnu", validator_key=KEY, node_key=b"\x09" * 32))
    error = town.refused(GOVERNANCE, REGISTER, *registration("lab", observers=(WATCH,)))
    assert error.code is ErrorCode.CONFLICT
    assert "gist" in error.reason


def test_suspension_takes_the_seat_and_reinstatement_gives_it_back() -> None:
    town = StakeholderTown()
    who = town.register("gist", CHAMBER_ACADEMIA)
    town.decide(SUSPEND, "gist", "contradicting statements")
    assert membership.chamber_of(town.state, who) is None
    assert membership.seated(town.state, CHAMBER_ACADEMIA) == 0
    assert town.named("stakeholders.organisation_status")[0]["status"] == "suspended"
    # Moved while suspended: it comes back into the new chamber.
    town.decide(CHANGE, *change_of(chamber=CHAMBER_BUILDERS))
    assert membership.chamber_of(town.state, who) is None
    town.decide(REINSTATE, "gist")
    assert membership.chamber_of(town.state, who) == CHAMBER_BUILDERS
    assert [row.chamber for row in membership.history(town.state, b"gist")] == [
        CHAMBER_ACADEMIA,
        CHAMBER_BUILDERS,
    ]


def test_a_removed_organisation_keeps_its_record_and_frees_its_keys_only() -> None:
    town = StakeholderTown()
    town.decide(REGISTER, *registration(validator_key=KEY, node_key=NODE))
    who = account("gist")
    town.decide(REMOVE, "gist", "dissolved")
    state = town.state
    assert membership.was_member(state, who, CHAMBER_ACADEMIA, 1)
    assert not membership.was_member(state, who, CHAMBER_ACADEMIA, 2)
    assert membership.member_id(state, who) == b"gist"
    for message, values in (
        (REGISTER, registration(account=account("new"))),
        (REGISTER, registration("again", account=who)),
        (CHANGE, change_of()),
        (SUSPEND, ("gist", "why")),
        (REINSTATE, ("gist",)),
        (REMOVE, ("gist", "why")),
    ):
        assert town.refused(GOVERNANCE, message, *values).code is ErrorCode.CONFLICT
    town.decide(REGISTER, *registration("cnu", validator_key=KEY, node_key=NODE))


def test_a_suspended_organisation_can_be_removed() -> None:
    town = StakeholderTown()
    town.register("gist", CHAMBER_ACADEMIA)
    town.decide(SUSPEND, "gist", "why")
    town.decide(REMOVE, "gist", "why")
    assert membership.snapshot(town.state) == 2


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (REGISTER, registration("cnu")),
        (CHANGE, change_of()),
        (SUSPEND, ("gist", "why")),
        (REINSTATE, ("gist",)),
        (REMOVE, ("gist", "why")),
    ],
)
def test_only_a_vote_changes_the_registry(message: MessageType, values: tuple[Any, ...]) -> None:
    town = StakeholderTown()
    who = town.register("gist", CHAMBER_ACADEMIA)
    error = town.refused(who, message, *values)
    assert error.code is ErrorCode.UNAUTHORISED
    assert "propose it" in error.reason


@pytest.mark.parametrize(
    ("message", "values", "code", "says"),
    [
        (REGISTER, registration("Gist"), ErrorCode.INVALID_MESSAGE, "id: expected a-z"),
        (REGISTER, registration(""), ErrorCode.INVALID_MESSAGE, "id: expected a-z"),
        (REGISTER, registration(name_ko=" "), ErrorCode.INVALID_MESSAGE, "name_ko"),
        (REGISTER, registration(name_en="a\nb"), ErrorCode.INVALID_MESSAGE, "name_en"),
        (
            REGISTER,
            registration(chamber=CHAMBER_PARTICIPANTS),
            ErrorCode.INVALID_MESSAGE,
            "chamber: expected one of chamber.public",
        ),
        (REGISTER, registration(validator_key=KEY), ErrorCode.INVALID_MESSAGE, "neither"),
        (REGISTER, registration(observers=(b"\x01",)), ErrorCode.INVALID_MESSAGE, "32 bytes"),
        (REGISTER, registration(observers=(KEY, KEY)), ErrorCode.CONFLICT, "named twice"),
        (REGISTER, registration("city"), ErrorCode.CONFLICT, "take another id"),
        (REGISTER, registration(account=account("city")), ErrorCode.CONFLICT, "take a new one"),
        (CHANGE, change_of("none"), ErrorCode.NOT_FOUND, "no organisation is called 'none'"),
        (CHANGE, change_of("city", chamber="x"), ErrorCode.INVALID_MESSAGE, "found 'x'"),
        (SUSPEND, ("city", ""), ErrorCode.INVALID_MESSAGE, "reason"),
        (REINSTATE, ("city",), ErrorCode.CONFLICT, "is active, expected suspended"),
        (REMOVE, ("none", "why"), ErrorCode.NOT_FOUND, "'none'"),
    ],
)
def test_what_cannot_be_is_refused(
    message: MessageType, values: tuple[Any, ...], code: ErrorCode, says: str
) -> None:
    town = StakeholderTown()
    town.register("city", CHAMBER_PUBLIC)
    error = town.refused(GOVERNANCE, message, *values)
    assert (error.code, says in error.reason) == (code, True), error.reason


def test_a_chamber_has_so_many_seats_and_a_history_so_many_entries() -> None:
    town = StakeholderTown()
    town.is_checked = False
    for number in range(membership.MAX_SEATS):
        town.register(f"o{number}", CHAMBER_PUBLIC)
    full = town.refused(GOVERNANCE, REGISTER, *registration(chamber=CHAMBER_PUBLIC))
    assert full.code is ErrorCode.LIMIT_EXCEEDED
    town.register("gist", CHAMBER_ACADEMIA)
    for _ in range(membership.MAX_MEMBERSHIPS - 1):
        town.decide(SUSPEND, "gist", "why")
        town.decide(REINSTATE, "gist")
    town.decide(SUSPEND, "gist", "why")
    assert town.refused(GOVERNANCE, REINSTATE, "gist").code is ErrorCode.LIMIT_EXCEEDED
    town.decide(REMOVE, "gist", "it may always leave")
    town.check()
