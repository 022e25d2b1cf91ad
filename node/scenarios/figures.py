"""The figures of a round that scenarios, simulations and charts show."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

from node.scenarios.model import Scenario
from tokenomics.issuance.playback import Played
from tokenomics.oracle.land_views import INDEX_BASE

Indexed = TypeVar("Indexed", Played, "RoundFigures")

PLAIN: Final = frozenset({"round", "quarter", "land_index", "raw_index", "coverage_bps"})
"""Not amounts: these stand as they are in JSON; amounts as decimal text."""


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """One town round. Indices: 100000 at the base; raw_index at the reports' medians before any
    rule. live (L), sustained (S, None before W anchors) and recognised (R) in KRW or the scenario's
    currency; the rest in smallest token units. burned: since the start. naive_issued: what a
    ratchet on raw value would have issued."""

    round: int
    quarter: str
    raw_index: int
    land_index: int
    live: int | None
    sustained: int | None
    recognised: int
    entitlement: int
    ceiling: int
    mint: int
    issued: int
    burned: int
    cover: int
    coverage_bps: int | None
    naive_issued: int

    @property
    def outstanding(self) -> int:
        """Issued less burned, after the mint."""
        return self.issued - self.burned

    def as_json(self) -> dict[str, Any]:
        """Amounts as decimal text, in which no language loses digits."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value if name in PLAIN or value is None else str(value)
            for name, value in values.items()
        }


def round_figures(scenario: Scenario, played: Sequence[Played]) -> list[RoundFigures]:
    """What a playback gave, round by round."""
    return [
        RoundFigures(
            round=quarter.row.number,
            quarter=scenario.quarter(quarter.row.number),
            raw_index=quarter.raw_index,
            land_index=quarter.land_index,
            live=quarter.row.live_krw,
            sustained=quarter.row.lasting_krw,
            recognised=quarter.row.recognised_krw,
            entitlement=quarter.row.entitlement,
            ceiling=quarter.row.ceiling,
            mint=quarter.row.minted,
            issued=quarter.row.issued,
            burned=quarter.burned,
            cover=quarter.row.cover,
            coverage_bps=quarter.coverage_bps,
            naive_issued=quarter.naive_issued,
        )
        for quarter in played
    ]


def returned(rounds: Sequence[Indexed]) -> Indexed | None:
    """The first round, after the highest raw index, at which it is back at its start or below;
    None for a series that does not return."""
    top = max(range(len(rounds)), key=lambda at: rounds[at].raw_index)
    return next((row for row in rounds[top:] if row.raw_index <= INDEX_BASE), None)


def outcome(rounds: Sequence[RoundFigures]) -> dict[str, Any]:
    """What stands at the end, and at the first round with the raw index back at its start: null in
    a series that does not return. Amounts as decimal text."""
    last, back = rounds[-1], returned(rounds)
    coverage = [row.coverage_bps for row in rounds if row.coverage_bps is not None]
    return {
        "land_index": last.land_index,
        "issued": str(last.issued),
        "burned": str(last.burned),
        "outstanding": str(last.outstanding),
        "ceiling": str(last.ceiling),
        "live_entitlement": str(last.cover),
        "naive_issued": str((back or last).naive_issued),
        "lowest_coverage_bps": min(coverage, default=None),
        "return_quarter": None if back is None else back.quarter,
        "issued_at_return": None if back is None else str(back.issued),
        "outstanding_at_return": None if back is None else str(back.outstanding),
    }
