"""A vote corrects an official rate: the index from there on, not what is closed, with history."""

import pytest

from ledger.errors import ErrorCode
from ledger.rows import key
from tests.support.fact_desk import DOCUMENT, GOVERNANCE, REGISTRAR, FactDesk
from tokenomics.facts import months, rate_corrections
from tokenomics.facts.fact_views import official_rates
from tokenomics.facts.rate_corrections import (
    CORRECT_RATE,
    MAX_CORRECTED_MONTHS,
    corrections_of,
    index_until,
)
from tokenomics.facts.rates import (
    HIGHEST_STEP,
    NATION,
    OFFICIAL_RATES,
    REGION_INDICES,
    REGION_PROGRESS,
    OfficialRate,
    RegionIndex,
    RegionProgress,
    index_at,
    normal_growth_krw,
    quarter_factor,
)
from tokenomics.oracle.uplift import INDEX_SCALE

FIRST = 2012_01
"""Of the desk's calendar."""
STEPS = (100_057, HIGHEST_STEP, 100_100, 99_900)


@pytest.fixture
def desk() -> FactDesk:
    made = FactDesk()
    made.rounds(newest=2)
    for number, step in enumerate(STEPS, start=1):
        made.rate(NATION, months.month_at(FIRST, number), step)
    return made


def series(*steps: int) -> list[int]:
    """The index after each month."""
    found = [INDEX_SCALE]
    for step in steps:
        found.append(found[-1] * step // 100_000)
    return found[1:]


def indices(desk: FactDesk) -> list[int | None]:
    return [index_at(desk.state, NATION, number) for number in range(1, len(STEPS) + 1)]


def test_the_index_is_right_from_the_corrected_month_on(desk: FactDesk) -> None:
    assert indices(desk) == series(*STEPS)
    context = desk.send(GOVERNANCE, CORRECT_RATE, NATION, 2012_02, 100_060, DOCUMENT)
    right = (STEPS[0], 100_060, *STEPS[2:])
    assert indices(desk) == series(*right)
    values = dict(context.events[0].values)
    assert context.events[0].name == "land.rate_corrected"
    assert (values["index_before"], values["index"]) == (series(*STEPS)[-1], series(*right)[-1])
    assert (values["index_step_before"], values["index_step"]) == (HIGHEST_STEP, 100_060)
    # What a round is settled by from now on: the quarter's factor, and N.
    assert quarter_factor(desk.state, NATION, 1) == (series(*right)[2], INDEX_SCALE)
    grown = normal_growth_krw(desk.state, [10**12], 1)
    assert grown == 10**12 * (series(*right)[2] - INDEX_SCALE) // INDEX_SCALE


def test_what_closed_before_is_read_by_the_index_of_its_time(desk: FactDesk) -> None:
    """Corrected twice: each time between reads the series that stood then."""
    kept = [(desk.time_ms, indices(desk))]
    for step in (100_060, 100_070):
        desk.time_ms += 1_000
        desk.send(GOVERNANCE, CORRECT_RATE, NATION, 2012_02, step, DOCUMENT)
        kept.append((desk.time_ms, indices(desk)))
    for time_ms, series_then in kept:
        found = [index_until(desk.state, NATION, n, time_ms) for n in range(1, len(STEPS) + 1)]
        assert found == series_then


def test_the_record_keeps_every_correction(desk: FactDesk) -> None:
    for step in (100_060, 100_070):
        desk.send(GOVERNANCE, CORRECT_RATE, NATION, 2012_02, step, DOCUMENT)
    rows = corrections_of(desk.state, NATION, 2)
    assert [(row.before, row.after) for row in rows] == [
        (HIGHEST_STEP, 100_060),
        (100_060, 100_070),
    ]
    (nation,) = official_rates(desk.state, NATION)["regions"]
    assert [len(month["corrections"]) for month in nation["months"]] == [0, 2, 0, 0]
    assert nation["months"][1]["index_step"] == 100_070
    # What the reporters said stays readable.
    assert {row["index_step"] for row in nation["months"][1]["reports"]} == {HIGHEST_STEP}
    assert corrections_of(desk.state, "29", 2) == []


def test_a_month_ahead_of_a_missing_one_is_corrected_before_its_index_is_there(
    desk: FactDesk,
) -> None:
    desk.rate(NATION, 2012_06, HIGHEST_STEP)  # May is missing
    desk.send(GOVERNANCE, CORRECT_RATE, NATION, 2012_06, 100_010, DOCUMENT)
    desk.rate(NATION, 2012_05, 100_000)
    assert index_at(desk.state, NATION, 6) == series(*STEPS, 100_000, 100_010)[-1]


@pytest.mark.parametrize(
    ("values", "code", "sentence"),
    [
        (("99", 2012_02, 100_060), ErrorCode.NOT_FOUND, "there is no region '99'"),
        ((NATION, 2012_13, 100_060), ErrorCode.INVALID_MESSAGE, "month"),
        ((NATION, 2011_12, 100_060), ErrorCode.INVALID_MESSAGE, "before 201201"),
        ((NATION, 2012_05, 100_060), ErrorCode.NOT_NOW, "is official yet"),
        ((NATION, 2012_02, 60), ErrorCode.INVALID_MESSAGE, "index_step: expected"),
        ((NATION, 2012_02, HIGHEST_STEP), ErrorCode.CONFLICT, "is 200000 already"),
    ],
)
def test_what_is_no_correction_is_refused(
    desk: FactDesk, values: tuple[object, ...], code: ErrorCode, sentence: str
) -> None:
    before = indices(desk)
    error = desk.refused(GOVERNANCE, CORRECT_RATE, *values, DOCUMENT)
    assert (error.code, sentence in error.reason) == (code, True), error.reason
    assert indices(desk) == before


def test_only_a_vote_corrects(desk: FactDesk) -> None:
    error = desk.refused(REGISTRAR, CORRECT_RATE, NATION, 2012_02, 100_060, DOCUMENT)
    assert error.code is ErrorCode.UNAUTHORISED


def test_a_correction_reaches_back_so_far_and_there_are_so_many(
    desk: FactDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5, MAX_CORRECTED_MONTHS + 2):
        desk.state.put(OFFICIAL_RATES, key(0, number), OfficialRate(100_000, ()))
        desk.state.put(REGION_INDICES, key(0, number), RegionIndex(series(*STEPS)[-1]))
    desk.state.put(REGION_PROGRESS, key(0), RegionProgress(MAX_CORRECTED_MONTHS + 1))
    error = desk.refused(GOVERNANCE, CORRECT_RATE, NATION, FIRST, 100_060, DOCUMENT)
    assert (error.code, "reaches back" in error.reason) == (ErrorCode.LIMIT_EXCEEDED, True)
    desk.send(GOVERNANCE, CORRECT_RATE, NATION, 2012_02, 100_060, DOCUMENT)
    right = series(STEPS[0], 100_060, *STEPS[2:])[-1]
    assert index_at(desk.state, NATION, MAX_CORRECTED_MONTHS + 1) == right
    monkeypatch.setattr(rate_corrections, "MAX_CORRECTIONS", 1)
    error = desk.refused(GOVERNANCE, CORRECT_RATE, NATION, 2012_02, 100_061, DOCUMENT)
    assert error.code is ErrorCode.LIMIT_EXCEEDED
