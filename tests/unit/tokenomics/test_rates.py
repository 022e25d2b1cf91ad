"""Official change rates and the index of each region (economy.md sections 1 and 2)."""

from typing import Any

import pytest

from ledger.errors import ErrorCode, LocalError
from ledger.kv import MemoryStore
from ledger.module import Context
from ledger.state import State, Table
from node.scenarios.gwangju import monthly_changes, quarterly_indices
from tests.support.fact_desk import DOCUMENT, GOVERNANCE, REPORTERS, FactDesk, zone_of
from tokenomics.facts import months, rates
from tokenomics.facts.fact_views import official_rates
from tokenomics.facts.rates import (
    HIGHEST_INDEX,
    HIGHEST_STEP,
    LOWEST_INDEX,
    LOWEST_STEP,
    MAX_WAITING_MONTHS,
    NATION,
    REPORT_RATE,
    awaits_rates,
    index_at,
    months_in_order,
    normal_growth_krw,
    official_rate,
    quarter_factor,
    rate_regions,
    reports_of_month,
    write_rates,
)
from tokenomics.oracle.uplift import INDEX_SCALE
from tokenomics.oracle.zones import write_zones

FIRST, SECOND, THIRD, FOURTH = REPORTERS


def test_two_equal_reports_make_a_rate_official_and_both_are_kept() -> None:
    desk = FactDesk()
    desk.send(FIRST, REPORT_RATE, "29", 2012_01, 100_057, DOCUMENT)
    assert official_rate(desk.state, "29", 1) is None
    assert index_at(desk.state, "29", 1) is None
    context = desk.send(SECOND, REPORT_RATE, "29", 2012_01, 100_057, DOCUMENT)
    row = official_rate(desk.state, "29", 1)
    assert row is not None
    assert (row.index_step, row.reporters) == (100_057, (FIRST, SECOND))
    assert index_at(desk.state, "29", 1) == INDEX_SCALE * 100_057 // 100_000
    assert [who for who, _ in reports_of_month(desk.state, "29", 1)] == [FIRST, SECOND]
    assert [event.name for event in context.events] == [
        "land.rate_reported",
        "land.rate_official",
        "land.index_moved",
    ]
    assert dict(context.events[2].values) == {
        "region": "29",
        "month": 2012_01,
        "index_before": INDEX_SCALE,
        "index_step": 100_057,
        "index": 1_000_570_000_000,
    }


def test_a_third_reporter_breaks_a_tie() -> None:
    desk = FactDesk()
    desk.send(FIRST, REPORT_RATE, "29", 2012_01, 100_057, DOCUMENT)
    desk.send(SECOND, REPORT_RATE, "29", 2012_01, 100_058, DOCUMENT)
    assert official_rate(desk.state, "29", 1) is None
    desk.send(THIRD, REPORT_RATE, "29", 2012_01, 100_058, DOCUMENT)
    row = official_rate(desk.state, "29", 1)
    assert row is not None
    assert (row.index_step, row.reporters) == (100_058, (SECOND, THIRD))
    late = desk.refused(FOURTH, REPORT_RATE, "29", 2012_01, 100_057, DOCUMENT)
    assert late.code is ErrorCode.CONFLICT
    assert "is official: index_step 100058" in late.reason


@pytest.mark.parametrize(
    ("values", "code", "reason"),
    [
        (("41", 2012_01, 100_000), ErrorCode.NOT_FOUND, "no region '41': this chain's are 00, 29"),
        (("29", 2012_00, 100_000), ErrorCode.INVALID_MESSAGE, "as yyyymm"),
        (("29", 2012_13, 100_000), ErrorCode.INVALID_MESSAGE, "as yyyymm"),
        (("29", 12, 100_000), ErrorCode.INVALID_MESSAGE, "as yyyymm"),
        (("29", 2011_12, 100_000), ErrorCode.INVALID_MESSAGE, "before 201201"),
        (("29", 2012_04, 100_000), ErrorCode.NOT_NOW, "it can be reported from round 2 on"),
        (("29", 2012_01, LOWEST_STEP - 1), ErrorCode.INVALID_MESSAGE, "expected 50000..200000"),
        (("29", 2012_01, HIGHEST_STEP + 1), ErrorCode.INVALID_MESSAGE, "found 200001"),
    ],
)
def test_a_report_that_cannot_be_is_refused(
    values: tuple[str, int, int], code: ErrorCode, reason: str
) -> None:
    error = FactDesk().refused(FIRST, REPORT_RATE, *values, DOCUMENT)
    assert error.code is code
    assert reason in error.reason


def test_only_a_reporter_reports_and_only_once() -> None:
    desk = FactDesk()
    values = ("29", 2012_01, 100_000, DOCUMENT)
    assert desk.refused(GOVERNANCE, REPORT_RATE, *values).code is ErrorCode.UNAUTHORISED
    desk.send(FIRST, REPORT_RATE, *values)
    again = desk.refused(FIRST, REPORT_RATE, "29", 2012_01, 100_001, DOCUMENT)
    assert again.code is ErrorCode.CONFLICT
    assert "reported region 29 in 201201 already" in again.reason
    desk.send(FIRST, REPORT_RATE, "29", 2012_02, 100_001, DOCUMENT)
    desk.send(FIRST, REPORT_RATE, "46", 2012_01, 100_001, DOCUMENT)


def test_a_chain_without_rates_says_so_and_waits_for_none() -> None:
    desk = FactDesk(with_rates=False)
    error = desk.refused(FIRST, REPORT_RATE, "29", 2012_01, 100_000, DOCUMENT)
    assert error.code is ErrorCode.NOT_FOUND
    assert not awaits_rates(desk.state, ["29"], 1)
    assert quarter_factor(desk.state, "29", 1) is None
    assert normal_growth_krw(desk.state, [10], 1) is None
    assert official_rates(desk.state) == {"first_month": None, "regions": []}


def test_the_index_waits_for_a_gap_and_then_moves_over_it() -> None:
    desk = FactDesk()
    desk.rounds(2)
    desk.rate("29", 2012_03, 101_000)
    desk.rate("29", 2012_02, 102_000)
    assert months_in_order(desk.state, "29") == 0
    desk.rate("29", 2012_01, 103_000)
    assert months_in_order(desk.state, "29") == 3
    first = INDEX_SCALE * 103_000 // 100_000
    second = first * 102_000 // 100_000
    third = second * 101_000 // 100_000
    assert [index_at(desk.state, "29", n) for n in range(5)] == [
        INDEX_SCALE,
        first,
        second,
        third,
        None,
    ]
    assert quarter_factor(desk.state, "29", 1) == (third, INDEX_SCALE)
    assert quarter_factor(desk.state, "29", 2) is None


def test_what_one_message_brings_in_order_is_bounded() -> None:
    """Reports run at most two years ahead of the first missing month."""
    desk = FactDesk()
    desk.rounds(20)
    last = 1 + MAX_WAITING_MONTHS
    for number in range(2, last + 1):
        desk.rate("29", months.month_at(2012_01, number), 100_100)
    too_far = months.month_at(2012_01, last + 1)
    error = desk.refused(FIRST, REPORT_RATE, "29", too_far, 100_100, DOCUMENT)
    assert error.code is ErrorCode.NOT_NOW
    assert "201201, the first that is not official" in error.reason
    desk.send(FIRST, REPORT_RATE, "29", 2012_01, 100_100, DOCUMENT)
    context = desk.send(SECOND, REPORT_RATE, "29", 2012_01, 100_100, DOCUMENT)
    moved = [event for event in context.events if event.name == "land.index_moved"]
    assert len(moved) == last == months_in_order(desk.state, "29")
    desk.rate("29", too_far, 100_100)


@pytest.mark.parametrize(
    ("step", "bound"), [(LOWEST_STEP, LOWEST_INDEX), (HIGHEST_STEP, HIGHEST_INDEX)]
)
def test_no_series_of_false_rates_breaks_the_index(step: int, bound: int) -> None:
    """Forty months of halving or doubling: a factor can always be formed."""
    desk = FactDesk()
    desk.rounds(14)
    for number in range(1, 41):
        desk.rate("29", months.month_at(2012_01, number), step)
    assert index_at(desk.state, "29", 40) == bound
    assert quarter_factor(desk.state, "29", 13) == (bound, bound)


def test_a_round_awaits_its_zones_and_the_nation() -> None:
    desk = FactDesk()
    for month in (2012_01, 2012_02, 2012_03):
        assert awaits_rates(desk.state, ["29"], 1)
        desk.rate("29", month, 100_100)
    assert awaits_rates(desk.state, ["29"], 1)
    for month in (2012_01, 2012_02, 2012_03):
        desk.rate(NATION, month, 100_200)
    assert not awaits_rates(desk.state, ["29"], 1)
    assert awaits_rates(desk.state, ["29", "46"], 1)
    assert awaits_rates(desk.state, ["29"], 2)


def test_normal_growth_follows_the_nation() -> None:
    """Of 1,000,000 KRW after a month of 1 % and two of nothing; none when land fell."""
    for steps, growth in (((101_000, 100_000, 100_000), 10_000), ((99_000, 100_000, 100_000), 0)):
        desk = FactDesk()
        assert normal_growth_krw(desk.state, [1_000_000], 1) is None
        for month, step in zip((2012_01, 2012_02, 2012_03), steps, strict=True):
            desk.rate(NATION, month, step)
        assert normal_growth_krw(desk.state, [600_000, 400_000], 1) == growth
        assert normal_growth_krw(desk.state, [600_000, 400_000], 0) == 0


def test_gwangjus_real_series_gives_the_indices_of_the_scenario() -> None:
    desk = FactDesk()
    changes = [change.city_milli_percent for change in monthly_changes()][:24]
    desk.rounds(8)
    for number, change in enumerate(changes, start=1):
        desk.rate("29", months.month_at(2012_01, number), 100_000 + change)
    found = [index_at(desk.state, "29", months.last_month(quarter)) for quarter in range(1, 9)]
    assert tuple(found) == quarterly_indices(changes, 8)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "first_month is missing"),
        ({"first_month": 2012}, "as yyyymm"),
        ({"first_month": "201201"}, "as yyyymm"),
        ({"first_month": True}, "as yyyymm"),
        ({"first_month": 201201, "region": "29"}, "unknown option"),
        ([], "expected an object"),
    ],
)
def test_a_wrong_section_is_named(given: object, reason: str) -> None:
    with pytest.raises(LocalError, match=reason):
        write_rates(State(MemoryStore()), given)


def test_regions_are_the_nation_and_those_of_the_zones() -> None:
    state = State(MemoryStore())
    named = {"a": "46", "b": "29", "c": "00", "d": "29"}
    write_zones(state, [zone_of(name, "1" * 10, region) for name, region in named.items()])
    write_rates(state, {"first_month": 2012_01})
    found = rate_regions(state)
    assert found is not None
    assert found.regions == ("00", "29", "46")


def test_the_view_shows_rates_indices_and_what_waits() -> None:
    desk = FactDesk()
    desk.rate("29", 2012_01, 101_000)
    desk.send(FIRST, REPORT_RATE, "29", 2012_02, 100_000, DOCUMENT)
    desk.rate("29", 2012_03, 100_000)
    nation, city, country = official_rates(desk.state)["regions"]
    assert (nation["region"], nation["official_until"], nation["months"]) == ("00", None, [])
    assert country["index"] == str(INDEX_SCALE)
    assert (city["official_until"], city["index"]) == (2012_01, "1010000000000")
    (january,) = city["months"]
    assert (january["index_step"], len(january["reports"])) == (101_000, 2)
    february, march = city["waiting"]
    assert (february["month"], february["index_step"], february["index"]) == (2012_02, None, None)
    assert (march["month"], march["index_step"], march["index"]) == (2012_03, 100_000, None)


def test_months_count_through_years() -> None:
    assert [months.month_at(2012_11, number) for number in (-11, 0, 1, 2, 3, 15)] == [
        2011_11,
        2012_10,
        2012_11,
        2012_12,
        2013_01,
        2014_01,
    ]
    assert months.number_in(2012_11, 2014_01) == 15
    assert months.number_in(2012_01, 2011_12) == 0


def test_every_row_that_a_report_writes_is_read_again() -> None:
    """Tables give back what they were given, through the encoding."""
    desk = FactDesk()
    desk.rate("29", 2012_01, 101_000)
    tables: tuple[Table[Any], ...] = (
        rates.RATE_REGIONS,
        rates.RATE_REPORTS,
        rates.OFFICIAL_RATES,
        rates.REGION_INDICES,
        rates.REGION_PROGRESS,
    )
    for rows in tables:
        found = [row for _, row in desk.state.iterate(rows)]
        assert found
        assert [rows.decode(rows.encode(row)) for row in found] == found


def test_the_context_of_a_report_names_its_transaction() -> None:
    desk = FactDesk()
    context: Context = desk.send(FIRST, REPORT_RATE, "29", 2012_01, 100_000, DOCUMENT)
    ((_, report),) = reports_of_month(desk.state, "29", 1)
    assert report.transaction == context.transaction_hash
