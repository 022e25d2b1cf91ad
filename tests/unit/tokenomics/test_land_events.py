"""Certified land-use events and their costs (economy.md sections 1 and 2)."""

import pytest

from ledger.errors import DecodeError, ErrorCode
from ledger.primitives import BPS, Address
from tests.support.fact_desk import BASE, DOCUMENT, GOVERNANCE, REGISTRAR, FactDesk
from tokenomics.facts.fact_views import zone_events
from tokenomics.facts.land_events import (
    CERTIFY_EVENT,
    MAX_COST_KRW,
    ROUNDS_IN_FORCE,
    STAGES,
    certified_limit,
    costs_krw,
)

SITE, COMPLETION, CHANGE = STAGES


def test_an_event_lifts_the_limit_for_four_rounds_from_the_newest_on() -> None:
    desk = FactDesk()
    desk.rounds(5)
    desk.accept(0, 1_201)
    context = desk.send(GOVERNANCE, CERTIFY_EVENT, "city", SITE, 14_000, 70, DOCUMENT)
    limit = 1_201 * 14_000 // BPS
    assert [certified_limit(desk.state, 0, number) for number in range(4, 10)] == [
        0,
        *[limit] * ROUNDS_IN_FORCE,
        0,
    ]
    assert certified_limit(desk.state, 1, 5) == 0
    (event,) = context.events
    assert dict(event.values) == {
        "zone": "city",
        "stage": SITE,
        "factor_bps": 14_000,
        "cost_krw": 70,
        "document_hash": DOCUMENT,
        "accepted_krw_per_m2": 1_201,
        "limit_krw_per_m2": limit,
        "from_round": 5,
        "last_round": 8,
    }


def test_the_limit_stands_on_the_price_that_was_accepted_when_it_was_certified() -> None:
    desk = FactDesk()
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", SITE, 20_000, 0, DOCUMENT)
    desk.accept(0, 10 * BASE)
    assert certified_limit(desk.state, 0, 1) == 2 * BASE


def test_the_highest_of_several_counts_and_costs_add_up_for_good() -> None:
    desk = FactDesk()
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", SITE, 30_000, 100, DOCUMENT)
    desk.rounds(3)
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", COMPLETION, 15_000, 20, DOCUMENT)
    desk.send(GOVERNANCE, CERTIFY_EVENT, "country", SITE, 10_001, 3, DOCUMENT)
    desk.rounds(9)
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", CHANGE, 12_000, MAX_COST_KRW, DOCUMENT)
    limits = [certified_limit(desk.state, 0, number) for number in range(1, 14)]
    assert limits == [3_000] * 4 + [1_500] * 2 + [0] * 2 + [1_200] * 4 + [0]
    costs = [costs_krw(desk.state, number) for number in (0, 1, 2, 3, 8, 9, 99)]
    assert costs == [0, 100, 100, 123, 123, 123 + MAX_COST_KRW, 123 + MAX_COST_KRW]


@pytest.mark.parametrize(
    ("sender", "values", "code", "reason"),
    [
        (REGISTRAR, ("city", SITE, 14_000), ErrorCode.UNAUTHORISED, "by governance alone"),
        (GOVERNANCE, ("town", SITE, 14_000), ErrorCode.NOT_FOUND, "no zone 'town'"),
        (GOVERNANCE, ("city", "complition", 14_000), ErrorCode.INVALID_MESSAGE, "'completion'"),
        (GOVERNANCE, ("city", "x", 14_000), ErrorCode.INVALID_MESSAGE, "known are"),
        (GOVERNANCE, ("city", SITE, BPS), ErrorCode.INVALID_MESSAGE, "expected 10001..30000"),
        (GOVERNANCE, ("city", SITE, 30_001), ErrorCode.INVALID_MESSAGE, "found 30001"),
    ],
)
def test_an_event_that_cannot_stand_is_refused(
    sender: Address, values: tuple[str, str, int], code: ErrorCode, reason: str
) -> None:
    error = FactDesk().refused(sender, CERTIFY_EVENT, *values, 0, DOCUMENT)
    assert error.code is code
    assert reason in error.reason


def test_each_stage_counts_once_so_a_zone_has_three_at_most() -> None:
    desk = FactDesk()
    for stage in STAGES:
        desk.send(GOVERNANCE, CERTIFY_EVENT, "city", stage, 11_000, 1, DOCUMENT)
    desk.rounds(40)
    for stage in STAGES:
        error = desk.refused(GOVERNANCE, CERTIFY_EVENT, "city", stage, 11_000, 1, DOCUMENT)
        assert error.code is ErrorCode.CONFLICT
        assert "certified from round 1 on already" in error.reason
    desk.send(GOVERNANCE, CERTIFY_EVENT, "country", SITE, 11_000, 1, DOCUMENT)


def test_a_cost_past_its_bound_is_no_message() -> None:
    values = ("city", SITE, 11_000, MAX_COST_KRW + 1, DOCUMENT)
    with pytest.raises(DecodeError, match="cost_krw: at most"):
        CERTIFY_EVENT.decode(CERTIFY_EVENT.encode(*values))


def test_the_view_lists_a_zones_events() -> None:
    desk = FactDesk()
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", CHANGE, 11_000, 10**17, DOCUMENT)
    desk.send(GOVERNANCE, CERTIFY_EVENT, "city", SITE, 12_000, 1, DOCUMENT)
    found = zone_events(desk.state, "city")
    assert found is not None
    assert [row["stage"] for row in found] == [SITE, CHANGE]
    assert found[1]["cost_krw"] == "100000000000000000"
    assert (found[1]["limit_krw_per_m2"], found[1]["last_round"]) == (1_100, 4)
    assert zone_events(desk.state, "country") == []
    assert zone_events(desk.state, "town") is None
