"""The table of an appraisal's phases: every legal step, and that an illegal one changes nothing."""

import pytest

from ledger.errors import InvariantViolation
from tokenomics.oracle.phases import (
    COMMITTING,
    REVEALING,
    TRANSITIONS,
    Phase,
    Step,
    is_terminal,
    next_phase,
)

ENDS = {Phase.FINAL, Phase.NO_VALUE, Phase.DISPERSED, Phase.DISPUTED, Phase.VOID}


def test_every_phase_is_in_the_table_and_ends_are_where_nothing_follows() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert {phase for phase in Phase if is_terminal(phase)} == ENDS


@pytest.mark.parametrize("phase", Phase)
def test_a_step_is_in_the_table_or_refused(phase: Phase) -> None:
    for step in Step:
        if step in TRANSITIONS[phase]:
            assert next_phase(phase, step) is TRANSITIONS[phase][step]
        else:
            with pytest.raises(InvariantViolation, match=f"{step.name} in phase {phase.name}"):
                next_phase(phase, step)


def test_every_phase_can_be_reached_and_leads_to_an_end() -> None:
    reached = {Phase.COMMIT, Phase.VOID}
    for _ in Phase:
        reached |= {after for phase in reached for after in TRANSITIONS[phase].values()}
    assert reached == set(Phase)
    ending = set(ENDS)
    for _ in Phase:
        ending |= {phase for phase in Phase if ending & set(TRANSITIONS[phase].values())}
    assert ending == set(Phase)


def test_a_phase_takes_commitments_or_reveals_or_neither() -> None:
    assert not set(COMMITTING) & set(REVEALING)
    assert not ENDS & {*COMMITTING, *REVEALING}


def test_what_is_not_at_an_end_lapses() -> None:
    for phase in Phase:
        assert (Step.LAPSED in TRANSITIONS[phase]) is not is_terminal(phase)
