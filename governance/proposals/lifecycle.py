"""The life of a proposal as a table of legal steps; docs/governance.md shows it as a diagram.

A proposal is SUBMITTED by a member of an institutional chamber, or as a petition by a person. A
second organisation's sponsorship, or enough signatures, put it up for REVIEW; without them it
EXPIRES. After the review VOTING starts by itself. A passed vote queues the action, or, for class
D, leads over an INTERVAL to a SECOND_VOTING under the same rules with a fresh electorate. A QUEUED
action waits for its timelock, is EXECUTED by the chain, and ends otherwise when its legal basis is
no longer in force (BLOCKED), when it is too late (EXPIRED) or when it failed three times (FAILED).
During the timelock enough persons may recall it, once: it faces one further vote (RECALL_VOTING).
Until voting starts its sponsor may withdraw it (CANCELLED). What has ended stays on record and
never moves again.
"""

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final

from ledger.errors import InvariantViolation


class Status(IntEnum):
    """Where a proposal stands; numbers are on record and never reused."""

    SUBMITTED = 1
    REVIEW = 2
    VOTING = 3
    INTERVAL = 4
    SECOND_VOTING = 5
    QUEUED = 6
    RECALL_VOTING = 7
    EXECUTED = 8
    REJECTED = 9
    NO_QUORUM = 10
    CANCELLED = 11
    BLOCKED = 12
    EXPIRED = 13
    FAILED = 14


class Step(IntEnum):
    """What moves a proposal on."""

    SPONSOR = auto()
    WITHDRAW = auto()
    RUN_OUT = auto()
    OPEN = auto()
    PASS_FIRST = auto()
    PASS = auto()
    REJECT = auto()
    MISS_QUORUM = auto()
    RECALL = auto()
    EXECUTE = auto()
    BLOCK = auto()
    FAIL = auto()


TRANSITIONS: Final[Mapping[tuple[Status, Step], Status]] = {
    (Status.SUBMITTED, Step.SPONSOR): Status.REVIEW,
    (Status.SUBMITTED, Step.WITHDRAW): Status.CANCELLED,
    (Status.SUBMITTED, Step.RUN_OUT): Status.EXPIRED,
    (Status.REVIEW, Step.OPEN): Status.VOTING,
    (Status.REVIEW, Step.WITHDRAW): Status.CANCELLED,
    (Status.VOTING, Step.PASS): Status.QUEUED,
    (Status.VOTING, Step.PASS_FIRST): Status.INTERVAL,
    (Status.VOTING, Step.REJECT): Status.REJECTED,
    (Status.VOTING, Step.MISS_QUORUM): Status.NO_QUORUM,
    (Status.INTERVAL, Step.OPEN): Status.SECOND_VOTING,
    (Status.SECOND_VOTING, Step.PASS): Status.QUEUED,
    (Status.SECOND_VOTING, Step.REJECT): Status.REJECTED,
    (Status.SECOND_VOTING, Step.MISS_QUORUM): Status.NO_QUORUM,
    (Status.QUEUED, Step.RECALL): Status.RECALL_VOTING,
    (Status.RECALL_VOTING, Step.PASS): Status.QUEUED,
    (Status.RECALL_VOTING, Step.REJECT): Status.REJECTED,
    (Status.RECALL_VOTING, Step.MISS_QUORUM): Status.NO_QUORUM,
    (Status.QUEUED, Step.EXECUTE): Status.EXECUTED,
    (Status.QUEUED, Step.BLOCK): Status.BLOCKED,
    (Status.QUEUED, Step.RUN_OUT): Status.EXPIRED,
    (Status.QUEUED, Step.FAIL): Status.FAILED,
}

OPEN: Final = frozenset(
    (Status.SUBMITTED, Status.REVIEW, Status.VOTING, Status.INTERVAL, Status.SECOND_VOTING)
)
"""While a proposal has one of these it takes a slot of its sponsors."""
TAKING_VOTES: Final = frozenset((Status.VOTING, Status.SECOND_VOTING, Status.RECALL_VOTING))
ENDED: Final = frozenset(Status) - {start for start, _ in TRANSITIONS}


def advance(status: Status, step: Step) -> Status:
    """The status after a step; InvariantViolation when the step is not legal in this one."""
    after = TRANSITIONS.get((status, step))
    if after is None:
        raise InvariantViolation(f"a proposal that is {status.name} cannot {step.name}")
    return after


def diagram() -> str:
    """The table as a mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> SUBMITTED"]
    lines += [
        f"    {start.name} --> {end.name}: {step.name.lower().replace('_', ' ')}"
        for (start, step), end in TRANSITIONS.items()
    ]
    lines += [f"    {status.name} --> [*]" for status in Status if status in ENDED]
    return "\n".join(lines)
