"""A delegate's vote carries a number; whoever votes alone takes theirs back (governance.md)."""

import pytest

from governance.chambers import PERSONS
from governance.proposals.classes import DAY_MS
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import ballot_of
from ledger.errors import ErrorCode
from tests.support.deciding_town import BUDGET, DecidingTown, message
from tests.support.electorate_fake import institution, person


@pytest.fixture
def town() -> DecidingTown:
    """100 participants (5 delegations a delegate), 60 landowners (3)."""
    found = DecidingTown()
    found.organisations()
    found.persons(100, 60)
    return found


def participants(town: DecidingTown, number: int) -> tuple[int, int, int]:
    _, ballot = ballot_of(town.state, number, 1)
    return ballot.yes[4], ballot.no[4], ballot.abstain[4]


def delegate(town: DecidingTown, to: int, *delegators: int, proposal_class: str = "B") -> None:
    sent = [(person(d), "delegate", (proposal_class, person(to))) for d in delegators]
    assert set(town.block(*sent)) == {ErrorCode.OK}, town.reasons


def test_a_delegates_vote_carries_and_an_own_vote_takes_back(town: DecidingTown) -> None:
    delegate(town, 0, 1, 2, 3)
    number = town.propose(message(BUDGET, 1))
    town.must(person(1), "vote", number, "no")  # before the delegate
    town.must(person(0), "vote", number, "yes")
    assert participants(town, number) == (3, 1, 0)
    town.must(person(2), "vote", number, "abstain")  # after the delegate
    assert participants(town, number) == (2, 1, 1)
    town.must(person(0), "vote", number, "no")
    assert participants(town, number) == (0, 3, 1)
    town.must(person(2), "vote", number, "yes")
    assert participants(town, number) == (1, 3, 0)


def test_delegations_count_by_class(town: DecidingTown) -> None:
    delegate(town, 0, 1, 2, proposal_class="C")
    number = town.propose(message(BUDGET, 1))
    town.must(person(0), "vote", number, "yes")
    assert participants(town, number) == (1, 0, 0)


def test_a_delegation_counts_as_it_stood_when_voting_started(town: DecidingTown) -> None:
    delegate(town, 0, 1, 2)
    number = town.propose(message(BUDGET, 1))
    town.must(person(1), "undelegate", "B")
    delegate(town, 9, 2)
    delegate(town, 0, 3)
    town.must(person(9), "vote", number, "no")
    town.must(person(0), "vote", number, "yes")
    assert participants(town, number) == (3, 1, 0)
    # Two votes later each still sees its own moment.
    second = town.propose(message(BUDGET, 2))
    town.must(person(2), "undelegate", "B")
    town.must(person(0), "vote", second, "yes")
    town.must(person(9), "vote", second, "no")
    assert participants(town, second) == (2, 2, 0)
    town.must(person(2), "vote", second, "yes")
    assert participants(town, second) == (3, 1, 0)
    town.must(person(2), "vote", number, "no")
    assert participants(town, number) == (2, 2, 0)


def test_chains_are_not_followed(town: DecidingTown) -> None:
    delegate(town, 1, 2)
    delegate(town, 0, 1)
    number = town.propose(message(BUDGET, 1))
    town.must(person(0), "vote", number, "yes")
    assert participants(town, number) == (2, 0, 0)  # 0 and 1, not 2
    town.must(person(1), "vote", number, "no")  # carries 2, and is carried no longer
    assert participants(town, number) == (1, 2, 0)


def test_a_delegate_holds_at_most_five_per_cent(town: DecidingTown) -> None:
    delegate(town, 0, 1, 2, 3, 4, 5)
    code, reason = town.refused(person(6), "delegate", "B", person(0))
    assert code is ErrorCode.LIMIT_EXCEEDED
    assert reason.endswith(
        "already holds 5 delegations of class B; at most 5 are allowed (500 bps of "
        "chamber.participants): choose another delegate"
    )
    delegate(town, 0, 6, proposal_class="C")
    delegate(town, 0, 5)  # renewing is no further one
    town.must(person(1), "undelegate", "B")
    delegate(town, 0, 6)


def test_a_shrunken_chamber_caps_what_is_carried(town: DecidingTown) -> None:
    delegate(town, 0, 1, 2, 3, 4, 5)
    town.block(leaves=[person(index) for index in range(40, 100)])
    number = town.propose(message(BUDGET, 1))  # 40 members: 2 delegations
    town.must(person(0), "vote", number, "yes")
    assert participants(town, number) == (3, 0, 0)
    for index, expected in ((1, 4), (2, 5), (3, 6), (4, 6), (5, 6)):
        town.must(person(index), "vote", number, "yes")
        assert participants(town, number) == (expected, 0, 0)


def test_who_has_left_is_carried_no_longer_by_later_votes(town: DecidingTown) -> None:
    delegate(town, 0, 1, 2, 3)
    first = town.propose(message(BUDGET, 1))
    town.block(leaves=[person(1)])
    second = town.propose(message(BUDGET, 2))
    town.must(person(0), "vote", first, "yes")
    town.must(person(0), "vote", second, "yes")
    assert participants(town, first) == (4, 0, 0)
    assert participants(town, second) == (3, 0, 0)


def test_a_delegation_ends_by_itself_within_a_year(town: DecidingTown) -> None:
    delegate(town, 0, 1)
    town.block(after_ms=355 * DAY_MS)
    delegate(town, 0, 2)
    number = town.propose(message(BUDGET, 1))  # 358 days after the first
    town.must(person(0), "vote", number, "yes")
    assert participants(town, number) == (3, 0, 0)
    town.run_until(Status.NO_QUORUM)
    later = town.propose(message(BUDGET, 2))
    town.must(person(0), "vote", later, "yes")
    assert participants(town, later) == (2, 0, 0)
    assert town.refused(person(1), "undelegate", "B")[0] is ErrorCode.NOT_FOUND
    town.must(person(1), "vote", later, "no")
    assert participants(town, later) == (2, 1, 0)


def test_a_vote_that_opens_at_the_mark_where_a_delegation_ends_does_not_see_it(
    town: DecidingTown,
) -> None:
    """The town starts on day 1,000; what is delegated then ends on day 1,365, a mark."""
    delegate(town, 0, 1)
    town.block(at_ms=1_363 * DAY_MS)
    number = town.propose(message(BUDGET, 1))
    assert town.time_ms // DAY_MS == 1_366
    town.must(person(0), "vote", number, "yes")
    town.must(person(1), "vote", number, "yes")
    assert participants(town, number) == (2, 0, 0)


def test_a_delegation_in_its_last_days_can_still_be_ended(town: DecidingTown) -> None:
    delegate(town, 0, 1)
    town.block(at_ms=1_362 * DAY_MS)
    delegate(town, 0, 2)  # writes the count anew, from the mark at which the first one ends
    town.must(person(1), "undelegate", "B")  # the invariants compare both sides


@pytest.mark.parametrize("to", ["itself", "landowner", "organisation", "outsider"])
def test_delegates_that_are_refused(town: DecidingTown, to: str) -> None:
    account = {
        "itself": person(1),
        "landowner": person(100),
        "organisation": institution("chamber.public"),
        "outsider": person(999),
    }[to]
    code, _ = town.refused(person(1), "delegate", "B", account)
    expected = {"itself": ErrorCode.INVALID_MESSAGE, "landowner": ErrorCode.INVALID_MESSAGE}
    assert code is expected.get(to, ErrorCode.UNAUTHORISED)


def test_organisations_do_not_delegate_and_classes_are_a_to_d(town: DecidingTown) -> None:
    code, _ = town.refused(institution("chamber.public"), "delegate", "B", person(1))
    assert code is ErrorCode.UNAUTHORISED
    code, reason = town.refused(person(1), "delegate", "E", person(2))
    assert (code, reason) == (
        ErrorCode.INVALID_MESSAGE,
        "proposal_class: expected A, B, C or D, found 'E'",
    )


def test_a_move_to_the_other_chamber_ends_delegations(town: DecidingTown) -> None:
    delegate(town, 0, 1)
    town.block(leaves=[person(1)])
    town.electorate.join(person(1), PERSONS[1])
    number = town.propose(message(BUDGET, 1))
    town.must(person(0), "vote", number, "yes")
    town.must(person(1), "vote", number, "yes")
    _, ballot = ballot_of(town.state, number, 1)
    assert (ballot.yes[4], ballot.yes[5]) == (1, 1)


def test_a_delegate_who_moved_carries_nobody_and_votes_once(town: DecidingTown) -> None:
    """A delegator's vote leaves a row at the delegate's old chamber; it is no second vote."""
    delegate(town, 0, 1)
    town.block(leaves=[person(0)])
    town.electorate.join(person(0), PERSONS[1])
    number = town.propose(message(BUDGET, 1))
    town.must(person(1), "vote", number, "yes")
    town.must(person(0), "vote", number, "no")
    _, ballot = ballot_of(town.state, number, 1)
    assert (ballot.yes[4], ballot.no[4]) == (1, 0)
    assert (ballot.yes[5], ballot.no[5]) == (0, 1)
