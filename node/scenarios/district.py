"""Scenario `district`: Gwangju's series, and on it the steps of an assumed development.

ASSUMPTION, not data: node/data/district_assumption.csv says from which quarter a zone's price is
which factor of its base (times the city's index at the end of the quarter), which step is a
certified event, and what the event cost. Its quarter 0 is round 1. After the series has ended, city
and nation rise by 0.15 % a month.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from node.scenarios.gwangju import ZONES, quarterly_indices
from node.scenarios.model import MONTHS_A_QUARTER, LandEvent, Scenario
from node.scenarios.real_gwangju import FIRST_MONTH, monthly_rates, steps
from tokenomics.facts.land_events import HIGHEST_FACTOR_BPS
from tokenomics.oracle.uplift import INDEX_SCALE
from tokenomics.params import IssuanceParameters, Mode

TABLE: Final = "district_assumption.csv"
ROUNDS: Final = 80
LATER_MILLI_PERCENT: Final = 150
ASSUMPTION: Final = (
    "ASSUMPTION, not data · 가정이며 실제 자료가 아님: development steps, their dates and costs "
    "(개발 단계·시점·비용)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """From round `round` on, `zone` is worth factor_percent of its base, moved by the index.
    stage: of the certified event, empty for none; cost in KRW."""

    round: int
    zone: int
    factor_percent: int
    stage: str
    cost_krw: int


def development_steps() -> tuple[Step, ...]:
    """The assumed steps, in the order of the table."""
    text = files("node.data").joinpath(TABLE).read_text(encoding="utf-8")
    numbers = {zone.name_ko: number for number, zone in enumerate(ZONES)}
    found = []
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        number = numbers[row["zone"]]
        cost = int(row["cost_percent_of_zone_base_value"])
        found.append(
            Step(
                int(row["quarter"]) + 1,
                number,
                int(row["factor_percent_of_base"]),
                row["certified_event"],
                ZONES[number].base_value_krw * cost // 100,
            )
        )
    return tuple(found)


def district() -> Scenario:
    """The assumed district, NET.

    Each event is certified at the most that the rules allow, so that the appraisers' median says
    how far the zone rises.
    """
    later = (LATER_MILLI_PERCENT,)
    city, nation = monthly_rates(ROUNDS, later, later)
    planned = development_steps()
    return Scenario(
        name="district",
        title="An assumed development of the district on Gwangju's series, net",
        title_ko="광주 지가변동률에 개발을 가정한 지구, 전국 상승분 제외",
        assumption=ASSUMPTION,
        currency="KRW",
        zones=ZONES,
        first_month=FIRST_MONTH,
        prices=tuple(
            tuple(_price(planned, zone, number, index) for zone in range(len(ZONES)))
            for number, index in enumerate(
                quarterly_indices(city, len(city) // MONTHS_A_QUARTER), start=1
            )
        ),
        parameters=IssuanceParameters(mode=Mode.NET),
        rates=steps(city, nation),
        events=tuple(
            LandEvent(step.round, step.zone, step.stage, HIGHEST_FACTOR_BPS, step.cost_krw)
            for step in planned
            if step.stage
        ),
    )


def _price(planned: tuple[Step, ...], zone: int, number: int, index: int) -> int:
    """Factor times index at the end of the quarter, floored once."""
    taken = [step for step in planned if step.zone == zone and step.round <= number]
    factor = taken[-1].factor_percent if taken else 100
    return ZONES[zone].base_krw_per_m2 * factor * index // (100 * INDEX_SCALE)
