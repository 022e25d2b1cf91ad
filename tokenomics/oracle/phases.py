"""The phases of a zone's appraisal, and how it moves between them (economy.md section 1).

An appraisal begins at the nominal end of its round, in COMMIT when a panel of min_reports or more
could be seated, and is VOID at once when not. The panel's members commit to their reports, and in
REVEAL they open them. With fewer than min_reports there is NO_VALUE. Reports whose highest is at
most 110 % of their lowest agree, and their lower median stands for CHALLENGE; otherwise two
further appraisers, drawn by lot, commit in REAPPRAISE_COMMIT and open in REAPPRAISE_REVEAL. All
reports merged and trimmed either meet the same test, and go to CHALLENGE, or they are DISPERSED; so
they are when a further report is missing. CHALLENGE runs its whole time. Without a challenge the
value is FINAL. With one, three blind appraisers commit in DISPUTE_COMMIT and open in
DISPUTE_REVEAL; with two reports or more of theirs the dispute is decided and the value FINAL, else
it stays DISPUTED. When the town round has to close before, what is not at an end is VOID.

An illegal step raises InvariantViolation and changes nothing.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final

from ledger.errors import InvariantViolation


class Phase(IntEnum):
    """Where a zone's appraisal stands. The numbers are in stored rows."""

    COMMIT = 1
    REVEAL = 2
    REAPPRAISE_COMMIT = 3
    REAPPRAISE_REVEAL = 4
    CHALLENGE = 5
    DISPUTE_COMMIT = 6
    DISPUTE_REVEAL = 7
    FINAL = 8
    NO_VALUE = 9
    DISPERSED = 10
    DISPUTED = 11
    VOID = 12


class Step(Enum):
    """What can end a phase."""

    COMMITTED = "all committed, or time over"
    SCARCE = "too few reports"
    AGREED = "within 110 %"
    WIDE = "wider than 110 %"
    NARROWED = "trimmed reports within 110 %"
    SCATTERED = "wider, or a further report missing"
    UNCHALLENGED = "no challenge"
    CHALLENGED = "a challenge"
    DECIDED = "two blind reports or more"
    UNDECIDED = "fewer than two blind reports"
    LAPSED = "the town round has to close"


TRANSITIONS: Final[Mapping[Phase, Mapping[Step, Phase]]] = {
    Phase.COMMIT: {Step.COMMITTED: Phase.REVEAL, Step.LAPSED: Phase.VOID},
    Phase.REVEAL: {
        Step.AGREED: Phase.CHALLENGE,
        Step.WIDE: Phase.REAPPRAISE_COMMIT,
        Step.SCARCE: Phase.NO_VALUE,
        Step.LAPSED: Phase.VOID,
    },
    Phase.REAPPRAISE_COMMIT: {
        Step.COMMITTED: Phase.REAPPRAISE_REVEAL,
        Step.LAPSED: Phase.VOID,
    },
    Phase.REAPPRAISE_REVEAL: {
        Step.NARROWED: Phase.CHALLENGE,
        Step.SCATTERED: Phase.DISPERSED,
        Step.LAPSED: Phase.VOID,
    },
    Phase.CHALLENGE: {
        Step.UNCHALLENGED: Phase.FINAL,
        Step.CHALLENGED: Phase.DISPUTE_COMMIT,
        Step.LAPSED: Phase.VOID,
    },
    Phase.DISPUTE_COMMIT: {Step.COMMITTED: Phase.DISPUTE_REVEAL, Step.LAPSED: Phase.VOID},
    Phase.DISPUTE_REVEAL: {
        Step.DECIDED: Phase.FINAL,
        Step.UNDECIDED: Phase.DISPUTED,
        Step.LAPSED: Phase.VOID,
    },
    Phase.FINAL: {},
    Phase.NO_VALUE: {},
    Phase.DISPERSED: {},
    Phase.DISPUTED: {},
    Phase.VOID: {},
}

COMMITTING: Final = (Phase.COMMIT, Phase.REAPPRAISE_COMMIT, Phase.DISPUTE_COMMIT)
"""Phases that take land.commit."""
REVEALING: Final = (Phase.REVEAL, Phase.REAPPRAISE_REVEAL, Phase.DISPUTE_REVEAL)
"""Phases that take land.reveal."""


def is_terminal(phase: Phase) -> bool:
    """Whether the appraisal is at its end."""
    return not TRANSITIONS[phase]


def next_phase(phase: Phase, step: Step) -> Phase:
    """The phase after `step`; InvariantViolation when the table has no such step."""
    after = TRANSITIONS[phase].get(step)
    if after is None:
        legal = ", ".join(sorted(s.name for s in TRANSITIONS[phase])) or "none"
        raise InvariantViolation(f"illegal step {step.name} in phase {phase.name}, legal: {legal}")
    return after


def diagram() -> str:
    """The table as a Mermaid state diagram; docs/economy.md holds it."""
    lines = [
        "stateDiagram-v2",
        f"    [*] --> {Phase.COMMIT.name}: a panel is seated",
        f"    [*] --> {Phase.VOID.name}: no panel could be seated",
    ]
    for phase, steps in TRANSITIONS.items():
        for step, after in steps.items():
            if step is not Step.LAPSED:
                lines.append(f"    {phase.name} --> {after.name}: {step.value}")
        if not steps:
            lines.append(f"    {phase.name} --> [*]")
    lines.append(f"    note right of {Phase.VOID.name}: from every phase when {Step.LAPSED.value}")
    return "\n".join(lines) + "\n"
