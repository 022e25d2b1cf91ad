"""Median, dispersion and clip; invariants 7 to 9 of economy.md section 5 as properties."""

from hypothesis import given
from hypothesis import strategies as st

from tokenomics.oracle.valuation import (
    accepted_price,
    clip_limit,
    dispersion_ppm,
    is_outlier,
    is_unit_error,
    lower_median,
    replaces,
    rolled,
    too_wide,
    trimmed_range,
)
from tokenomics.params import YEAR_MS

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
def test_invariant_7_a_faulty_minority_never_moves_the_median_out_of_the_honest_range(
    n: int, data: st.DataObject
) -> None:
    """Position (n-1)//2 from below has (n-1)//2 reports under it and at least as many above."""
    faulty = data.draw(st.integers(0, (n - 1) // 2))
    honest = data.draw(st.lists(PRICE, min_size=n - faulty, max_size=n - faulty))
    lies = data.draw(st.lists(PRICE, min_size=faulty, max_size=faulty))
    median = lower_median(honest + lies)
    assert min(honest) <= median <= max(honest)


@given(st.lists(PRICE, min_size=1, max_size=16), st.data())
def test_trimming_drops_a_third_and_keeps_the_median(
    prices: list[int], data: st.DataObject
) -> None:
    """(n-1)//3 wild reports on one side cannot widen the trimmed range beyond the others."""
    lowest, highest = trimmed_range(prices)
    assert lowest <= lower_median(prices) <= highest
    wild = (len(prices) - 1) // 3
    others = sorted(prices)[: len(prices) - wild]
    lifted = others + data.draw(st.lists(PRICE, min_size=wild, max_size=wild))
    assert trimmed_range(lifted)[1] <= max(others)


def test_the_rule_of_110_percent_takes_exactly_110() -> None:
    assert not too_wide(100, 110)
    assert too_wide(100, 111)
    assert too_wide(1_000_000, 1_100_001)


def test_seven_reports_are_trimmed_by_two_on_each_side() -> None:
    prices = [1, 2, 100, 101, 102, 900, 901]
    assert trimmed_range(prices) == (100, 102)
    assert [is_outlier(price, 100, 102) for price in prices] == [True] * 2 + [False] * 3 + [
        True
    ] * 2
    assert not is_outlier(90, 100, 102)
    assert is_outlier(89, 100, 102)
    assert not is_outlier(112, 100, 102)
    assert is_outlier(113, 100, 102)


def test_a_blind_median_replaces_from_more_than_5_percent() -> None:
    assert not replaces(105, 100)
    assert replaces(106, 100)
    assert replaces(94, 100)
    assert not replaces(95, 100)


def test_a_value_rolls_by_the_official_factor_and_stands_without_one() -> None:
    assert rolled(1_000, (99_500, 100_000)) == 995
    assert rolled(1_000, (100_500, 100_000)) == 1_005
    assert rolled(1_000, None) == 1_000


def test_dispersion_is_the_mean_absolute_deviation_in_millionths_of_the_median() -> None:
    assert dispersion_ppm([100, 100, 100], 100) == 0
    assert dispersion_ppm([90, 100, 110], 100) == 66_666
    assert dispersion_ppm([98, 100, 103], 100) == 16_666


def test_a_decade_away_is_a_unit_error_and_just_less_is_not() -> None:
    assert is_unit_error(2_500_000, (250_000,), 10)
    assert not is_unit_error(2_499_999, (250_000,), 10)
    assert is_unit_error(25_000, (250_000,), 10)
    assert not is_unit_error(25_001, (250_000,), 10)
    assert not is_unit_error(2_500_000, (250_000, 260_000), 10)
    assert is_unit_error(2_600_000, (250_000, 260_000), 10)


def test_the_clip_is_8_percent_a_year_pro_rata_and_one_year_at_most() -> None:
    assert clip_limit(250_000, YEAR_MS // 4, 800) == 255_000
    assert clip_limit(250_000, YEAR_MS, 800) == 270_000
    assert clip_limit(250_000, 3 * YEAR_MS, 800) == 270_000
    assert clip_limit(250_000, 0, 800) == 250_000
    assert clip_limit(99, YEAR_MS // 4, 800) == 100, "floored: 100.98"


def test_a_fall_counts_whole_and_a_rise_stops_at_the_limit() -> None:
    assert accepted_price(100, 255) == 100
    assert accepted_price(300, 255) == 255
