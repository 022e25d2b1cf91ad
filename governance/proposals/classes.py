"""Classes of proposals, their majorities, and the parameters of deciding within hard bounds.

The majorities are constants: on them rests which coalitions can decide (governance.md, "Proposal
classes"). What may change by vote is in GovernanceParameters, each inside bounds given here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ledger.errors import LocalError
from ledger.primitives import BPS
from ledger.rows import present, table
from ledger.state import State
from ledger.strict_json import JsonReader

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
YEAR_MS: Final = 365 * DAY_MS
MARK_MS: Final = 5 * DAY_MS
"""Delegations end at marks of the calendar this far apart, so that a delegate's weight at any
moment is the sum of at most 73 numbers."""

_GENESIS: Final = JsonReader("genesis")


class ProposalClass(IntEnum):
    """How grave a decision is; a higher class is stricter in every respect."""

    A = 1
    B = 2
    C = 3
    D = 4


@dataclass(frozen=True, slots=True)
class Majority:
    """What must consent, in bps; a strict bound has to be exceeded, another one reached.

    weight: of the seated, unrecused chambers. persons: Yes of Yes and No, over both persons'
    chambers; None where persons' votes have no majority of their own.
    """

    weight_bps: int
    weight_is_strict: bool
    persons_bps: int | None
    persons_is_strict: bool
    needs_both_persons: bool
    votes: int


MAJORITIES: Final[Mapping[ProposalClass, Majority]] = {
    ProposalClass.A: Majority(5_000, True, None, False, needs_both_persons=False, votes=1),
    ProposalClass.B: Majority(5_000, True, 5_000, True, needs_both_persons=False, votes=1),
    ProposalClass.C: Majority(6_000, False, 5_000, True, needs_both_persons=False, votes=1),
    ProposalClass.D: Majority(7_500, False, 6_000, False, needs_both_persons=True, votes=2),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What one vote is decided by, frozen when voting starts. Lengths in ms of block time."""

    proposal_class: ProposalClass
    loosens_supply: bool
    weight_bps: int
    weight_is_strict: bool
    persons_bps: int | None
    persons_is_strict: bool
    needs_both_persons: bool
    votes: int
    persons_quorum_bps: int
    institution_quorum_bps: int
    voting_ms: int
    timelock_ms: int
    delegate_bps: int


def _days(*days: int) -> tuple[int, ...]:
    return tuple(day * DAY_MS for day in days)


@dataclass(frozen=True, slots=True)
class GovernanceParameters:
    """Lengths in ms of the calendar, shares in bps. Tuples hold one value for each class A to D.

    `day_ms` is the time scale: the block time that one day of the calendar lasts. `petition_min`
    and `open_a_sponsor` are counts.
    """

    day_ms: int = DAY_MS
    voting_ms: tuple[int, ...] = _days(7, 14, 21, 30)
    timelock_ms: tuple[int, ...] = _days(0, 7, 14, 60)
    loosening_timelock_ms: int = YEAR_MS
    persons_quorum_bps: tuple[int, ...] = (200, 500, 1_000, 2_500)
    institution_quorum_bps: tuple[int, ...] = (3_000, 4_000, 5_000, 6_000)
    review_ms: int = 3 * DAY_MS
    sponsoring_ms: int = 30 * DAY_MS
    second_vote_after_ms: int = 14 * DAY_MS
    expiry_ms: int = 30 * DAY_MS
    retry_ms: int = HOUR_MS
    petition_ms: int = 90 * DAY_MS
    petition_bps: int = 300
    petition_min: int = 20
    same_content_ms: int = 180 * DAY_MS
    recall_bps: int = 1_000
    delegation_ms: int = YEAR_MS
    delegate_bps: int = 500
    open_a_sponsor: int = 2
    motion_ms: int = DAY_MS
    pause_ms: int = 72 * HOUR_MS
    renewal_voting_ms: int = 48 * HOUR_MS
    renewal_ms: int = 14 * DAY_MS
    cooldown_ms: int = 30 * DAY_MS
    report_ms: int = 14 * DAY_MS
    bootstrap_ms: int = 2 * YEAR_MS

    def __post_init__(self) -> None:
        for name, bounds in BOUNDS.items():
            value = getattr(self, name)
            found = value if isinstance(value, tuple) else (value,)
            if len(found) != len(bounds):
                raise LocalError(
                    f"parameter {name} has {len(found)} values, expected {len(bounds)}"
                )
            for number, (low, high) in zip(found, bounds, strict=True):
                if not low <= number <= high:
                    raise LocalError(f"parameter {name} is {number}, expected {low}..{high}")

    def block_ms(self, length_ms: int) -> int:
        """A length of the calendar in ms of block time."""
        return length_ms * self.day_ms // DAY_MS

    def mark_at(self, time_ms: int) -> int:
        """Number of the newest calendar mark at a block time."""
        return time_ms // max(1, self.block_ms(MARK_MS))

    def rules(self, proposal_class: ProposalClass, *, loosens_supply: bool) -> Rules:
        """The rules of a class as these parameters have them."""
        index, majority = proposal_class - 1, MAJORITIES[proposal_class]
        timelock_ms = self.timelock_ms[index]
        if loosens_supply:
            timelock_ms = max(timelock_ms, self.loosening_timelock_ms)
        return Rules(
            proposal_class,
            loosens_supply,
            majority.weight_bps,
            majority.weight_is_strict,
            majority.persons_bps,
            majority.persons_is_strict,
            majority.needs_both_persons,
            majority.votes,
            self.persons_quorum_bps[index],
            self.institution_quorum_bps[index],
            self.block_ms(self.voting_ms[index]),
            self.block_ms(timelock_ms),
            self.delegate_bps,
        )


def _day_bounds(*bounds: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple((low * DAY_MS, high * DAY_MS) for low, high in bounds)


BOUNDS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "day_ms": ((10, DAY_MS),),
    "voting_ms": _day_bounds((3, 90), (7, 90), (10, 90), (21, 180)),
    "timelock_ms": _day_bounds((0, 30), (3, 60), (7, 90), (30, 365)),
    "loosening_timelock_ms": _day_bounds((365, 1_825)),
    "persons_quorum_bps": ((100, 1_000), (200, 2_000), (500, 3_000), (1_500, 5_000)),
    "institution_quorum_bps": ((1_000, BPS), (2_000, BPS), (3_000, BPS), (5_000, BPS)),
    "review_ms": _day_bounds((0, 30)),
    "sponsoring_ms": _day_bounds((1, 90)),
    "second_vote_after_ms": _day_bounds((7, 90)),
    "expiry_ms": _day_bounds((7, 90)),
    "retry_ms": ((60_000, DAY_MS),),
    "petition_ms": _day_bounds((30, 180)),
    "petition_bps": ((100, 1_000),),
    "petition_min": ((10, 200),),
    "same_content_ms": _day_bounds((30, 365)),
    "recall_bps": ((500, 2_500),),
    "delegation_ms": _day_bounds((30, 365)),
    "delegate_bps": ((100, 500),),
    "open_a_sponsor": ((1, 10),),
    "motion_ms": ((HOUR_MS, 3 * DAY_MS),),
    "pause_ms": ((HOUR_MS, 72 * HOUR_MS),),
    "renewal_voting_ms": ((24 * HOUR_MS, 60 * HOUR_MS),),
    "renewal_ms": _day_bounds((1, 14)),
    "cooldown_ms": _day_bounds((30, 365)),
    "report_ms": _day_bounds((1, 30)),
    "bootstrap_ms": _day_bounds((365, 1_825)),
}
"""(lowest, highest) of each value; no vote can leave them."""

PARAMETERS: Final = table("proposals", "params", GovernanceParameters)
"""One row, at the empty key."""


def has_proposals(state: State) -> bool:
    """False on a chain without stakeholders: nothing is put to the vote there."""
    return state.get(PARAMETERS, b"") is not None


def governance_parameters(state: State) -> GovernanceParameters:
    """The parameters in force."""
    return present(state.get(PARAMETERS, b""), "governance parameters")


def reaches(part: int, whole: int, bps: int, *, strict: bool) -> bool:
    """Whether part of whole reaches a share (strictly exceeds it); never of nothing."""
    have, need = part * BPS, whole * bps
    return whole > 0 and (have > need if strict else have >= need)


def least(whole: int, bps: int, *, strict: bool) -> int:
    """The smallest part of a positive whole for which reaches() holds."""
    return whole * bps // BPS + 1 if strict else -(-whole * bps // BPS)


def parameters_from(value: object, place: str) -> GovernanceParameters:
    """Parameters of genesis; what the object does not name keeps its default."""
    given = _GENESIS.fields(value, place, optional=tuple(BOUNDS))
    found: dict[str, int | tuple[int, ...]] = {}
    for name, item in given.items():
        where = f"{place}.{name}"
        bounds = BOUNDS[name]
        if len(bounds) == 1:
            found[name] = _GENESIS.integer(item, where, *bounds[0])
            continue
        items = _GENESIS.items(item, where)
        if len(items) != len(bounds):
            raise _GENESIS.error(where, f"{len(bounds)} values, for classes A to D", item)
        found[name] = tuple(
            _GENESIS.integer(each, f"{where}[{index}]", low, high)
            for index, (each, (low, high)) in enumerate(zip(items, bounds, strict=True))
        )
    return GovernanceParameters(**found)  # type: ignore[arg-type]  # by name, checked above
