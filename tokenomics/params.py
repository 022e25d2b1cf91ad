"""What the rules of land and issuance leave open, as frozen values that state holds.

Each is checked when made, so no invalid value can reach state; defaults are those of the design,
tried on real price series. All are constitutional: each can loosen supply.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final, TypeVar

from ledger.errors import LocalError
from ledger.primitives import BPS, MAX_AMOUNT, UNIT
from ledger.rows import Amount, present, table
from ledger.state import State
from ledger.strict_json import JsonReader

DAY_MS: Final = 86_400_000
YEAR_MS: Final = 365 * DAY_MS
"""The year of every yearly rule, in calendar ms (before any time scale)."""
QUARTER_MS: Final = YEAR_MS // 4

MAX_ZONES: Final = 64
MAX_APPRAISERS: Final = 64
"""On the registry."""
PANEL_SEATS: Final = 5
ROUNDS_A_YEAR: Final = 4
MAX_PRICE_KRW_PER_M2: Final = 10**9
MAX_AREA_TENTH_M2: Final = 10**10
MAX_WINDOW_ANCHORS: Final = 64
MAX_GRACE_BPS: Final = 4 * BPS
MAX_PHASE_QUARTERS: Final = 2
MAX_SCALED_ROUNDS: Final = 100_000

MAX_AMOUNT_DIGITS: Final = 39

GENESIS: Final = JsonReader("genesis")
"""Reads the sections of genesis in this room."""

P = TypeVar("P")


def _check(parameters: object, bounds: Mapping[str, tuple[int, int]]) -> None:
    for name, (low, high) in bounds.items():
        value = getattr(parameters, name)
        if not low <= value <= high:
            raise LocalError(f"parameter {name} is {int(value)}, expected {low}..{high}")


class Mode(IntEnum):
    """Whether the nation's normal growth is taken off before anything is minted."""

    GROSS = 1
    NET = 2


@dataclass(frozen=True, slots=True)
class LandParameters:
    """Rules of rounds and valuation. Lengths in ms; "calendar" ms know no time scale.

    The first `scaled_rounds` rounds last `scaled_quarter_ms` of block time each, later ones
    `quarter_ms`; each is one quarter of the calendar, by which clip and staleness count. Every
    `anchor_every_rounds`-th round is an anchor, which holds an appraisal in each zone. The lengths
    of its phases are those at `quarter_ms` and scale with the round; a re-appraisal and a dispute
    commit in the first half of theirs and reveal in the second. `grace_bps` of a round's length is
    how much longer than all phases together its close waits, for late blocks and official rates.
    """

    quarter_ms: int = QUARTER_MS
    scaled_quarter_ms: int = QUARTER_MS
    scaled_rounds: int = 0
    anchor_every_rounds: int = 1
    commit_ms: int = 20 * DAY_MS
    reveal_ms: int = 10 * DAY_MS
    reappraisal_ms: int = 20 * DAY_MS
    challenge_ms: int = 14 * DAY_MS
    dispute_ms: int = 20 * DAY_MS
    grace_bps: int = BPS // 10
    min_reports: int = 3
    clip_bps_a_year: int = 800
    stale_ms: int = 550 * DAY_MS
    unit_error_factor: int = 10

    def bounds(self) -> Mapping[str, tuple[int, int]]:
        """(lowest, highest) of each, at the values of the others."""
        phase_ms = (1, MAX_PHASE_QUARTERS * self.quarter_ms)
        return {
            "quarter_ms": (1, YEAR_MS),
            "scaled_quarter_ms": (10, YEAR_MS),
            "scaled_rounds": (0, MAX_SCALED_ROUNDS),
            "anchor_every_rounds": (1, ROUNDS_A_YEAR),
            "commit_ms": phase_ms,
            "reveal_ms": phase_ms,
            "reappraisal_ms": phase_ms,
            "challenge_ms": phase_ms,
            "dispute_ms": phase_ms,
            "grace_bps": (0, MAX_GRACE_BPS),
            "min_reports": (1, PANEL_SEATS),
            "clip_bps_a_year": (0, BPS),
            "stale_ms": (self.quarter_ms, 100 * YEAR_MS),
            "unit_error_factor": (2, 1_000),
        }

    def __post_init__(self) -> None:
        _check(self, self.bounds())
        if self.anchor_every_rounds not in (1, ROUNDS_A_YEAR):
            raise LocalError(
                f"parameter anchor_every_rounds is {self.anchor_every_rounds}, expected 1 (every "
                f"quarter) or {ROUNDS_A_YEAR} (once a year)"
            )

    def length_ms(self, round_number: int) -> int:
        """Block time that round `round_number` (from 1) lasts."""
        return self.scaled_quarter_ms if round_number <= self.scaled_rounds else self.quarter_ms

    def phases_ms(self) -> int:
        """The longest that an appraisal may take at `quarter_ms`: all phases after each other."""
        return (
            self.commit_ms
            + self.reveal_ms
            + self.reappraisal_ms
            + self.challenge_ms
            + self.dispute_ms
        )


@dataclass(frozen=True, slots=True)
class IssuanceParameters:
    """Rules of recognition, ceiling and mint. `hard_cap` in smallest token units.

    A recognised uplift of `price_krw_per_token` * 10000 / `lambda_bps` KRW entitles to one token.
    """

    mode: Mode = Mode.GROSS
    lambda_bps: int = 2_500
    price_krw_per_token: int = 1_000
    hard_cap: Amount = 10**9 * UNIT
    window_anchors: int = 9
    limit_bps: int = 80
    limit_room_divisor: int = 24
    limit_bound_bps: int = 500

    def bounds(self) -> Mapping[str, tuple[int, int]]:
        """(lowest, highest) of each, at the values of the others."""
        return {
            "mode": (Mode.GROSS, Mode.NET),
            "lambda_bps": (1, BPS),
            "price_krw_per_token": (1, 10**9),
            "hard_cap": (0, MAX_AMOUNT),
            "window_anchors": (1, MAX_WINDOW_ANCHORS),
            "limit_bps": (0, self.limit_bound_bps),
            "limit_room_divisor": (1, 10_000),
            "limit_bound_bps": (0, BPS),
        }

    def __post_init__(self) -> None:
        _check(self, self.bounds())


LAND_PARAMETERS: Final = table("land", "params", LandParameters)
"""One row, at the empty key."""
ISSUANCE_PARAMETERS: Final = table("issuance", "params", IssuanceParameters)
"""One row, at the empty key."""


def land_parameters(state: State) -> LandParameters:
    """The rules of land in force."""
    return present(state.get(LAND_PARAMETERS, b""), "land parameters")


def issuance_parameters(state: State) -> IssuanceParameters:
    """The rules of issuance in force."""
    return present(state.get(ISSUANCE_PARAMETERS, b""), "issuance parameters")


def _big_integer(value: object, place: str) -> int:
    """An amount: an integer, or decimal text, in which no language loses digits."""
    number = int(value) if isinstance(value, str) and _is_decimal(value) else value
    return GENESIS.integer(number, place, 0, MAX_AMOUNT)


def _is_decimal(value: str) -> bool:
    """ASCII digits, few enough for any amount."""
    return value.isascii() and value.isdigit() and len(value) <= MAX_AMOUNT_DIGITS


def parameters_from(value: object, place: str, kind: type[P]) -> P:
    """Parameters `kind` from an object of genesis; what it does not name keeps its default."""
    names = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]  # a dataclass
    given = GENESIS.fields(value, place, optional=names)
    return kind(
        **{
            name: _mode(item, f"{place}.{name}")
            if name == "mode"
            else _big_integer(item, f"{place}.{name}")
            for name, item in given.items()
        }
    )


def _mode(value: object, place: str) -> Mode:
    if value not in (names := [mode.name for mode in Mode]):
        raise GENESIS.error(place, f"one of {names}", value)
    return Mode[str(value)]
