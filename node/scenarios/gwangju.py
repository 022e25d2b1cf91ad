"""The real monthly land-price series of Gwangju, and the six zones that it moves, 2012 to 2025.

Fact: the change rates (node/data). Assumptions: equal areas (the district's 3,616,853 m2 in six
parts), a base of 250,000 KRW/m2 in every zone at the start of 2012, and every zone moving with the
city.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from tokenomics.oracle.uplift import INDEX_SCALE, next_index
from tokenomics.oracle.zones import Zone

QUARTERS: Final = 56
"""2012 to 2025."""
MONTHS_A_QUARTER: Final = 3
RATE_DECIMALS: Final = 3
SERIES: Final = "gwangju_land_price_change_monthly.csv"

BASE_KRW_PER_M2: Final = 250_000
"""Assumed. Of the order of the one known parcel: 348,800 KRW/m2 in 2023."""
CITY_REGION: Final = "29"
"""Whose change rate moves all six zones, the two of Jangseong too."""


def _zone(zone_id: str, code: str, name_ko: str, name_en: str, area_tenth_m2: int) -> Zone:
    return Zone(zone_id, code, name_ko, name_en, area_tenth_m2, BASE_KRW_PER_M2, CITY_REGION)


ZONES: Final = (
    _zone("wolchul-dong", "2917013900", "월출동", "Wolchul-dong", 6_028_088),
    _zone("daechon-dong", "2917014000", "대촌동", "Daechon-dong", 6_028_088),
    _zone("oryong-dong", "2917014100", "오룡동", "Oryong-dong", 6_028_088),
    _zone("bia-dong", "2920011200", "비아동", "Bia-dong", 6_028_088),
    _zone("jinwon-myeon", "4688031000", "장성군 진원면", "Jinwon-myeon, Jangseong-gun", 6_028_089),
    _zone("nam-myeon", "4688032000", "장성군 남면", "Nam-myeon, Jangseong-gun", 6_028_089),
)


@dataclass(frozen=True, slots=True)
class MonthlyChange:
    """Change of land prices in a month, in 0.001 %."""

    month: str
    city_milli_percent: int
    nation_milli_percent: int


def milli_percent(text: str) -> int:
    """A decimal percentage with up to three digits after the point, in 0.001 %."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = digits.partition(".")
    if len(fraction) > RATE_DECIMALS or not (whole + fraction).isdecimal():
        raise ValueError(f"{text!r} is not a percentage with up to three decimals")
    return sign * int(whole + fraction.ljust(RATE_DECIMALS, "0"))


def monthly_changes() -> tuple[MonthlyChange, ...]:
    """The series of node/data, oldest first."""
    lines = (files("node") / "data" / SERIES).read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return tuple(
        MonthlyChange(
            row["month"], milli_percent(row["gwangju_pct"]), milli_percent(row["nation_pct"])
        )
        for row in rows
    )


def quarterly_indices(monthly_milli_percent: Sequence[int], quarters: int) -> tuple[int, ...]:
    """Index at the end of each quarter; INDEX_SCALE at the start, floored after every month."""
    index, found = INDEX_SCALE, []
    for number, rate in enumerate(monthly_milli_percent[: quarters * MONTHS_A_QUARTER], start=1):
        index = next_index(index, rate)
        if number % MONTHS_A_QUARTER == 0:
            found.append(index)
    return tuple(found)


@cache
def quarterly_prices(quarters: int = QUARTERS) -> tuple[int, ...]:
    """KRW/m2 at the end of each quarter from 2012 Q1 on: base * index // INDEX_SCALE."""
    changes = [change.city_milli_percent for change in monthly_changes()]
    return tuple(
        BASE_KRW_PER_M2 * index // INDEX_SCALE for index in quarterly_indices(changes, quarters)
    )
