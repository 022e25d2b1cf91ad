"""From appraisers' reports to one accepted price (economy.md section 1).

Median, dispersion, the rule of 110 %, clip. Pure integer arithmetic; prices in KRW/m2. Nothing here
knows rounds, zones or state.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.primitives import BPS, PPM
from tokenomics.params import YEAR_MS

RETURN_ANCHORS: Final = 4
"""A value may return at once to its highest accepted value of this many anchors."""
WIDEST_PERCENT: Final = 110
"""Reports whose highest is more than this percentage of the lowest are too far apart."""
OUTLIER_PERCENT: Final = 10
"""A report further than this outside the trimmed range is an outlier."""
REPLACING_PERCENT: Final = 5
"""A blind panel's median replaces a value from which it differs by more than this."""


def lower_median(prices: Sequence[int]) -> int:
    """The middle price; of an even number the lower middle one. Needs at least one price."""
    return sorted(prices)[(len(prices) - 1) // 2]


def dispersion_ppm(prices: Sequence[int], median: int) -> int:
    """Coefficient of dispersion: mean absolute deviation from `median`, in millionths of it."""
    deviations = sum(abs(price - median) for price in prices)
    return deviations * PPM // (len(prices) * median)


def trimmed_range(prices: Sequence[int]) -> tuple[int, int]:
    """Lowest and highest price without the (n-1)//3 lowest and as many highest."""
    trimmed = (len(prices) - 1) // 3
    ordered = sorted(prices)
    return ordered[trimmed], ordered[len(prices) - 1 - trimmed]


def too_wide(lowest: int, highest: int) -> bool:
    """Korea's compensation rule: the highest is more than 110 % of the lowest."""
    return highest * 100 > lowest * WIDEST_PERCENT


def is_outlier(price: int, lowest: int, highest: int) -> bool:
    """True when `price` lies more than 10 % outside the trimmed range."""
    return price * 100 > highest * (100 + OUTLIER_PERCENT) or price * 100 < lowest * (
        100 - OUTLIER_PERCENT
    )


def replaces(blind_median: int, median: int) -> bool:
    """True when a blind panel's median differs from the challenged one by more than 5 %."""
    return abs(blind_median - median) * 100 > median * REPLACING_PERCENT


def rolled(price: int, factor: tuple[int, int] | None) -> int:
    """`price` after a quarter of official change; the factor is (numerator, denominator), None
    while no official rate is there: then the price stands."""
    return price if factor is None else price * factor[0] // factor[1]


def is_unit_error(price: int, accepted: Iterable[int], factor: int) -> bool:
    """True when `price` is `factor` times above or below each of these values, or further: after a
    deep fall that was wrong the right price has to be sayable (ADR 0016)."""
    return all(price * factor <= one or price >= one * factor for one in accepted)


def clip_limit(accepted: int, elapsed_ms: int, clip_bps_a_year: int) -> int:
    """How high the accepted value may rise after `elapsed_ms` of calendar; one year counts."""
    elapsed = min(elapsed_ms, YEAR_MS)
    return accepted * (BPS + clip_bps_a_year * elapsed // YEAR_MS) // BPS


def accepted_price(median: int, limit: int) -> int:
    """Clip-and-carry: a rise stops at `limit`, a fall counts whole.

    `limit` is the highest of clip_limit, the accepted values at the last RETURN_ANCHORS anchors,
    and the limit of a certified event.
    """
    return min(median, limit)
