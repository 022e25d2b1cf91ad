"""A zone's closed round: from what its appraisal found to its accepted and its counted price.

What is accepted is the basis of the clip, and only a FINAL value moves it; what is counted enters
V. They differ while a zone has no FINAL value: then it counts at its last accepted price moved
down, never up, by the official change rate, or at a lower median that is not FINAL, and a STALE one
at no more than its base. A round between two anchors appraises nothing, and every zone's counted
price moves with its official rate.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from ledger.errors import ensure
from ledger.primitives import Hash
from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.facts.land_events import certified_limit
from tokenomics.facts.rates import quarter_factor
from tokenomics.oracle.appraisals import Appraisal, find_appraisal
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.reports import Reports, Seat, reports_digest, reports_of
from tokenomics.oracle.rounds import Round
from tokenomics.oracle.valuation import accepted_price, clip_limit, rolled
from tokenomics.oracle.zones import ZONE_VALUES, Zone, ZoneValue, zone_value
from tokenomics.params import LandParameters


class Outcome(IntEnum):
    """How a zone's round ended. The numbers are in stored rows.

    STALE: no value, and the last FINAL one is too old. PROVISIONAL: between two anchors.
    """

    FINAL = 1
    NO_VALUE = 2
    STALE = 3
    DISPERSED = 4
    DISPUTED = 5
    VOID = 6
    PROVISIONAL = 7


_OUTCOMES: Final = {
    Phase.FINAL: Outcome.FINAL,
    Phase.NO_VALUE: Outcome.NO_VALUE,
    Phase.DISPERSED: Outcome.DISPERSED,
    Phase.DISPUTED: Outcome.DISPUTED,
    Phase.VOID: Outcome.VOID,
}
DOWNWARD: Final = (Outcome.DISPERSED, Outcome.DISPUTED)
"""A median is there, and counts when it is lower; it is no basis for later rounds."""


@dataclass(frozen=True, slots=True)
class ZoneRound:
    """A zone's closed round; prices in KRW/m2.

    median: of the appraisal, 0 without one; dispersion_ppm of the reports that gave it. For FINAL:
    clip_krw_per_m2 is how high the accepted price could rise in the time since the last FINAL one,
    highest the highest accepted of the last anchors, limit the highest of both and of certified
    events; 0 for others. certified: what only such events let the zone rise, so far. rate_after
    over rate_before: the official index's change in the quarter, 0 and 0 when it is not known.
    digest: of its reports, see reports_digest.
    """

    outcome: Outcome
    reports: int
    median_krw_per_m2: int
    dispersion_ppm: int
    clip_krw_per_m2: int
    highest_krw_per_m2: int
    limit_krw_per_m2: int
    accepted_krw_per_m2: int
    counted_krw_per_m2: int
    certified_krw_per_m2: int
    rate_after: int
    rate_before: int
    digest: Hash


ZONE_ROUNDS: Final = table("land", "zone_round", ZoneRound)
"""ZoneRound by round and number of the zone, closed ones only."""


def zone_round(state: State, round_number: int, zone_number: int) -> ZoneRound | None:
    """A zone's closed round, or None."""
    return state.get(ZONE_ROUNDS, key(round_number, zone_number))


def settle(
    state: State, row: Round, number: int, zone: Zone, parameters: LandParameters
) -> tuple[ZoneValue, ZoneRound]:
    """Settle a zone's round whose appraisal is at its end, and write both rows.

    Returns what the oracle held before, and the closed round.
    """
    last = zone_value(state, number)
    reports = reports_of(state, row.number, number)
    factor = quarter_factor(state, zone.rate_region, row.number)
    blank = ZoneRound(
        outcome=Outcome.PROVISIONAL,
        reports=len(reports),
        median_krw_per_m2=0,
        dispersion_ppm=0,
        clip_krw_per_m2=0,
        highest_krw_per_m2=0,
        limit_krw_per_m2=0,
        accepted_krw_per_m2=last.accepted_krw_per_m2,
        counted_krw_per_m2=rolled(last.counted_krw_per_m2, factor),
        certified_krw_per_m2=last.certified_krw_per_m2,
        rate_after=factor[0] if factor else 0,
        rate_before=factor[1] if factor else 0,
        digest=reports_digest(reports),
    )
    if not row.is_anchor:
        result = _unless_stale(row, last, zone, blank, parameters)
        value = replace(last, counted_krw_per_m2=result.counted_krw_per_m2)
    else:
        appraisal = present(
            find_appraisal(state, row.number, number),
            f"the appraisal of zone {zone.id} in round {row.number}",
        )
        ensure(
            appraisal.phase in _OUTCOMES,
            f"round {row.number} closes while zone {zone.id} is in {appraisal.phase.name}",
        )
        if appraisal.phase is Phase.FINAL:
            limit = certified_limit(state, number, row.number)
            result = _final(row, last, appraisal, blank, limit, parameters)
            value = _final_value(row, last, reports, result)
        else:
            result = _held(row, last, zone, appraisal, blank, factor, parameters)
            value = replace(
                last,
                counted_krw_per_m2=result.counted_krw_per_m2,
                anchored_krw_per_m2=result.counted_krw_per_m2,
                recent=last.recent_with(result.accepted_krw_per_m2),
            )
    state.put(ZONE_VALUES, key(number), value)
    state.put(ZONE_ROUNDS, key(row.number, number), result)
    return last, result


def _final(
    row: Round,
    last: ZoneValue,
    appraisal: Appraisal,
    blank: ZoneRound,
    certified: int,
    parameters: LandParameters,
) -> ZoneRound:
    """Clip-and-carry: A' = min(m, max(clip, the highest of the last anchors, certified limit))."""
    clip = clip_limit(
        last.accepted_krw_per_m2,
        row.calendar_end_ms - last.final_calendar_ms,
        parameters.clip_bps_a_year,
    )
    highest = max(last.recent)
    limit = max(clip, highest, certified)
    accepted = accepted_price(appraisal.median_krw_per_m2, limit)
    return replace(
        blank,
        outcome=Outcome.FINAL,
        median_krw_per_m2=appraisal.median_krw_per_m2,
        dispersion_ppm=appraisal.dispersion_ppm,
        clip_krw_per_m2=clip,
        highest_krw_per_m2=highest,
        limit_krw_per_m2=limit,
        accepted_krw_per_m2=accepted,
        counted_krw_per_m2=accepted,
        certified_krw_per_m2=last.certified_krw_per_m2 + max(0, accepted - max(clip, highest)),
    )


def _final_value(row: Round, last: ZoneValue, reports: Reports, result: ZoneRound) -> ZoneValue:
    # The oldest date of those who gave the value: it goes stale by its weakest report. Blind
    # reports are no older than the round, so counting all of them is on the safe side.
    oldest_ms = min(report.valuation_date_ms for _, report in reports)
    accepted = result.accepted_krw_per_m2
    return ZoneValue(
        accepted_krw_per_m2=accepted,
        counted_krw_per_m2=accepted,
        anchored_krw_per_m2=accepted,
        final_round=row.number,
        valued_calendar_ms=row.calendar_at(oldest_ms),
        final_calendar_ms=row.calendar_end_ms,
        certified_krw_per_m2=result.certified_krw_per_m2,
        recent=last.recent_with(accepted),
    )


def _held(
    row: Round,
    last: ZoneValue,
    zone: Zone,
    appraisal: Appraisal,
    blank: ZoneRound,
    factor: tuple[int, int] | None,
    parameters: LandParameters,
) -> ZoneRound:
    """Without a FINAL value: never above what counted at the last anchor or counts now."""
    counted = last.counted_krw_per_m2
    held = min(last.anchored_krw_per_m2, counted, rolled(counted, factor))
    outcome = _OUTCOMES[appraisal.phase]
    if outcome in DOWNWARD:
        # The accepted price stands: nobody could challenge this median, and the way back up from a
        # false one would be the clip's.
        held = min(held, appraisal.median_krw_per_m2)
    result = replace(
        blank,
        outcome=outcome,
        median_krw_per_m2=appraisal.median_krw_per_m2,
        dispersion_ppm=appraisal.dispersion_ppm,
        accepted_krw_per_m2=last.accepted_krw_per_m2,
        counted_krw_per_m2=held,
    )
    return _unless_stale(row, last, zone, result, parameters)


def _unless_stale(
    row: Round, last: ZoneValue, zone: Zone, result: ZoneRound, parameters: LandParameters
) -> ZoneRound:
    """The round as it is, or counting at min(last, base) when the last FINAL value is too old."""
    age_ms = row.calendar_end_ms - last.valued_calendar_ms
    if last.final_round == 0 or age_ms <= parameters.stale_ms:
        return result
    return replace(
        result,
        outcome=result.outcome if result.outcome in DOWNWARD else Outcome.STALE,
        counted_krw_per_m2=min(result.counted_krw_per_m2, zone.base_krw_per_m2),
    )


def enough_reports(reports: Reports, minimum: int) -> bool:
    """Whether panel and further appraisers gave as many reports as a value needs."""
    return sum(report.seat is not Seat.BLIND for _, report in reports) >= minimum
