"""The life of a proposal is a table: nothing else is legal."""

from itertools import product

import pytest

from governance.proposals.lifecycle import (
    ENDED,
    OPEN,
    TAKING_VOTES,
    TRANSITIONS,
    Status,
    Step,
    advance,
    diagram,
)
from governance.proposals.progress import move
from ledger.errors import InvariantViolation
from tests.docs.documents import text
from tests.support.deciding_town import BASIS, DOCUMENT, DecidingTown
from tests.support.electorate_fake import institution


@pytest.mark.parametrize(("status", "step"), list(product(Status, Step)))
def test_only_the_steps_of_the_table_are_legal(status: Status, step: Step) -> None:
    if (status, step) in TRANSITIONS:
        assert advance(status, step) is TRANSITIONS[status, step]
        return
    with pytest.raises(InvariantViolation, match=f"{status.name} cannot {step.name}"):
        advance(status, step)


def test_an_illegal_step_changes_nothing() -> None:
    town = DecidingTown()
    town.organisations()
    sender = institution("chamber.public")
    town.must(sender, "submit", "A title", DOCUMENT, BASIS, ())
    state = town.state
    with pytest.raises(InvariantViolation, match="SUBMITTED cannot EXECUTE"):
        move(town.context(state), 1, Step.EXECUTE)
    assert not state.writes()


def test_every_status_is_reached_and_what_ended_stays() -> None:
    assert set(Status) == {Status.SUBMITTED, *TRANSITIONS.values()}
    assert {
        Status.EXECUTED,
        Status.REJECTED,
        Status.NO_QUORUM,
        Status.CANCELLED,
        Status.BLOCKED,
        Status.EXPIRED,
        Status.FAILED,
    } == ENDED
    assert not OPEN & ENDED
    assert not TAKING_VOTES & ENDED


def test_a_proposal_that_has_not_ended_can_always_end() -> None:
    reach = {status: {status} for status in Status}
    for _ in Status:
        for (start, _step), end in TRANSITIONS.items():
            reach[start] |= reach[end]
    assert all(found & ENDED for found in reach.values())


def test_the_page_shows_the_diagram_of_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in text("docs/governance.md")
