"""A ratio study: how appraisals compare with sales (economy.md section 1).

Measures and their names are those of the assessors' own check, the IAAO "Standard on Ratio
Studies" (2013): appraisal/sale ratios, their median, a 95 % confidence interval of it by order
statistics, coefficient of dispersion and price-related differential. Pure integer arithmetic with
floor division; ratios in millionths. Nothing here knows zones, months or state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.primitives import PPM
from tokenomics.oracle.valuation import dispersion_ppm, lower_median

MIN_SALES: Final = 10
"""With fewer the study is published, and closes nothing."""
HIGHEST_RATIO_PPM: Final = 1_100_000
"""The gate closes when the median is above this with confidence: IAAO's band ends at 1.10."""
TAILS: Final = 40
"""1/40 = 2.5 % is left outside on each side: a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class RatioStudy:
    """Ratios are appraised / sale price. All measures are 0 without sales.

    median_ratio_ppm: the lower middle one. lower_bound_ppm: the lower end of its 95 % confidence
    interval, 0 while there are too few sales for one. cod_ppm: coefficient of dispersion, the mean
    absolute deviation from the median over the median. prd_ppm: price-related differential, the
    mean ratio over the ratio weighted by sale price; above a million, dear land is appraised lower
    than cheap land. is_open: whether recognition may rise.
    """

    sales: int
    median_ratio_ppm: int
    lower_bound_ppm: int
    cod_ppm: int
    prd_ppm: int
    is_open: bool


def lower_bound_rank(sales: int) -> int:
    """Which of `sales` ascending ratios (from 1) is the lower bound of the median; 0 for none.

    The number of ratios below the true median is binomial with p = 1/2, so the j-th is above it
    with probability P(X < j) = sum of C(n, i) for i < j over 2^n. The rank is the highest j for
    which that is at most 1/TAILS: exact, where the standard's table rounds a normal approximation.
    """
    below, ways, rank, all_ways = 0, 1, 0, 2**sales
    while rank < sales:
        below += ways
        if below * TAILS > all_ways:
            break
        ways = ways * (sales - rank) // (rank + 1)
        rank += 1
    return rank


def study_ratios(pairs: Sequence[tuple[int, int]]) -> RatioStudy:
    """The study of (appraised, sale price) pairs in KRW/m2, each at least 1.

    A ratio below a millionth counts as a millionth, so that no price makes a measure undefined.
    """
    count = len(pairs)
    if count == 0:
        return RatioStudy(0, 0, 0, 0, 0, is_open=True)
    ratios = sorted(max(1, appraised * PPM // price) for appraised, price in pairs)
    median = lower_median(ratios)
    rank = lower_bound_rank(count)
    lower_bound = ratios[rank - 1] if rank else 0
    appraised_in_all = sum(appraised for appraised, _ in pairs)
    paid_in_all = sum(price for _, price in pairs)
    return RatioStudy(
        sales=count,
        median_ratio_ppm=median,
        lower_bound_ppm=lower_bound,
        cod_ppm=dispersion_ppm(ratios, median),
        prd_ppm=sum(ratios) * paid_in_all // (count * appraised_in_all),
        is_open=count < MIN_SALES or lower_bound <= HIGHEST_RATIO_PPM,
    )
