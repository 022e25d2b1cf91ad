"""Each bad input of deciding has a code and a sentence of its own, and leaves the state as it was
(DecidingTown.refused compares every row). One table; finer cases are in the tests of each part."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from governance.chambers import CHAMBER_ACADEMIA, CHAMBER_LAND, CHAMBER_PUBLIC
from governance.proposals.classes import DAY_MS
from governance.proposals.lifecycle import Status
from governance.proposals.parameter_changes import CHANGE_PARAMETER
from ledger.errors import ErrorCode
from ledger.primitives import Address
from tests.support.deciding_town import BASIS, BUDGET, DOCUMENT, ZONE, DecidingTown, message
from tests.support.electorate_fake import institution, person

CITY, LAND, GIST = map(institution, (CHAMBER_PUBLIC, CHAMBER_LAND, CHAMBER_ACADEMIA))
OUTSIDER = Address(b"\x0f" * 20)
Prepare = Callable[[DecidingTown], object]


class Case(NamedTuple):
    """What is done before, and the message that is refused."""

    prepare: Prepare
    sender: Address
    verb: str
    values: tuple[Any, ...]
    code: ErrorCode
    sentence: str


def proposal(*carried: tuple[str, bytes], basis: int = BASIS) -> tuple[Any, ...]:
    return "A title", DOCUMENT, basis, carried


def nothing(town: DecidingTown) -> None:
    del town


def in_vote(town: DecidingTown) -> None:
    town.propose(message(BUDGET, 1))


def ended(town: DecidingTown) -> None:
    in_vote(town)
    town.run_until(Status.NO_QUORUM)


def has_voted(town: DecidingTown) -> None:
    in_vote(town)
    town.must(CITY, "vote", 1, "yes")


def submitted(town: DecidingTown) -> None:
    town.must(CITY, "submit", *proposal())


def two_open(town: DecidingTown) -> None:
    submitted(town)
    submitted(town)


def full_delegate(town: DecidingTown) -> None:
    for number in range(1, 4):
        town.must(person(number), "delegate", "B", person(0))


def basis_revoked(town: DecidingTown) -> None:
    town.bases.numbers.clear()


def petition_signed(town: DecidingTown) -> None:
    town.must(person(0), "petition", *proposal(message(BUDGET, 1)))
    town.must(person(1), "sign", 1)


CASES: dict[str, Case] = {
    "a vote by an outsider": Case(
        in_vote, OUTSIDER, "vote", (1, "yes"), ErrorCode.UNAUTHORISED, "was no member of a chamber"
    ),
    "the same vote twice": Case(
        has_voted, CITY, "vote", (1, "yes"), ErrorCode.CONFLICT, "already voted yes on proposal 1"
    ),
    "a vote after the end": Case(
        ended, CITY, "vote", (1, "yes"), ErrorCode.NOT_NOW, "no vote is open, 1 ended"
    ),
    "a vote on an unknown proposal": Case(
        in_vote, CITY, "vote", (2, "yes"), ErrorCode.NOT_FOUND, "there is no proposal 2"
    ),
    "a vote that is no choice": Case(
        in_vote, CITY, "vote", (1, "aye"), ErrorCode.INVALID_MESSAGE, "expected yes, no or abstain"
    ),
    "a value outside its bounds": Case(
        nothing,
        CITY,
        "submit",
        proposal(message(CHANGE_PARAMETER, "voting_ms", 3, DAY_MS)),
        ErrorCode.LIMIT_EXCEEDED,
        "outside bounds: parameter voting_ms is",
    ),
    "a proposal of somebody who cannot sponsor": Case(
        nothing, OUTSIDER, "submit", proposal(), ErrorCode.UNAUTHORISED, "need two organisations"
    ),
    "one's own proposal as its second sponsor": Case(
        submitted, CITY, "sponsor", (1,), ErrorCode.CONFLICT, "a different one has to sponsor it"
    ),
    "a vote on a proposal without a second sponsor": Case(
        submitted, GIST, "vote", (1, "yes"), ErrorCode.NOT_NOW, "proposal 1 is SUBMITTED"
    ),
    "a message that does not decode": Case(
        nothing,
        CITY,
        "submit",
        proposal((BUDGET.name, b"\x91")),
        ErrorCode.INVALID_MESSAGE,
        "message 0 (town.budget): not canonical msgpack",
    ),
    "a third open proposal": Case(
        two_open, CITY, "submit", proposal(), ErrorCode.LIMIT_EXCEEDED, "sponsors 2 open proposals"
    ),
    "a delegation above five per cent": Case(
        full_delegate,
        person(4),
        "delegate",
        ("B", person(0)),
        ErrorCode.LIMIT_EXCEEDED,
        "at most 3 are allowed (500 bps of chamber.participants)",
    ),
    "an ordinance that was revoked": Case(
        basis_revoked,
        CITY,
        "submit",
        proposal(message(ZONE, 1)),
        ErrorCode.NOT_NOW,
        "legal basis 1 is not in force",
    ),
    "a second signature under a petition": Case(
        petition_signed, person(1), "sign", (1,), ErrorCode.CONFLICT, "has already signed petition"
    ),
    "a signature under a second petition": Case(
        petition_signed,
        person(1),
        "petition",
        proposal(message(BUDGET, 2)),
        ErrorCode.LIMIT_EXCEEDED,
        "one open petition a person",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_refused_in_a_sentence_and_changes_nothing(case: Case) -> None:
    town = DecidingTown()
    town.organisations()
    town.persons(60, 40)
    case.prepare(town)
    code, reason = town.refused(case.sender, case.verb, *case.values)
    assert (code, case.sentence in reason) == (case.code, True), reason


def test_no_two_bad_inputs_are_told_in_the_same_way() -> None:
    told = [(case.code, case.sentence) for case in CASES.values()]
    assert len(told) == len(set(told))


def test_a_proposal_that_nobody_else_sponsors_ends_without_a_vote() -> None:
    town = DecidingTown()
    town.organisations()
    submitted(town)
    assert town.run_until(Status.EXPIRED) is Status.EXPIRED
