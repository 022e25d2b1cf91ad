"""What a chain made of a scenario, read from a node's store once it has stopped."""

from collections.abc import Iterator
from pathlib import Path

from ledger.rows import present
from ledger.state import State
from node import audit
from node.scenarios.figures import RoundFigures
from node.scenarios.model import Scenario
from tokenomics.issuance.ceiling import coverage_bps
from tokenomics.issuance.derivation import IssuanceRound, issuance_round, totals
from tokenomics.oracle import uplift
from tokenomics.oracle.land_views import INDEX_BASE
from tokenomics.oracle.rounds import town_round
from tokenomics.oracle.zone_rounds import zone_round
from tokenomics.oracle.zones import Zone, zones


def rounds_of(home: Path, scenario: Scenario) -> list[RoundFigures]:
    """The figures of every settled round of the scenario, in order."""
    with audit.opened(home) as (_, blocks):
        return list(_rounds(State(blocks.state()), scenario))


def _rounds(state: State, scenario: Scenario) -> Iterator[RoundFigures]:
    town, naive, burned = zones(state), 0, 0
    base = sum(zone.base_value_krw for zone in town)
    raw_prices = [zone.base_krw_per_m2 for zone in town]
    for number in range(1, min(totals(state).round, scenario.rounds) + 1):
        row = present(issuance_round(state, number), f"issuance round {number}")
        raw = _raw_value(state, town, number, raw_prices)
        parameters = scenario.parameters
        naive = max(
            naive,
            uplift.entitlement(
                max(0, raw - base), parameters.lambda_bps, parameters.price_krw_per_token
            ),
        )
        burned += row.burned
        value = present(town_round(state, number), f"town round {number}").value_krw
        yield _figures(
            row,
            scenario.quarter(number),
            raw * INDEX_BASE // base,
            value * INDEX_BASE // base,
            burned,
            naive,
        )


def _raw_value(state: State, town: tuple[Zone, ...], number: int, prices: list[int]) -> int:
    """V at the medians before any rule; a zone without one stands at its last."""
    for at in range(len(town)):
        found = zone_round(state, number, at)
        if found is not None and found.median_krw_per_m2:
            prices[at] = found.median_krw_per_m2
    return sum(
        uplift.zone_value_krw(zone.area_tenth_m2, price)
        for zone, price in zip(town, prices, strict=True)
    )


def _figures(
    row: IssuanceRound, quarter: str, raw_index: int, land_index: int, burned: int, naive: int
) -> RoundFigures:
    return RoundFigures(
        round=row.number,
        quarter=quarter,
        raw_index=raw_index,
        land_index=land_index,
        live=row.live_krw,
        sustained=row.lasting_krw,
        recognised=row.recognised_krw,
        entitlement=row.entitlement,
        ceiling=row.ceiling,
        mint=row.minted,
        issued=row.issued,
        burned=burned,
        cover=row.cover,
        coverage_bps=coverage_bps(row.cover, row.outstanding),
        naive_issued=naive,
    )
