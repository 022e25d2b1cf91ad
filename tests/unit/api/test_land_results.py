"""What tokenomics.views really gives keeps to the schema that the API publishes."""

from typing import Any

import pytest

from api.methods import all_methods
from tests.support.json_schema import problems
from tests.support.land_town import LandTown, appraiser, zone_section
from tokenomics import views

LENGTH_MS = 1_000
PRICE = 1_000
PANEL = [appraiser(number) for number in range(5)]
ROUNDS = 10


def town_after(rounds: int) -> LandTown:
    """A town whose land rose by a thousandth in each of these rounds, the next one open."""
    town = LandTown(
        {
            "parameters": {"scaled_quarter_ms": LENGTH_MS, "scaled_rounds": 50},
            "zones": [zone_section("east"), zone_section("west")],
            "appraisers": ["0x" + member.hex() for member in PANEL],
        }
    )
    town.block(1)
    for number in range(1, rounds + 1):
        opened_ms = 1 + (number - 1) * LENGTH_MS
        reports = [(m, ("east", number, PRICE + number, opened_ms)) for m in PANEL]
        town.block(opened_ms + 500, reports)
        town.block(town.due_ms())
    return town


def schema(method: str) -> dict[str, Any]:
    found = all_methods().find(method)
    assert found is not None
    return found.result


@pytest.mark.parametrize("rounds", [0, 1, ROUNDS])
def test_every_view_keeps_to_its_schema(rounds: int) -> None:
    town = town_after(rounds)
    state = town.state
    assert not problems(views.zone_list(state), schema("poyong_getZones"))
    assert not problems(views.land_index(state, town.roles), schema("poyong_getLandIndex"))
    assert not problems(views.issuance(state, town.token), schema("poyong_getIssuance"))
    for zone in ("east", "west"):
        for number in range(1, rounds + 2):
            found = views.zone_round(state, zone, number)
            assert found is not None
            assert not problems(found, schema("poyong_getRound"))


def test_the_check_has_seen_what_matters() -> None:
    """Reports, an open round, a zone without value, and a derivation were among the views."""
    town = town_after(ROUNDS)
    index = views.land_index(town.state, town.roles)
    assert index["open_rounds"]
    settled = views.zone_round(town.state, "east", index["closed_rounds"])
    assert settled is not None
    assert settled["state"] == "FINAL"
    assert len(settled["reports"]) == len(PANEL)
    unreported = views.zone_round(town.state, "west", index["closed_rounds"])
    assert unreported is not None
    assert unreported["state"] == "NO_VALUE"
    supply = views.issuance(town.state, town.token)
    assert supply is not None
    assert supply["derivation"] is not None
