"""Reports of a panel through the rules of valuation, round by round: no chain, no state.

Each round is one quarter of the calendar. What needs people is taken as done at once: two further
appraisers report when the first five are too far apart, nobody challenges, and no sale closes the
ratio gate. A suspended outlier keeps its seat, so an attack is shown at its longest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.primitives import BPS, ZERO_HASH
from tokenomics.oracle.rounds import TownRound
from tokenomics.oracle.uplift import zone_value_krw
from tokenomics.oracle.valuation import (
    RETURN_ANCHORS,
    accepted_price,
    clip_limit,
    lower_median,
    rolled,
    too_wide,
    trimmed_range,
)
from tokenomics.params import QUARTER_MS, LandParameters

PANEL_SEATS: Final = 5
FURTHER_SEATS: Final = 2
"""Seats 5 and 6: asked when the panel's reports are more than 110 % apart."""
EVENT_ROUNDS: Final = 4
"""A certified event counts for the round it is certified for and the three after it."""

Report = Callable[[int, int, int], int | None]
"""Price that seat `2` (from 0) reports of zone `1` (from 0) in round `0` (from 1), in KRW/m2; None
for a report that is withheld."""
Factor = tuple[int, int] | None
"""Official change of a quarter as (numerator, denominator); None when there is no rate."""

_RULES: Final = LandParameters()


@dataclass(frozen=True, slots=True)
class Land:
    """A zone: area in 0.1 m2, base price in KRW/m2 (or another currency's unit throughout)."""

    area_tenth_m2: int
    base_krw_per_m2: int


@dataclass(frozen=True, slots=True)
class Certified:
    """An event certified for a round: lets its zone rise to `factor_bps` of the price accepted
    before that round, and costs `cost_krw` from then on."""

    round: int
    zone: int
    factor_bps: int
    cost_krw: int


@dataclass(frozen=True, slots=True)
class PlayedTown:
    """A round of the town. raw_value_krw: V at the reports' medians, where there were enough."""

    town: TownRound
    raw_value_krw: int


@dataclass(frozen=True, slots=True)
class _Zone:
    """A zone between two rounds. raw, accepted and counted in KRW/m2: the last median, the basis of
    the clip, and what enters V. recent: accepted at the last anchors. risen: what only certified
    events let through. limits: (limit, last round) of certified events."""

    land: Land
    raw: int
    accepted: int
    counted: int
    recent: tuple[int, ...]
    final_round: int = 0
    risen: int = 0
    limits: tuple[tuple[int, int], ...] = ()

    @property
    def certified_rise(self) -> int:
        """The part of the rise above base that only certified events let through, in KRW/m2."""
        return min(self.risen, max(0, self.counted - self.land.base_krw_per_m2))


def play_town(
    zones: Sequence[Land],
    rounds: int,
    report: Report,
    *,
    events: Sequence[Certified] = (),
    factors: Sequence[Sequence[Factor]] | None = None,
    normal_growth_krw: Sequence[int] | None = None,
    anchor_every: int = 1,
) -> list[PlayedTown]:
    """Every round of the town. factors: for each round, each zone's official change; without them
    values stand between anchors. normal_growth_krw: N at the end of each round, for mode NET."""
    town = [_at_base(land) for land in zones]
    played: list[PlayedTown] = []
    for number in range(1, rounds + 1):
        is_anchor = number % anchor_every == 0
        growth = None if normal_growth_krw is None else normal_growth_krw[number - 1]
        final = 0
        for at, zone in enumerate(town):
            factor = None if factors is None else factors[number - 1][at]
            prices = _prices(report, number, at)
            seen = _with_limits(zone, number, [event for event in events if event.zone == at])
            if len(prices) >= _RULES.min_reports:
                seen = replace(seen, raw=lower_median(prices))
            if is_anchor:
                town[at] = _appraised(seen, number, prices, factor)
                final += town[at].final_round == number
            else:
                town[at] = replace(seen, counted=rolled(seen.counted, factor))
        played.append(
            PlayedTown(
                TownRound(
                    number=number,
                    closed_ms=number * QUARTER_MS,
                    elapsed_ms=QUARTER_MS,
                    length_ms=QUARTER_MS,
                    value_krw=_value(zones, [zone.counted for zone in town]),
                    zones_final=final,
                    reports=0,
                    reports_hash=ZERO_HASH,
                    is_anchor=is_anchor,
                    costs_krw=sum(event.cost_krw for event in events if event.round <= number),
                    certified_krw=_value(zones, [zone.certified_rise for zone in town]),
                    normal_growth_krw=growth,
                    recognition_open=True,
                ),
                _value(zones, [zone.raw for zone in town]),
            )
        )
    return played


def _at_base(land: Land) -> _Zone:
    base = land.base_krw_per_m2
    return _Zone(land, base, base, base, (base,))


def _prices(report: Report, number: int, zone: int) -> list[int]:
    """The panel's reports, with those of two further appraisers when they are too far apart."""
    prices = [
        price for seat in range(PANEL_SEATS) if (price := report(number, zone, seat)) is not None
    ]
    if len(prices) >= _RULES.min_reports and too_wide(min(prices), max(prices)):
        further = range(PANEL_SEATS, PANEL_SEATS + FURTHER_SEATS)
        prices += [price for seat in further if (price := report(number, zone, seat)) is not None]
    return prices


def _with_limits(zone: _Zone, number: int, events: Sequence[Certified]) -> _Zone:
    """With the limits of the events certified for this round, without those that have run out."""
    standing = [(limit, last) for limit, last in zone.limits if last >= number]
    new = [
        (zone.accepted * event.factor_bps // BPS, number + EVENT_ROUNDS - 1)
        for event in events
        if event.round == number
    ]
    return replace(zone, limits=(*standing, *new))


def _appraised(zone: _Zone, number: int, prices: Sequence[int], factor: Factor) -> _Zone:
    """After an anchor: FINAL, else held."""
    if len(prices) < _RULES.min_reports:  # NO_VALUE
        return _held(zone, number, zone.counted, factor)
    median = lower_median(prices)
    if too_wide(min(prices), max(prices)) and too_wide(*trimmed_range(prices)):
        # DISPERSED: counts downward only, and is no basis for later rounds.
        return _held(zone, number, median, factor)
    elapsed_ms = (number - zone.final_round) * QUARTER_MS
    clip = clip_limit(zone.accepted, elapsed_ms, _RULES.clip_bps_a_year)
    usual = max(clip, *zone.recent)
    accepted = accepted_price(median, max(usual, *[limit for limit, _ in zone.limits], 0))
    return replace(
        zone,
        accepted=accepted,
        counted=accepted,
        recent=_recent(zone, accepted),
        final_round=number,
        risen=zone.risen + max(0, accepted - usual),
    )


def _held(zone: _Zone, number: int, highest: int, factor: Factor) -> _Zone:
    """Without a FINAL value: counts at what counted, moved down, never up, by the official rate,
    and at `highest` at most; once the last FINAL value is too old (STALE), at min(last, base)."""
    counted = min(highest, zone.accepted, zone.counted, rolled(zone.counted, factor))
    age_ms = (number - zone.final_round) * QUARTER_MS
    if zone.final_round and age_ms > _RULES.stale_ms:
        counted = min(counted, zone.land.base_krw_per_m2)
    return replace(zone, counted=counted, recent=_recent(zone, zone.accepted))


def _recent(zone: _Zone, accepted: int) -> tuple[int, ...]:
    return (*zone.recent, accepted)[-RETURN_ANCHORS:]


def _value(zones: Sequence[Land], prices: Sequence[int]) -> int:
    return sum(
        zone_value_krw(zone.area_tenth_m2, price) for zone, price in zip(zones, prices, strict=True)
    )
