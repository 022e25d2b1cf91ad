"""The table of steps, and that the page shows the current one."""

from pathlib import Path

import pytest

from consensus.transitions import TRANSITIONS, Move, Step, diagram, next_step
from ledger.errors import InvariantViolation
from tests.support.consensus_cluster import Cluster

PAGE = Path(__file__).parents[3] / "docs" / "consensus.md"


def test_the_page_holds_the_current_diagram() -> None:
    found = PAGE.read_text(encoding="utf-8").split("```mermaid\n")[1].split("```")[0]
    assert found == diagram(), "copy consensus.transitions.diagram() into docs/consensus.md"


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("move", list(Move))
def test_a_move_that_the_table_lacks_raises(step: Step, move: Move) -> None:
    if move in TRANSITIONS[step]:
        assert next_step(step, move) is TRANSITIONS[step][move]
    else:
        with pytest.raises(InvariantViolation, match="illegal move"):
            next_step(step, move)


def test_an_illegal_move_changes_nothing() -> None:
    state = Cluster(1, manual=True).nodes[0].replica.core.height
    with pytest.raises(InvariantViolation):
        state.move(Move.APPLY, 5)
    assert (state.step, state.view) == (Step.IDLE, 0)


def test_every_step_can_be_reached_and_left() -> None:
    reached = {after for moves in TRANSITIONS.values() for after in moves.values()}
    assert reached == set(Step)
    assert all(TRANSITIONS[step] for step in Step)
