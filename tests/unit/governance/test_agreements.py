"""Agreements: effective when each party has signed; until then any of them may withdraw."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.chambers import CHAMBER_BUILDERS, CHAMBER_PUBLIC
from governance.stakeholders import agreements
from governance.stakeholders.agreements import (
    MAX_OPEN_BY_ONE,
    OPEN,
    SIGN,
    WITHDRAW,
    AgreementStatus,
)
from ledger.errors import ErrorCode
from ledger.primitives import Address
from tests.support.stakeholder_town import DOCUMENT, StakeholderTown, account, hash_of

CITY, BUILDER, SCHOOL = account("city"), account("builder"), account("school")


def town_of_parties() -> StakeholderTown:
    """The city and a builder sit in chambers; the school is an account like any other."""
    town = StakeholderTown()
    town.register("city", CHAMBER_PUBLIC)
    town.register("builder", CHAMBER_BUILDERS)
    return town


def opened(*parties: Address) -> tuple[Any, ...]:
    return "공사 협약", DOCUMENT, parties


def status(town: StakeholderTown, number: int = 1) -> AgreementStatus:
    row = agreements.find(town.state, number)
    assert row is not None
    return row.status


def test_the_last_signature_makes_it_effective() -> None:
    town = town_of_parties()
    town.send(CITY, OPEN, *opened(SCHOOL, CITY, BUILDER))
    (event,) = town.named("stakeholders.agreement_signed")
    assert (event["party"], event["signed"], event["parties"]) == (CITY, 1, 3)
    town.send(SCHOOL, SIGN, 1)
    assert status(town) is AgreementStatus.OPEN
    town.send(BUILDER, SIGN, 1)
    assert status(town) is AgreementStatus.EFFECTIVE
    assert town.named("stakeholders.agreement_effective")[0]["document_hash"] == DOCUMENT
    row = agreements.find(town.state, 1)
    assert row is not None
    assert row.parties == tuple(sorted((CITY, BUILDER, SCHOOL)))
    assert (row.ended_by, row.ended_ms) == (BUILDER, town.time_ms)
    signed = agreements.signature(town.state, 1, BUILDER)
    assert signed is not None
    assert signed.transaction == hash_of(str(town.height))


def test_nothing_changes_an_effective_agreement() -> None:
    town = town_of_parties()
    town.send(CITY, OPEN, *opened(CITY, BUILDER))
    town.send(BUILDER, SIGN, 1)
    for message in (SIGN, WITHDRAW):
        assert town.refused(CITY, message, 1).code is ErrorCode.NOT_NOW


def test_a_party_withdraws_before_that_and_ends_it() -> None:
    town = town_of_parties()
    town.send(CITY, OPEN, *opened(CITY, BUILDER, SCHOOL))
    town.send(SCHOOL, SIGN, 1)
    town.send(BUILDER, WITHDRAW, 1)
    assert status(town) is AgreementStatus.WITHDRAWN
    assert town.refused(BUILDER, SIGN, 1).code is ErrorCode.NOT_NOW
    # Who had signed stays on the record.
    assert agreements.signature(town.state, 1, SCHOOL) is not None


def test_a_vote_opens_one_for_any_parties_and_signs_as_a_party() -> None:
    town = town_of_parties()
    town.decide(OPEN, *opened(SCHOOL, BUILDER))
    town.decide(OPEN, *opened(SCHOOL, GOVERNANCE))
    assert agreements.signature(town.state, 1, GOVERNANCE) is None
    assert agreements.signature(town.state, 2, GOVERNANCE) is not None
    town.send(SCHOOL, SIGN, 2)
    assert status(town, 2) is AgreementStatus.EFFECTIVE
    town.decide(WITHDRAW, 1)
    assert status(town, 1) is AgreementStatus.WITHDRAWN


@pytest.mark.parametrize(
    ("sender", "message", "values", "code"),
    [
        (SCHOOL, OPEN, opened(SCHOOL, CITY), ErrorCode.UNAUTHORISED),
        (CITY, OPEN, opened(SCHOOL, BUILDER), ErrorCode.UNAUTHORISED),
        (CITY, OPEN, opened(CITY), ErrorCode.INVALID_MESSAGE),
        (CITY, OPEN, opened(CITY, CITY), ErrorCode.INVALID_MESSAGE),
        (CITY, OPEN, ("", DOCUMENT, (CITY, SCHOOL)), ErrorCode.INVALID_MESSAGE),
        (BUILDER, SIGN, (1,), ErrorCode.UNAUTHORISED),
        (CITY, SIGN, (1,), ErrorCode.CONFLICT),
        (CITY, SIGN, (9,), ErrorCode.NOT_FOUND),
        (BUILDER, WITHDRAW, (1,), ErrorCode.UNAUTHORISED),
        (CITY, WITHDRAW, (0,), ErrorCode.NOT_FOUND),
    ],
)
def test_what_cannot_be_is_refused(
    sender: Any, message: Any, values: tuple[Any, ...], code: ErrorCode
) -> None:
    town = town_of_parties()
    town.send(CITY, OPEN, *opened(CITY, SCHOOL))
    assert town.refused(sender, message, *values).code is code


def test_one_account_has_so_many_open_agreements() -> None:
    town = town_of_parties()
    for _ in range(MAX_OPEN_BY_ONE):
        town.send(CITY, OPEN, *opened(CITY, SCHOOL))
    full = town.refused(CITY, OPEN, *opened(CITY, SCHOOL))
    assert full.code is ErrorCode.LIMIT_EXCEEDED
    town.send(SCHOOL, SIGN, 3)
    town.send(CITY, OPEN, *opened(CITY, SCHOOL))
