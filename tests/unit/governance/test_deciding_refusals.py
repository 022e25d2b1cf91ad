"""Every message that cannot take effect says why, in its own code and sentence, and changes
nothing (the harness compares all rows before and after each refusal)."""

import pytest

from governance.chambers import CHAMBER_LAND, CHAMBER_PUBLIC
from governance.proposals.classes import DAY_MS, GovernanceParameters, parameters_from
from governance.proposals.lifecycle import Status
from governance.proposals.parameter_changes import CHANGE_PARAMETER
from ledger import codec
from ledger.errors import DecodeError, ErrorCode, LocalError, TransactionError
from ledger.primitives import Address
from tests.support.deciding_town import (
    BASIS,
    BROKEN,
    BUDGET,
    DOCUMENT,
    ZONE,
    DecidingTown,
    message,
)
from tests.support.electorate_fake import institution, person

PUBLIC, LAND = institution(CHAMBER_PUBLIC), institution(CHAMBER_LAND)
OUTSIDER = Address(b"\x0f" * 20)
Content = tuple[object, ...]


@pytest.fixture
def town() -> DecidingTown:
    found = DecidingTown()
    found.organisations()
    found.persons(60, 40)
    return found


def content(*messages: tuple[str, bytes], basis: int = BASIS, title: str = "A title") -> Content:
    return (title, DOCUMENT, basis, messages)


def test_votes_that_are_refused(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1))
    assert town.refused(OUTSIDER, "vote", number, "yes") == (
        ErrorCode.UNAUTHORISED,
        "0x0f0f0F0f0f0F0F0f0F0F0F0F0F0F0f0f0F0F0F0F was no member of a chamber when voting on "
        f"proposal 1 started at {town.time_ms}",
    )
    town.must(PUBLIC, "vote", number, "yes")
    assert town.refused(PUBLIC, "vote", number, "yes") == (
        ErrorCode.CONFLICT,
        "this member already voted yes on proposal 1; another choice replaces it until voting ends",
    )
    assert town.refused(PUBLIC, "vote", number, "perhaps") == (
        ErrorCode.INVALID_MESSAGE,
        "choice: expected yes, no or abstain, found 'perhaps'",
    )
    for unknown in (0, 2, 2**32, 2**64 - 1):
        assert town.refused(PUBLIC, "vote", unknown, "yes") == (
            ErrorCode.NOT_FOUND,
            f"there is no proposal {unknown}; the newest is 1",
        )


def test_votes_before_the_start_and_after_the_end(town: DecidingTown) -> None:
    number = town.propose(message(BUDGET, 1), run=False)
    assert town.refused(PUBLIC, "vote", number, "yes") == (
        ErrorCode.NOT_NOW,
        "proposal 1 is REVIEW: voting has not started",
    )
    town.run_until(Status.VOTING)
    end_ms = town.module.next_deadline_ms(town.state)
    assert end_ms is not None
    # In the block that ends the vote, too.
    assert town.block((PUBLIC, "vote", (number, "yes")), at_ms=end_ms) == [ErrorCode.NOT_NOW]
    assert town.reasons[0].startswith(f"voting on proposal 1 ended at {end_ms}")
    assert town.refused(PUBLIC, "vote", number, "yes") == (
        ErrorCode.NOT_NOW,
        "proposal 1 is NO_QUORUM: no vote is open, 1 ended",
    )


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (
            content(title=" "),
            ErrorCode.INVALID_MESSAGE,
            "title: expected printable text without spaces around it, found ' '",
        ),
        (
            content(("town.unheard", b"\x90")),
            ErrorCode.INVALID_MESSAGE,
            "message 0 (town.unheard): this is nothing that a vote can carry out",
        ),
        (
            content(message(BUDGET, 1), (BUDGET.name, b"\x91")),
            ErrorCode.INVALID_MESSAGE,
            "message 1 (town.budget): not canonical msgpack",
        ),
        (
            content((BUDGET.name, codec.encode(("text",)))),
            ErrorCode.INVALID_MESSAGE,
            "message 0 (town.budget): value: expected an integer",
        ),
        (
            content(message(CHANGE_PARAMETER, "voting_ms", 3, DAY_MS)),
            ErrorCode.LIMIT_EXCEEDED,
            "message 0 (proposals.change_parameter): outside bounds: parameter voting_ms is "
            "86400000, expected 1814400000..15552000000",
        ),
        (
            content(message(CHANGE_PARAMETER, "day_ms", 0, 1_000)),
            ErrorCode.INVALID_MESSAGE,
            "message 0 (proposals.change_parameter): name: 'day_ms' is no parameter that a vote",
        ),
        (
            content(message(CHANGE_PARAMETER, "timelock_ms", 4, 1_000)),
            ErrorCode.INVALID_MESSAGE,
            "message 0 (proposals.change_parameter): position: timelock_ms has 4 values",
        ),
        (
            content(message(ZONE, 1), basis=0),
            ErrorCode.INVALID_MESSAGE,
            "legal_basis: a proposal of class C has to name the legal basis it acts on",
        ),
        (
            content(message(ZONE, 1), basis=7),
            ErrorCode.NOT_NOW,
            "legal basis 7 is not in force",
        ),
    ],
)
def test_proposals_that_are_refused(
    town: DecidingTown, given: Content, code: ErrorCode, sentence: str
) -> None:
    for sender, verb in ((PUBLIC, "submit"), (person(0), "petition")):
        found, reason = town.refused(sender, verb, *given)
        assert found is code
        assert reason.startswith(sentence)


def test_a_revoked_basis_is_refused(town: DecidingTown) -> None:
    town.bases.numbers.clear()
    assert town.refused(PUBLIC, "submit", *content(message(ZONE, 1))) == (
        ErrorCode.NOT_NOW,
        "legal basis 1 is not in force: name one that is, or have its status changed first",
    )


def test_sponsors_that_are_refused(town: DecidingTown) -> None:
    for sender in (OUTSIDER, person(0)):
        code, reason = town.refused(sender, "submit", *content())
        assert code is ErrorCode.UNAUTHORISED
        assert reason.endswith(
            "is no organisation of a chamber: proposals need two organisations as sponsors, or a "
            "petition of persons"
        )
    town.must(PUBLIC, "submit", *content())
    assert town.refused(PUBLIC, "sponsor", 1) == (
        ErrorCode.CONFLICT,
        "proposal 1 is this organisation's own: a different one has to sponsor it",
    )
    # Without a second sponsor there is never a vote.
    assert town.refused(LAND, "vote", 1, "yes")[0] is ErrorCode.NOT_NOW
    town.must(LAND, "sponsor", 1)
    assert town.refused(institution("chamber.builders"), "sponsor", 1) == (
        ErrorCode.NOT_NOW,
        "proposal 1 (SPONSORS) is REVIEW and takes no further sponsor",
    )
    town.must(PUBLIC, "submit", *content())
    assert town.refused(PUBLIC, "submit", *content()) == (
        ErrorCode.LIMIT_EXCEEDED,
        "this organisation already sponsors 2 open proposals, at most 2 are allowed: wait for a "
        "decision or withdraw one",
    )


def test_the_second_sponsors_slots_count_too(town: DecidingTown) -> None:
    for sender in (PUBLIC, PUBLIC, institution("chamber.academia")):
        town.must(sender, "submit", *content())
    town.must(LAND, "sponsor", 1)
    town.must(LAND, "sponsor", 2)
    assert town.refused(LAND, "sponsor", 3)[0] is ErrorCode.LIMIT_EXCEEDED


def test_only_a_proposal_changes_a_parameter(town: DecidingTown) -> None:
    code, reason = town.refused(PUBLIC, "change_parameter", "review_ms", 0, DAY_MS)
    assert code is ErrorCode.UNAUTHORISED
    assert reason.startswith("how proposals are decided changes by a vote alone: propose it")


def test_a_message_that_the_executor_does_not_know_is_named(town: DecidingTown) -> None:
    town.router.check = _refuse  # type: ignore[method-assign]  # as after an upgrade
    code, reason = town.refused(PUBLIC, "submit", *content(message(BROKEN, 1)))
    assert (code, reason) == (ErrorCode.NOT_FOUND, "message 0 (town.broken): gone")


def _refuse(message_type: str, body: object) -> None:
    del message_type, body
    raise TransactionError(ErrorCode.NOT_FOUND, "gone")


def test_bounds_of_a_proposals_body() -> None:
    """Refused while decoding, before a handler runs."""
    town = DecidingTown()
    submit = town.by_name["proposals.submit"]
    for given, named in (
        (("T" * 129, DOCUMENT, 0, ()), "title"),
        (("T", DOCUMENT, 0, tuple(message(BUDGET, n) for n in range(17))), "messages"),
        (("T", DOCUMENT, 0, ((BUDGET.name, bytes(8_193)),)), "body"),
        (("T", b"short", 0, ()), "document_hash"),
    ):
        with pytest.raises(DecodeError, match=named):
            submit.decode(given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"voting": 1}, "unknown option"),
        ({"voting_ms": [1, 2, 3]}, "4 values, for classes A to D"),
        ({"voting_ms": [0, 0, 0, 0]}, r"voting_ms\[0\]: expected an integer in"),
        ({"pause_ms": 73 * 3_600_000}, "pause_ms: expected an integer in"),
        ({"loosening_timelock_ms": 364 * DAY_MS}, "loosening_timelock_ms"),
        ({"delegate_bps": 501}, "delegate_bps"),
    ],
)
def test_genesis_parameters_stay_inside_hard_bounds(
    given: dict[str, object], sentence: str
) -> None:
    with pytest.raises(LocalError, match=sentence):
        parameters_from(given, "proposals.parameters")


def test_parameters_check_themselves() -> None:
    assert parameters_from({}, "here") == GovernanceParameters()
    with pytest.raises(LocalError, match="cooldown_ms"):
        GovernanceParameters(cooldown_ms=0)
    with pytest.raises(LocalError, match="has 1 values, expected 4"):
        GovernanceParameters(voting_ms=(7 * DAY_MS,))
