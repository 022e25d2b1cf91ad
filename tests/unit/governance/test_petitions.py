"""What persons set going without an organisation (governance.md, "Sponsors", "Recall")."""

import pytest

from governance.chambers import CHAMBER_LAND, CHAMBER_PUBLIC
from governance.proposals.classes import DAY_MS
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import ballot_of, find
from ledger.errors import ErrorCode
from tests.support.deciding_town import BUDGET, DOCUMENT, ZONE, DecidingTown, message, value
from tests.support.electorate_fake import institution, person


def town_of(participants: int, landowners: int = 0) -> DecidingTown:
    found = DecidingTown()
    found.organisations()
    found.persons(participants, landowners)
    return found


def open_petition(town: DecidingTown, by: int = 0, amount: int = 1) -> int:
    given = ("Benches", DOCUMENT, 0, (message(BUDGET, amount),))
    town.must(person(by), "petition", *given)
    (number,) = [
        dict(event.values)["proposal"]
        for event in town.events
        if event.name == "proposals.submitted"
    ]
    assert isinstance(number, int)
    return number


def sign(town: DecidingTown, number: int, signers: range) -> None:
    sent = [(person(index), "sign", (number,)) for index in signers]
    assert set(town.block(*sent)) <= {ErrorCode.OK}, town.reasons


@pytest.mark.parametrize(
    ("people", "needed"), [(25, 20), (100, 20), (666, 20), (667, 21), (700, 21), (1_000, 30)]
)
def test_signatures_needed_are_twenty_or_three_per_cent(people: int, needed: int) -> None:
    town = town_of(people - 10, 10)
    number = open_petition(town)
    assert find(town.state, number)[0].signatures_needed == needed
    sign(town, number, range(1, needed - 1))
    assert town.status(number) is Status.SUBMITTED
    sign(town, number, range(needed - 1, needed))
    assert town.status(number) is Status.REVIEW
    assert town.run_until(Status.VOTING, number=number)


def test_a_petition_is_voted_on_like_any_proposal() -> None:
    town = town_of(60, 40)
    number = open_petition(town)
    sign(town, number, range(1, 20))
    town.run_until(Status.VOTING)
    town.all_vote(number, persons=20)
    town.run_until(Status.EXECUTED)
    assert value(town.state, BUDGET) == 1


def test_a_petition_ends_after_ninety_days() -> None:
    town = town_of(60)
    number = open_petition(town)
    town.block(after_ms=90 * DAY_MS - 1_000)
    assert town.status(number) is Status.SUBMITTED
    # The last block of the period ends it; a signature in that block comes too late.
    assert town.block((person(3), "sign", (number,)), after_ms=1_000) == [ErrorCode.NOT_NOW]
    assert town.status(number) is Status.EXPIRED


def test_signatures_that_are_refused() -> None:
    town = town_of(60)
    number = open_petition(town)
    assert town.refused(person(0), "sign", number) == (
        ErrorCode.CONFLICT,
        "this person has already signed petition 1",
    )
    sign(town, number, range(1, 2))
    assert town.refused(person(1), "sign", number)[0] is ErrorCode.CONFLICT
    assert town.refused(institution(CHAMBER_PUBLIC), "sign", number)[0] is ErrorCode.UNAUTHORISED
    other = open_petition(town, by=30, amount=2)
    assert town.refused(person(1), "sign", other) == (
        ErrorCode.LIMIT_EXCEEDED,
        "this person has signed petition 1, which is still open: one open petition a person",
    )
    assert town.refused(person(1), "petition", "T", DOCUMENT, 0, ())[0] is ErrorCode.LIMIT_EXCEEDED
    assert town.refused(person(5), "sign", 77)[0] is ErrorCode.NOT_FOUND
    town.must(institution(CHAMBER_PUBLIC), "submit", "T", DOCUMENT, 0, ())
    assert town.refused(person(6), "sign", 3) == (
        ErrorCode.NOT_NOW,
        "proposal 3 (SPONSORS) is SUBMITTED and takes no signatures",
    )


def test_a_lost_account_signs_once() -> None:
    town = town_of(60)
    number = open_petition(town)
    town.electorate.rebind(person(0), person(800))
    assert town.refused(person(800), "sign", number)[0] is ErrorCode.CONFLICT


def test_the_same_content_waits_180_days_whatever_its_title() -> None:
    town = town_of(60)
    number = open_petition(town)
    opened_ms = town.time_ms
    town.must(person(0), "withdraw", number)
    again = ("Other words", DOCUMENT, 0, (message(BUDGET, 1),))
    assert town.refused(person(1), "petition", *again) == (
        ErrorCode.CONFLICT,
        f"petition 1 had the same content: it can be opened again at {opened_ms + 180 * DAY_MS}",
    )
    town.block(at_ms=opened_ms + 180 * DAY_MS)
    town.must(person(1), "petition", *again, after_ms=0)


def test_petitions_take_no_sponsors_slot_and_cannot_be_withdrawn_in_review() -> None:
    town = town_of(60)
    number = open_petition(town)
    sign(town, number, range(1, 20))
    assert town.refused(person(0), "withdraw", number)[0] is ErrorCode.NOT_NOW
    # Signers are free again once it is decided.
    town.run_until(Status.NO_QUORUM)
    open_petition(town, by=0, amount=2)


def queued(town: DecidingTown) -> int:
    number = town.propose(message(BUDGET, 1))
    town.all_vote(number, persons=10)
    town.run_until(Status.QUEUED)
    return number


def recall(town: DecidingTown, number: int, signers: range) -> list[ErrorCode]:
    return town.block(*[(person(index), "recall", (number,)) for index in signers])


def test_ten_per_cent_send_a_queued_action_back_once() -> None:
    town = town_of(60, 40)
    number = queued(town)
    recall(town, number, range(50, 59))
    assert town.status(number) is Status.QUEUED
    recall(town, number, range(59, 60))
    assert town.status(number) is Status.RECALL_VOTING
    rules, ballot = ballot_of(town.state, number, 2)
    assert ballot.ends_ms - ballot.opened_ms == rules.voting_ms == 14 * DAY_MS
    town.all_vote(number, persons=10)
    town.run_until(Status.QUEUED)
    progress = find(town.state, number)[1]
    assert progress.executable_ms - progress.recalls_needed > 0
    assert town.refused(person(70), "recall", number) == (
        ErrorCode.NOT_NOW,
        "proposal 1 was recalled once and passed again",
    )
    town.run_until(Status.EXECUTED)


def test_the_further_vote_has_the_recusals_of_the_first() -> None:
    town = town_of(60, 40)
    number = town.propose(message(ZONE, 1))
    town.all_vote(number, persons=30)
    town.run_until(Status.QUEUED)
    recall(town, number, range(50, 60))
    assert town.status(number) is Status.RECALL_VOTING
    assert town.refused(institution(CHAMBER_LAND), "vote", number, "no")[0] is (
        ErrorCode.UNAUTHORISED
    )


def test_the_further_vote_can_reject() -> None:
    town = town_of(60, 40)
    number = queued(town)
    recall(town, number, range(50, 60))
    town.all_vote(number, "no", persons=30)
    assert town.run_until(Status.REJECTED, Status.QUEUED) is Status.REJECTED
    assert value(town.state, BUDGET) == 0


def test_recalls_that_are_refused() -> None:
    town = town_of(60, 20)
    number = town.propose(message(BUDGET, 1))
    assert town.refused(person(0), "recall", number)[0] is ErrorCode.NOT_NOW
    town.all_vote(number, persons=10)
    town.run_until(Status.QUEUED)
    assert recall(town, number, range(1)) == [ErrorCode.OK]
    assert town.refused(person(0), "recall", number)[0] is ErrorCode.CONFLICT
    assert town.refused(institution(CHAMBER_PUBLIC), "recall", number)[0] is ErrorCode.UNAUTHORISED
    assert town.refused(person(60), "recall", number) == (
        ErrorCode.NOT_NOW,
        "chamber.landowners is vacant: it can recall when it has 30 members",
    )
    executable_ms = find(town.state, number)[1].executable_ms
    # The block in which the timelock is over executes it; a recall in it comes too late.
    assert town.block((person(1), "recall", (number,)), at_ms=executable_ms) == [ErrorCode.NOT_NOW]
    assert town.status(number) is Status.EXECUTED
