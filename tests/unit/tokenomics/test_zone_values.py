"""What a zone is accepted and counted at: clip, return, held values, rates, staleness, events."""

from typing import Any

import pytest

from ledger.rows import key
from tests.support.land_town import FixedPanels, LandTown, land_section, zone_section
from tokenomics.facts.ratio_study import RatioStudy
from tokenomics.oracle.closing import RATIO_STUDIES
from tokenomics.oracle.land_views import zone_list
from tokenomics.oracle.rounds import opened_round, schedule, town_round
from tokenomics.oracle.zones import zone_value

START_MS = 5_000
BASE = 1_000


def make_town(**parameters: int) -> LandTown:
    town = LandTown(
        land_section(zone_section("east", 100_000, BASE), **parameters), panels=FixedPanels()
    )
    town.block(START_MS)
    return town


@pytest.fixture
def town() -> LandTown:
    return make_town()


def play(town: LandTown, price: int, rounds: int = 1) -> dict[str, Any]:
    """Rounds in which everybody says `price`; the event of the last one."""
    for _ in range(rounds):
        town.play({"east": [price] * 5})
    return closed(town)


def silent(town: LandTown, rounds: int = 1) -> dict[str, Any]:
    for _ in range(rounds):
        town.finish(schedule(town.state).closed + 1)
    return closed(town)


def closed(town: LandTown) -> dict[str, Any]:
    return town.all_named("land.zone_round_closed")[-1]


def prices(event: dict[str, Any]) -> tuple[str, int, int]:
    return event["outcome"], event["accepted_krw_per_m2"], event["counted_krw_per_m2"]


def rates(monkeypatch: pytest.MonkeyPatch, *after_per_thousand: int) -> None:
    """The official index per thousand of the quarter before, from round 1 on; then none."""

    def factors(state: object, region: str, number: int) -> tuple[int, int] | None:
        del state, region
        known = number <= len(after_per_thousand)
        return (after_per_thousand[number - 1], 1_000) if known else None

    monkeypatch.setattr("tokenomics.oracle.zone_rounds.quarter_factor", factors)


def test_a_rise_stops_at_the_clip_and_a_fall_counts_at_once(town: LandTown) -> None:
    event = play(town, 1_500)
    assert prices(event) == ("FINAL", 1_020, 1_020)
    assert (event["median_krw_per_m2"], event["clip_krw_per_m2"]) == (1_500, 1_020)
    assert prices(play(town, 700)) == ("FINAL", 700, 700)


def test_the_clip_grows_with_the_rounds_that_gave_no_value_for_a_year_at_most(
    town: LandTown,
) -> None:
    play(town, BASE)
    silent(town, 2)
    assert play(town, 1_500)["clip_krw_per_m2"] == 1_060, "three quarters at 2 %"
    silent(town, 5)
    assert play(town, 5_000)["clip_krw_per_m2"] == 1_060 * 108 // 100


def test_a_value_returns_at_once_to_its_highest_of_four_anchors_and_not_to_the_fifth(
    town: LandTown,
) -> None:
    play(town, 1_020)
    play(town, 500, rounds=3)
    assert prices(play(town, 1_500)) == ("FINAL", 1_020, 1_020)
    play(town, 500, rounds=4)
    assert prices(play(town, 1_500)) == ("FINAL", 510, 510)


def test_a_held_value_falls_with_the_official_rate_and_never_rises(
    town: LandTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates(monkeypatch, 1_010, 990, 1_020, 980)
    play(town, BASE)
    assert prices(silent(town)) == ("NO_VALUE", 1_000, 990)
    event = silent(town)
    assert prices(event) == ("NO_VALUE", 1_000, 990), "a rate above 1 does not lift it"
    assert (event["rate_after"], event["rate_before"]) == (1_020, 1_000)
    assert prices(silent(town)) == ("NO_VALUE", 1_000, 970)
    assert prices(silent(town)) == ("NO_VALUE", 1_000, 970), "without a rate it stands"
    assert play(town, 1_500)["clip_krw_per_m2"] == 1_080, "the clip starts from the accepted price"


def test_between_anchors_every_zone_moves_with_its_rate_and_recognition_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates(monkeypatch, 1_010, 1_010, 990, 1_000, 1_050, 1_000, 1_000, 1_000)
    town = make_town(anchor_every_rounds=4)
    assert prices(silent(town)) == ("PROVISIONAL", 1_000, 1_010)
    assert prices(silent(town)) == ("PROVISIONAL", 1_000, 1_020)
    assert prices(silent(town)) == ("PROVISIONAL", 1_000, 1_009)
    rows = [town_round(town.state, number) for number in (1, 2, 3)]
    assert [row.is_anchor for row in rows if row] == [False] * 3
    assert [row.value_krw for row in rows if row] == [10**4 * p for p in (1_010, 1_020, 1_009)]
    event = play(town, 1_500)
    assert (prices(event), event["clip_krw_per_m2"]) == (("FINAL", 1_080, 1_080), 1_080)
    assert prices(silent(town)) == ("PROVISIONAL", 1_080, 1_134)


def test_an_anchor_without_a_value_counts_at_no_more_than_the_anchor_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What provisional quarters added is gone, so that silence never raises recognition."""
    rates(monkeypatch, 1_030, 1_030, 1_030, 1_030)
    town = make_town(anchor_every_rounds=4)
    assert prices(silent(town, 3)) == ("PROVISIONAL", 1_000, 1_091)
    assert prices(silent(town)) == ("NO_VALUE", 1_000, 1_000)


def test_recent_values_are_those_of_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, *[1_050] * 20)
    town = make_town(anchor_every_rounds=4)
    silent(town, 3)
    play(town, 1_040)
    silent(town, 3)
    assert zone_value(town.state, 0).recent == (1_000, 1_040)


def test_a_zone_is_stale_550_days_after_its_valuation(town: LandTown) -> None:
    play(town, 1_020)
    outcomes = [silent(town)["outcome"] for _ in range(7)]
    # Valued at the start of round 1: five more quarters are 547.5 days, six are 638.75.
    assert outcomes == ["NO_VALUE"] * 5 + ["STALE"] * 2
    (zone,) = zone_list(town.state)
    assert (zone["accepted_krw_per_m2"], zone["counted_krw_per_m2"]) == (1_020, 1_000)


def test_a_stale_zone_below_its_base_counts_at_its_last_value(town: LandTown) -> None:
    play(town, 900)
    assert prices(silent(town, 7)) == ("STALE", 900, 900)


def test_a_dispersed_zone_whose_value_is_old_counts_at_its_base_at_most(town: LandTown) -> None:
    play(town, 1_020)
    silent(town, 6)
    number = town.begin_appraisal()
    town.commit_and_reveal(number, {"east": [1_010, 1_010, 1_400, 1_600, 1_700]})
    town.finish(number)
    assert prices(closed(town)) == ("DISPERSED", 1_020, 1_000)


def test_a_stale_zone_blocks_nobody_else() -> None:
    section = land_section(zone_section("east"), zone_section("west"))
    town = LandTown(section, panels=FixedPanels())
    town.block(START_MS)
    for _ in range(8):
        town.play({"west": [1_100] * 5})
    outcomes = {e["zone"]: e["outcome"] for e in town.named("land.zone_round_closed")}
    assert outcomes == {"east": "NO_VALUE", "west": "FINAL"}
    assert zone_list(town.state)[1]["accepted_krw_per_m2"] == 1_100


def test_a_zone_that_never_was_final_counts_at_base_and_is_not_stale(town: LandTown) -> None:
    assert prices(silent(town, 12)) == ("NO_VALUE", 1_000, 1_000)


@pytest.mark.parametrize(("oldest_ms", "outcome"), [(980, "NO_VALUE"), (0, "STALE")])
def test_the_oldest_valuation_date_of_the_panel_decides_when_a_zone_is_stale(
    town: LandTown, oldest_ms: int, outcome: str
) -> None:
    """Round 7 ends 6.02 quarters (549.3 days) after 980 ms of round 1, and 7 after its start."""
    number = town.begin_appraisal()
    opened_ms = opened_round(town.state, number).opened_ms
    seats = town.appraisal("east").panel
    dates = [oldest_ms if seat == 2 else 980 for seat in range(5)]
    for make in (town.commit_call, town.reveal_call):
        town.soon(
            [
                make("east", 1, who, BASE, opened_ms + date)
                for who, date in zip(seats, dates, strict=True)
            ]
        )
    assert silent(town, 7)["outcome"] == outcome


def test_a_certified_event_lifts_the_limit_and_what_is_above_the_clip_is_on_record(
    town: LandTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {2: 1_500, 3: 1_500}
    monkeypatch.setattr(
        "tokenomics.oracle.zone_rounds.certified_limit", lambda _state, _zone, n: limits.get(n, 0)
    )
    monkeypatch.setattr("tokenomics.oracle.closing.costs_krw", lambda _state, n: 7 if n > 1 else 0)
    play(town, BASE)
    event = play(town, 1_300)
    assert prices(event) == ("FINAL", 1_300, 1_300)
    assert event["certified_krw_per_m2"] == 1_300 - 1_020
    row = town_round(town.state, 2)
    assert row is not None
    assert (row.certified_krw, row.costs_krw) == (10_000 * 280, 7)
    assert play(town, 9_000)["certified_krw_per_m2"] == 280 + (1_500 - 1_326)
    assert prices(play(town, 9_000)) == ("FINAL", 1_530, 1_530)
    play(town, 1_100)
    row = town_round(town.state, 5)
    assert row is not None
    assert row.certified_krw == 10_000 * 100, "no more than the zone is above its base"


def test_the_ratio_study_sees_raw_medians_and_its_gate_is_kept(
    town: LandTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []

    def study(state: object, number: int, appraised: list[int]) -> RatioStudy:
        del state, number
        seen.append(list(appraised))
        return RatioStudy(12, 1_200_000, 1_150_000, 30_000, 1_010_000, is_open=False)

    monkeypatch.setattr("tokenomics.oracle.closing.study", study)
    play(town, 1_500)
    silent(town)
    assert seen == [[1_500], [1_020]], "the raw median, else the accepted price"
    row = town_round(town.state, 1)
    assert row is not None
    assert row.recognition_open is False
    kept = town.state.get(RATIO_STUDIES, key(1))
    assert kept is not None
    assert kept.lower_bound_ppm == 1_150_000
    assert town.all_named("land.ratio_study")[0]["is_open"] == 0


def test_normal_growth_is_that_of_the_round(
    town: LandTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tokenomics.oracle.closing.normal_growth_krw",
        lambda _state, bases, n: sum(bases) * n // 100,
    )
    play(town, BASE, rounds=2)
    row = town_round(town.state, 2)
    assert row is not None
    assert row.normal_growth_krw == 10**7 * 2 // 100
