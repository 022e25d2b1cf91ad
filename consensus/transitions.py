"""The steps of one height, and how a replica moves between them.

A height starts IDLE: nothing to do, no timer. Work (rule 4) makes it AWAITING a proposal; the
proposer of the view is PROPOSING instead, while its block is built, fetched or checked. A proposal
that arrives is CHECKING until the executor has answered; when it is valid the replica signs Prepare
and is PREPARING, when not it is AWAITING again, for the view to end or for a clock to catch up. A
quorum of Prepares makes it COMMITTING. Leaving a view for a higher one by an own ViewChange makes
it CHANGING_VIEW, until a justified NewView lets it enter. A verified certificate whose block is
missing, or one above the running height, makes it BEHIND: it signs nothing more at this height. A
block that is final is APPLYING until BlockApplied, and then the next height is IDLE.

An illegal move raises InvariantViolation and changes nothing.
"""

from enum import Enum
from typing import Final

from ledger.errors import InvariantViolation


class Step(Enum):
    """Where a replica stands in its running height."""

    IDLE = "idle"
    AWAITING = "awaiting"
    PROPOSING = "proposing"
    CHECKING = "checking"
    PREPARING = "preparing"
    COMMITTING = "committing"
    CHANGING_VIEW = "changing_view"
    BEHIND = "behind"
    APPLYING = "applying"


class Move(Enum):
    """What can change the step."""

    WORK = "work"
    TURN = "own turn"
    CHECK = "proposal received"
    PREPARE = "Prepare signed"
    REFUSE = "proposal refused"
    COMMIT = "quorum of Prepares"
    LEAVE = "ViewChange signed"
    ENTER = "NewView"
    LAG = "certificate without its block"
    FINALISE = "certificate with its block"
    APPLY = "BlockApplied"


_ANYWHERE: Final = {
    Move.LEAVE: Step.CHANGING_VIEW,
    Move.ENTER: Step.AWAITING,
    Move.LAG: Step.BEHIND,
    Move.FINALISE: Step.APPLYING,
}

TRANSITIONS: Final[dict[Step, dict[Move, Step]]] = {
    Step.IDLE: {
        Move.WORK: Step.AWAITING,
        **_ANYWHERE,
    },
    Step.AWAITING: {
        Move.TURN: Step.PROPOSING,
        Move.CHECK: Step.CHECKING,
        Move.PREPARE: Step.PREPARING,
        **_ANYWHERE,
    },
    Step.PROPOSING: {
        Move.REFUSE: Step.AWAITING,
        Move.PREPARE: Step.PREPARING,
        **_ANYWHERE,
    },
    Step.CHECKING: {
        Move.REFUSE: Step.AWAITING,
        Move.PREPARE: Step.PREPARING,
        **_ANYWHERE,
    },
    Step.PREPARING: {
        Move.COMMIT: Step.COMMITTING,
        **_ANYWHERE,
    },
    Step.COMMITTING: dict(_ANYWHERE),
    Step.CHANGING_VIEW: dict(_ANYWHERE),
    Step.BEHIND: {
        Move.LAG: Step.BEHIND,
        Move.FINALISE: Step.APPLYING,
    },
    Step.APPLYING: {
        Move.APPLY: Step.IDLE,
    },
}


def next_step(step: Step, move: Move) -> Step:
    """The step after `move`; InvariantViolation when the table has no such move."""
    after = TRANSITIONS[step].get(move)
    if after is None:
        legal = ", ".join(sorted(m.value for m in TRANSITIONS[step]))
        raise InvariantViolation(f"illegal move {move.value!r} in step {step.value}: {legal}")
    return after


def diagram() -> str:
    """The table as a Mermaid state diagram; docs/consensus.md holds it."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for step, moves in TRANSITIONS.items():
        by_target: dict[Step, list[str]] = {}
        for move, after in moves.items():
            by_target.setdefault(after, []).append(move.value)
        for after, names in by_target.items():
            lines.append(f"    {step.value} --> {after.value}: {', '.join(names)}")
    return "\n".join(lines) + "\n"
