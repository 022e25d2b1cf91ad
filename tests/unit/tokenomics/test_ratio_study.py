"""The ratio study against hand-made cases and a naive computation in exact fractions."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.primitives import PPM
from tokenomics.facts.ratio_study import (
    HIGHEST_RATIO_PPM,
    MIN_SALES,
    RatioStudy,
    lower_bound_rank,
    study_ratios,
)

PRICES = st.integers(1, 10**9)
SALES = st.lists(st.tuples(PRICES, PRICES), max_size=40)


def naive_rank(sales: int) -> int:
    """The highest j with P(fewer than j of n coin throws are heads) <= 2.5 %, from the definition:
    every sequence of n throws is one of 2^n."""
    found = 0
    for rank in range(1, sales + 1):
        probability = Fraction(sum(comb(sales, heads) for heads in range(rank)), 2**sales)
        if probability <= Fraction(25, 1000):
            found = rank
    return found


def naive_study(pairs: list[tuple[int, int]]) -> RatioStudy:
    """By the definitions of the standard, in fractions, floored where a figure is published."""
    if not pairs:
        return RatioStudy(0, 0, 0, 0, 0, True)
    n = len(pairs)
    ratios = sorted(Fraction(max(1, a * PPM // s)) for a, s in pairs)
    below = [r for i, r in enumerate(ratios) if i <= (n - 1) / 2]
    median = below[-1]
    rank = naive_rank(n)
    lower = ratios[rank - 1] if rank else Fraction(0)
    cod = sum(abs(r - median) for r in ratios) / n / median
    mean = sum(ratios) / n
    weighted = Fraction(sum(a for a, _ in pairs), sum(s for _, s in pairs))
    return RatioStudy(
        n,
        int(median),
        int(lower),
        int(cod * PPM // 1),
        int(mean / weighted // 1),
        n < 10 or lower <= Fraction(110, 100) * PPM,
    )


@given(SALES)
@settings(max_examples=300)
def test_the_study_is_the_one_of_the_definitions(pairs: list[tuple[int, int]]) -> None:
    assert study_ratios(pairs) == naive_study(pairs)


@pytest.mark.parametrize("first", range(0, 300, 60))
def test_the_bound_is_that_of_exact_enumeration(first: int) -> None:
    for sales in range(first, first + 60, 1 if first == 0 else 7):
        assert lower_bound_rank(sales) == naive_rank(sales)


def test_the_bound_leaves_no_more_than_the_tail_and_the_next_would() -> None:
    """Also for the most sales that are kept."""
    for sales in (6, 10, 25, 100, 2_000):
        rank = lower_bound_rank(sales)
        tail = Fraction(sum(comb(sales, i) for i in range(rank)), 2**sales)
        more = tail + Fraction(comb(sales, rank), 2**sales)
        assert tail <= Fraction(1, 40) < more


def test_published_ranks() -> None:
    """As printed in tables of the sign test: no interval for five, the second of ten, and so on."""
    known = {5: 0, 6: 1, 8: 1, 9: 2, 10: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 50: 18, 100: 40}
    assert {sales: lower_bound_rank(sales) for sales in known} == known


def test_a_study_by_hand() -> None:
    """Five sales at 100: appraised 80, 90, 100, 110 and 140. Median 1, mean deviation 0.16."""
    found = study_ratios([(80, 100), (90, 100), (140, 100), (100, 100), (110, 100)])
    assert found == RatioStudy(5, 1_000_000, 0, 160_000, 1_000_000, True)


def test_dear_land_appraised_low_shows_in_the_price_related_differential() -> None:
    """Ratios 1.2 and 0.8: mean 1, weighted (120 + 800) / 1,100."""
    found = study_ratios([(120, 100), (800, 1_000)])
    assert found.prd_ppm == 1_000_000 * 1_100 // 920


@pytest.mark.parametrize(
    ("ratio_ppm", "sales", "is_open"),
    [
        (1_200_000, MIN_SALES - 1, True),
        (1_200_000, MIN_SALES, False),
        (HIGHEST_RATIO_PPM, MIN_SALES, True),
        (HIGHEST_RATIO_PPM + 1, MIN_SALES, False),
        (500_000, MIN_SALES, True),
    ],
)
def test_the_gate_closes_above_110_percent_with_ten_sales(
    ratio_ppm: int, sales: int, is_open: bool
) -> None:
    assert study_ratios([(ratio_ppm, PPM)] * sales).is_open is is_open


def test_two_low_ratios_of_ten_keep_the_gate_open() -> None:
    """The second lowest of ten is the bound: one cheap appraisal is not enough doubt, two are."""
    high = [(130, 100)] * 8
    assert not study_ratios([*high, (130, 100), (90, 100)]).is_open
    assert study_ratios([*high, (90, 100), (90, 100)]).is_open


def test_no_sales_leave_it_open_and_absurd_prices_leave_it_defined() -> None:
    assert study_ratios([]) == RatioStudy(0, 0, 0, 0, 0, True)
    found = study_ratios([(1, 10**9)] * 3)
    assert (found.median_ratio_ppm, found.cod_ppm) == (1, 0)
