"""Legal bases: registered and changed by votes that cite the gazette, with their history."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.stakeholders import legal_bases
from governance.stakeholders.legal_bases import REGISTER, SET_STATUS, BasisStatus, StatusChange
from ledger.errors import ErrorCode
from tests.support.stakeholder_town import DOCUMENT, GAZETTE, StakeholderTown, account, hash_of

ORDINANCE = ("ordinance", "광주광역시", "제5000호", "제7조", DOCUMENT, GAZETTE)


def town_with_an_ordinance() -> StakeholderTown:
    town = StakeholderTown()
    town.decide(REGISTER, *ORDINANCE)
    return town


def test_a_registered_basis_is_in_force() -> None:
    town = town_with_an_ordinance()
    assert legal_bases.in_force(town.state, 1)
    for unknown in (0, 2, 2**40):
        assert not legal_bases.in_force(town.state, unknown)
        assert legal_bases.changes(town.state, unknown) == ()


def test_its_status_changes_and_its_history_stays() -> None:
    town = town_with_an_ordinance()
    times = [town.time_ms]
    gazettes = [GAZETTE]
    for status, allowed in (("suspended", False), ("in force", True), ("revoked", False)):
        gazettes.append(hash_of(status))
        town.decide(SET_STATUS, 1, status, gazettes[-1])
        times.append(town.time_ms)
        assert legal_bases.in_force(town.state, 1) is allowed
    statuses = (
        BasisStatus.IN_FORCE,
        BasisStatus.SUSPENDED,
        BasisStatus.IN_FORCE,
        BasisStatus.REVOKED,
    )
    assert legal_bases.changes(town.state, 1) == tuple(map(StatusChange, statuses, gazettes, times))
    # A new text takes its place, under an id of its own.
    town.decide(REGISTER, *ORDINANCE[:4], hash_of("new text"), GAZETTE)
    assert legal_bases.in_force(town.state, 2)


@pytest.mark.parametrize(
    ("message", "values", "code", "says"),
    [
        (REGISTER, ORDINANCE, ErrorCode.CONFLICT, "legal basis 1"),
        (REGISTER, ("law", *ORDINANCE[1:]), ErrorCode.INVALID_MESSAGE, "act, ordinance, special"),
        (REGISTER, ("act", "", *ORDINANCE[2:]), ErrorCode.INVALID_MESSAGE, "issuer"),
        (REGISTER, ("act", "a", " 1", *ORDINANCE[3:]), ErrorCode.INVALID_MESSAGE, "number"),
        (SET_STATUS, (1, "in force", GAZETTE), ErrorCode.CONFLICT, "already"),
        (SET_STATUS, (1, "void", GAZETTE), ErrorCode.INVALID_MESSAGE, "in force, suspended"),
        (SET_STATUS, (3, "revoked", GAZETTE), ErrorCode.NOT_FOUND, "no legal basis 3"),
        (SET_STATUS, (2, "in force", GAZETTE), ErrorCode.CONFLICT, "revoked for ever"),
    ],
)
def test_what_cannot_be_is_refused(
    message: Any, values: tuple[Any, ...], code: ErrorCode, says: str
) -> None:
    town = town_with_an_ordinance()
    town.decide(REGISTER, "act", "국회", "1", "1", DOCUMENT, GAZETTE)
    town.decide(SET_STATUS, 2, "revoked", GAZETTE)
    error = town.refused(GOVERNANCE, message, *values)
    assert (error.code, says in error.reason) == (code, True), error.reason
    assert town.refused(account("city"), message, *values).code is ErrorCode.UNAUTHORISED
