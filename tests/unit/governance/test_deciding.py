"""How a decision is made, class by class, from the proposal to what the chain carries out."""

import pytest

from governance.admissible import GOVERNANCE
from governance.chambers import (
    CHAMBER_ACADEMIA,
    CHAMBER_BUILDERS,
    CHAMBER_LAND,
    CHAMBER_PUBLIC,
    PERSONS,
)
from governance.proposals.classes import DAY_MS, HOUR_MS, YEAR_MS, ProposalClass
from governance.proposals.lifecycle import Status
from governance.proposals.parameter_changes import CHANGE_PARAMETER, CHANGES
from governance.proposals.proposal_rows import ballot_of, find
from governance.proposals.tally import Outcome
from ledger.errors import ErrorCode
from tests.support.deciding_town import (
    BASIS,
    BROKEN,
    BUDGET,
    DOCUMENT,
    LAMBDA,
    REGISTRAR,
    ZONE,
    DecidingTown,
    message,
    value,
)
from tests.support.electorate_fake import institution, person

PUBLIC, LAND = institution(CHAMBER_PUBLIC), institution(CHAMBER_LAND)
ACADEMIA, BUILDERS = institution(CHAMBER_ACADEMIA), institution(CHAMBER_BUILDERS)


@pytest.fixture
def town() -> DecidingTown:
    """Four organisations, 60 participants, 40 landowners."""
    found = DecidingTown()
    found.organisations()
    found.persons(60, 40)
    return found


def elapsed_ms(town: DecidingTown, number: int) -> int:
    """From the start of the first vote to the end of the proposal."""
    _, first = ballot_of(town.state, number, 1)
    return find(town.state, number)[1].ended_ms - first.opened_ms


def test_a_signal_of_class_a_has_no_timelock(town: DecidingTown) -> None:
    number = town.propose(basis=0)
    assert find(town.state, number)[1].proposal_class is ProposalClass.A
    town.all_vote(number, persons=2)
    assert town.run_until(Status.EXECUTED) is Status.EXECUTED
    assert elapsed_ms(town, number) == 7 * DAY_MS


def test_class_b_is_carried_out_after_its_timelock_by_governance(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 5), message(BUDGET, 7))
    town.all_vote(number, persons=5)
    town.run_until(Status.QUEUED)
    assert value(town.state, BUDGET) == 0
    executable_ms = find(town.state, number)[1].executable_ms
    town.block(at_ms=executable_ms - 1)
    assert town.status(number) is Status.QUEUED
    town.block(at_ms=executable_ms)
    assert town.status(number) is Status.EXECUTED
    assert value(town.state, BUDGET) == 7
    assert town.router.senders == [GOVERNANCE, GOVERNANCE]
    assert elapsed_ms(town, number) == (14 + 7) * DAY_MS
    # Never again, and nothing is due any more.
    assert town.module.next_deadline_ms(town.state) is None
    town.block(after_ms=YEAR_MS)
    assert len(town.router.senders) == 2


def test_messages_of_several_classes_take_the_strictest(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1), message(ZONE, 2), message(BUDGET, 3))
    rules, _ = ballot_of(town.state, number, 1)
    assert rules.proposal_class is ProposalClass.C
    assert rules.voting_ms == 21 * DAY_MS
    assert rules.timelock_ms == 14 * DAY_MS


def test_land_and_builders_are_recused_where_the_table_says_so(town: DecidingTown) -> None:
    number = town.propose(message(ZONE, 1))
    for sender, name in ((LAND, CHAMBER_LAND), (BUILDERS, CHAMBER_BUILDERS)):
        code, reason = town.refused(sender, "vote", number, "yes")
        assert code is ErrorCode.UNAUTHORISED
        assert reason == f"{name} is recused from proposal 1: it may speak but not vote"
    town.block(
        (PUBLIC, "vote", (number, "yes")),
        (ACADEMIA, "vote", (number, "no")),
        *[(person(index), "vote", (number, "yes")) for index in range(60)],
    )
    # 16 + 20 of 68 is 52.9 %: less than 60 %. With the landowners it is 76.4 %.
    assert town.run_until(Status.REJECTED, Status.QUEUED) is Status.REJECTED
    again = town.propose(message(ZONE, 1))
    town.block(
        (PUBLIC, "vote", (again, "yes")),
        *[(person(index), "vote", (again, "yes")) for index in range(61)],
    )
    assert town.run_until(Status.EXECUTED, Status.REJECTED, number=again) is Status.EXECUTED


def pass_both_votes(town: DecidingTown, number: int) -> None:
    town.all_vote(number, persons=100)
    town.run_until(Status.SECOND_VOTING, number=number)
    town.all_vote(number, persons=100)
    town.run_until(Status.QUEUED, number=number)


def test_class_d_votes_twice_and_waits_sixty_days(town: DecidingTown) -> None:
    number = town.propose(message(LAMBDA, 0))
    town.all_vote(number, persons=100)
    town.run_until(Status.INTERVAL)
    assert town.refused(PUBLIC, "vote", number, "no")[0] is ErrorCode.NOT_NOW
    # Who joins in between votes in the second vote, which has an electorate of its own.
    town.electorate.join(person(500), PERSONS[0])
    town.run_until(Status.SECOND_VOTING)
    _, first = ballot_of(town.state, number, 1)
    _, second = ballot_of(town.state, number, 2)
    assert second.opened_ms - first.ends_ms == 14 * DAY_MS
    assert (first.seated[4], second.seated[4]) == (60, 61)
    town.must(person(500), "vote", number, "yes")
    town.all_vote(number, persons=100)
    town.run_until(Status.EXECUTED)
    assert elapsed_ms(town, number) == (30 + 14 + 30 + 60) * DAY_MS


def test_class_d_fails_when_its_second_vote_does(town: DecidingTown) -> None:
    number = town.propose(message(LAMBDA, 0))
    town.all_vote(number, persons=100)
    town.run_until(Status.SECOND_VOTING)
    town.all_vote(number, "no", persons=100)
    assert town.run_until(Status.REJECTED, Status.QUEUED) is Status.REJECTED


def test_what_loosens_supply_waits_a_year(town: DecidingTown) -> None:
    number = town.propose(message(LAMBDA, 2_500))
    pass_both_votes(town, number)
    town.run_until(Status.EXECUTED)
    assert elapsed_ms(town, number) == (30 + 14 + 30 + 365) * DAY_MS
    assert value(town.state, LAMBDA) == 2_500


def test_what_loosens_supply_only_since_the_vote_is_not_carried_out(town: DecidingTown) -> None:
    """Lowering from 2,500 to 2,000 was decided; meanwhile 1,000 is in force."""
    first = town.propose(message(LAMBDA, 2_500))
    pass_both_votes(town, first)
    town.run_until(Status.EXECUTED, number=first)
    to_1000 = town.propose(message(LAMBDA, 1_000))
    to_2000 = town.propose(message(LAMBDA, 2_000))
    for number in (to_1000, to_2000):
        town.all_vote(number, persons=100)
    for number in (to_1000, to_2000):
        town.run_until(Status.SECOND_VOTING, number=number)
        town.all_vote(number, persons=100)
    assert town.run_until(Status.EXECUTED, number=to_1000)
    assert town.run_until(Status.FAILED, Status.EXECUTED, number=to_2000) is Status.FAILED
    assert "loosens supply now" in find(town.state, to_2000)[1].reason
    assert value(town.state, LAMBDA) == 1_000


def test_changes_of_the_electorate_after_the_start_change_nothing(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    late = person(900)
    town.electorate.join(late, PERSONS[0])
    assert town.refused(late, "vote", number, "yes")[0] is ErrorCode.UNAUTHORISED
    town.block(leaves=[person(0)])
    town.must(person(0), "vote", number, "yes")
    _, ballot = ballot_of(town.state, number, 1)
    assert (ballot.seated[4], ballot.yes[4]) == (60, 1)


def test_a_vote_stays_with_the_member_when_the_account_is_bound_anew(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    town.must(person(0), "vote", number, "yes")
    town.electorate.rebind(person(0), person(700))
    assert town.refused(person(700), "vote", number, "yes")[0] is ErrorCode.CONFLICT
    assert town.refused(person(0), "vote", number, "no")[0] is ErrorCode.UNAUTHORISED
    town.must(person(700), "vote", number, "no")
    _, ballot = ballot_of(town.state, number, 1)
    assert (ballot.yes[4], ballot.no[4]) == (0, 1)


def test_a_quorum_reached_in_the_last_tenth_extends_the_vote_once(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    _, ballot = ballot_of(town.state, number, 1)
    ends_ms = ballot.ends_ms
    town.all_vote(number, persons=4)
    town.block(at_ms=ends_ms - 14 * DAY_MS // 10)
    town.must(person(10), "vote", number, "no", after_ms=0)
    _, ballot = ballot_of(town.state, number, 1)
    assert ballot.is_extended
    assert ballot.ends_ms == ends_ms + 14 * DAY_MS // 5
    town.block(at_ms=ends_ms)
    assert town.status(number) is Status.VOTING
    town.must(person(11), "vote", number, "no")
    town.block(at_ms=ballot.ends_ms - 1)
    town.must(person(12), "vote", number, "no", after_ms=0)
    town.block(at_ms=ballot.ends_ms)
    assert town.status(number) is Status.QUEUED


def test_a_quorum_reached_before_the_last_tenth_extends_nothing(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    _, ballot = ballot_of(town.state, number, 1)
    town.all_vote(number, persons=4)
    town.block(at_ms=ballot.ends_ms - 14 * DAY_MS // 10 - 1)
    town.must(person(10), "vote", number, "no", after_ms=0)
    assert ballot_of(town.state, number, 1)[1].ends_ms == ballot.ends_ms


def test_too_few_persons_make_no_quorum(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    town.all_vote(number, persons=4)
    assert town.run_until(Status.NO_QUORUM, Status.QUEUED) is Status.NO_QUORUM
    assert ballot_of(town.state, number, 1)[1].outcome is Outcome.NO_QUORUM


def test_a_proposal_without_second_sponsor_expires_and_frees_the_slot(town: DecidingTown) -> None:
    for _ in range(2):
        town.must(PUBLIC, "submit", "A title", DOCUMENT, 0, ())
    assert town.refused(PUBLIC, "submit", "A title", DOCUMENT, 0, ())[0] is ErrorCode.LIMIT_EXCEEDED
    town.block(after_ms=30 * DAY_MS)
    assert town.status(1) is Status.EXPIRED
    town.must(PUBLIC, "submit", "A title", DOCUMENT, 0, ())


def test_queued_proposals_take_no_slot(town: DecidingTown) -> None:
    for _ in range(2):
        number = town.propose(message(BUDGET, 1))
        town.all_vote(number, persons=5)
    town.run_until(Status.QUEUED, number=2)
    assert town.status(1) is Status.QUEUED
    town.propose(message(BUDGET, 2))


def test_a_sponsor_withdraws_until_voting_starts(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1), run=False)
    assert town.refused(LAND, "withdraw", number)[0] is ErrorCode.UNAUTHORISED
    town.must(PUBLIC, "withdraw", number)
    assert town.status(number) is Status.CANCELLED
    again = town.propose(message(BUDGET, 1))
    assert town.refused(PUBLIC, "withdraw", again)[0] is ErrorCode.NOT_NOW
    assert find(town.state, number)[0].title == "A proposal"  # nothing is deleted


def test_execution_is_all_or_nothing_and_tried_three_times(town: DecidingTown) -> None:
    town.router.refusals = 10
    number = town.propose(message(BUDGET, 9), message(BROKEN, 1))
    town.all_vote(number, persons=5)
    town.run_until(Status.QUEUED)
    due_ms = town.module.next_deadline_ms(town.state)
    assert due_ms is not None
    town.block(at_ms=due_ms)
    assert find(town.state, number)[1].tries == 1
    assert find(town.state, number)[1].reason == "the treasury is empty"
    assert not [event for event in town.events if event.name == "town.written"]
    assert town.module.next_deadline_ms(town.state) == due_ms + HOUR_MS
    assert town.run_until(Status.FAILED, Status.EXECUTED) is Status.FAILED
    assert town.router.refusals == 7
    assert (value(town.state, BUDGET), value(town.state, BROKEN)) == (0, 0)


def test_a_later_try_succeeds(town: DecidingTown) -> None:
    town.router.refusals = 2
    number = town.propose(message(BROKEN, 4))
    town.all_vote(number, persons=5)
    town.run_until(Status.EXECUTED)
    assert find(town.state, number)[1].tries == 3
    assert value(town.state, BROKEN) == 4


def test_a_queued_action_expires_thirty_days_after_its_timelock(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    town.all_vote(number, persons=5)
    town.run_until(Status.QUEUED)
    progress = find(town.state, number)[1]
    assert progress.expires_ms == progress.executable_ms + 30 * DAY_MS
    town.block(at_ms=progress.expires_ms)  # the chain stood still meanwhile
    assert town.status(number) is Status.EXPIRED
    assert value(town.state, BUDGET) == 0


def test_class_c_is_blocked_when_its_legal_basis_is_revoked(town: DecidingTown) -> None:
    number = town.propose(message(ZONE, 1))
    town.all_vote(number, persons=100)
    town.run_until(Status.QUEUED)
    town.bases.numbers.clear()
    assert town.run_until(Status.BLOCKED, Status.EXECUTED) is Status.BLOCKED
    assert find(town.state, number)[1].reason == f"legal basis {BASIS} is not in force"
    budget = town.propose(message(BUDGET, 1), basis=0)
    town.all_vote(budget, persons=5)
    assert town.run_until(Status.EXECUTED, number=budget)  # class B needs none


def test_day_one_without_persons_decides_by_institutions_but_not_the_constitution() -> None:
    town = DecidingTown()
    town.organisations()
    town.persons(29)
    number = town.propose(message(ZONE, 1))
    code, reason = town.refused(person(0), "vote", number, "yes")
    assert code is ErrorCode.NOT_NOW
    assert "vacant" in reason
    town.block(*[(sender, "vote", (number, "yes")) for sender in (PUBLIC, ACADEMIA)])
    town.run_until(Status.EXECUTED)
    code, reason = town.refused(PUBLIC, "submit", "T", DOCUMENT, BASIS, (message(LAMBDA, 0),))
    assert code is ErrorCode.NOT_NOW
    assert "both persons' chambers" in reason


def test_replacing_registrars_is_class_a_after_the_bootstrap_while_persons_are_vacant() -> None:
    town = DecidingTown()
    town.organisations()
    number = town.propose(message(REGISTRAR, 1))
    assert ballot_of(town.state, number, 1)[0].proposal_class is ProposalClass.B
    town.all_vote(number)
    town.run_until(Status.EXECUTED)
    town.block(after_ms=2 * YEAR_MS)
    eased = town.propose(message(REGISTRAR, 2))
    assert ballot_of(town.state, eased, 1)[0].proposal_class is ProposalClass.A
    # A class A vote with anything graver takes the graver class.
    mixed = town.propose(message(REGISTRAR, 2), message(BUDGET, 1))
    assert ballot_of(town.state, mixed, 1)[0].proposal_class is ProposalClass.B
    town.all_vote(eased)
    town.all_vote(mixed)
    town.run_until(Status.EXECUTED, number=mixed)
    town.persons(30, 30)
    seated = town.propose(message(REGISTRAR, 3))
    assert ballot_of(town.state, seated, 1)[0].proposal_class is ProposalClass.B


def test_parameters_change_by_class_d_with_history_and_only_for_later_votes(
    town: DecidingTown,
) -> None:
    running = town.propose(message(BUDGET, 1))
    number = town.propose(message(CHANGE_PARAMETER, "voting_ms", 1, 10 * DAY_MS))
    town.all_vote(running, persons=5)
    pass_both_votes(town, number)
    town.run_until(Status.EXECUTED, number=number)
    assert ballot_of(town.state, running, 1)[0].voting_ms == 14 * DAY_MS
    later = town.propose(message(BUDGET, 1))
    assert ballot_of(town.state, later, 1)[0].voting_ms == 10 * DAY_MS
    ((_, change),) = town.state.iterate(CHANGES)
    assert (change.name, change.before, change.after) == ("voting_ms", 14 * DAY_MS, 10 * DAY_MS)


def test_a_town_runs_its_day_in_half_a_second() -> None:
    town = DecidingTown({"day_ms": 500})
    town.organisations()
    town.persons(30, 30)
    number = town.propose(message(BUDGET, 1))
    town.all_vote(number, persons=10)
    town.run_until(Status.EXECUTED)
    assert elapsed_ms(town, number) == (14 + 7) * 500


def test_more_due_steps_than_a_block_takes_are_carried_over() -> None:
    town = DecidingTown()
    town.organisations(25)
    for index in range(25):
        for _ in range(2):
            town.must(institution(CHAMBER_PUBLIC, index), "submit", "T", DOCUMENT, 0, ())
    town.block(after_ms=31 * DAY_MS)
    assert [town.status(n) for n in range(1, 51)].count(Status.EXPIRED) == 32
    assert town.module.next_deadline_ms(town.state) is not None
    town.block(after_ms=0)
    assert [town.status(n) for n in range(1, 51)].count(Status.EXPIRED) == 50
    assert town.module.next_deadline_ms(town.state) is None


def test_a_block_executes_at_most_four_proposals() -> None:
    town = DecidingTown()
    town.organisations(3)
    numbers = []
    for index in range(3):
        by, other = institution(CHAMBER_PUBLIC, index), institution(CHAMBER_LAND, index)
        town.block(*[(by, "submit", ("T", DOCUMENT, 0, (message(BUDGET, 1),))) for _ in range(2)])
        numbers += [2 * index + 1, 2 * index + 2]
        town.block(*[(other, "sponsor", (number,)) for number in numbers[-2:]], after_ms=0)
    # All reviews and votes end in the same block.
    town.block(after_ms=4 * DAY_MS)
    voters = [
        institution(chamber, index)
        for chamber in (CHAMBER_PUBLIC, CHAMBER_LAND, CHAMBER_ACADEMIA)
        for index in range(3)
    ]
    town.block(*[(voter, "vote", (n, "yes")) for voter in voters for n in numbers])
    town.block(after_ms=14 * DAY_MS)
    town.block(after_ms=7 * DAY_MS)
    assert [town.status(n) for n in numbers].count(Status.EXECUTED) == 4
    town.block(after_ms=0)
    assert [town.status(n) for n in numbers].count(Status.EXECUTED) == 6
