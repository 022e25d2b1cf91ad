"""Genesis sections of land and issuance: a wrong field is named, a good one is taken over."""

from typing import Any

import pytest

from ledger.errors import LocalError
from ledger.primitives import UNIT
from node.scenarios.catalogue import scenario
from node.scenarios.sections import genesis_sections
from tests.support.land_town import LandTown, appraiser, appraisers_section, zone_section
from tokenomics.issuance.views import issuance, summary
from tokenomics.oracle.land_views import land_index, zone_list
from tokenomics.oracle.zones import base_value_krw, zones
from tokenomics.params import (
    DAY_MS,
    QUARTER_MS,
    IssuanceParameters,
    LandParameters,
    issuance_parameters,
    land_parameters,
)

APPRAISERS = appraisers_section(5)


def land(**changes: Any) -> dict[str, Any]:
    return {"zones": [zone_section("east")], "appraisers": APPRAISERS, **changes}


def zone_with(**changes: Any) -> dict[str, Any]:
    return land(zones=[{**zone_section("east"), **changes}])


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"zones": []}, "appraisers is missing"),
        (land(zone=1), "did you mean 'zones'"),
        (land(zones=[]), "land.zones"),
        (land(zones=[zone_section("east")] * 2), "distinct ids"),
        (zone_with(area_tenth_m2=0), "area_tenth_m2"),
        (zone_with(area_tenth_m2=1.5), "area_tenth_m2"),
        (zone_with(area_tenth_m2=True), "area_tenth_m2"),
        (zone_with(base_krw_per_m2=10**10), "base_krw_per_m2"),
        (zone_with(legal_dong_code="29170"), "legal_dong_code"),
        (zone_with(id=""), "id"),
        (zone_with(colour="red"), "colour"),
        (zone_with(rate_region=""), "rate_region"),
        (zone_with(parcel_root="0x12"), "parcel_root"),
        (land(appraisers=APPRAISERS[:2]), "appraisers"),
        (land(appraisers=[*APPRAISERS, APPRAISERS[0]]), "an account once"),
        (land(appraisers=[*APPRAISERS[:4], "0x12"]), "appraisers[4]"),
        (land(appraisers=[{"account": "0x" + "zz" * 20, "nominator": "x"}] * 3), "account"),
        (land(appraisers=[{**APPRAISERS[0], "nominator": "chamber.trees"}] * 3), "nominator"),
        (land(parameters={"quarter": 1}), "quarter"),
        (land(parameters={"scaled_quarter_ms": 0}), "scaled_quarter_ms"),
        (land(parameters={"grace_bps": 50_000}), "grace_bps"),
        (land(parameters={"min_reports": -1}), "min_reports"),
        (land(parameters={"min_reports": 6}), "min_reports"),
        (land(parameters={"anchor_every_rounds": 2}), "anchor_every_rounds"),
        (land(parameters={"commit_ms": 0}), "commit_ms"),
        (land(parameters={"challenge_ms": 3 * QUARTER_MS}), "challenge_ms"),
    ],
)
def test_a_wrong_land_section_is_refused_by_name(section: Any, named: str) -> None:
    with pytest.raises(LocalError) as refused:
        LandTown(section)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"mode": "NETTO"}, "GROSS"),
        ({"mode": "NET"}, "expected GROSS"),
        ({"lambda_bps": 10_001}, "lambda_bps"),
        ({"window_anchors": 0}, "window_anchors"),
        ({"hard_cap": "1e9"}, "hard_cap"),
        ({"limit_bps": 501}, "limit_bps"),
        ({"hard_cap": "4"}, "hard_cap"),
    ],
)
def test_wrong_issuance_parameters_are_refused_by_name(parameters: Any, named: str) -> None:
    with pytest.raises(LocalError) as refused:
        LandTown(land(), {"parameters": parameters}, balance=5)
    assert named in str(refused.value)


def test_defaults_are_those_of_the_design() -> None:
    town = LandTown(land())
    assert land_parameters(town.state) == LandParameters(
        quarter_ms=QUARTER_MS,
        scaled_quarter_ms=QUARTER_MS,
        scaled_rounds=0,
        anchor_every_rounds=1,
        commit_ms=20 * DAY_MS,
        reveal_ms=10 * DAY_MS,
        reappraisal_ms=20 * DAY_MS,
        challenge_ms=14 * DAY_MS,
        dispute_ms=20 * DAY_MS,
        min_reports=3,
        clip_bps_a_year=800,
        stale_ms=550 * DAY_MS,
    )
    assert issuance_parameters(town.state) == IssuanceParameters(
        lambda_bps=2_500, price_krw_per_token=1_000, hard_cap=10**9 * UNIT, window_anchors=9
    )


def test_the_gwangju_sections_make_the_town_of_the_design() -> None:
    sections = genesis_sections(scenario("gwangju"), [appraiser(i) for i in range(15)])
    town = LandTown(sections["land"], sections["issuance"])
    areas = [zone.area_tenth_m2 for zone in zones(town.state)]
    assert areas == [6_028_088] * 4 + [6_028_089] * 2
    assert sum(areas) == 36_168_530, "3,616,853 m2"
    assert {zone.rate_region for zone in zones(town.state)} == {"29"}, "all move with the city"
    assert base_value_krw(town.state) == 904_213_250_000
    assert land_parameters(town.state).length_ms(56) == 1_000
    assert land_parameters(town.state).length_ms(57) == QUARTER_MS


def test_a_chain_without_land_and_issuance_never_has_a_deadline_and_keeps_its_supply() -> None:
    town = LandTown({}, {}, balance=10**30)
    town.block(1_700_000_000_000)
    town.block(1_800_000_000_000)
    assert town.land.next_deadline_ms(town.state) is None
    assert (zone_list(town.state), town.events) == ([], [])
    assert land_index(town.state)["land_index"] == 100_000
    figures = summary(town.state, town.token)
    assert (figures["issued"], figures["minted"]) == (str(10**30), "0")
    view = issuance(town.state, town.token)
    assert view is not None
    assert view["headroom"] == "0"


def test_a_zone_names_its_rate_region_and_its_parcels_or_the_province_and_none() -> None:
    root = "0x" + "ab" * 32
    named = zone_section("east") | {"rate_region": "46", "parcel_root": root}
    town = LandTown(land(zones=[named, zone_section("west")]))
    east, west = zones(town.state)
    assert (east.rate_region, east.parcel_root.hex()) == ("46", root[2:])
    assert (west.rate_region, west.parcel_root) == ("29", bytes(32))
    assert zone_list(town.state)[0]["parcel_root"] == root
