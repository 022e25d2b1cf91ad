"""With 100,000 persons no step looks at more than a handful of rows (issue: "no scan")."""

from collections.abc import Iterator

import pytest

from governance.chambers import PERSONS
from governance.proposals.classes import DAY_MS
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import ballot_of, find
from ledger.errors import ErrorCode
from ledger.state import State
from tests.support.deciding_town import BUDGET, DOCUMENT, DecidingTown, message
from tests.support.electorate_fake import person

PEOPLE = 100_000
DELEGATORS = 2_500
MAX_ROWS_A_VOTE = 14
MAX_ROWS_A_STEP = 24


class CountingStore:
    """Counts what is read of the store that a town runs on."""

    def __init__(self, town: DecidingTown) -> None:
        self.inner = town.store
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.inner.get(key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        for item in self.inner.iterate(start, stop):
            self.reads += 1
            yield item


@pytest.fixture(scope="module")
def town() -> DecidingTown:
    found = DecidingTown(checks=False)
    found.organisations()
    found.persons(PEOPLE // 2, PEOPLE // 2)
    for start in range(1, DELEGATORS + 1, 500):
        sent = [
            (person(index), "delegate", ("B", person(0))) for index in range(start, start + 500)
        ]
        assert set(found.block(*sent)) == {ErrorCode.OK}
    return found


def measured(town: DecidingTown, *sent: tuple[int, str], at_ms: int) -> tuple[int, int]:
    """(rows read, rows written) of a block with these votes."""
    town.time_ms = at_ms
    town.height += 1
    store = CountingStore(town)
    state = State(store)
    town.module.begin_block(town.context(state))
    handler = town.module.handlers[town.by_name["proposals.vote"]]
    for index, choice in sent:
        handler(town.context(state, person(index)), 1, choice)
    town.module.end_block(town.context(state))
    town.module.next_deadline_ms(state)
    town.commit(state)
    return store.reads, len(town.rows_written)


def test_opening_casting_and_closing_touch_a_bounded_number_of_rows(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1), run=False)
    due_ms = find(town.state, number)[1].due_ms
    assert due_ms is not None
    assert max(measured(town, at_ms=due_ms)) <= MAX_ROWS_A_STEP
    assert town.status(number) is Status.VOTING
    now_ms = town.time_ms
    # A delegate's vote moves 2,501 votes; a delegator's takes one of them back.
    assert max(measured(town, (0, "yes"), at_ms=now_ms + 1)) <= MAX_ROWS_A_VOTE
    assert ballot_of(town.state, number, 1)[1].yes[4] == DELEGATORS + 1
    assert max(measured(town, (7, "no"), at_ms=now_ms + 2)) <= MAX_ROWS_A_VOTE
    assert ballot_of(town.state, number, 1)[1].yes[4] == DELEGATORS
    assert max(measured(town, (0, "no"), at_ms=now_ms + 3)) <= MAX_ROWS_A_VOTE
    assert max(measured(town, (90_000, "yes"), at_ms=now_ms + 4)) <= MAX_ROWS_A_VOTE
    assert measured(town, at_ms=now_ms + 5) == (2, 0)  # nothing is due: two rows read
    town.all_vote(number, persons=3_000)
    ends_ms = find(town.state, number)[1].due_ms
    assert ends_ms is not None
    assert max(measured(town, at_ms=ends_ms)) <= MAX_ROWS_A_STEP
    assert town.status(number) is not Status.VOTING


def test_the_cap_is_five_per_cent_of_the_chamber(town: DecidingTown) -> None:
    assert town.electorate.seats[PERSONS[0]] == PEOPLE // 2
    code, reason = town.refused(person(DELEGATORS + 1), "delegate", "B", person(0))
    assert code is ErrorCode.LIMIT_EXCEEDED
    assert "already holds 2500 delegations" in reason


def test_a_petition_needs_three_per_cent(town: DecidingTown) -> None:
    town.must(person(5), "petition", "T", DOCUMENT, 0, ())
    newest = max(
        value
        for event in town.events
        for name, value in event.values
        if name == "proposal" and isinstance(value, int)
    )
    assert find(town.state, newest)[0].signatures_needed == 3_000
    town.block(after_ms=DAY_MS)
