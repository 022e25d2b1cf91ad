"""From appraisers' reports to one accepted price: median, dispersion, clip (economy.md section 1).

Pure integer arithmetic; prices in KRW/m2. Nothing here knows rounds, zones or state.
"""

from collections.abc import Sequence
from typing import Final

from ledger.primitives import BPS, PPM
from tokenomics.params import YEAR_MS

RETURN_ANCHORS: Final = 4
"""A value may return at once to its highest accepted value of this many anchors."""


def lower_median(prices: Sequence[int]) -> int:
    """The middle price; of an even number the lower middle one. Needs at least one price."""
    return sorted(prices)[(len(prices) - 1) // 2]


def dispersion_ppm(prices: Sequence[int], median: int) -> int:
    """Coefficient of dispersion: mean absolute deviation from `median`, in millionths of it."""
    deviations = sum(abs(price - median) for price in prices)
    return deviations * PPM // (len(prices) * median)


def is_unit_error(price: int, last: int, factor: int) -> bool:
    """True when `price` is `factor` times above or below the last accepted value, or further."""
    return price * factor <= last or price >= last * factor


def clip_limit(accepted: int, elapsed_ms: int, clip_bps_a_year: int) -> int:
    """How high the accepted value may rise after `elapsed_ms` of calendar; one year counts."""
    elapsed = min(elapsed_ms, YEAR_MS)
    return accepted * (BPS + clip_bps_a_year * elapsed // YEAR_MS) // BPS


def accepted_price(median: int, limit: int) -> int:
    """Clip-and-carry: a rise stops at `limit`, a fall counts whole.

    `limit` is the higher of clip_limit and the accepted values at the last RETURN_ANCHORS anchors.
    """
    return min(median, limit)
