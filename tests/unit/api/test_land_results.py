"""What tokenomics.issuance.views really gives keeps to the schema that the API publishes."""

from typing import Any

import pytest

from api.methods import all_methods
from tests.support.json_schema import problems
from tests.support.land_town import LandTown, appraiser, land_section, zone_section
from tokenomics.facts import fact_views
from tokenomics.facts.land_events import CERTIFY_EVENT
from tokenomics.facts.rates import REPORT_RATE
from tokenomics.facts.sales import REGISTER_SALE, STRIKE_SALE
from tokenomics.issuance import views
from tokenomics.oracle import appraiser_views, land_views, round_views
from tokenomics.oracle.challenges import CHALLENGE
from tokenomics.roles import AUTHORITY, CHAMBER_PUBLIC, RATE_REPORTER, ROLES, SALES_REGISTRAR

PRICE = 1_000
ROUNDS = 10
CITY, OTHER = appraiser(41), appraiser(42)
RATES = {"first_month": 2012_01}


def town_after(rounds: int) -> LandTown:
    """A town whose land rose by a thousandth in each of these rounds, the next one's appraisal
    under way; a re-appraisal in round 2, a challenge in round 3."""
    town = LandTown(land_section(zone_section("east"), zone_section("west")))
    town.book.roles[CHAMBER_PUBLIC] = {CITY}
    town.block(1)
    for number in range(1, rounds + 1):
        town.begin_appraisal()
        last = PRICE * 12 // 10 if number == 2 else PRICE + number
        town.commit_and_reveal(number, {"east": [*[PRICE + number] * 4, last]})
        town.commit_and_reveal(number, {"east": [PRICE + number] * 2})
        if number == 3:
            values = ("east", number, CHAMBER_PUBLIC, "method", bytes(32))
            town.soon([(CITY, CHALLENGE, values)])
        town.finish(number)
    if rounds:
        number = town.begin_appraisal()
        town.soon(town.messages(number, {"east": [PRICE] * 3}))
    return town


def town_with_facts() -> LandTown:
    """A chain with official rates: two regions' first months, a zone's event, sales, one struck."""
    section = {**land_section(zone_section("east"), zone_section("west")), "rates": RATES}
    town = LandTown(section)
    for role in (RATE_REPORTER, AUTHORITY, SALES_REGISTRAR):
        town.book.roles[role] = {CITY, OTHER}
    town.block(1)
    document = bytes(32)
    parcels = [f"29170139001{number:08}" for number in (1, 2)]
    codes = town.soon(
        [
            *((who, REPORT_RATE, ("00", 2012_01, 100_057, document)) for who in (CITY, OTHER)),
            *((who, REPORT_RATE, ("29", 2012_01, 100_067, document)) for who in (CITY, OTHER)),
            (CITY, REPORT_RATE, ("29", 2012_02, 100_096, document)),
            (CITY, CERTIFY_EVENT, ("east", "site works", 15_000, 10**9, document)),
            *((CITY, REGISTER_SALE, ("east", pnu, 950, 2012_01, document)) for pnu in parcels),
            (CITY, STRIKE_SALE, ("east", parcels[0], 2012_01, "sold to a relative")),
        ]
    )
    assert not any(codes), town.refusals
    return town


def schema(method: str) -> dict[str, Any]:
    found = all_methods().find(method)
    assert found is not None
    return found.result


@pytest.mark.parametrize("rounds", [0, 1, ROUNDS])
def test_every_view_keeps_to_its_schema(rounds: int) -> None:
    town = town_after(rounds)
    state = town.state
    assert not problems(land_views.zone_list(state), schema("poyong_getZones"))
    assert not problems(land_views.land_index(state), schema("poyong_getLandIndex"))
    listed = round_views.listed_rounds(state, 1, 256)
    assert len(listed) == rounds
    assert not problems(listed, schema("poyong_listRounds"))
    assert not problems(appraiser_views.appraisers(state), schema("poyong_getAppraisers"))
    for settled in (None, *range(rounds + 2)):
        supply = views.issuance(state, town.token, settled)
        assert (supply is None) == (settled in (0, rounds + 1))
        assert not problems(supply, schema("poyong_getIssuance"))
    for zone in ("east", "west"):
        for number in range(1, rounds + 2):
            found = land_views.zone_round(state, zone, number)
            assert found is not None
            assert not problems(found, schema("poyong_getRound"))


def test_every_view_of_facts_keeps_to_its_schema() -> None:
    town = town_with_facts()
    state = town.state
    for region in (None, "29", "99"):
        assert not problems(fact_views.official_rates(state, region), schema("poyong_getRates"))
    for zone in ("east", "west", "nowhere"):
        assert not problems(fact_views.zone_events(state, zone), schema("poyong_getZoneEvents"))
    for number in (None, 1, 2):
        assert not problems(fact_views.registered_sales(state, number), schema("poyong_getSales"))
    for role in (None, *ROLES, "king"):
        shown = fact_views.all_roles(state, town.book, role)
        assert not problems(shown, schema("poyong_getRoles"))
    assert not problems(land_views.land_index(state), schema("poyong_getLandIndex"))


def test_a_chain_without_facts_says_so_in_the_same_schema() -> None:
    state = town_after(0).state
    assert not problems(fact_views.official_rates(state), schema("poyong_getRates"))
    assert not problems(fact_views.registered_sales(state), schema("poyong_getSales"))
    assert fact_views.zone_events(state, "east") == []


def test_the_check_has_seen_what_matters() -> None:
    """Kinds of seats, a challenge, an appraisal under way, a zone without value, a derivation."""
    town = town_after(ROUNDS)
    state = town.state
    index = land_views.land_index(state)
    appraised, _running = index["open_rounds"]
    assert [len(zone["missing"]) for zone in appraised["zones"]] == [2, 5]
    seats, challenges = set(), []
    for number in range(1, ROUNDS + 1):
        view = land_views.zone_round(state, "east", number)
        assert view is not None
        assert view["state"] == ("DISPUTED" if number == 3 else "FINAL")
        seats |= {report["seat"] for report in view["reports"]}
        challenges += [view["challenge"]] if view["challenge"] else []
    assert seats == {"PANEL", "FURTHER"}
    assert [challenge["verdict"] for challenge in challenges] == ["UNDECIDED"]
    unreported = land_views.zone_round(state, "west", index["closed_rounds"])
    assert unreported is not None
    assert unreported["state"] == "NO_VALUE"
    newest = land_views.zone_round(state, "east", None)
    assert newest is not None
    assert (newest["round"], newest["phase"], len(newest["missing"])) == (ROUNDS + 1, "COMMIT", 2)
    supply = views.issuance(state, town.token)
    assert supply is not None
    assert supply["derivation"] is not None


def test_closed_rounds_are_listed_in_order_and_in_part() -> None:
    state = town_after(ROUNDS).state
    listed = land_views.list_rounds(state, 3, 4)
    assert [row["round"] for row in listed] == [3, 4, 5, 6]
    assert land_views.list_rounds(state, 0, 1_000) == land_views.land_index(state)["rounds"]
    assert land_views.list_rounds(state, ROUNDS + 1, 5) == []
    assert land_views.list_rounds(state, 1, 0) == []
    assert land_views.list_rounds(state, 2**70, 2**70) == []
