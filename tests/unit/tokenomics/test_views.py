"""What is read of rounds, seats, rates and roles says what the state holds."""

import pytest

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.primitives import UNIT
from tests.support.land_town import LandTown, appraiser, land_section, zone_section
from tests.unit.api.test_land_results import CITY, OTHER, town_after, town_with_facts
from tokenomics.facts.fact_views import all_roles, official_rates, registered_sales
from tokenomics.issuance.derivation import TOTALS, issuance_round
from tokenomics.issuance.issuance import set_parameters
from tokenomics.issuance.views import issuance
from tokenomics.oracle.appraiser_views import appraisers
from tokenomics.oracle.land_views import land_index, zone_round
from tokenomics.oracle.round_views import listed_rounds
from tokenomics.params import IssuanceParameters
from tokenomics.roles import AUTHORITY, CHAMBER_PUBLIC, RATE_REPORTER, ROLES

PRICE = 1_000


def rising_town(rounds: int, balance: int = 0) -> LandTown:
    """Ten won more in each round."""
    town = LandTown(land_section(zone_section("east")), balance=balance)
    town.block(1)
    for number in range(1, rounds + 1):
        town.play({"east": [PRICE + 10 * number] * 5})
    return town


def test_a_listed_round_says_what_issuance_made_of_it() -> None:
    town = rising_town(10, balance=7 * UNIT)
    before, first, second = listed_rounds(town.state, 8, 3)
    assert (before["round"], before["minted"], before["lasting_krw"]) == (8, "0", None)
    row, later = issuance_round(town.state, 9), issuance_round(town.state, 10)
    assert row is not None
    assert later is not None
    assert 0 < row.minted < later.issued
    assert (first["minted"], first["issued"]) == (str(row.minted), str(7 * UNIT + row.minted))
    assert (first["live_krw"], first["lasting_krw"]) == (str(row.live_krw), str(row.lasting_krw))
    assert (first["outstanding"], first["coverage_bps"]) == (str(row.minted), None)
    # Coverage is that before the mint; what was outstanding then is what round 9 left.
    assert second["coverage_bps"] == later.cover * 10_000 // row.minted
    assert (second["mode"], second["recognition_open"], second["burned"]) == ("GROSS", True, "0")


def test_a_round_of_a_chain_without_issuance_has_nulls() -> None:
    town = rising_town(0)
    state = town.state
    state.delete(TOTALS, b"")
    town._commit(state)
    town.play({"east": [PRICE] * 5})
    (row,) = listed_rounds(town.state, 1, 5)
    assert row["recognition_open"] is True
    assert {row[name] for name in ("live_krw", "ceiling", "minted", "issued", "mode")} == {None}


def test_more_rounds_than_one_answer_holds_are_refused_with_what_to_do() -> None:
    state = rising_town(1).state
    assert len(listed_rounds(state, 1, 256)) == 1
    with pytest.raises(LocalError, match=r"at most 256 .* found count 257: ask .* round 257 on"):
        listed_rounds(state, 1, 257)


def test_an_earlier_derivation_keeps_the_parameters_that_it_used() -> None:
    town = rising_town(9)
    before = issuance(town.state, town.token)
    assert before is not None
    state = town.state
    set_parameters(town.context(state, town.time_ms), IssuanceParameters(lambda_bps=1_000))
    town._commit(state)
    town.play({"east": [PRICE + 100] * 5})
    now, again = issuance(town.state, town.token), issuance(town.state, town.token, 9)
    assert now is not None
    assert again is not None
    assert now["derivation"]["parameters"]["lambda_bps"] == now["parameters"]["lambda_bps"] == 1_000
    assert again["derivation"] == before["derivation"]
    assert again["derivation"]["parameters"]["lambda_bps"] == 2_500
    assert again["round"] == 10


def test_an_open_round_shows_who_sits_in_its_zones() -> None:
    town = LandTown(land_section(zone_section("east"), zone_section("west")))
    town.book.roles[CHAMBER_PUBLIC] = {CITY}
    town.block(1)
    number = town.begin_appraisal()
    town.commit_and_reveal(number, {"east": [PRICE] * 4 + [PRICE * 2]})
    east, west = land_index(town.state)["open_rounds"][0]["zones"]
    row = town.appraisal("east")
    assert east["phase"] == "REAPPRAISE_COMMIT"
    assert east["panel"] == [checksum_address(who) for who in row.panel]
    assert east["further"] == east["missing"] == [checksum_address(who) for who in row.further]
    assert (len(west["panel"]), west["further"], west["blind"]) == (5, [], [])
    shown = zone_round(town.state, "east", number)
    assert shown is not None
    assert {name: shown[name] for name in ("panel", "further", "blind")} == {
        name: east[name] for name in ("panel", "further", "blind")
    }


def test_the_registry_shows_panels_of_the_term_and_seats_of_running_appraisals() -> None:
    town = LandTown(land_section(zone_section("east"), zone_section("west")))
    town.block(1)
    assert all(
        not row["panels"] and not row["seats"] for row in appraisers(town.state)["appraisers"]
    )
    number = town.begin_appraisal()
    shown = appraisers(town.state)
    assert shown["term"] == 1
    assert len(shown["appraisers"]) == 15
    for row in shown["appraisers"]:
        zones = [
            zone
            for zone in ("east", "west")
            if row["account"] in map(checksum_address, town.appraisal(zone).panel)
        ]
        assert row["panels"] == zones
        assert row["seats"] == [{"round": number, "zone": zone, "seat": "PANEL"} for zone in zones]
        assert (row["suspended"], row["valid_until_ms"]) == (False, None)
    town.finish(number)
    after = appraisers(town.state)["appraisers"]
    assert [row["panels"] for row in after] == [row["panels"] for row in shown["appraisers"]]
    assert not any(seat["round"] == number for row in after for seat in row["seats"])


def test_a_suspended_appraiser_and_a_licence_that_ends_are_shown() -> None:
    section = land_section(zone_section("east"))
    section["appraisers"][0]["valid_until_ms"] = 10**12
    town = LandTown(section)
    town.block(1)
    row = appraisers(town.state)["appraisers"][0]
    assert (row["account"], row["valid_until_ms"]) == (checksum_address(appraiser(0)), 10**12)
    for _ in range(2):  # the same seat lies in both rounds
        number = town.begin_appraisal()
        town.commit_and_reveal(number, {"east": [*[PRICE] * 4, PRICE * 2]})
        town.commit_and_reveal(number, {"east": [PRICE] * 2})
        town.finish(number)
    (liar,) = [item for item in appraisers(town.state)["appraisers"] if item["suspended"]]
    assert liar["outliers"] == [1, 2]


def test_rates_are_told_of_every_region_or_of_one() -> None:
    state = town_with_facts().state
    until = [{"region": region, "official_until": 2012_01} for region in ("00", "29")]
    assert land_index(state)["rates"] == until
    assert [row["region"] for row in official_rates(state)["regions"]] == ["00", "29"]
    (city,) = official_rates(state, "29")["regions"]
    assert [row["month"] for row in city["waiting"]] == [2012_02]
    assert official_rates(state, "99") == {"first_month": 2012_01, "regions": []}
    assert land_index(town_after(0).state)["rates"] == []


def test_struck_sales_are_told_apart() -> None:
    shown = registered_sales(town_with_facts().state)
    assert shown is not None
    assert (len(shown["sales"]), shown["kept"]) == (1, 2)
    assert [row["reason"] for row in shown["struck"]] == ["sold to a relative"]


def test_roles_are_listed_with_their_holders() -> None:
    town = town_with_facts()
    everybody = all_roles(town.state, town.book)
    assert [row["role"] for row in everybody] == list(ROLES)
    holders = {row["role"]: row["holders"] for row in everybody}
    assert holders[RATE_REPORTER] == [checksum_address(who) for who in (CITY, OTHER)]
    assert holders[CHAMBER_PUBLIC] == []
    assert all_roles(town.state, town.book, AUTHORITY) == [everybody[0]]
    assert all_roles(town.state, town.book, "king") == []
