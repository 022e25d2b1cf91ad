"""What others may read of land and issuance: plain maps of a state.

Values are ints, strings, None, lists and maps of them. Token amounts and KRW sums are decimal
strings (JSON numbers lose digits above 2^53); prices per m2, times in ms and ratios are ints.
"""

from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.rows import key
from ledger.state import State
from tokenomics import uplift
from tokenomics.ceiling import coverage_bps
from tokenomics.closing import ZONE_ROUNDS
from tokenomics.derivation import (
    IssuanceRound,
    IssuanceState,
    has_issuance,
    issuance_round,
    opening_totals,
    totals,
    window,
)
from tokenomics.params import IssuanceParameters, issuance_parameters
from tokenomics.ports import Roles, Token
from tokenomics.reports import reports_of
from tokenomics.rounds import (
    TOWN_ROUNDS,
    Round,
    TownRound,
    find_round,
    open_rounds,
    schedule,
    town_round,
)
from tokenomics.standins import TREASURY_POOL
from tokenomics.zones import Zone, base_value_krw, find_zone, zone_value, zones

View = dict[str, Any]

INDEX_BASE: Final = 100_000
"""The land index of the base."""
MAX_LISTED_ROUNDS: Final = 256
"""Closed town rounds that one answer lists, the newest."""


def land_index(state: State, roles: Roles) -> View:
    """The town's index now and at each closed round, and what the open rounds still wait for."""
    now, base = schedule(state), base_value_krw(state)
    value = _value_krw(state)
    first = max(1, now.closed - MAX_LISTED_ROUNDS + 1)
    closed = [row for n in range(first, now.closed + 1) if (row := town_round(state, n))]
    return {
        "land_index": _index(value, base),
        "value_krw": str(value),
        "base_value_krw": str(base),
        "newest_round": now.newest,
        "closed_rounds": now.closed,
        "rounds_final": rounds_final(state),
        "open_rounds": [_open_round(state, row, roles) for row in open_rounds(state)],
        "rounds": [_town_round(row, base) for row in closed],
    }


def zone_list(state: State) -> list[View]:
    """Every zone with its accepted value, and how its newest closed round ended."""
    return [_zone(state, number, zone) for number, zone in enumerate(zones(state))]


def zone_round(state: State, zone_id: str, number: int | None) -> View | None:
    """A round of a zone with its reports; None for `number` is the newest that opened.

    None for an unknown zone or a round that has not opened.
    """
    found = find_zone(state, zone_id)
    row = find_round(state, schedule(state).newest if number is None else number)
    if found is None or row is None:
        return None
    zone_number = found[0]
    settled = state.get(ZONE_ROUNDS, key(row.number, zone_number))
    town = town_round(state, row.number)
    return {
        "zone": zone_id,
        **_window(row),
        "state": "OPEN" if settled is None else settled.outcome.name,
        "closed_ms": None if town is None else town.closed_ms,
        "median_krw_per_m2": settled.median_krw_per_m2 if settled else None,
        "dispersion_ppm": settled.dispersion_ppm if settled else None,
        "limit_krw_per_m2": settled.limit_krw_per_m2 if settled else None,
        "accepted_krw_per_m2": settled.accepted_krw_per_m2 if settled else None,
        "counted_krw_per_m2": settled.counted_krw_per_m2 if settled else None,
        "reports": [
            {
                "appraiser": checksum_address(appraiser),
                "price_krw_per_m2": report.price_krw_per_m2,
                "valuation_date_ms": report.valuation_date_ms,
                "method": report.method,
                "comparables": report.comparables,
                "document_hash": "0x" + report.document_hash.hex(),
                "transaction": "0x" + report.transaction.hex(),
            }
            for appraiser, report in reports_of(state, row.number, zone_number)
        ],
    }


def issuance(state: State, token: Token, number: int | None = None) -> View | None:
    """The supply now, and the whole derivation of round `number` (None: the last settled).

    None for a round that was not settled; before the first round "derivation" is None.
    """
    now, parameters = _issuance_now(state, token)
    row = issuance_round(state, now.round if number is None else number)
    if row is None and number is not None:
        return None
    ceiling = min(parameters.hard_cap, now.genesis_allocation + now.entitlement)
    return {
        "round": now.round,
        "ceiling": str(ceiling),
        "issued": str(now.issued),
        "minted": str(now.issued - now.genesis_allocation),
        "burned": str(now.issued - token.supply(state)),
        "headroom": str(ceiling - now.issued),
        "genesis_allocation": str(now.genesis_allocation),
        "treasury_pool": checksum_address(TREASURY_POOL),
        "parameters": {
            "mode": parameters.mode.name,
            "lambda_bps": parameters.lambda_bps,
            "price_krw_per_token": parameters.price_krw_per_token,
            "hard_cap": str(parameters.hard_cap),
            "window_anchors": parameters.window_anchors,
            "limit_bps": parameters.limit_bps,
            "limit_room_divisor": parameters.limit_room_divisor,
            "limit_bound_bps": parameters.limit_bound_bps,
        },
        "derivation": None if row is None else _derivation(state, row),
    }


def summary(state: State, token: Token) -> View:
    """The figures that the command line ends with: live (L) and recognised (R) in KRW."""
    now, parameters = _issuance_now(state, token)
    value, base = _value_krw(state), base_value_krw(state)
    row = issuance_round(state, now.round)
    return {
        "land_index": _index(value, base),
        "live": str((row.live_krw if row else None) or 0),
        "recognised": str(now.recognised_krw),
        "ceiling": str(min(parameters.hard_cap, now.genesis_allocation + now.entitlement)),
        "issued": str(now.issued),
        "minted": str(now.issued - now.genesis_allocation),
        "rounds_closed": now.round,
        "rounds_final": rounds_final(state),
    }


def _issuance_now(state: State, token: Token) -> tuple[IssuanceState, IssuanceParameters]:
    """Totals and parameters; without issuance, all that exists is genesis allocation and cap."""
    if has_issuance(state):
        return totals(state), issuance_parameters(state)
    supply = token.supply(state)
    return opening_totals(supply), IssuanceParameters(hard_cap=supply)


def rounds_final(state: State) -> int:
    """Closed town rounds with every zone FINAL."""
    count = len(zones(state))
    return sum(row.zones_final == count for _, row in state.iterate(TOWN_ROUNDS))


def _index(value_krw: int, base_value_krw: int) -> int:
    """INDEX_BASE for a chain without land."""
    return value_krw * INDEX_BASE // base_value_krw if base_value_krw else INDEX_BASE


def _value_krw(state: State) -> int:
    """V of the last closed town round; the base value before any."""
    last = town_round(state, schedule(state).closed)
    return base_value_krw(state) if last is None else last.value_krw


def _window(row: Round) -> View:
    return {
        "round": row.number,
        "opened_ms": row.opened_ms,
        "end_ms": row.end_ms,
        "deadline_ms": row.deadline_ms,
        "length_ms": row.length_ms,
    }


def _open_round(state: State, row: Round, roles: Roles) -> View:
    missing = []
    for number, zone in enumerate(zones(state)):
        reported = {appraiser for appraiser, _ in reports_of(state, row.number, number)}
        missing += [
            {"zone": zone.id, "appraiser": checksum_address(appraiser)}
            for appraiser in roles.appraisers(state, zone.id)
            if appraiser not in reported
        ]
    return {**_window(row), "missing_reports": missing}


def _town_round(row: TownRound, base: int) -> View:
    return {
        "round": row.number,
        "closed_ms": row.closed_ms,
        "land_index": _index(row.value_krw, base),
        "value_krw": str(row.value_krw),
        "zones_final": row.zones_final,
        "reports": row.reports,
        "reports_hash": "0x" + row.reports_hash.hex(),
    }


def _zone(state: State, number: int, zone: Zone) -> View:
    value = zone_value(state, number)
    closed = schedule(state).closed
    last = state.get(ZONE_ROUNDS, key(closed, number))
    counted = value.accepted_krw_per_m2 if last is None else last.counted_krw_per_m2
    return {
        "zone": zone.id,
        "legal_dong_code": zone.legal_dong_code,
        "name_ko": zone.name_ko,
        "name_en": zone.name_en,
        "area_tenth_m2": zone.area_tenth_m2,
        "base_krw_per_m2": zone.base_krw_per_m2,
        "accepted_krw_per_m2": value.accepted_krw_per_m2,
        "counted_krw_per_m2": counted,
        "value_krw": str(uplift.zone_value_krw(zone.area_tenth_m2, counted)),
        "final_round": value.final_round,
        "last_round": closed,
        "last_outcome": None if last is None else last.outcome.name,
        "dispersion_ppm": None if last is None else last.dispersion_ppm,
    }


def _derivation(state: State, row: IssuanceRound) -> View:
    """Every input and result of a round, in order of computation, by the names of the formula."""
    town = town_round(state, row.number)
    before = issuance_round(state, row.number - 1)
    anchors = window(state, row.number, row.mode, issuance_parameters(state).window_anchors)
    return {
        "round": row.number,
        "reports": None if town is None else town.reports,
        "reports_hash": None if town is None else "0x" + town.reports_hash.hex(),
        "zones": [
            {
                "zone": zone.id,
                "area_tenth_m2": zone.area_tenth_m2,
                "base_krw_per_m2": zone.base_krw_per_m2,
                "outcome": settled.outcome.name,
                "median_krw_per_m2": settled.median_krw_per_m2,
                "accepted_krw_per_m2": settled.accepted_krw_per_m2,
                "counted_krw_per_m2": settled.counted_krw_per_m2,
            }
            for number, zone in enumerate(zones(state))
            if (settled := state.get(ZONE_ROUNDS, key(row.number, number)))
        ],
        "value_krw": str(row.value_krw),
        "base_value_krw": str(row.base_value_krw),
        "costs_krw": str(row.costs_krw),
        "normal_growth_krw": _known(row.normal_growth_krw),
        "mode": row.mode.name,
        "is_anchor": row.is_anchor,
        "live_krw": _known(row.live_krw),
        "certified_rise_krw": None if town is None else str(town.certified_krw),
        "certified_krw": _known(row.certified_krw),
        "window_live_krw": [str(anchor.live_krw) for anchor in anchors],
        "window_certified_krw": [str(anchor.certified_krw) for anchor in anchors],
        "lasting_krw": _known(row.lasting_krw),
        "certified_lasting_krw": _known(row.certified_lasting_krw),
        "recognition_open": row.recognition_open,
        "recognised_before_krw": str(0 if before is None else before.recognised_krw),
        "recognised_krw": str(row.recognised_krw),
        "entitlement_before": str(0 if before is None else before.entitlement),
        "entitlement": str(row.entitlement),
        "certified_recognised_krw": str(row.certified_recognised_krw),
        "certified_entitlement": str(row.certified_entitlement),
        "ceiling": str(row.ceiling),
        "issued_before": str(row.issued - row.minted),
        "room": str(row.room),
        "room_certified": str(row.room_certified),
        "cover": str(row.cover),
        "burned_in_round": str(row.burned),
        "outstanding": str(row.outstanding),
        "coverage_bps": coverage_bps(row.cover, row.outstanding),
        "town_scale": str(row.town_scale),
        "quarter_limit": str(row.quarter_limit),
        "elapsed_ms": row.elapsed_ms,
        "length_ms": row.length_ms,
        "limit": str(row.limit),
        "paused": row.paused,
        "minted": str(row.minted),
        "certified_minted": str(row.certified_minted),
        "issued": str(row.issued),
    }


def _known(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
