"""What the API shows of parameters: in force and to come, bounds, unit, each change by a vote.

Values are decimal text, because some are larger than what every language's numbers hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Final, Protocol

from ledger.state import State
from tokenomics.distribution.distribution_rules import (
    COMING_PARAMETERS,
    SET_DISTRIBUTION_PARAMETER,
)
from tokenomics.distribution.pool_params import distribution_parameters, has_distribution
from tokenomics.issuance.derivation import has_issuance
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER
from tokenomics.oracle.land_rules import SET_LAND_PARAMETER, parameters_of
from tokenomics.oracle.land_views import View
from tokenomics.oracle.rounds import has_land, open_rounds
from tokenomics.parameter_changes import HISTORIES, changes_of
from tokenomics.params import issuance_parameters, land_parameters

_BLOCK_MS: Final = "ms of block time"
UNITS: Final[Mapping[str, Mapping[str, str]]] = {
    "land": {
        "quarter_ms": _BLOCK_MS,
        "scaled_quarter_ms": _BLOCK_MS,
        "scaled_rounds": "rounds",
        "anchor_every_rounds": "rounds, 1 or 4",
        "commit_ms": _BLOCK_MS,
        "reveal_ms": _BLOCK_MS,
        "reappraisal_ms": _BLOCK_MS,
        "challenge_ms": _BLOCK_MS,
        "dispute_ms": _BLOCK_MS,
        "grace_bps": "bps of a round's length",
        "min_reports": "reports",
        "clip_bps_a_year": "bps a year",
        "stale_ms": "ms of the calendar",
        "unit_error_factor": "times the last value",
    },
    "issuance": {
        "mode": "1 GROSS, 2 NET",
        "lambda_bps": "bps of the recognised uplift",
        "price_krw_per_token": "KRW a token",
        "hard_cap": "smallest token units",
        "window_anchors": "anchors",
        "limit_bps": "bps of E0 a quarter",
        "limit_room_divisor": "a quarter takes at least the room divided by it",
        "limit_bound_bps": "bps of E0 a quarter",
    },
    "distribution": {
        "weight_decay_percent": "percent of the quarter before",
        "weight_floor_ppm": "ppm",
        "idle_quarters": "quarters",
        "cliff_quarters": "quarters",
        "vesting_quarters": "quarters",
        "reserve_rounds": "rounds",
        "holder_cap_bps": "bps of a pool's shares",
        "holder_cap_multiple": "times an even share",
    },
}
"""Unit of each parameter by module."""
_CHANGED_BY: Final = {
    "land": SET_LAND_PARAMETER.name,
    "issuance": SET_ISSUANCE_PARAMETER.name,
    "distribution": SET_DISTRIBUTION_PARAMETER.name,
}


class _Bounded(Protocol):
    def bounds(self) -> Mapping[str, tuple[int, int]]: ...


def parameters(state: State) -> list[View]:
    """Every parameter of the modules that the chain has. coming: what the next round goes by where
    that differs, None elsewhere.

    Of land, `value` is what the oldest open round goes by.
    """
    return [
        {
            "module": module,
            "name": name,
            "position": None,
            "value": _number(now, name),
            "coming": _number(coming, name)
            if _number(coming, name) != _number(now, name)
            else None,
            "lowest": str(int(lowest)),
            "highest": str(int(highest)),
            "unit": UNITS[module][name],
            "changed_by": _CHANGED_BY[module],
        }
        for module, now, coming in _rules(state)
        for name, (lowest, highest) in _in_order(coming)
    ]


def parameter_changes(state: State, *, most: int) -> list[View]:
    """Changes by module, the newest first, at most `most` of each. cause: hash of the content of
    the proposal that decided it."""
    return [
        {
            "module": module,
            "name": row.name,
            "position": None,
            "before": str(row.before),
            "after": str(row.after),
            "from_round": row.from_round,
            "time_ms": row.changed_ms,
            "cause": row.cause,
        }
        for module in HISTORIES
        for row in changes_of(state, module, most=most)
    ]


def _rules(state: State) -> Iterator[tuple[str, _Bounded, _Bounded]]:
    """(module, rules in force, rules to come) of the modules that the chain has."""
    if has_land(state):
        newest = land_parameters(state)
        oldest = next(open_rounds(state), None)
        yield "land", newest if oldest is None else parameters_of(state, oldest.number), newest
    if has_issuance(state):
        rules = issuance_parameters(state)
        yield "issuance", rules, rules
    if has_distribution(state):
        pools, coming = distribution_parameters(state), state.get(COMING_PARAMETERS, b"")
        yield "distribution", pools, pools if coming is None else coming


def _in_order(rules: _Bounded) -> list[tuple[str, tuple[int, int]]]:
    """Names and bounds in the order in which the rules have them."""
    bounds = rules.bounds()
    names = [field.name for field in fields(rules)]  # type: ignore[arg-type]  # a dataclass
    return [(name, bounds[name]) for name in names]


def _number(rules: object, name: str) -> str:
    return str(int(getattr(rules, name)))
