"""What others may read of issuance: plain maps of a state.

Values are ints, strings, None, lists and maps of them. Token amounts and KRW sums are decimal
strings (JSON numbers lose digits above 2^53); prices per m2, times in ms and ratios are ints.
"""

from ledger.crypto import checksum_address
from ledger.rows import present
from ledger.state import State
from tokenomics.facts import months
from tokenomics.facts.rate_corrections import index_until
from tokenomics.facts.rates import NATION
from tokenomics.issuance.ceiling import coverage_bps
from tokenomics.issuance.derivation import (
    IssuanceRound,
    IssuanceState,
    has_issuance,
    issuance_round,
    opening_totals,
    totals,
    window,
)
from tokenomics.oracle.land_views import View, index, rounds_final, value_krw
from tokenomics.oracle.rounds import town_round
from tokenomics.oracle.zone_rounds import zone_round
from tokenomics.oracle.zones import base_value_krw, zones
from tokenomics.params import IssuanceParameters, Mode, issuance_parameters
from tokenomics.ports import Token
from tokenomics.standins import TREASURY_POOL


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
        "parameters": _parameters(parameters),
        "derivation": None if row is None else _derivation(state, row, now.genesis_allocation),
    }


def summary(state: State, token: Token) -> View:
    """The figures that the command line ends with: live (L) and recognised (R) in KRW."""
    now, parameters = _issuance_now(state, token)
    value, base = value_krw(state), base_value_krw(state)
    row = issuance_round(state, now.round)
    return {
        "land_index": index(value, base),
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


def _parameters(rules: IssuanceParameters | IssuanceRound) -> View:
    """Those in force, or those with which a round was settled."""
    return {
        "mode": rules.mode.name,
        "lambda_bps": rules.lambda_bps,
        "price_krw_per_token": rules.price_krw_per_token,
        "hard_cap": str(rules.hard_cap),
        "window_anchors": rules.window_anchors,
        "limit_bps": rules.limit_bps,
        "limit_room_divisor": rules.limit_room_divisor,
        "limit_bound_bps": rules.limit_bound_bps,
    }


def _derivation(state: State, row: IssuanceRound, genesis_allocation: int) -> View:
    """Every input and result of a round, in order of computation, by the names of the formula."""
    town = town_round(state, row.number)
    before = issuance_round(state, row.number - 1)
    anchors = window(state, row.number, row.mode, row.window_anchors)
    return {
        "round": row.number,
        "parameters": _parameters(row),
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
                "certified_krw_per_m2": settled.certified_krw_per_m2,
            }
            for number, zone in enumerate(zones(state))
            if (settled := zone_round(state, row.number, number))
        ],
        "value_krw": str(row.value_krw),
        "base_value_krw": str(row.base_value_krw),
        "costs_krw": str(row.costs_krw),
        "normal_growth_index": _normal_growth_index(state, row),
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
        "certified_recognised_before_krw": str(
            0 if before is None else before.certified_recognised_krw
        ),
        "certified_recognised_krw": str(row.certified_recognised_krw),
        "certified_entitlement_before": str(0 if before is None else before.certified_entitlement),
        "certified_entitlement": str(row.certified_entitlement),
        "genesis_allocation": str(genesis_allocation),
        "ceiling": str(row.ceiling),
        "issued_before": str(row.issued - row.minted),
        "room": str(row.room),
        "certified_issued_before": str(row.certified_issued - row.certified_minted),
        "room_certified": str(row.room_certified),
        "cover": str(row.cover),
        "burned_in_round": str(row.burned),
        "burned_in_all": str(row.burned_in_all),
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


def _normal_growth_index(state: State, row: IssuanceRound) -> str | None:
    """The nation's index by which N was computed, whatever was corrected since; None in mode
    GROSS and where N is unknown."""
    if row.mode is Mode.GROSS or row.normal_growth_krw is None:
        return None
    town = present(town_round(state, row.number), f"town round {row.number}")
    last = months.last_month(row.number)
    return _known(index_until(state, NATION, last, town.closed_ms))


def _known(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
