"""The book of roles: what follows from seats and votes, and what is granted."""

from typing import Any

import pytest

from governance.admissible import GOVERNANCE
from governance.chambers import CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.stakeholders import role_grants
from governance.stakeholders.organisations import SUSPEND
from governance.stakeholders.role_book import (
    AUTHORITY,
    CERTIFIER,
    MAX_HOLDERS,
    MERCHANT,
    PERSON_REGISTRAR,
    RATE_REPORTER,
    SALES_REGISTRAR,
)
from governance.stakeholders.role_grants import (
    APPOINT_REGISTRAR,
    DISMISS_REGISTRAR,
    GRANT_ROLE,
    GRANTS,
    LIMIT_CERTIFIER,
    MAX_KINDS,
    REVOKE_ROLE,
)
from ledger.accounts import module_address
from ledger.errors import ErrorCode
from ledger.rows import key
from tests.support.stakeholder_town import REGISTRAR, StakeholderTown, account
from tokenomics import roles as asked_for
from tokenomics.ports import RoleBook


def test_the_names_are_those_that_the_economy_asks_for() -> None:
    assert (AUTHORITY, RATE_REPORTER, SALES_REGISTRAR, PERSON_REGISTRAR, CERTIFIER) == (
        asked_for.AUTHORITY,
        asked_for.RATE_REPORTER,
        asked_for.SALES_REGISTRAR,
        asked_for.PERSON_REGISTRAR,
        asked_for.CERTIFIER,
    )


def test_the_authority_is_what_a_vote_decided() -> None:
    town = StakeholderTown()
    book: RoleBook = town.roles
    assert book.holds(town.state, AUTHORITY, module_address("governance"))
    assert book.holders(town.state, AUTHORITY) == (GOVERNANCE,)
    assert not book.holds(town.state, AUTHORITY, REGISTRAR)


def test_who_sits_in_a_chamber_holds_its_role() -> None:
    town = StakeholderTown()
    second, first = sorted((town.register(name, CHAMBER_PUBLIC) for name in "ab"), reverse=True)
    person = town.grant("kim")
    assert town.roles.holders(town.state, CHAMBER_PUBLIC) == (first, second)
    assert town.roles.holds(town.state, CHAMBER_PUBLIC, first)
    assert not town.roles.holds(town.state, CHAMBER_PUBLIC, person)
    assert town.roles.holds(town.state, CHAMBER_PARTICIPANTS, person)
    assert town.roles.holders(town.state, CHAMBER_PARTICIPANTS) == ()
    town.decide(SUSPEND, "a", "why")
    assert town.roles.holders(town.state, CHAMBER_PUBLIC) == (account("b"),)


def test_a_role_is_granted_and_revoked_with_its_history() -> None:
    town = StakeholderTown()
    who = account("bureau")
    town.decide(GRANT_ROLE, RATE_REPORTER, who)
    granted_ms = town.time_ms
    assert town.roles.holds(town.state, RATE_REPORTER, who)
    assert not town.roles.holds(town.state, SALES_REGISTRAR, who)
    town.decide(REVOKE_ROLE, RATE_REPORTER, who, "contract ended")
    assert not town.roles.holds(town.state, RATE_REPORTER, who)
    assert town.roles.holders(town.state, RATE_REPORTER) == ()
    # Grant 1 is the registrar's, of genesis.
    row = town.state.get(GRANTS, key(2))
    assert row == role_grants.Grant(RATE_REPORTER, who, granted_ms, town.time_ms, "contract ended")
    town.decide(GRANT_ROLE, RATE_REPORTER, who)
    assert town.roles.holds(town.state, RATE_REPORTER, who)


def test_holders_are_listed_in_ascending_order() -> None:
    town = StakeholderTown()
    shops = [account(f"shop {n}") for n in range(8)]
    for shop in shops:
        town.decide(GRANT_ROLE, MERCHANT, shop)
    assert list(town.roles.holders(town.state, MERCHANT)) == sorted(shops)


def test_registrars_are_appointed_and_dismissed_by_votes() -> None:
    town, second = StakeholderTown(), account("second registrar")
    town.decide(APPOINT_REGISTRAR, second)
    assert set(town.roles.holders(town.state, PERSON_REGISTRAR)) == {REGISTRAR, second}
    town.decide(DISMISS_REGISTRAR, REGISTRAR, "replaced")
    assert town.roles.holders(town.state, PERSON_REGISTRAR) == (second,)


def test_a_certifier_has_limits_by_kind_until_the_role_ends() -> None:
    town = StakeholderTown(kinds=("work", "research"))
    who = account("certifier")
    town.decide(GRANT_ROLE, CERTIFIER, who)
    assert town.roles.certifier_limit(town.state, who, "work") == 0
    town.decide(LIMIT_CERTIFIER, who, "work", 500)
    town.decide(LIMIT_CERTIFIER, who, "research", 70)
    town.decide(LIMIT_CERTIFIER, who, "work", 600)
    assert town.named("stakeholders.certifier_limited")[0]["points_before"] == 500
    assert town.roles.certifier_limits(town.state, who) == (("research", 70), ("work", 600))
    town.decide(LIMIT_CERTIFIER, who, "research", 0)
    assert town.roles.certifier_limits(town.state, who) == (("work", 600),)
    town.decide(REVOKE_ROLE, CERTIFIER, who, "why")
    town.decide(GRANT_ROLE, CERTIFIER, who)
    assert town.roles.certifier_limit(town.state, who, "work") == 0


@pytest.mark.parametrize(
    ("message", "values", "code", "says"),
    [
        (GRANT_ROLE, ("merchnt", REGISTRAR), ErrorCode.INVALID_MESSAGE, "did you mean 'merchant'"),
        (GRANT_ROLE, (AUTHORITY, REGISTRAR), ErrorCode.INVALID_MESSAGE, "nobody can be given"),
        (GRANT_ROLE, (CHAMBER_PUBLIC, REGISTRAR), ErrorCode.INVALID_MESSAGE, "nobody can be"),
        (GRANT_ROLE, (PERSON_REGISTRAR, account("x")), ErrorCode.INVALID_MESSAGE, "appoint_reg"),
        (GRANT_ROLE, (MERCHANT, account("shop")), ErrorCode.CONFLICT, "already"),
        (REVOKE_ROLE, (MERCHANT, REGISTRAR, "why"), ErrorCode.NOT_FOUND, "does not hold"),
        (REVOKE_ROLE, (MERCHANT, account("shop"), ""), ErrorCode.INVALID_MESSAGE, "reason"),
        (APPOINT_REGISTRAR, (REGISTRAR,), ErrorCode.CONFLICT, "already"),
        (DISMISS_REGISTRAR, (account("x"), "why"), ErrorCode.NOT_FOUND, "does not hold"),
        (LIMIT_CERTIFIER, (account("shop"), "work", 1), ErrorCode.CONFLICT, "grant it first"),
        (LIMIT_CERTIFIER, (account("cert"), "wrk", 1), ErrorCode.INVALID_MESSAGE, "'work'"),
        (LIMIT_CERTIFIER, (account("cert"), "", 1), ErrorCode.INVALID_MESSAGE, "kind"),
    ],
)
def test_what_cannot_be_is_refused(
    message: Any, values: tuple[Any, ...], code: ErrorCode, says: str
) -> None:
    town = StakeholderTown(kinds=("work",))
    town.decide(GRANT_ROLE, MERCHANT, account("shop"))
    town.decide(GRANT_ROLE, CERTIFIER, account("cert"))
    error = town.refused(GOVERNANCE, message, *values)
    assert (error.code, says in error.reason) == (code, True), error.reason
    assert town.refused(REGISTRAR, message, *values).code is ErrorCode.UNAUTHORISED


def test_a_role_has_so_many_holders_and_a_certifier_so_many_kinds() -> None:
    town = StakeholderTown()
    town.is_checked = False
    for n in range(MAX_HOLDERS):
        town.decide(GRANT_ROLE, MERCHANT, account(f"shop {n}"))
    one_more = town.refused(GOVERNANCE, GRANT_ROLE, MERCHANT, account("one more"))
    assert one_more.code is ErrorCode.LIMIT_EXCEEDED
    town.decide(GRANT_ROLE, CERTIFIER, REGISTRAR)
    for n in range(MAX_KINDS):
        town.decide(LIMIT_CERTIFIER, REGISTRAR, f"kind {n}", 1)
    full = town.refused(GOVERNANCE, LIMIT_CERTIFIER, REGISTRAR, "one more", 1)
    assert full.code is ErrorCode.LIMIT_EXCEEDED
    town.check()
