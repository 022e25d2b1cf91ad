"""Scenarios `gwangju` and `gwangju-net`: the real series of gwangju.py as a value."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from node.scenarios.gwangju import (
    CITY_REGION,
    QUARTERS,
    ZONES,
    monthly_changes,
    quarterly_indices,
    quarterly_prices,
)
from node.scenarios.model import MONTHS_A_QUARTER, Scenario
from tokenomics.facts.rates import NATION
from tokenomics.oracle.uplift import INDEX_SCALE, RATE_SCALE
from tokenomics.params import IssuanceParameters, Mode

FIRST_MONTH: Final = 201201


def monthly_rates(
    quarters: int, later: Sequence[int], later_nation: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Monthly changes of city and nation in 0.001 %: the series, at most its 56 quarters, then
    `later`, whose last month goes on."""
    months, known = quarters * MONTHS_A_QUARTER, QUARTERS * MONTHS_A_QUARTER
    changes = monthly_changes()[: min(months, known)]
    city = [change.city_milli_percent for change in changes]
    nation = [change.nation_milli_percent for change in changes]
    for rates, more in ((city, later), (nation, later_nation)):
        missing = months - len(rates)
        rates += [more[min(at, len(more) - 1)] for at in range(missing)]
    return city, nation


def steps(city: Sequence[int], nation: Sequence[int]) -> Mapping[str, tuple[int, ...]]:
    """Index steps by region."""
    return MappingProxyType(
        {
            CITY_REGION: tuple(RATE_SCALE + rate for rate in city),
            NATION: tuple(RATE_SCALE + rate for rate in nation),
        }
    )


def prices_of(city: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Each zone at its base moved by the city's monthly changes, at each quarter's end."""
    indices = quarterly_indices(city, len(city) // MONTHS_A_QUARTER)
    return tuple(
        tuple(zone.base_krw_per_m2 * index // INDEX_SCALE for zone in ZONES) for index in indices
    )


def gwangju() -> Scenario:
    """The real series, GROSS."""
    return _series("gwangju", "gross", "총액", Mode.GROSS)


def gwangju_net() -> Scenario:
    """The real series, NET of the nation's growth."""
    return _series("gwangju-net", "net of the nation's growth", "전국 상승분 제외", Mode.NET)


def _series(name: str, what: str, what_ko: str, mode: Mode) -> Scenario:
    return Scenario(
        name=name,
        title=f"Gwangju's land prices 2012 to 2025, {what}",
        title_ko=f"광주 지가변동률 2012–2025, {what_ko}",
        assumption="",
        currency="KRW",
        zones=ZONES,
        first_month=FIRST_MONTH,
        prices=tuple((price,) * len(ZONES) for price in quarterly_prices()),
        parameters=IssuanceParameters(mode=mode),
        rates=steps(*monthly_rates(QUARTERS, (), ())),
    )
