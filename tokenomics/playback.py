"""A price series through valuation, recognition and mint: no chain, no state, no reports.

What a series would have led to had every appraiser reported it exactly: the base of the figures
that are held against real history (economy.md section 6). Only the functions that the modules use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.primitives import BPS, ZERO_HASH
from tokenomics import ceiling as rules
from tokenomics.derivation import (
    IssuanceRound,
    Uplift,
    opening_totals,
    recognise,
    settle,
    totals_after,
)
from tokenomics.params import QUARTER_MS, IssuanceParameters, LandParameters
from tokenomics.rounds import TownRound
from tokenomics.uplift import entitlement, zone_value_krw
from tokenomics.valuation import RETURN_ANCHORS, accepted_price, clip_limit

_RULES: Final = LandParameters()


@dataclass(frozen=True, slots=True)
class Land:
    """A zone: area in 0.1 m2, base price in KRW/m2 (or another currency's unit throughout)."""

    area_tenth_m2: int
    base_krw_per_m2: int


@dataclass(frozen=True, slots=True)
class Reserve:
    """Which part of each mint waits, and for how many rounds; see economy.md section 3."""

    share_bps: int = 3_000
    rounds: int = 20


@dataclass(frozen=True, slots=True)
class Played:
    """One quarter. raw_value_krw: V at the prices of the series. naive_issued: what a ratchet on
    raw value would have issued by now. burned: by the reserve, since the start."""

    row: IssuanceRound
    raw_value_krw: int
    naive_issued: int
    burned: int

    @property
    def outstanding(self) -> int:
        """Issued less burned, after this round."""
        return self.row.issued - self.burned


def play(
    zones: Sequence[Land],
    prices: Sequence[Sequence[int]],
    parameters: IssuanceParameters,
    *,
    normal_growth_krw: Sequence[int] | None = None,
    anchor_every: int = 1,
    reserve: Reserve | None = None,
) -> list[Played]:
    """`prices`: for each quarter, each zone's price; normal_growth_krw: N of each, for mode NET.
    Between anchors values stand."""
    base_value = sum(zone_value_krw(zone.area_tenth_m2, zone.base_krw_per_m2) for zone in zones)
    accepted = [[zone.base_krw_per_m2] for zone in zones]
    totals, anchors, played = opening_totals(0), list[Uplift](), list[Played]()
    tranches: dict[int, int] = {}
    naive = burned = 0
    for number, quarter in enumerate(prices, start=1):
        is_anchor = number % anchor_every == 0
        if is_anchor:
            for history, price in zip(accepted, quarter, strict=True):
                clip = clip_limit(history[-1], anchor_every * QUARTER_MS, _RULES.clip_bps_a_year)
                limit = max(clip, *history[-RETURN_ANCHORS:])
                history.append(accepted_price(price, limit))
        value = _value(zones, [history[-1] for history in accepted])
        raw_value = _value(zones, quarter)
        growth = None if normal_growth_krw is None else normal_growth_krw[number - 1]
        town = TownRound(
            number, 0, 1, 1, value, len(zones), 0, ZERO_HASH, is_anchor, 0, 0, growth, True
        )
        found = recognise(totals, town, base_value, anchors, parameters)
        in_round = 0
        if is_anchor and reserve is not None:
            due = [at for at in tranches if at <= number]
            uncovered = max(0, rules.outstanding(totals.issued, 0, burned) - found.cover)
            in_round = min(uncovered, sum(tranches.pop(at) for at in due))
        burned += in_round
        row = settle(totals, town, base_value, found, in_round, burned, parameters, paused=False)
        if is_anchor:
            anchors.append(Uplift(row.live_krw or 0, row.certified_krw or 0))
        if reserve is not None and row.minted:
            tranches[number + reserve.rounds] = row.minted * reserve.share_bps // BPS
        naive = max(naive, _worth(max(0, raw_value - base_value), parameters))
        totals = totals_after(totals, row)
        played.append(Played(row, raw_value, naive, burned))
    return played


def returned_at(played: Sequence[Played]) -> int | None:
    """Position of the first quarter, after the highest raw value, that is back at the base or
    below; None when the series does not return."""
    top = max(range(len(played)), key=lambda at: played[at].raw_value_krw)
    for at in range(top, len(played)):
        if played[at].raw_value_krw <= played[at].row.base_value_krw:
            return at
    return None


def _value(zones: Sequence[Land], prices: Sequence[int]) -> int:
    return sum(
        zone_value_krw(zone.area_tenth_m2, price) for zone, price in zip(zones, prices, strict=True)
    )


def _worth(uplift_krw: int, parameters: IssuanceParameters) -> int:
    return entitlement(uplift_krw, parameters.lambda_bps, parameters.price_krw_per_token)
