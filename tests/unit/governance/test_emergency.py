"""The council can stop three things for a while, and never what people decide with
(governance.md, "Emergency council")."""

import pytest

from governance.chambers import INSTITUTIONAL
from governance.emergency.council import holders
from governance.emergency.emergency import (
    MOTIONS,
    EmergencyCouncil,
    finalising_paused,
    is_carried,
    message_paused,
    minting_paused,
    pause_of,
    register,
)
from governance.proposals.classes import DAY_MS, HOUR_MS
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import find
from ledger.errors import ErrorCode
from ledger.primitives import ZERO_ADDRESS, Address
from tests.support.deciding_town import BUDGET, DOCUMENT, DecidingTown, message, value
from tests.support.electorate_fake import institution, person
from tokenomics.ports import Emergency


def seat(index: int) -> Address:
    return Address(b"\xcc" + bytes((index,)) + bytes(18))


@pytest.fixture
def town() -> DecidingTown:
    """Six seated chambers; each has named seat(0..5)."""
    found = DecidingTown()
    found.organisations()
    found.persons(40, 40)
    for index, chamber in enumerate(INSTITUTIONAL):
        found.must(institution(chamber), "name_seat", seat(index))
    for start, held in ((0, 4), (40, 5)):
        found.block(*[(person(start + n), "name_seat", (seat(held),)) for n in range(2)])
    assert list(holders(found.mandate, found.state).values()) == [seat(n) for n in range(6)]
    return found


def agree(town: DecidingTown, target: str, *seats: int) -> list[ErrorCode]:
    return town.block(*[(seat(index), "pause", (target, DOCUMENT)) for index in seats])


def test_two_thirds_with_a_persons_seat_pause_minting_for_72_hours(town: DecidingTown) -> None:
    agree(town, "minting", 0, 1, 2, 3)
    assert not minting_paused(town.state)  # four of six, but no persons' seat
    agree(town, "minting", 4)
    assert minting_paused(town.state)
    assert not finalising_paused(town.state)
    start_ms = town.time_ms
    assert town.module.next_deadline_ms(town.state) == start_ms + 72 * HOUR_MS
    town.block(at_ms=start_ms + 72 * HOUR_MS - 1)
    assert minting_paused(town.state)
    town.block(at_ms=start_ms + 72 * HOUR_MS)
    assert not minting_paused(town.state)
    assert pause_of(town.state, 1).report_due_ms == start_ms + 72 * HOUR_MS + 14 * DAY_MS


def test_a_pause_ends_before_the_transactions_of_its_last_block(town: DecidingTown) -> None:
    """Messages of the block at the end are taken again; the reads are functions of state alone."""
    agree(town, "message:town.budget", 0, 1, 2, 4)
    assert message_paused(town.state, BUDGET.name)
    assert not message_paused(town.state, "town.zone")
    state = town.state
    town.time_ms += 72 * HOUR_MS
    context = town.context(state)
    town.module.begin_block(context)
    assert not message_paused(state, BUDGET.name)
    assert [event.name for event in context.events] == ["proposals.pause_ended"]


def test_the_module_is_the_emergency_that_tokenomics_reads(town: DecidingTown) -> None:
    council: EmergencyCouncil = town.module
    read_by_tokenomics: Emergency = town.module
    agree(town, "finalising", 0, 1, 2, 5)
    assert council.finalising_paused(town.state)
    assert read_by_tokenomics.finalising_paused(town.state)
    assert not council.minting_paused(town.state)


@pytest.mark.parametrize(
    "target",
    [
        "message:proposals.vote",
        "message:proposals.petition",
        "message:proposals.sign",
        "message:proposals.recall",
        "message:land.challenge",
        "message:land.reveal",
    ],
)
def test_what_people_decide_with_can_never_be_paused(town: DecidingTown, target: str) -> None:
    code, reason = town.refused(seat(0), "pause", target, DOCUMENT)
    assert code is ErrorCode.UNAUTHORISED
    assert reason.endswith(
        "can never be paused: votes, petitions, challenges, reveals and blocks go on in an "
        "emergency too"
    )


@pytest.mark.parametrize("target", ["", "blocks", "message:", "message:vote", "town.budget"])
def test_targets_that_are_nothing_to_pause(town: DecidingTown, target: str) -> None:
    assert town.refused(seat(0), "pause", target, DOCUMENT)[0] is ErrorCode.INVALID_MESSAGE


@pytest.mark.parametrize(
    ("target", "code", "sentence"),
    [
        ("message:town.budgte", ErrorCode.NOT_FOUND, "did you mean 'town.budget'?"),
        ("message:transfer.send", ErrorCode.NOT_FOUND, "no message type is called 'transfer.send'"),
        ("mintng", ErrorCode.INVALID_MESSAGE, "did you mean 'minting'?"),
    ],
)
def test_a_mistyped_target_is_refused_to_the_first_who_agrees(
    town: DecidingTown, target: str, code: ErrorCode, sentence: str
) -> None:
    found, reason = town.refused(seat(0), "pause", target, DOCUMENT)
    assert (found, sentence in reason) == (code, True), reason
    assert town.state.get(MOTIONS, target.encode()) is None


def test_pauses_that_are_refused(town: DecidingTown) -> None:
    code, reason = town.refused(institution(INSTITUTIONAL[0]), "pause", "minting", DOCUMENT)
    assert code is ErrorCode.UNAUTHORISED
    assert reason.endswith("holds no seat in the emergency council")
    agree(town, "minting", 0)
    assert town.refused(seat(0), "pause", "minting", DOCUMENT)[0] is ErrorCode.CONFLICT
    # Agreements older than a day count no longer.
    town.block(after_ms=DAY_MS)
    agree(town, "minting", 1, 2, 4)
    assert not minting_paused(town.state)
    agree(town, "minting", 0)
    assert minting_paused(town.state)
    assert town.refused(seat(3), "pause", "minting", DOCUMENT) == (
        ErrorCode.CONFLICT,
        f"minting is paused until {pause_of(town.state, 1).until_ms} already",
    )


def test_cooldown_and_overdue_report(town: DecidingTown) -> None:
    agree(town, "minting", 0, 1, 2, 4)
    town.block(after_ms=72 * HOUR_MS)
    ended_ms = town.time_ms
    assert town.refused(seat(0), "pause", "minting", DOCUMENT) == (
        ErrorCode.NOT_NOW,
        f"minting was paused until {ended_ms}: again at {ended_ms + 30 * DAY_MS}",
    )
    town.block(at_ms=ended_ms + 14 * DAY_MS)
    assert town.refused(seat(0), "pause", "finalising", DOCUMENT) == (
        ErrorCode.NOT_NOW,
        f"the report on pause 1 was due at {ended_ms + 14 * DAY_MS}: put it on record first",
    )
    assert town.refused(person(1), "report", 1, DOCUMENT)[0] is ErrorCode.UNAUTHORISED
    assert town.refused(seat(3), "report", 2, DOCUMENT)[0] is ErrorCode.NOT_FOUND
    town.must(seat(3), "report", 1, DOCUMENT)
    assert pause_of(town.state, 1).report_hash == DOCUMENT
    assert town.refused(seat(3), "report", 1, DOCUMENT)[0] is ErrorCode.CONFLICT
    agree(town, "finalising", 0, 1, 2, 4)
    assert finalising_paused(town.state)
    town.block(at_ms=ended_ms + 30 * DAY_MS)
    town.must(seat(3), "report", 2, DOCUMENT)
    agree(town, "minting", 0, 1, 2, 4)
    assert minting_paused(town.state)


def test_one_renewal_by_a_vote_of_48_hours_without_timelock(town: DecidingTown) -> None:
    agree(town, "minting", 0, 1, 2, 4)
    paused_ms, until_ms = town.time_ms, pause_of(town.state, 1).until_ms
    assert town.refused(person(0), "renew", 1)[0] is ErrorCode.UNAUTHORISED
    assert town.refused(seat(0), "renew", 2)[0] is ErrorCode.NOT_FOUND
    town.must(seat(0), "renew", 1)
    assert town.status(1) is Status.VOTING
    assert town.refused(seat(1), "renew", 1)[0] is ErrorCode.CONFLICT
    town.all_vote(1, persons=10)
    voting_ends_ms = town.module.next_deadline_ms(town.state)
    assert voting_ends_ms is not None
    assert voting_ends_ms - paused_ms <= 49 * HOUR_MS
    town.run_until(Status.EXECUTED)
    assert find(town.state, 1)[1].ended_ms == voting_ends_ms
    assert pause_of(town.state, 1).until_ms == until_ms + 14 * DAY_MS
    town.block(at_ms=until_ms + 14 * DAY_MS - 1)
    assert minting_paused(town.state)
    town.block(after_ms=1)
    assert not minting_paused(town.state)
    assert town.refused(seat(0), "renew", 1)[0] is ErrorCode.NOT_NOW


def test_a_renewal_that_comes_too_late_changes_nothing(town: DecidingTown) -> None:
    agree(town, "minting", 0, 1, 2, 4)
    town.block(after_ms=30 * HOUR_MS)
    town.must(seat(0), "renew", 1)
    town.all_vote(1, persons=10)
    assert town.run_until(Status.FAILED, Status.EXECUTED) is Status.FAILED
    assert "ended at" in find(town.state, 1)[1].reason
    assert not minting_paused(town.state)


def test_nobody_prolongs_a_pause_by_hand(town: DecidingTown) -> None:
    agree(town, "minting", 0, 1, 2, 4)
    assert town.refused(seat(0), "prolong", 1)[0] is ErrorCode.UNAUTHORISED
    body = message(town.by_name["proposals.prolong"], 1)
    given = ("T", DOCUMENT, 0, (body,))
    code, _ = town.refused(institution(INSTITUTIONAL[0]), "submit", *given)
    assert code is ErrorCode.INVALID_MESSAGE


def test_a_queued_action_waits_for_the_end_of_the_pause_of_its_message(
    town: DecidingTown,
) -> None:
    number = town.propose(message(BUDGET, 3))
    town.all_vote(number, persons=10)
    town.run_until(Status.QUEUED)
    executable_ms = find(town.state, number)[1].executable_ms
    town.block(at_ms=executable_ms - HOUR_MS)
    agree(town, "message:town.budget", 0, 1, 2, 4)
    town.block(at_ms=executable_ms)
    assert town.status(number) is Status.QUEUED
    assert find(town.state, number)[1].tries == 0
    town.run_until(Status.EXECUTED)
    assert find(town.state, number)[1].ended_ms == pause_of(town.state, 1).ended_ms
    assert value(town.state, BUDGET) == 3


def test_votes_go_on_while_everything_is_paused(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 3))
    for target in ("minting", "finalising", "message:town.budget"):
        agree(town, target, 0, 1, 2, 4)
    town.all_vote(number, persons=10)
    town.run_until(Status.QUEUED)


def test_institutions_name_by_majority_and_persons_by_most_names() -> None:
    town = DecidingTown()
    town.organisations(3)
    town.persons(60)
    public = [institution(INSTITUTIONAL[0], index) for index in range(3)]
    town.must(public[0], "name_seat", seat(0))
    assert holders(town.mandate, town.state)[0] is None  # one of three
    town.must(public[1], "name_seat", seat(0))
    assert holders(town.mandate, town.state)[0] == seat(0)
    town.must(public[1], "name_seat", ZERO_ADDRESS)
    assert holders(town.mandate, town.state)[0] is None
    for index in range(2):
        town.must(person(index), "name_seat", seat(4))
    assert holders(town.mandate, town.state)[4] is None  # 5 % of 60 are three
    town.must(person(2), "name_seat", seat(4))
    assert holders(town.mandate, town.state)[4] == seat(4)
    for index in range(10, 13):
        town.must(person(index), "name_seat", seat(5))
    assert holders(town.mandate, town.state)[4] == seat(4)  # as many are not more
    town.must(person(13), "name_seat", seat(5))
    assert holders(town.mandate, town.state)[4] == seat(5)
    # Names of those who leave no longer count, and a vacant chamber has no seat.
    town.block(leaves=[person(index) for index in range(10, 13)])
    assert holders(town.mandate, town.state)[4] is None
    town.block(leaves=[person(index) for index in range(20, 60)])
    assert 4 not in holders(town.mandate, town.state)


def test_half_of_the_organisations_are_no_majority() -> None:
    town = DecidingTown()
    town.organisations(2)
    town.must(institution(INSTITUTIONAL[0]), "name_seat", seat(0))
    assert holders(town.mandate, town.state)[0] is None
    town.must(institution(INSTITUTIONAL[0], 1), "name_seat", seat(0))
    assert holders(town.mandate, town.state)[0] == seat(0)


def test_names_that_are_refused(town: DecidingTown) -> None:
    code, reason = town.refused(person(0), "name_seat", seat(0))
    assert code is ErrorCode.CONFLICT
    assert "holds the seat of chamber.public" in reason
    assert town.refused(person(0), "name_seat", seat(4))[0] is ErrorCode.CONFLICT
    assert town.refused(seat(0), "name_seat", seat(0))[0] is ErrorCode.UNAUTHORISED


def test_a_seat_that_changed_hands_no_longer_agrees(town: DecidingTown) -> None:
    agree(town, "minting", 0, 1, 4)
    town.must(institution(INSTITUTIONAL[0]), "name_seat", seat(9))
    agree(town, "minting", 2)
    assert not minting_paused(town.state)
    agree(town, "minting", 9)
    assert minting_paused(town.state)


def test_two_thirds_by_number_of_seated_chambers() -> None:
    council = {index: seat(index) for index in range(6)}
    assert not is_carried(council, [0, 1, 4])
    assert not is_carried(council, [0, 1, 2, 3])
    assert is_carried(council, [0, 1, 2, 4])
    institutions = {index: seat(index) for index in range(4)}
    assert not is_carried(institutions, [0, 1])
    assert is_carried(institutions, [0, 1, 2])
    # An empty seat counts among the seats and agrees to nothing.
    assert not is_carried({0: seat(0), 1: None, 4: None}, [0])
    assert not is_carried({}, [])


def test_at_most_sixteen_pauses_at_once(town: DecidingTown) -> None:
    town.router.others = {f"town.type_{index}" for index in range(16)}
    for index in range(16):
        agree(town, f"message:town.type_{index}", 0, 1, 2, 4)
    assert len(register(town.state).active) == 16
    code, _ = town.refused(seat(0), "pause", "minting", DOCUMENT)
    assert code is ErrorCode.LIMIT_EXCEEDED
