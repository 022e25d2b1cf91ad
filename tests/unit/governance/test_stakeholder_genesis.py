"""The section `stakeholders` of genesis: what it writes, and how it names a wrong place."""

from typing import Any

import pytest

from governance.chambers import CHAMBER_PUBLIC
from governance.stakeholders import (
    legal_bases,
    membership,
    organisations,
    rebinding,
    stakeholder_views,
)
from governance.stakeholders.role_book import CERTIFIER, PERSON_REGISTRAR, RATE_REPORTER
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.executor import BlockExecutor
from tests.support.stakeholder_town import DOCUMENT, StakeholderTown, account


def shown(name: str) -> str:
    return checksum_address(account(name))


CITY: dict[str, Any] = {
    "id": "city",
    "name_ko": "광주광역시",
    "name_en": "City of Gwangju",
    "chamber": CHAMBER_PUBLIC,
    "account": shown("city"),
    "validator_key": "01" * 32,
    "node_key": "02" * 32,
    "observers": ["03" * 32],
}
BASIS: dict[str, Any] = {
    "kind": "special provision",
    "issuer": "국토교통부",
    "number": "1",
    "article": "제3조",
    "document_hash": DOCUMENT.hex(),
}
SECTION: dict[str, Any] = {
    "parameters": {"objection_ms": 7},
    "organisations": [CITY],
    "registrars": [shown("registrar")],
    "roles": {"rate_reporter": [shown("bureau")], "certifier": [shown("lab")]},
    "certifiers": [{"account": shown("lab"), "kind": "work", "points_a_round": 5}],
    "legal_bases": [BASIS],
}


def test_it_names_who_is_there_on_day_one() -> None:
    town = StakeholderTown(SECTION, kinds=("work",))
    state = town.state
    row = organisations.find(state, "city")
    assert row is not None
    assert (row.name_ko, row.observers) == ("광주광역시", (b"\x03" * 32,))
    assert membership.seated(state, CHAMBER_PUBLIC) == 1
    assert town.roles.holders(state, PERSON_REGISTRAR) == (account("registrar"),)
    assert town.roles.holds(state, RATE_REPORTER, account("bureau"))
    assert town.roles.holds(state, CERTIFIER, account("lab"))
    assert town.roles.certifier_limit(state, account("lab"), "work") == 5
    assert legal_bases.in_force(state, 1)
    assert rebinding.parameters(state).objection_ms == 7


def test_an_empty_section_writes_nothing() -> None:
    town = StakeholderTown({})
    assert town.rows() == []
    assert rebinding.parameters(town.state).objection_ms == 14 * 86_400_000
    assert all(view["vacant"] for view in stakeholder_views.chamber_list(town.state))


def test_the_module_fits_an_executor() -> None:
    executor = BlockExecutor((StakeholdersModule(),))
    assert len(executor.registry.all()) == 22
    assert len(executor.invariants) == 9


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"organisation": []}, "stakeholders.organisation: unknown option; did you mean"),
        ({"organisations": {}}, "stakeholders.organisations: expected a list"),
        ({"organisations": [{}]}, "stakeholders.organisations[0]: id is missing"),
        ({"organisations": [CITY | {"x": 1}]}, "stakeholders.organisations[0].x: unknown option"),
        ({"organisations": [CITY | {"id": "City"}]}, "organisations[0]: id: expected a-z"),
        ({"organisations": [CITY | {"id": "x" * 33}]}, "organisations[0].id: expected text"),
        ({"organisations": [CITY, CITY]}, "stakeholders.organisations[1]: organisation city is"),
        ({"organisations": [CITY | {"chamber": "x"}]}, "organisations[0]: chamber: expected one"),
        ({"organisations": [CITY | {"account": "0x12"}]}, "organisations[0].account: expected 0x"),
        ({"organisations": [CITY | {"node_key": "1"}]}, "organisations[0].node_key: expected 64"),
        ({"organisations": [CITY | {"observers": ["1"]}]}, "observers[0]: expected 64"),
        ({"organisations": [CITY | {"observers": ["03" * 32] * 9}]}, "observers: expected at most"),
        ({"registrars": [shown("a"), shown("a")]}, "stakeholders.registrars[1]: 0x"),
        ({"roles": {"mayor": []}}, "stakeholders.roles.mayor: unknown option"),
        ({"roles": {"merchant": ["x"]}}, "stakeholders.roles.merchant[0]: expected 0x"),
        ({"certifiers": [{"account": shown("a")}]}, "stakeholders.certifiers[0]: kind is missing"),
        (
            {"certifiers": [{"account": shown("a"), "kind": "work", "points_a_round": 1}]},
            "stakeholders.certifiers[0]: 0x",
        ),
        (
            SECTION | {"certifiers": [SECTION["certifiers"][0] | {"points_a_round": 0}]},
            "stakeholders.certifiers[0].points_a_round: expected an integer in 1..",
        ),
        ({"legal_bases": [BASIS | {"kind": "law"}]}, "legal_bases[0]: kind: expected one of act"),
        ({"legal_bases": [BASIS, BASIS]}, "stakeholders.legal_bases[1]: this text is registered"),
        ({"legal_bases": [BASIS | {"document_hash": 1}]}, "[0].document_hash: expected 64 hex"),
        ({"legal_bases": [BASIS] * 257}, "stakeholders.legal_bases: expected at most 256"),
        ({"parameters": {"objection_ms": 0}}, "stakeholders.parameters.objection_ms: expected"),
    ],
)
def test_a_mistake_is_named_with_its_place(section: dict[str, Any], says: str) -> None:
    with pytest.raises(LocalError) as raised:
        StakeholderTown(section)
    assert str(raised.value).startswith("genesis: stakeholders")
    assert says in str(raised.value)
