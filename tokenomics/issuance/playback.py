"""A price series through valuation, recognition and mint: no chain, no state.

What a series would have led to had every appraiser reported it exactly, or as a strategy says: the
base of the figures that are held against real history (economy.md section 6). Only the functions
that the modules use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.primitives import BPS
from tokenomics.issuance import ceiling as rules
from tokenomics.issuance.derivation import (
    IssuanceRound,
    Uplift,
    opening_totals,
    recognise,
    settle,
    totals_after,
)
from tokenomics.issuance.town_playback import Certified, Factor, Land, PlayedTown, Report, play_town
from tokenomics.oracle.uplift import entitlement, zone_value_krw
from tokenomics.params import IssuanceParameters

INDEX_BASE: Final = 100_000
"""A land index of the base prices."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Which part of each mint waits, and for how many rounds; see economy.md section 3."""

    share_bps: int = 3_000
    rounds: int = 20


@dataclass(frozen=True, slots=True)
class Played:
    """One quarter. raw_value_krw: V at the prices reported. naive_issued: what a ratchet on raw
    value would have issued by now. burned: by the reserve, since the start."""

    row: IssuanceRound
    raw_value_krw: int
    naive_issued: int
    burned: int

    @property
    def outstanding(self) -> int:
        """Issued less burned, after this round."""
        return self.row.issued - self.burned

    @property
    def land_index(self) -> int:
        """V as counted, INDEX_BASE at the base prices."""
        return self.row.value_krw * INDEX_BASE // self.row.base_value_krw

    @property
    def raw_index(self) -> int:
        """V as reported, INDEX_BASE at the base prices."""
        return self.raw_value_krw * INDEX_BASE // self.row.base_value_krw

    @property
    def coverage_bps(self) -> int | None:
        """Live entitlement over what was outstanding before this round's mint; None for nothing."""
        return rules.coverage_bps(self.row.cover, self.row.outstanding)


def play(
    zones: Sequence[Land],
    prices: Sequence[Sequence[int]],
    parameters: IssuanceParameters,
    *,
    report: Report | None = None,
    events: Sequence[Certified] = (),
    factors: Sequence[Sequence[Factor]] | None = None,
    normal_growth_krw: Sequence[int] | None = None,
    anchor_every: int = 1,
    reserve: Reserve | None = None,
) -> list[Played]:
    """`prices`: for each quarter, each zone's price, which all five report unless `report` says
    otherwise; normal_growth_krw: N of each quarter, for mode NET."""
    return play_rounds(
        sum(zone_value_krw(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in zones),
        play_town(
            zones,
            len(prices),
            report or (lambda number, zone, _: prices[number - 1][zone]),
            events=events,
            factors=factors,
            normal_growth_krw=normal_growth_krw,
            anchor_every=anchor_every,
        ),
        parameters,
        reserve,
    )


def play_rounds(
    base_value_krw: int,
    rounds: Sequence[PlayedTown],
    parameters: IssuanceParameters,
    reserve: Reserve | None,
) -> list[Played]:
    """Town rounds through recognition, the reserve's burns and the mint."""
    totals, anchors, played = opening_totals(0), list[Uplift](), list[Played]()
    tranches: dict[int, int] = {}
    naive = burned = 0
    for played_town in rounds:
        town = played_town.town
        found = recognise(totals, town, base_value_krw, anchors, parameters)
        is_final = town.is_anchor and town.zones_final > 0 and found.live_krw is not None
        in_round = 0
        if is_final and reserve is not None:
            due = [at for at in tranches if at <= town.number]
            uncovered = max(0, rules.outstanding(totals.issued, 0, burned) - found.cover)
            in_round = min(uncovered, sum(tranches.pop(at) for at in due))
        burned += in_round
        row = settle(
            totals, town, base_value_krw, found, in_round, burned, parameters, paused=False
        )
        if town.is_anchor and row.live_krw is not None:
            anchors.append(Uplift(row.live_krw, row.certified_krw or 0))
        if reserve is not None and row.minted:
            tranches[town.number + reserve.rounds] = row.minted * reserve.share_bps // BPS
        raw_uplift = max(0, played_town.raw_value_krw - base_value_krw)
        naive = max(
            naive, entitlement(raw_uplift, parameters.lambda_bps, parameters.price_krw_per_token)
        )
        totals = totals_after(totals, row)
        played.append(Played(row, played_town.raw_value_krw, naive, burned))
    return played
