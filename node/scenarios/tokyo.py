"""Tokyo's 23 wards as zones, 1983 to 2014: a bubble and its crash, quarter by quarter.

Fact: the official survey's chained index of each ward (node/data). Assumptions: every ward weighs
the same, prices move in a straight line within a year, and yen count as units of value.
"""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from node.scenarios.model import Scenario
from tokenomics.issuance.town_playback import Land
from tokenomics.oracle.zones import Zone
from tokenomics.params import IssuanceParameters

SERIES: Final = "tokyo_ward_land_price_1983_2014.csv"
FIRST_YEAR: Final = 1983
LAST_YEAR: Final = 2014
QUARTERS_A_YEAR: Final = 4
QUARTERS: Final = (LAST_YEAR - FIRST_YEAR) * QUARTERS_A_YEAR
INDEX_BASE: Final = 10_000
BASE_KRW_PER_M2: Final = 250_000
TOWN_VALUE_KRW: Final = 904_213_250_000
"""V0 of the sample town, so that limits mean the same (economy.md section 6)."""
ANNUAL_WINDOW: Final = 3
"""Anchors in the window when there is one a year."""
REGION: Final = "13"
"""Tokyo; no monthly rates are played."""
WARDS: Final = (
    ("13101", "지요다구", "Chiyoda"),
    ("13102", "주오구", "Chuo"),
    ("13103", "미나토구", "Minato"),
    ("13104", "신주쿠구", "Shinjuku"),
    ("13105", "분쿄구", "Bunkyo"),
    ("13106", "다이토구", "Taito"),
    ("13107", "스미다구", "Sumida"),
    ("13108", "고토구", "Koto"),
    ("13109", "시나가와구", "Shinagawa"),
    ("13110", "메구로구", "Meguro"),
    ("13111", "오타구", "Ota"),
    ("13112", "세타가야구", "Setagaya"),
    ("13113", "시부야구", "Shibuya"),
    ("13114", "나카노구", "Nakano"),
    ("13115", "스기나미구", "Suginami"),
    ("13116", "도시마구", "Toshima"),
    ("13117", "기타구", "Kita"),
    ("13118", "아라카와구", "Arakawa"),
    ("13119", "이타바시구", "Itabashi"),
    ("13120", "네리마구", "Nerima"),
    ("13121", "아다치구", "Adachi"),
    ("13122", "가쓰시카구", "Katsushika"),
    ("13123", "에도가와구", "Edogawa"),
)
"""Code of the ward, its name in Korean and in English."""


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


def tokyo_bubble(scale_percent: int = 100, *, annual: bool = False) -> Scenario:
    """The series as a scenario, GROSS, at a part or a multiple of the sample town's worth; with one
    full appraisal a year when `annual`. A ward's code is its own with five zeros, for the ten
    digits of a legal dong."""
    town = zones(scale_percent)
    scale = "" if scale_percent == 100 else f", {scale_percent} % of the town's worth"
    scale_ko = "" if scale_percent == 100 else f", 타운 가치의 {scale_percent} %"
    return Scenario(
        name="tokyo-bubble",
        title=f"Tokyo's 23 wards 1983 to 2014, the bubble and its crash{scale}",
        title_ko=f"도쿄 23구 공시지가 1983–2014, 버블과 붕괴{scale_ko}",
        assumption="",
        currency="JPY",
        zones=tuple(
            Zone(
                f"ward-{code}",
                f"{code}00000",
                name_ko,
                name_en,
                land.area_tenth_m2,
                land.base_krw_per_m2,
                REGION,
            )
            for (code, name_ko, name_en), land in zip(WARDS, town, strict=True)
        ),
        first_month=FIRST_YEAR * 100 + 1,
        prices=tuple(tuple(prices) for prices in quarterly_prices()),
        parameters=IssuanceParameters(window_anchors=ANNUAL_WINDOW)
        if annual
        else IssuanceParameters(),
        anchor_every=QUARTERS_A_YEAR if annual else 1,
    )


def _quarters() -> range:
    return range(1, QUARTERS + 1)


def _price(years: tuple[int, ...], quarter: int) -> int:
    year, passed = divmod(quarter, QUARTERS_A_YEAR)
    before, after = years[year], years[min(year + 1, len(years) - 1)]
    weighted = before * (QUARTERS_A_YEAR - passed) + after * passed
    return BASE_KRW_PER_M2 * weighted // (QUARTERS_A_YEAR * INDEX_BASE)
