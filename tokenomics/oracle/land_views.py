"""What others may read of land: plain maps of a state, as in tokenomics.issuance.views."""

from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.primitives import Address, Hash
from ledger.state import State
from tokenomics.facts.fact_views import official_until
from tokenomics.oracle import uplift
from tokenomics.oracle.appraisals import Appraisal, appraisals_of, find_appraisal
from tokenomics.oracle.challenges import challenge_of
from tokenomics.oracle.land_rules import parameters_of
from tokenomics.oracle.phases import COMMITTING, Step, next_phase
from tokenomics.oracle.proceedings import phase_length_ms
from tokenomics.oracle.reports import COMMITMENTS, REPORTS, report_key, reports_of
from tokenomics.oracle.rounds import (
    TOWN_ROUNDS,
    Round,
    TownRound,
    find_round,
    open_rounds,
    schedule,
    town_round,
)
from tokenomics.oracle.zone_rounds import zone_round as closed_zone_round
from tokenomics.oracle.zones import Zone, base_value_krw, find_zone, zone_value, zones

View = dict[str, Any]

INDEX_BASE: Final = 100_000
"""The land index of the base."""
MAX_LISTED_ROUNDS: Final = 256
"""Town rounds that one answer lists."""


def land_index(state: State) -> View:
    """The town's index now and at each closed round, what the open rounds still wait for, and up
    to which month official rates are there."""
    now, base = schedule(state), base_value_krw(state)
    value = value_krw(state)
    first = max(1, now.closed - MAX_LISTED_ROUNDS + 1)
    return {
        "land_index": index(value, base),
        "value_krw": str(value),
        "base_value_krw": str(base),
        "newest_round": now.newest,
        "closed_rounds": now.closed,
        "rounds_final": rounds_final(state),
        "open_rounds": [_open_round(state, row) for row in open_rounds(state)],
        "rates": official_until(state),
        "rounds": list_rounds(state, first, now.closed - first + 1),
    }


def list_rounds(state: State, first: int, count: int) -> list[View]:
    """Closed town rounds from number `first` on, in order; at most MAX_LISTED_ROUNDS of them."""
    base, closed = base_value_krw(state), schedule(state).closed
    start = max(1, first)
    last = min(closed, start + min(count, MAX_LISTED_ROUNDS) - 1)
    found = (town_round(state, number) for number in range(start, last + 1))
    return [_town_round(row, base) for row in found if row is not None]


def zone_list(state: State) -> list[View]:
    """Every zone with its accepted value, and how its newest closed round ended."""
    return [_zone(state, number, zone) for number, zone in enumerate(zones(state))]


def zone_round(state: State, zone_id: str, number: int | None) -> View | None:
    """A round of a zone: phase, deadlines, seats, who is missing, reports, and what was settled.

    None for `number` is the newest round whose appraisal has begun, else the newest that opened.
    None for an unknown zone or a round that has not opened.
    """
    found = find_zone(state, zone_id)
    newest = schedule(state).newest
    row = find_round(state, max(newest - 1, min(1, newest)) if number is None else number)
    if found is None or row is None:
        return None
    zone_number = found[0]
    appraisal = find_appraisal(state, row.number, zone_number)
    settled = closed_zone_round(state, row.number, zone_number)
    town = town_round(state, row.number)
    return {
        "zone": zone_id,
        **_window(row),
        "state": settled.outcome.name if settled else "OPEN",
        **_phase(state, row, zone_number, appraisal),
        "closed_ms": town.closed_ms if town else None,
        "median_krw_per_m2": settled.median_krw_per_m2
        if settled
        else appraisal.median_krw_per_m2 or None
        if appraisal
        else None,
        "dispersion_ppm": settled.dispersion_ppm if settled else None,
        "limit_krw_per_m2": settled.limit_krw_per_m2 if settled else None,
        "accepted_krw_per_m2": settled.accepted_krw_per_m2 if settled else None,
        "counted_krw_per_m2": settled.counted_krw_per_m2 if settled else None,
        "reports": _reports(state, row.number, zone_number),
        "challenge": _challenge(state, row.number, zone_number, appraisal),
    }


def rounds_final(state: State) -> int:
    """Closed town rounds with every zone FINAL."""
    count = len(zones(state))
    return sum(row.zones_final == count for _, row in state.iterate(TOWN_ROUNDS))


def index(value: int, base_value: int) -> int:
    """INDEX_BASE for a chain without land."""
    return value * INDEX_BASE // base_value if base_value else INDEX_BASE


def value_krw(state: State) -> int:
    """V of the last closed town round; the base value before any."""
    last = town_round(state, schedule(state).closed)
    return base_value_krw(state) if last is None else last.value_krw


def missing(
    state: State, round_number: int, zone_number: int, appraisal: Appraisal
) -> tuple[Address, ...]:
    """Whose commitment (in a committing phase) or report (in a revealing one) is still awaited.

    Who has not committed has nothing to reveal, and is not awaited any more.
    """
    keys = {who: report_key(round_number, zone_number, who) for who in appraisal.seats}
    committed = {who for who in keys if state.get(COMMITMENTS, keys[who]) is not None}
    if appraisal.phase in COMMITTING:
        return tuple(who for who in keys if who not in committed)
    return tuple(who for who in keys if who in committed and state.get(REPORTS, keys[who]) is None)


def _hex(value: Hash) -> str:
    return "0x" + value.hex()


def _window(row: Round) -> View:
    return {
        "round": row.number,
        "is_anchor": row.is_anchor,
        "opened_ms": row.opened_ms,
        "end_ms": row.end_ms,
        "deadline_ms": row.deadline_ms,
        "length_ms": row.length_ms,
    }


def _phase(state: State, row: Round, zone_number: int, appraisal: Appraisal | None) -> View:
    """Where an appraisal stands; before it begins, and without one, there is no phase."""
    if appraisal is None:
        return {
            "phase": None,
            "phase_deadline_ms": None,
            "reveal_ms": None,
            "panel": [],
            "further": [],
            "blind": [],
            "missing": [],
        }
    awaited = missing(state, row.number, zone_number, appraisal)
    return {
        "phase": appraisal.phase.name,
        "phase_deadline_ms": appraisal.deadline_ms,
        "reveal_ms": _reveal_ms(state, row, appraisal),
        **_seats(appraisal),
        "missing": [checksum_address(who) for who in awaited],
    }


def _reveal_ms(state: State, row: Round, appraisal: Appraisal) -> int | None:
    """How long the phase lasts in which what may be committed now is revealed."""
    if appraisal.phase not in COMMITTING:
        return None
    revealing = next_phase(appraisal.phase, Step.COMMITTED)
    return phase_length_ms(row, revealing, parameters_of(state, row.number))


def _reports(state: State, round_number: int, zone_number: int) -> list[View]:
    return [
        {
            "appraiser": checksum_address(appraiser),
            "seat": report.seat.name,
            "price_krw_per_m2": report.price_krw_per_m2,
            "valuation_date_ms": report.valuation_date_ms,
            "method": report.method,
            "comparables": report.comparables,
            "document_hash": _hex(report.document_hash),
            "transaction": _hex(report.transaction),
        }
        for appraiser, report in reports_of(state, round_number, zone_number)
    ]


def _challenge(
    state: State, round_number: int, zone_number: int, appraisal: Appraisal | None
) -> View | None:
    row = challenge_of(state, round_number, zone_number)
    if row is None or appraisal is None:
        return None
    return {
        "challenger": checksum_address(row.challenger),
        "chamber": row.chamber,
        "ground": row.ground,
        "evidence_hash": _hex(row.evidence_hash),
        "transaction": _hex(row.transaction),
        "verdict": row.verdict.name,
        "blind_median_krw_per_m2": appraisal.blind_median_krw_per_m2 or None,
    }


def _open_round(state: State, row: Round) -> View:
    """With each zone's phase, its seats, and whose message is missing; no zones before the
    appraisal."""
    town, found = zones(state), []
    for number, appraisal in appraisals_of(state, row.number):
        awaited = missing(state, row.number, number, appraisal)
        found.append(
            {
                "zone": town[number].id,
                "phase": appraisal.phase.name,
                "deadline_ms": appraisal.deadline_ms,
                **_seats(appraisal),
                "missing": [checksum_address(who) for who in awaited],
            }
        )
    return {**_window(row), "zones": found}


def _seats(appraisal: Appraisal) -> View:
    """Who was seated so far, each list in the order of seats."""
    return {
        "panel": [checksum_address(who) for who in appraisal.panel],
        "further": [checksum_address(who) for who in appraisal.further],
        "blind": [checksum_address(who) for who in appraisal.blind],
    }


def _town_round(row: TownRound, base: int) -> View:
    return {
        "round": row.number,
        "is_anchor": row.is_anchor,
        "closed_ms": row.closed_ms,
        "land_index": index(row.value_krw, base),
        "value_krw": str(row.value_krw),
        "zones_final": row.zones_final,
        "reports": row.reports,
        "reports_hash": _hex(row.reports_hash),
    }


def _zone(state: State, number: int, zone: Zone) -> View:
    value = zone_value(state, number)
    now = schedule(state)
    last = closed_zone_round(state, now.closed, number)
    appraisal = find_appraisal(state, now.newest - 1, number) if now.newest > 1 else None
    counted = value.counted_krw_per_m2
    return {
        "zone": zone.id,
        "legal_dong_code": zone.legal_dong_code,
        "name_ko": zone.name_ko,
        "name_en": zone.name_en,
        "rate_region": zone.rate_region,
        "parcel_root": _hex(zone.parcel_root),
        "area_tenth_m2": zone.area_tenth_m2,
        "base_krw_per_m2": zone.base_krw_per_m2,
        "accepted_krw_per_m2": value.accepted_krw_per_m2,
        "recent_krw_per_m2": list(value.recent),
        "counted_krw_per_m2": counted,
        "certified_krw_per_m2": value.certified_krw_per_m2,
        "value_krw": str(uplift.zone_value_krw(zone.area_tenth_m2, counted)),
        "final_round": value.final_round,
        "last_round": now.closed,
        "last_outcome": None if last is None else last.outcome.name,
        "dispersion_ppm": None if last is None else last.dispersion_ppm,
        "phase": None if appraisal is None else appraisal.phase.name,
    }
