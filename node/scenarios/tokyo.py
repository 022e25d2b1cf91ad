"""Tokyo's 23 wards as zones, 1983 to 2014: a bubble and its crash, quarter by quarter.

Fact: the official survey's chained index of each ward (node/data). Assumptions: every ward weighs
the same, prices move in a straight line within a year, and yen count as units of value.
"""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from tokenomics.playback import Land

SERIES: Final = "tokyo_ward_land_price_1983_2014.csv"
FIRST_YEAR: Final = 1983
LAST_YEAR: Final = 2014
QUARTERS_A_YEAR: Final = 4
QUARTERS: Final = (LAST_YEAR - FIRST_YEAR) * QUARTERS_A_YEAR
INDEX_BASE: Final = 10_000
BASE_KRW_PER_M2: Final = 250_000
TOWN_VALUE_KRW: Final = 904_213_250_000
"""V0 of the sample town, so that limits mean the same (economy.md section 6)."""


@cache
def ward_indices() -> dict[str, tuple[int, ...]]:
    """For each ward code the chained index of each year, FIRST_YEAR = 10000."""
    text = files("node.data").joinpath(SERIES).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    found: dict[str, dict[int, int]] = {}
    for row in rows:
        years = found.setdefault(row["ward_code"], {})
        years[int(row["year"])] = int(row["chained_index_1983_10000"])
    return {
        ward: tuple(years[year] for year in range(FIRST_YEAR, LAST_YEAR + 1))
        for ward, years in sorted(found.items())
    }


def zones(scale_percent: int = 100) -> list[Land]:
    """The wards, together worth `scale_percent` of the sample town at the base price."""
    count = len(ward_indices())
    area = TOWN_VALUE_KRW * scale_percent * 10 // (100 * BASE_KRW_PER_M2 * count)
    return [Land(area, BASE_KRW_PER_M2)] * count


def quarterly_prices() -> list[Sequence[int]]:
    """Each ward's price at the end of each quarter from 1983 on, in the order of zones()."""
    return [
        [_price(years, quarter) for years in ward_indices().values()] for quarter in _quarters()
    ]


def _quarters() -> range:
    return range(1, QUARTERS + 1)


def _price(years: tuple[int, ...], quarter: int) -> int:
    year, passed = divmod(quarter, QUARTERS_A_YEAR)
    before, after = years[year], years[min(year + 1, len(years) - 1)]
    weighted = before * (QUARTERS_A_YEAR - passed) + after * passed
    return BASE_KRW_PER_M2 * weighted // (QUARTERS_A_YEAR * INDEX_BASE)
