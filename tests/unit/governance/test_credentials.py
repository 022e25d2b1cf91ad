"""Persons: one credential each, granted and revoked by registrars."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.chambers import CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.stakeholders import credentials, membership
from governance.stakeholders.credentials import GRANT, REVOKE, RevocationReason
from governance.stakeholders.role_grants import APPOINT_REGISTRAR, DISMISS_REGISTRAR
from ledger.errors import ErrorCode
from tests.support.stakeholder_town import (
    REGISTRAR,
    StakeholderTown,
    account,
    granted,
    hash_of,
)

OTHER = account("other registrar")


def test_a_granted_credential_seats_a_person_in_one_chamber() -> None:
    town = StakeholderTown()
    who = town.grant("kim", CHAMBER_LANDOWNERS)
    state = town.state
    assert membership.chamber_of(state, who) == CHAMBER_LANDOWNERS
    assert membership.seated(state, CHAMBER_LANDOWNERS) == 1
    assert membership.seated(state, CHAMBER_PARTICIPANTS) == 0
    assert membership.is_vacant(state, CHAMBER_LANDOWNERS)
    assert membership.seats(state, CHAMBER_LANDOWNERS).organisations == ()
    member = membership.member_id(state, who)
    assert member == credentials.member_of_number(1)
    assert member is not None
    row = credentials.find(state, member)
    assert row is not None
    assert (row.commitment, row.registrar) == (hash_of("commitment kim"), REGISTRAR)
    assert row.revoked_ms is None


def test_a_persons_chamber_is_seated_from_thirty_on() -> None:
    town = StakeholderTown()
    calls = [(REGISTRAR, GRANT, granted(f"p{n}")) for n in range(29)]
    assert town.block(*calls) == [None] * 29
    assert membership.is_vacant(town.state, CHAMBER_PARTICIPANTS)
    who = town.grant("p29")
    assert not membership.is_vacant(town.state, CHAMBER_PARTICIPANTS)
    town.send(REGISTRAR, REVOKE, who, 1)
    assert membership.is_vacant(town.state, CHAMBER_PARTICIPANTS)


def test_a_revoked_credential_is_history_and_still_names_who_voted() -> None:
    town = StakeholderTown()
    who = town.grant("kim")
    town.send(REGISTRAR, REVOKE, who, int(RevocationReason.ASKED_FOR))
    state = town.state
    assert membership.seated(state, CHAMBER_PARTICIPANTS) == 0
    assert membership.chamber_of(state, who) is None
    assert membership.was_member(state, who, CHAMBER_PARTICIPANTS, 1)
    assert not membership.was_member(state, who, CHAMBER_PARTICIPANTS, 2)
    assert membership.member_id(state, who) == credentials.member_of_number(1)
    (event,) = town.named("stakeholders.credential_revoked")
    assert (event["reason"], event["members"]) == ("asked_for", 0)
    _, row = credentials.of_account(state, who)
    assert (row.revoked_by, row.reason) == (REGISTRAR, RevocationReason.ASKED_FOR)


def test_any_registrar_may_revoke_and_a_dismissed_one_may_not_grant() -> None:
    town = StakeholderTown()
    town.decide(APPOINT_REGISTRAR, OTHER)
    who = town.grant("kim")
    town.decide(DISMISS_REGISTRAR, REGISTRAR, "replaced")
    assert town.refused(REGISTRAR, GRANT, *granted("lee")).code is ErrorCode.UNAUTHORISED
    town.send(OTHER, REVOKE, who, 3)


def test_a_nullifier_is_used_once_for_ever() -> None:
    town = StakeholderTown()
    who = town.grant("kim")
    again = (account("elsewhere"), CHAMBER_LANDOWNERS, hash_of("x"), hash_of("nullifier kim"))
    assert town.refused(REGISTRAR, GRANT, *again).code is ErrorCode.CONFLICT
    town.send(REGISTRAR, REVOKE, who, 1)
    error = town.refused(REGISTRAR, GRANT, *again)
    assert error.code is ErrorCode.CONFLICT
    assert "re-binding" in error.reason


def test_two_grants_of_one_person_in_one_block_give_one_credential() -> None:
    town = StakeholderTown()
    second = (account("elsewhere"), CHAMBER_LANDOWNERS, hash_of("x"), hash_of("nullifier kim"))
    first, refused = town.block((REGISTRAR, GRANT, granted("kim")), (REGISTRAR, GRANT, second))
    assert first is None
    assert refused is not None
    assert refused.code is ErrorCode.CONFLICT


@pytest.mark.parametrize(
    ("sender", "message", "values", "code"),
    [
        (account("kim"), GRANT, granted("lee"), ErrorCode.UNAUTHORISED),
        (GOVERNANCE, GRANT, granted("lee"), ErrorCode.UNAUTHORISED),
        (account("kim"), REVOKE, (account("kim"), 1), ErrorCode.UNAUTHORISED),
        (REGISTRAR, GRANT, granted("lee", CHAMBER_PUBLIC), ErrorCode.INVALID_MESSAGE),
        (REGISTRAR, GRANT, granted("lee", "chamber.none"), ErrorCode.INVALID_MESSAGE),
        (
            REGISTRAR,
            GRANT,
            (account("kim"), CHAMBER_PARTICIPANTS, hash_of("c"), hash_of("n")),
            ErrorCode.CONFLICT,
        ),
        (
            REGISTRAR,
            GRANT,
            (account("city"), CHAMBER_PARTICIPANTS, hash_of("c"), hash_of("n")),
            ErrorCode.CONFLICT,
        ),
        (REGISTRAR, REVOKE, (account("nobody"), 1), ErrorCode.NOT_FOUND),
        (REGISTRAR, REVOKE, (account("city"), 1), ErrorCode.NOT_FOUND),
        (REGISTRAR, REVOKE, (account("kim"), 0), ErrorCode.INVALID_MESSAGE),
        (REGISTRAR, REVOKE, (account("gone"), 1), ErrorCode.CONFLICT),
    ],
)
def test_what_cannot_be_is_refused(
    sender: Any, message: Any, values: tuple[Any, ...], code: ErrorCode
) -> None:
    town = StakeholderTown()
    town.grant("kim")
    town.register("city", CHAMBER_PUBLIC)
    town.send(REGISTRAR, REVOKE, town.grant("gone"), 1)
    assert town.refused(sender, message, *values).code is code


def test_commitments_hide_and_nullifiers_recognise() -> None:
    """Another salt gives another commitment; one key gives one nullifier for one person."""
    record = "김하나, 1970-01-01".encode()
    salts = bytes(32), bytes(31) + b"\x01"
    assert len({credentials.commitment(salt, record) for salt in salts}) == 2
    assert credentials.nullifier(b"k" * 32, record) == credentials.nullifier(b"k" * 32, record)
    assert credentials.nullifier(b"k" * 32, record) != credentials.nullifier(b"l" * 32, record)
    with pytest.raises(ValueError, match="expected 32"):
        credentials.commitment(b"short", record)
