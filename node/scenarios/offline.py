"""Plays a scenario through the pure rules, without a chain."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ledger.primitives import PPM
from node.scenarios.model import MONTHS_A_QUARTER, Scenario
from node.scenarios.noise import deviation_ppm
from tokenomics.facts.rates import NATION
from tokenomics.issuance.playback import Played, Reserve, play
from tokenomics.issuance.town_playback import Certified, Factor, Land
from tokenomics.oracle.uplift import INDEX_SCALE, RATE_SCALE, normal_growth_krw, zone_value_krw
from tokenomics.params import IssuanceParameters

RESERVE: Final = Reserve()


def play_scenario(
    scenario: Scenario,
    parameters: IssuanceParameters | None = None,
    reserve: Reserve | None = RESERVE,
) -> list[Played]:
    """Every round of a scenario, under its own parameters or others."""
    zones = scenario.zones
    indices = {region: _quarter_indices(steps) for region, steps in scenario.rates.items()}
    bases = [zone_value_krw(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in zones]
    nation = indices.get(NATION)
    return play(
        [Land(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in zones],
        scenario.prices,
        parameters or scenario.parameters,
        report=scenario.report,
        events=[
            Certified(event.round, event.zone, event.factor_bps, event.cost_krw)
            for event in scenario.events
        ],
        factors=None
        if not indices
        else [
            [_factor(indices[zone.rate_region], number) for zone in zones]
            for number in range(1, scenario.rounds + 1)
        ],
        normal_growth_krw=None
        if nation is None
        else [normal_growth_krw(bases, index) for index in nation],
        anchor_every=scenario.anchor_every,
        reserve=reserve,
    )


def with_noise(scenario: Scenario, seed: int) -> Scenario:
    """The same with every report off by up to 2 %, a function of seed, round, zone and seat."""

    def reported(number: int, zone: int, seat: int) -> int | None:
        price = scenario.report(number, zone, seat)
        if price is None:
            return None
        return price * (PPM + deviation_ppm(seed, number, scenario.zones[zone].id, seat)) // PPM

    return replace(scenario, reporter=reported)


def _quarter_indices(steps: Sequence[int]) -> list[int]:
    """Index at the end of each quarter; INDEX_SCALE at the start, floored after every month."""
    index, found = INDEX_SCALE, []
    for month, step in enumerate(steps, start=1):
        index = index * step // RATE_SCALE
        if month % MONTHS_A_QUARTER == 0:
            found.append(index)
    return found


def _factor(indices: Sequence[int], number: int) -> Factor:
    return indices[number - 1], indices[number - 2] if number > 1 else INDEX_SCALE
