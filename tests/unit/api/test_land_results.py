"""What tokenomics.views really gives keeps to the schema that the API publishes."""

from typing import Any

import pytest

from api.methods import all_methods
from tests.support.json_schema import problems
from tests.support.land_town import LandTown, appraiser, land_section, zone_section
from tokenomics import land_views, views
from tokenomics.challenges import CHALLENGE
from tokenomics.roles import CHAMBER_PUBLIC

PRICE = 1_000
ROUNDS = 10
CITY = appraiser(41)


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
    assert not problems(views.issuance(state, town.token), schema("poyong_getIssuance"))
    for zone in ("east", "west"):
        for number in range(1, rounds + 2):
            found = land_views.zone_round(state, zone, number)
            assert found is not None
            assert not problems(found, schema("poyong_getRound"))


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
