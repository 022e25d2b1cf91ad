"""Closing a town round: each zone's reports become its accepted and its counted price.

A zone is FINAL with enough reports, else NO_VALUE: then its last accepted price goes on counting,
until it is STALE and counts at min(last, base). (Rolling a held value down by the official change
rate comes with the importers of that rate.)
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ledger.crypto import sha256
from ledger.module import Context
from ledger.primitives import Hash
from ledger.rows import key, table
from ledger.state import State
from tokenomics.params import LandParameters
from tokenomics.ports import Roles
from tokenomics.reports import REPORTS, Report, report_key, reports_digest, reports_of
from tokenomics.rounds import TOWN_ROUNDS, Round, TownRound, mark_closed, schedule
from tokenomics.uplift import zone_value_krw
from tokenomics.valuation import accepted_price, clip_limit, dispersion_ppm, lower_median
from tokenomics.zones import ZONE_VALUES, Zone, ZoneValue, zone_value, zones


class Outcome(IntEnum):
    """How a zone's round ended; STALE is NO_VALUE with a last value that is too old."""

    FINAL = 1
    NO_VALUE = 2
    STALE = 3


@dataclass(frozen=True, slots=True)
class ZoneRound:
    """A zone's closed round; prices in KRW/m2; median, dispersion and limit are 0 unless FINAL.

    limit: how high the accepted price could go (clip, or the highest of the last anchors).
    counted: the price at which the zone enters V. digest: of its reports, see reports_digest.
    """

    outcome: Outcome
    reports: int
    median_krw_per_m2: int
    dispersion_ppm: int
    limit_krw_per_m2: int
    accepted_krw_per_m2: int
    counted_krw_per_m2: int
    digest: Hash


ZONE_ROUNDS: Final = table("land", "zone_round", ZoneRound)
"""ZoneRound by round and number of the zone, closed ones only."""


def closes(state: State, row: Round, time_ms: int, roles: Roles) -> bool:
    """True when the oldest open round ends now: at its deadline, or as soon as it is complete.

    Complete: its nominal end has passed and everybody authorised has reported on each zone.
    """
    if time_ms < row.end_ms:
        return False
    return time_ms >= row.deadline_ms or all(
        state.get(REPORTS, report_key(row.number, number, appraiser)) is not None
        for number, zone in enumerate(zones(state))
        for appraiser in roles.appraisers(state, zone.id)
    )


def close(context: Context, row: Round, parameters: LandParameters) -> None:
    """Settle every zone's round `row`, then the town's; writes ZoneRounds and the TownRound."""
    state, time_ms = context.state, context.block.time_ms
    town = zones(state)
    settled = [_settle(context, row, number, zone, parameters) for number, zone in enumerate(town)]
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
        is_anchor=True,
        costs_krw=0,
        certified_krw=0,
        normal_growth_krw=None,
        recognition_open=True,
    )
    state.put(TOWN_ROUNDS, key(row.number), closed)
    mark_closed(state, row.number, time_ms)
    context.emit(
        "land.town_round_closed",
        round=closed.number,
        zones_final=closed.zones_final,
        reports=closed.reports,
        reports_hash=closed.reports_hash,
        value_krw=closed.value_krw,
        elapsed_ms=closed.elapsed_ms,
        length_ms=closed.length_ms,
    )


def _settle(
    context: Context, row: Round, number: int, zone: Zone, parameters: LandParameters
) -> ZoneRound:
    state = context.state
    reports = reports_of(state, row.number, number)
    last = zone_value(state, number)
    digest = reports_digest(reports)
    if len(reports) >= parameters.min_reports:
        value, result = _final(row, last, [report for _, report in reports], digest, parameters)
    else:
        value = last.held()
        age_ms = row.calendar_end_ms - last.valued_calendar_ms
        is_stale = last.final_round > 0 and age_ms > parameters.stale_ms
        accepted = last.accepted_krw_per_m2
        result = ZoneRound(
            Outcome.STALE if is_stale else Outcome.NO_VALUE,
            reports=len(reports),
            median_krw_per_m2=0,
            dispersion_ppm=0,
            limit_krw_per_m2=0,
            accepted_krw_per_m2=accepted,
            counted_krw_per_m2=min(accepted, zone.base_krw_per_m2) if is_stale else accepted,
            digest=digest,
        )
    state.put(ZONE_VALUES, key(number), value)
    state.put(ZONE_ROUNDS, key(row.number, number), result)
    context.emit(
        "land.zone_round_closed",
        zone=zone.id,
        round=row.number,
        outcome=result.outcome.name,
        reports=result.reports,
        median_krw_per_m2=result.median_krw_per_m2,
        dispersion_ppm=result.dispersion_ppm,
        last_krw_per_m2=last.accepted_krw_per_m2,
        limit_krw_per_m2=result.limit_krw_per_m2,
        accepted_krw_per_m2=result.accepted_krw_per_m2,
        counted_krw_per_m2=result.counted_krw_per_m2,
        reports_digest=digest,
    )
    return result


def _final(
    row: Round, last: ZoneValue, reports: list[Report], digest: Hash, parameters: LandParameters
) -> tuple[ZoneValue, ZoneRound]:
    """A zone with enough reports: its new value and its round."""
    prices = [report.price_krw_per_m2 for report in reports]
    median = lower_median(prices)
    clip = clip_limit(
        last.accepted_krw_per_m2,
        row.calendar_end_ms - last.final_calendar_ms,
        parameters.clip_bps_a_year,
    )
    limit = max(clip, *last.recent)
    accepted = accepted_price(median, limit)
    value = ZoneValue(
        accepted_krw_per_m2=accepted,
        final_round=row.number,
        # The oldest date of the panel: a value goes stale by its weakest report.
        valued_calendar_ms=row.calendar_at(min(report.valuation_date_ms for report in reports)),
        final_calendar_ms=row.calendar_end_ms,
        recent=last.recent_with(accepted),
    )
    result = ZoneRound(
        Outcome.FINAL,
        reports=len(reports),
        median_krw_per_m2=median,
        dispersion_ppm=dispersion_ppm(prices, median),
        limit_krw_per_m2=limit,
        accepted_krw_per_m2=accepted,
        counted_krw_per_m2=accepted,
        digest=digest,
    )
    return value, result
