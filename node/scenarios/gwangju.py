"""Scenario `gwangju`: the real monthly land-price series of Gwangju moves six zones, 2012 to 2025.

Fact: the change rates (node/data). Assumptions: equal areas (the district's 3,616,853 m2 in six
parts), a base of 250,000 KRW/m2 in every zone at the start of 2012, every zone moving with the
city, and appraisers who miss the real value by up to 2 %.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ledger.crypto import checksum_address, sha256
from ledger.primitives import BPS, PPM, Address, Hash
from tokenomics.params import QUARTER_MS
from tokenomics.registry import NOMINATORS
from tokenomics.reports import Statement
from tokenomics.uplift import INDEX_SCALE, next_index
from tokenomics.zones import Zone

FIRST_YEAR: Final = 2012
QUARTERS: Final = 56
"""2012 to 2025."""
MONTHS_A_QUARTER: Final = 3
RATE_DECIMALS: Final = 3
SERIES: Final = "gwangju_land_price_change_monthly.csv"

BASE_KRW_PER_M2: Final = 250_000
"""Assumed. Of the order of the one known parcel: 348,800 KRW/m2 in 2023."""
CITY_REGION: Final = "29"


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
APPRAISERS: Final = 15
"""On the registry, five for each nominating chamber: panels of five rotate among them."""
PHASES_MS: Final = {
    "commit_ms": 2 * QUARTER_MS,
    "reveal_ms": 2 * QUARTER_MS,
    "reappraisal_ms": 2 * QUARTER_MS,
    "challenge_ms": 2 * QUARTER_MS // 5,
    "dispute_ms": 2 * QUARTER_MS,
    "grace_bps": BPS,
}
"""Of a town whose quarters last a second: a phase ends as soon as everybody has spoken, so its
length is for late ones. Only a challenge runs its whole time."""
MAX_DEVIATION_PPM: Final = 20_000
DEFAULT_SEED: Final = 82062
DEFAULT_QUARTER_MS: Final = 1_000
METHOD: Final = "comparison"
COMPARABLES: Final = 8


@dataclass(frozen=True, slots=True)
class MonthlyChange:
    """Change of land prices in a month, in 0.001 %."""

    month: str
    city_milli_percent: int
    nation_milli_percent: int


@dataclass(frozen=True, slots=True)
class AppraisedValue:
    """What one appraiser says of one zone in one round."""

    price_krw_per_m2: int
    document_hash: Hash

    def statement(self, valuation_date_ms: int) -> Statement:
        """What the appraiser commits to and reveals."""
        return Statement(
            self.price_krw_per_m2, valuation_date_ms, METHOD, COMPARABLES, self.document_hash
        )


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


def quarter_name(round_number: int) -> str:
    """The real quarter that a town round plays: 1 is 2012 Q1."""
    years, quarter = divmod(round_number - 1, 4)
    return f"{FIRST_YEAR + years} Q{quarter + 1}"


def deviation_ppm(seed: int, round_number: int, zone_id: str, appraiser: int) -> int:
    """By how much an appraiser misses the value, within +-MAX_DEVIATION_PPM.

    A function of its arguments, not the next draw of a stream: a town that restarts goes on with
    the same reports, whichever of them are still missing.
    """
    digest = sha256(f"poyong/gwangju/{seed}/{round_number}/{zone_id}/{appraiser}".encode())
    return int.from_bytes(digest[:8], "big") % (2 * MAX_DEVIATION_PPM + 1) - MAX_DEVIATION_PPM


def appraised_value(seed: int, round_number: int, zone_id: str, appraiser: int) -> AppraisedValue:
    """The report of appraiser number `appraiser` (from 0) for round 1..QUARTERS.

    Price: real price * (1 + deviation), floored. The document is one line that states it.
    """
    price = quarterly_prices()[round_number - 1]
    reported = price * (PPM + deviation_ppm(seed, round_number, zone_id, appraiser)) // PPM
    document = (
        f"appraiser {appraiser + 1}: {zone_id}, {quarter_name(round_number)}, {reported} KRW/m2"
    )
    return AppraisedValue(reported, sha256(document.encode()))


def salt(seed: int, round_number: int, zone_id: str, appraiser: int) -> bytes:
    """What salts an appraiser's commitment. A function of its arguments like deviation_ppm, so that
    a player that restarts can open what it committed to; a real appraiser's salt is secret."""
    return sha256(f"poyong/gwangju/salt/{seed}/{round_number}/{zone_id}/{appraiser}".encode())


def genesis_sections(
    appraisers: Sequence[Address],
    quarter_ms: int = DEFAULT_QUARTER_MS,
    scaled_rounds: int = QUARTERS,
) -> dict[str, dict[str, Any]]:
    """Sections `land` and `issuance` of a town's genesis; its appraisers are nominated in turn.

    The series runs at `quarter_ms` a quarter; afterwards a quarter is a real one again, so that no
    zone goes stale within seconds. `scaled_rounds=0` makes a town that nobody plays to (--idle):
    its rounds last a real quarter from the start, and their phases the usual time.
    """
    parameters = {"scaled_quarter_ms": quarter_ms, "scaled_rounds": scaled_rounds}
    zones = [{name: getattr(zone, name) for name in Zone.__slots__} for zone in ZONES]
    return {
        "land": {
            "parameters": parameters | (PHASES_MS if scaled_rounds else {}),
            "zones": [{**zone, "parcel_root": "0x" + zone["parcel_root"].hex()} for zone in zones],
            "appraisers": [
                {
                    "account": checksum_address(address),
                    "nominator": NOMINATORS[number % len(NOMINATORS)],
                }
                for number, address in enumerate(appraisers)
            ],
        },
        "issuance": {"parameters": {"mode": "GROSS"}},
    }
