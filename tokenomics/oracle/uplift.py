"""Land value, live and recognised uplift, entitlement (economy.md section 2).

Pure integer arithmetic with floor division: KRW, areas in tenths of m2, tokens in smallest units.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.primitives import BPS, UNIT

INDEX_SCALE: Final = 10**12
"""The normal-growth index of a base date."""
RATE_SCALE: Final = 100_000
"""Monthly change rates come in 0.001 %."""


def zone_value_krw(area_tenth_m2: int, price_krw_per_m2: int) -> int:
    """Worth of a zone at a price per m2."""
    return area_tenth_m2 * price_krw_per_m2 // 10


def next_index(index: int, monthly_rate_milli_percent: int) -> int:
    """The index after one month; the rate may be negative."""
    return index * (RATE_SCALE + monthly_rate_milli_percent) // RATE_SCALE


def normal_growth_krw(base_values_krw: Iterable[int], index: int) -> int:
    """N: growth of every base value with the nation's index since the base date; never negative."""
    grown = sum(value * (index - INDEX_SCALE) // INDEX_SCALE for value in base_values_krw)
    return max(0, grown)


def live_uplift_krw(value: int, base_value: int, costs: int, normal_growth: int) -> int:
    """L: what the town is worth above base, costs and normal growth; losses net across zones."""
    return max(0, value - base_value - costs - normal_growth)


def certified_uplift_krw(live: int, certified_rise: int, costs: int) -> int:
    """K: the part of L that certified events account for. certified_rise: the worth of what only
    they let zones rise."""
    return min(live, max(0, certified_rise - costs))


def lasting_uplift_krw(live: Sequence[int], window_anchors: int) -> int | None:
    """S: the lowest L of the last `window_anchors` anchors; None before there are so many."""
    if len(live) < window_anchors:
        return None
    return min(live[-window_anchors:])


def entitlement(uplift_krw: int, lambda_bps: int, price_krw_per_token: int) -> int:
    """Tokens that an uplift is worth, in smallest units."""
    return uplift_krw * lambda_bps * UNIT // (BPS * price_krw_per_token)
