"""Each invariant of stakeholders notices the damage that it is there for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from governance.chambers import CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.stakeholders import (
    agreements,
    credentials,
    membership,
    rebinding,
    role_book,
    upgrades,
)
from governance.stakeholders.organisations import KEY_OWNERS, REGISTER
from governance.stakeholders.stakeholder_invariants import INVARIANTS
from ledger.errors import InvariantViolation
from ledger.rows import key
from ledger.state import State, Table
from tests.support.stakeholder_town import (
    DOCUMENT,
    EVIDENCE,
    REGISTRAR,
    StakeholderTown,
    account,
)

FIRST = credentials.member_of_number(1)
KEY = b"\x01" * 32


def busy_town() -> StakeholderTown:
    """Something of everything that invariants look at."""
    town = StakeholderTown()
    values = ("city", "시", "city", CHAMBER_PUBLIC, account("city"), KEY, b"\x02" * 32, ())
    town.decide(REGISTER, *values)
    town.grant("kim")
    town.grant("lee")
    town.send(REGISTRAR, rebinding.PROPOSE, account("kim"), account("new"), EVIDENCE)
    town.decide(agreements.OPEN, "협약", DOCUMENT, (account("a"), account("b")))
    town.decide(upgrades.SCHEDULE, "vouchers", 99, "0.2.0", "1.0.0", DOCUMENT)
    return town


def changed(table: Table[Any], row_key: bytes, **values: Any) -> Callable[[State], None]:
    def damage(state: State) -> None:
        row = state.get(table, row_key)
        assert row is not None
        state.put(table, row_key, replace(row, **values))

    return damage


def deleted(table: Table[Any], row_key: bytes) -> Callable[[State], None]:
    def damage(state: State) -> None:
        assert state.get(table, row_key) is not None
        state.delete(table, row_key)

    return damage


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (
            "counts_equal_members",
            changed(membership.SEATS, CHAMBER_PARTICIPANTS.encode(), members=3),
        ),
        (
            "counts_equal_members",
            changed(membership.SEATS, CHAMBER_PUBLIC.encode(), organisations=("other",)),
        ),
        (
            "one_credential_a_nullifier",
            changed(credentials.CREDENTIALS, FIRST, nullifier=DOCUMENT),
        ),
        ("one_credential_a_nullifier", changed(credentials.CREDENTIALS, FIRST, revoked_ms=1)),
        (
            "one_membership_an_account",
            changed(membership.MEMBERS, FIRST, account=account("lee")),
        ),
        ("one_membership_an_account", deleted(membership.BINDINGS, account("kim"))),
        ("one_membership_an_account", deleted(credentials.CREDENTIALS, FIRST)),
        ("histories_well_formed", changed(membership.MEMBERSHIPS, FIRST + key(0), began=9)),
        ("histories_well_formed", changed(membership.MEMBERSHIPS, FIRST + key(0), ended=1)),
        ("histories_well_formed", changed(membership.SNAPSHOT, b"", number=4)),
        ("organisations_sit_while_active", deleted(KEY_OWNERS, KEY)),
        (
            "roles_equal_their_grants",
            deleted(role_book.HELD, role_book.held_key("person_registrar", REGISTRAR)),
        ),
        (
            "roles_equal_their_grants",
            changed(role_book.HOLDERS, b"person_registrar", accounts=()),
        ),
        ("open_rebindings_are_queued", changed(rebinding.REBINDINGS, key(1), due_ms=1)),
        ("open_rebindings_are_queued", deleted(rebinding.OPEN, FIRST)),
        ("open_rebindings_are_queued", deleted(membership.BINDINGS, account("new"))),
        ("agreements_effective_when_signed", changed(agreements.AGREEMENTS, key(1), signed=1)),
        (
            "agreements_effective_when_signed",
            changed(agreements.AGREEMENTS, key(1), status=agreements.AgreementStatus.EFFECTIVE),
        ),
        ("plan_lists_what_is_scheduled", changed(upgrades.PLAN, b"", scheduled=())),
        ("plan_lists_what_is_scheduled", changed(upgrades.UPGRADES, key(1), height=1)),
    ],
)
def test_damage_is_noticed(name: str, damage: Callable[[State], None]) -> None:
    town = busy_town()
    state = town.state
    block = town.context(state).block
    INVARIANTS[name](state, block)
    damage(state)
    with pytest.raises(InvariantViolation):
        INVARIANTS[name](state, block)
