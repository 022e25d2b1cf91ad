"""A scenario as a value: what land does, what appraisers say of it, and under which parameters.

Checked when made, so that a player on a chain and the offline playback need no checks of their own.
Rounds count from 1, zones and seats from 0; each round is one quarter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ledger.errors import LocalError
from tokenomics.facts.land_events import HIGHEST_FACTOR_BPS, STAGES
from tokenomics.facts.rates import NATION
from tokenomics.oracle.uplift import RATE_SCALE
from tokenomics.oracle.zones import Zone
from tokenomics.params import (
    MAX_AREA_TENTH_M2,
    MAX_PRICE_KRW_PER_M2,
    MAX_ZONES,
    IssuanceParameters,
)

MONTHS_A_QUARTER: Final = 3
QUARTERS_A_YEAR: Final = 4
MAX_ROUNDS: Final = 512


@dataclass(frozen=True, slots=True)
class LandEvent:
    """A certified land-use event of a zone: it may rise to `factor_bps` of the price accepted
    before round `round`, and has cost `cost_krw` from that round on."""

    round: int
    zone: int
    stage: str
    factor_bps: int
    cost_krw: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """prices[round - 1][zone] in KRW/m2, or in `currency` throughout.

    assumption: what is invented in it, to be shown wherever its figures are; empty for a real
    series. first_month: yyyymm of the first month of round 1. rates: for each region, and for
    NATION, the index step of each month: 100000 + change in 0.001 %. reporter: what a seat reports
    of a zone in a round, None for a report that is withheld; without one all report the price.
    """

    name: str
    title: str
    title_ko: str
    assumption: str
    currency: str
    zones: tuple[Zone, ...]
    first_month: int
    prices: tuple[tuple[int, ...], ...]
    parameters: IssuanceParameters = field(default_factory=IssuanceParameters)
    anchor_every: int = 1
    rates: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: MappingProxyType({}))
    events: tuple[LandEvent, ...] = ()
    reporter: Callable[[int, int, int], int | None] | None = None

    def __post_init__(self) -> None:
        _require(self, 1 <= len(self.zones) <= MAX_ZONES, f"1 to {MAX_ZONES} zones")
        _require(self, len({zone.id for zone in self.zones}) == len(self.zones), "distinct zones")
        for zone in self.zones:
            _require(self, 0 < zone.area_tenth_m2 <= MAX_AREA_TENTH_M2, f"an area of {zone.id}")
            _require(self, _is_price(zone.base_krw_per_m2), f"a base price of {zone.id}")
        _require(self, 1 <= self.rounds <= MAX_ROUNDS, f"1 to {MAX_ROUNDS} rounds")
        _require(self, 1 <= self.anchor_every <= QUARTERS_A_YEAR, "an anchor at least once a year")
        _require(self, _is_month(self.first_month), "first_month as yyyymm")
        for number, prices in enumerate(self.prices, start=1):
            fits = len(prices) == len(self.zones) and all(map(_is_price, prices))
            _require(self, fits, f"one price for each zone in round {number}")
        self._require_rates()
        for event in self.events:
            fits = (
                self._in_it(event.round, event.zone)
                and event.stage in STAGES
                and 0 < event.factor_bps <= HIGHEST_FACTOR_BPS
                and event.cost_krw >= 0
            )
            _require(self, fits, f"an event within the rules, found {event}")
        stages = {(event.zone, event.stage) for event in self.events}
        _require(self, len(stages) == len(self.events), "each stage of a zone once at most")

    def _require_rates(self) -> None:
        if not self.rates:
            return
        for region in {NATION, *(zone.rate_region for zone in self.zones)}:
            _require(self, region in self.rates, f"rates of region {region!r}")
        for region, steps in self.rates.items():
            fits = len(steps) == self.rounds * MONTHS_A_QUARTER and all(
                0 < step < 2 * RATE_SCALE for step in steps
            )
            _require(self, fits, f"an index step for each month of region {region!r}")

    def _in_it(self, number: int, zone: int) -> bool:
        return 1 <= number <= self.rounds and 0 <= zone < len(self.zones)

    @property
    def rounds(self) -> int:
        """How many it has."""
        return len(self.prices)

    def report(self, number: int, zone: int, seat: int) -> int | None:
        """What a seat (0 to 4 on the panel, 5 and 6 asked later) reports of a zone in a round."""
        if self.reporter is not None:
            return self.reporter(number, zone, seat)
        return self.prices[number - 1][zone]

    def quarter(self, number: int) -> str:
        """Name of the quarter that a round plays: "2012 Q1"."""
        year, month = divmod(self.first_month, 100)
        years, quarter = divmod((month - 1) // MONTHS_A_QUARTER + number - 1, QUARTERS_A_YEAR)
        return f"{year + years} Q{quarter + 1}"


def _require(scenario: Scenario, fits: bool, expected: str) -> None:
    if not fits:
        raise LocalError(f"scenario {scenario.name}: expected {expected}")


def _is_price(price: int) -> bool:
    return 0 < price <= MAX_PRICE_KRW_PER_M2


def _is_month(month: int) -> bool:
    return 1900 <= month // 100 <= 2200 and 1 <= month % 100 <= 12
