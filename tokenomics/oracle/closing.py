"""Closing a town round: every zone's price is settled, and with them the town's value.

Rounds close in order, each as soon as all its zones are at an end and the official rates of its
quarter are there, at its deadline in any case.
"""

from typing import Final

from ledger.crypto import sha256
from ledger.module import Context
from ledger.rows import key, table
from ledger.state import State
from tokenomics.facts.land_events import costs_krw
from tokenomics.facts.rates import awaits_rates, normal_growth_krw
from tokenomics.facts.ratio_study import RatioStudy
from tokenomics.facts.sales import study
from tokenomics.oracle.appraisals import appraisals_of
from tokenomics.oracle.phases import is_terminal
from tokenomics.oracle.rounds import TOWN_ROUNDS, Round, TownRound, mark_closed, schedule
from tokenomics.oracle.uplift import zone_value_krw
from tokenomics.oracle.zone_rounds import Outcome, ZoneRound, settle
from tokenomics.oracle.zones import Zone, ZoneValue, zones
from tokenomics.params import LandParameters

RATIO_STUDIES: Final = table("land", "ratio_study", RatioStudy)
"""RatioStudy by round, closed ones only."""


def closes(state: State, row: Round, time_ms: int) -> bool:
    """True when the oldest open round, which has ended, can close."""
    if time_ms >= row.deadline_ms:
        return True
    return all(
        is_terminal(appraisal.phase) for _, appraisal in appraisals_of(state, row.number)
    ) and not awaits_rates(state, {zone.rate_region for zone in zones(state)}, row.number)


def close(context: Context, row: Round, parameters: LandParameters) -> None:
    """Settle every zone's round `row`, then the town's; writes ZoneRounds and the TownRound."""
    state, time_ms = context.state, context.block.time_ms
    town = zones(state)
    settled = []
    for number, zone in enumerate(town):
        last, result = settle(state, row, number, zone, parameters)
        _tell_zone(context, row, zone, last, result)
        settled.append(result)
    ratios = study(
        state,
        row.number,
        [result.median_krw_per_m2 or result.accepted_krw_per_m2 for result in settled],
    )
    state.put(RATIO_STUDIES, key(row.number), ratios)
    closed = TownRound(
        number=row.number,
        closed_ms=time_ms,
        elapsed_ms=time_ms - schedule(state).last_close_ms,
        length_ms=row.length_ms,
        value_krw=sum(
            zone_value_krw(zone.area_tenth_m2, result.counted_krw_per_m2)
            for zone, result in zip(town, settled, strict=True)
        ),
        zones_final=sum(result.outcome is Outcome.FINAL for result in settled),
        reports=sum(result.reports for result in settled),
        reports_hash=sha256(b"".join(result.digest for result in settled)),
        is_anchor=row.is_anchor,
        costs_krw=costs_krw(state, row.number),
        certified_krw=sum(
            certified_rise_krw(zone, result) for zone, result in zip(town, settled, strict=True)
        ),
        normal_growth_krw=normal_growth_krw(
            state, [zone.base_value_krw for zone in town], row.number
        ),
        recognition_open=ratios.is_open,
    )
    state.put(TOWN_ROUNDS, key(row.number), closed)
    mark_closed(state, row.number, time_ms)
    _tell_town(context, closed, ratios)


def certified_rise_krw(zone: Zone, result: ZoneRound) -> int:
    """Worth of what only certified events let the zone rise above its base."""
    risen = max(0, result.accepted_krw_per_m2 - zone.base_krw_per_m2)
    return zone_value_krw(zone.area_tenth_m2, min(result.certified_krw_per_m2, risen))


def _tell_zone(
    context: Context, row: Round, zone: Zone, last: ZoneValue, result: ZoneRound
) -> None:
    context.emit(
        "land.zone_round_closed",
        zone=zone.id,
        round=row.number,
        outcome=result.outcome.name,
        reports=result.reports,
        median_krw_per_m2=result.median_krw_per_m2,
        dispersion_ppm=result.dispersion_ppm,
        last_krw_per_m2=last.accepted_krw_per_m2,
        clip_krw_per_m2=result.clip_krw_per_m2,
        highest_krw_per_m2=result.highest_krw_per_m2,
        limit_krw_per_m2=result.limit_krw_per_m2,
        accepted_krw_per_m2=result.accepted_krw_per_m2,
        rate_after=result.rate_after,
        rate_before=result.rate_before,
        last_counted_krw_per_m2=last.counted_krw_per_m2,
        counted_krw_per_m2=result.counted_krw_per_m2,
        certified_krw_per_m2=result.certified_krw_per_m2,
        reports_digest=result.digest,
    )


def _tell_town(context: Context, closed: TownRound, ratios: RatioStudy) -> None:
    """The ratio study, then the town round; N is left out while it is not known."""
    context.emit(
        "land.ratio_study",
        round=closed.number,
        sales=ratios.sales,
        median_ratio_ppm=ratios.median_ratio_ppm,
        lower_bound_ppm=ratios.lower_bound_ppm,
        cod_ppm=ratios.cod_ppm,
        prd_ppm=ratios.prd_ppm,
        is_open=int(ratios.is_open),
    )
    growth = closed.normal_growth_krw
    context.emit(
        "land.town_round_closed",
        round=closed.number,
        is_anchor=int(closed.is_anchor),
        zones_final=closed.zones_final,
        reports=closed.reports,
        reports_hash=closed.reports_hash,
        value_krw=closed.value_krw,
        costs_krw=closed.costs_krw,
        certified_krw=closed.certified_krw,
        **({} if growth is None else {"normal_growth_krw": growth}),
        recognition_open=int(closed.recognition_open),
        elapsed_ms=closed.elapsed_ms,
        length_ms=closed.length_ms,
    )
