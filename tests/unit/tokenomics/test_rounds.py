"""Town rounds by block time: opening, closing, standstill, and the end of the time scale."""

from typing import Any

import pytest

from ledger.errors import ErrorCode
from tests.support.land_town import LandTown, ReportValues, appraiser, zone_section
from tokenomics.params import QUARTER_MS
from tokenomics.rounds import open_rounds, schedule, town_round
from tokenomics.views import zone_list

START_MS = 5_000
LENGTH_MS = 1_000
ZONE_IDS = ("east", "west")
PANEL = [appraiser(i) for i in range(5)]


def make_town(genesis_ms: int = 4_000, **parameters: int) -> LandTown:
    given = {"scaled_quarter_ms": LENGTH_MS, "scaled_rounds": 50, **parameters}
    return LandTown(
        {
            "parameters": given,
            "zones": [zone_section(zone) for zone in ZONE_IDS],
            "appraisers": ["0x" + member.hex() for member in PANEL],
        },
        genesis_ms=genesis_ms,
    )


@pytest.fixture
def town() -> LandTown:
    """Its first block, and so round 1, is of START_MS."""
    town = make_town()
    town.block(START_MS)
    return town


def reports(
    number: int, date_ms: int, price: int = 1_000, members: int = 5
) -> list[tuple[Any, ReportValues]]:
    return [
        (member, (zone, number, price, date_ms)) for zone in ZONE_IDS for member in PANEL[:members]
    ]


def play(town: LandTown, count: int, price: int = 1_000) -> None:
    """Close `count` rounds with every report in."""
    for _ in range(count):
        number = schedule(town.state).newest
        row = next(iter(open_rounds(town.state)))
        town.block(row.opened_ms + LENGTH_MS // 4, reports(number, row.opened_ms, price))
        town.block(row.end_ms)


def test_the_first_block_is_due_at_genesis_and_opens_round_1() -> None:
    town = make_town(genesis_ms=4_000)
    assert town.due_ms() == 4_000
    town.block(START_MS)
    (opened,) = town.named("land.round_opened")
    assert (opened["round"], opened["opened_ms"], opened["end_ms"]) == (1, 5_000, 6_000)


def test_a_genesis_at_time_0_and_a_first_block_today_open_round_1_today() -> None:
    town = make_town(genesis_ms=0)
    town.block(1_700_000_000_000)
    assert schedule(town.state).newest == 1
    assert town.due_ms() == 1_700_000_001_000


def test_a_complete_round_closes_at_its_nominal_end_and_not_before(town: LandTown) -> None:
    town.block(5_100, reports(1, START_MS))
    town.block(5_999)
    assert schedule(town.state).closed == 0
    assert town.due_ms() == 6_000
    town.block(6_000)
    assert schedule(town.state).closed == 1
    (closed,) = town.named("land.town_round_closed")
    assert (closed["zones_final"], closed["reports"]) == (2, 10)


def test_a_round_waits_for_late_reports_until_its_deadline(town: LandTown) -> None:
    town.block(5_100, reports(1, START_MS, members=4))
    town.block(6_000)
    assert schedule(town.state).closed == 0, "the fifth appraiser is missing"
    late = [(PANEL[4], (zone, 1, 1_000, START_MS)) for zone in ZONE_IDS]
    assert town.block(6_500, late) == [ErrorCode.OK, ErrorCode.OK]
    assert schedule(town.state).closed == 1


def test_the_deadline_closes_a_round_with_the_reports_that_came(town: LandTown) -> None:
    town.block(5_100, [r for r in reports(1, START_MS, members=3) if r[1][0] == "east"])
    town.block(6_000)
    town.block(7_000)
    outcomes = {e["zone"]: e["outcome"] for e in town.named("land.zone_round_closed")}
    assert outcomes == {"east": "FINAL", "west": "NO_VALUE"}


def test_two_open_rounds_close_in_order(town: LandTown) -> None:
    town.block(5_100, reports(1, START_MS, members=4))
    town.block(6_000)
    town.block(6_100, reports(2, 6_000))
    assert schedule(town.state).closed == 0, "round 2 is complete and waits for round 1"
    town.block(7_000)
    assert [e["round"] for e in town.named("land.town_round_closed")] == [1, 2]


def test_reports_are_taken_from_the_start_to_the_deadline(town: LandTown) -> None:
    early = town.block(5_500, [(PANEL[0], ("east", 2, 1_000, START_MS))])
    assert early == [ErrorCode.NOT_NOW]
    in_first_block = town.block(6_000, [(PANEL[0], ("east", 2, 1_000, 6_000))])
    assert in_first_block == [ErrorCode.OK]
    at_deadline = town.block(7_000, [(PANEL[0], ("east", 1, 1_000, START_MS))])
    assert at_deadline == [ErrorCode.OK]
    assert schedule(town.state).closed == 1
    too_late = town.block(7_001, [(PANEL[1], ("east", 1, 1_000, START_MS))])
    assert too_late == [ErrorCode.NOT_NOW]


def test_an_idle_chain_closes_rounds_by_deadlines_alone(town: LandTown) -> None:
    for _ in range(20):
        town.block(town.due_ms())
    assert schedule(town.state).closed == 19
    assert schedule(town.state).newest == 21


def test_a_standstill_moves_the_schedule_and_loses_no_round(town: LandTown) -> None:
    play(town, 3)
    town.block(8_200, reports(4, 8_000, members=2))
    back_ms = 8_200 + 3_600_000
    assert town.block(back_ms, []) == []
    assert town.named("land.schedule_held") == [{"due_ms": 9_000, "held_ms": back_ms - 9_000}]
    assert schedule(town.state).closed == 3
    assert [row.number for row in open_rounds(town.state)] == [4, 5]
    missing = [r for r in reports(4, 8_000) if r[0] not in PANEL[:2]]
    assert set(town.block(back_ms + 500, missing)) == {ErrorCode.OK}
    closed = town_round(town.state, 4)
    assert closed is not None
    assert closed.zones_final == 2


def test_a_long_standstill_makes_no_zone_stale_and_no_burst_of_rounds(town: LandTown) -> None:
    play(town, 3, price=1_010)
    for _ in range(3):
        town.block(town.due_ms() + 50 * LENGTH_MS)
        assert len(town.named("land.round_opened")) == 1
        assert len(town.named("land.town_round_closed")) <= 1
    assert {zone["last_outcome"] for zone in zone_list(town.state)} == {"NO_VALUE"}


def test_a_small_delay_moves_nothing(town: LandTown) -> None:
    town.block(6_000 + LENGTH_MS // 2)
    assert town.named("land.schedule_held") == []
    assert town.due_ms() == 7_000


def test_after_the_scaled_rounds_a_quarter_is_a_quarter_again() -> None:
    town = make_town(scaled_rounds=3)
    town.block(START_MS)
    play(town, 3)
    assert town.due_ms() == 8_000 + QUARTER_MS
    for later_ms in (8_001, 20_000, 10_000_000):
        town.block(later_ms)
    assert {zone["last_outcome"] for zone in zone_list(town.state)} == {"FINAL"}


def test_a_zone_is_stale_550_scaled_days_after_its_valuation(town: LandTown) -> None:
    play(town, 1, price=1_020)
    outcomes = []
    while schedule(town.state).closed < 8:
        town.block(town.due_ms())
        outcomes += [e["outcome"] for e in town.named("land.zone_round_closed")[:1]]
    # Valued at the start of round 1: five more quarters are 547.5 days, six are 638.75.
    assert outcomes == ["NO_VALUE"] * 5 + ["STALE"] * 2
    (zone, _) = zone_list(town.state)
    assert (zone["accepted_krw_per_m2"], zone["counted_krw_per_m2"]) == (1_020, 1_000)


def test_a_stale_zone_below_its_base_counts_at_its_last_value(town: LandTown) -> None:
    play(town, 1, price=900)
    while schedule(town.state).closed < 8:
        town.block(town.due_ms())
    (zone, _) = zone_list(town.state)
    assert (zone["last_outcome"], zone["counted_krw_per_m2"]) == ("STALE", 900)


def test_a_zone_that_never_was_final_counts_at_base_and_is_not_stale(town: LandTown) -> None:
    for _ in range(12):
        town.block(town.due_ms())
    (zone, _) = zone_list(town.state)
    assert (zone["last_outcome"], zone["counted_krw_per_m2"]) == ("NO_VALUE", 1_000)


def test_the_clip_grows_with_the_rounds_that_gave_no_value(town: LandTown) -> None:
    play(town, 1)
    while schedule(town.state).newest < 4:
        town.block(town.due_ms())
    row = list(open_rounds(town.state))[-1]
    town.block(row.opened_ms + 10, reports(4, row.opened_ms, price=1_500))
    while schedule(town.state).closed < 4:
        town.block(town.due_ms())
    (zone, _) = zone_list(town.state)
    assert zone["accepted_krw_per_m2"] == 1_060, "three quarters at 2 % of the last value"


def test_a_value_returns_at_once_to_its_highest_of_four_anchors_and_not_to_the_fifth(
    town: LandTown,
) -> None:
    play(town, 1, price=1_020)
    play(town, 3, price=500)
    play(town, 1, price=1_500)
    assert zone_list(town.state)[0]["accepted_krw_per_m2"] == 1_020
    play(town, 4, price=500)
    play(town, 1, price=1_500)
    assert zone_list(town.state)[0]["accepted_krw_per_m2"] == 510


@pytest.mark.parametrize(("oldest_ms", "outcome"), [(5_980, "NO_VALUE"), (5_000, "STALE")])
def test_the_oldest_valuation_date_of_the_panel_decides_when_a_zone_is_stale(
    town: LandTown, oldest_ms: int, outcome: str
) -> None:
    """Round 7 ends 6.02 quarters (549.3 days) after 5,980 ms, and 7 quarters after 5,000 ms."""
    dated = [
        (member, (zone, 1, 1_000, oldest_ms if member == PANEL[2] else 5_980))
        for zone in ZONE_IDS
        for member in PANEL
    ]
    town.block(5_990, dated)
    while schedule(town.state).closed < 7:
        town.block(town.due_ms())
    assert town.named("land.zone_round_closed")[-1]["outcome"] == outcome
