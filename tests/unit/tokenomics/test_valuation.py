"""Median, dispersion and clip; invariants 7 to 9 of economy.md section 5 as properties."""

from hypothesis import given
from hypothesis import strategies as st

from tokenomics.params import YEAR_MS
from tokenomics.valuation import (
    accepted_price,
    clip_limit,
    dispersion_ppm,
    is_unit_error,
    lower_median,
)

PRICE = st.integers(1, 10**9)
PRICES = st.lists(PRICE, min_size=1, max_size=16)


def test_the_median_of_an_even_number_is_the_lower_middle_one() -> None:
    assert lower_median([400, 100, 300, 200]) == 200
    assert lower_median([3, 1, 2]) == 2
    assert lower_median([7]) == 7


@given(PRICES, st.randoms())
def test_invariant_8_order_of_reports_does_not_matter(prices: list[int], random: object) -> None:
    shuffled = list(prices)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert lower_median(shuffled) == lower_median(prices)
    assert dispersion_ppm(shuffled, 7) == dispersion_ppm(prices, 7)


@given(PRICES, st.data())
def test_invariant_9_raising_one_report_never_lowers_the_median(
    prices: list[int], data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(prices) - 1))
    raised = list(prices)
    raised[position] += data.draw(st.integers(0, 10**9))
    assert lower_median(raised) >= lower_median(prices)


@given(st.integers(1, 16), st.data())
def test_invariant_7_a_faulty_minority_never_lifts_the_median_above_the_honest(
    n: int, data: st.DataObject
) -> None:
    faulty = data.draw(st.integers(0, (n - 1) // 2))
    honest = data.draw(st.lists(PRICE, min_size=n - faulty, max_size=n - faulty))
    lies = data.draw(st.lists(PRICE, min_size=faulty, max_size=faulty))
    assert lower_median(honest + lies) <= max(honest)


def test_dispersion_is_the_mean_absolute_deviation_in_millionths_of_the_median() -> None:
    assert dispersion_ppm([100, 100, 100], 100) == 0
    assert dispersion_ppm([90, 100, 110], 100) == 66_666
    assert dispersion_ppm([98, 100, 103], 100) == 16_666


def test_a_decade_away_is_a_unit_error_and_just_less_is_not() -> None:
    assert is_unit_error(2_500_000, 250_000, 10)
    assert not is_unit_error(2_499_999, 250_000, 10)
    assert is_unit_error(25_000, 250_000, 10)
    assert not is_unit_error(25_001, 250_000, 10)


def test_the_clip_is_8_percent_a_year_pro_rata_and_one_year_at_most() -> None:
    assert clip_limit(250_000, YEAR_MS // 4, 800) == 255_000
    assert clip_limit(250_000, YEAR_MS, 800) == 270_000
    assert clip_limit(250_000, 3 * YEAR_MS, 800) == 270_000
    assert clip_limit(250_000, 0, 800) == 250_000
    assert clip_limit(99, YEAR_MS // 4, 800) == 100, "floored: 100.98"


def test_a_fall_counts_whole_and_a_rise_stops_at_the_limit() -> None:
    assert accepted_price(100, 255) == 100
    assert accepted_price(300, 255) == 255
