"""Persons challenge a land value together, in the oracle of a whole town."""

from dataclasses import replace
from typing import Any

import pytest

from api.methods import all_methods
from governance.chambers import CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS
from governance.proposals import challenge_petitions
from governance.proposals.challenge_petitions import (
    PETITION_CHALLENGE,
    PETITIONS,
    SIGN_CHALLENGE,
    find_petition,
)
from governance.proposals.challenge_views import challenge_petitions as challenge_petitions_shown
from governance.stakeholders.credentials import REVOKE, RevocationReason
from ledger.errors import ErrorCode, InvariantViolation
from ledger.rows import key
from tests.support.governed_town import (
    OWNERS,
    RESIDENTS,
    ZONES,
    GovernedTown,
    Sent,
    account,
    hash_of,
)
from tests.support.json_schema import problems
from tokenomics.oracle.appraisals import find_appraisal
from tokenomics.oracle.challenges import Verdict, challenge_of
from tokenomics.oracle.phases import Phase
from tokenomics.roles import petitioner

EVIDENCE = hash_of("evidence")
NEEDED = 20
ZONE = ZONES[0].id


@pytest.fixture
def town() -> GovernedTown:
    """Round 1 of the first zone may be challenged; nobody has."""
    made = GovernedTown()
    made.block()
    made.seat_persons()
    for _ in range(400):
        found = find_appraisal(made.state, 1, 0)
        if found is not None and found.phase is Phase.CHALLENGE:
            return made
        made.block(also=made.report(), after_ms=200)
    raise AssertionError("the value of round 1 was never open to challenges")


def opening(who: str, ground: str = "method", round_number: int = 1) -> Sent:
    return who, PETITION_CHALLENGE, (ZONE, round_number, ground, EVIDENCE)


def signing(who: str, number: int = 1) -> Sent:
    return who, SIGN_CHALLENGE, (number,)


def test_enough_signatures_make_the_challenge_and_blind_appraisers_decide(
    town: GovernedTown,
) -> None:
    town.must(opening(OWNERS[0]), *map(signing, OWNERS[1 : NEEDED - 1]), after_ms=1)
    assert challenge_of(town.state, 1, 0) is None
    town.must(signing(OWNERS[NEEDED - 1]), after_ms=1)
    found = challenge_of(town.state, 1, 0)
    assert found is not None
    assert (found.chamber, found.ground, found.evidence_hash, found.verdict) == (
        CHAMBER_LANDOWNERS, "method", EVIDENCE, Verdict.OPEN,
    )  # fmt: skip
    assert found.challenger == petitioner(CHAMBER_LANDOWNERS)
    names = [event.name for event in town.events]
    assert names == [
        "proposals.challenge_signed", "land.challenged", "proposals.challenge_filed",
    ]  # fmt: skip
    # It is over: who signed is free, and nobody can sign it any more.
    code, reason = town.refused(signing(OWNERS[NEEDED]))
    assert (code, "made its challenge" in reason) == (ErrorCode.NOT_NOW, True)
    verdicts = set[Verdict]()
    for _ in range(60):
        town.block(also=town.report(), after_ms=200)
        settled = challenge_of(town.state, 1, 0)
        assert settled is not None
        verdicts.add(settled.verdict)
    assert verdicts in ({Verdict.OPEN, Verdict.LOST}, {Verdict.OPEN, Verdict.UNDECIDED})


def test_what_a_node_tells_keeps_to_the_schema(town: GovernedTown) -> None:
    town.must(opening(OWNERS[0]), opening(RESIDENTS[0]), signing(OWNERS[1]), after_ms=1)
    rows = list(challenge_petitions_shown(town.state, 0))
    method = all_methods().find("poyong_listChallengePetitions")
    assert method is not None
    assert not problems(rows, method.result)
    assert [(row["petition"], row["signatures"], row["needed"]) for row in rows] == [
        (1, 2, NEEDED), (2, 1, NEEDED),
    ]  # fmt: skip
    assert list(challenge_petitions_shown(town.state, 1)) == rows[1:]


def test_it_lasts_exactly_as_long_as_the_value_may_be_challenged(town: GovernedTown) -> None:
    town.must(opening(OWNERS[0]), after_ms=1)
    found = find_appraisal(town.state, 1, 0)
    assert found is not None
    town.block(signing(OWNERS[1]), after_ms=found.deadline_ms - 1 - town.time_ms)
    assert find_petition(town.state, 1).signatures == 2
    code, reason = town.refused(signing(OWNERS[2]))
    assert (code, "takes no signature any more" in reason) == (ErrorCode.NOT_NOW, True)
    assert find_petition(town.state, 1).signatures == 2
    assert challenge_of(town.state, 1, 0) is None
    # Whoever signed it is free for another one as soon as there is a value to challenge.
    code, reason = town.refused(opening(OWNERS[0]))
    assert (code, "could not be challenged now" in reason) == (ErrorCode.NOT_NOW, True)


def test_each_person_counts_once_and_in_its_own_chamber(town: GovernedTown) -> None:
    town.must(opening(OWNERS[0]), opening(RESIDENTS[0]), after_ms=1)
    assert find_petition(town.state, 2).chamber == CHAMBER_PARTICIPANTS
    for sent, code, sentence in (
        (signing(OWNERS[0]), ErrorCode.CONFLICT, "has already signed"),
        (opening(OWNERS[1]), ErrorCode.CONFLICT, "challenge petition 1 says the same"),
        (opening(OWNERS[0], "comparables"), ErrorCode.LIMIT_EXCEEDED, "one open petition"),
        (signing(OWNERS[0], 2), ErrorCode.LIMIT_EXCEEDED, "one open petition"),
        (signing(OWNERS[1], 2), ErrorCode.UNAUTHORISED, "this person sits in"),
        (signing(OWNERS[1], 3), ErrorCode.NOT_FOUND, "no challenge petition 3"),
        (signing("city"), ErrorCode.UNAUTHORISED, "challenging together"),
        (opening("stranger"), ErrorCode.UNAUTHORISED, "challenging together"),
        (opening(OWNERS[1], "taste"), ErrorCode.NOT_NOW, "ground: expected one of"),
        (opening(OWNERS[1], round_number=2), ErrorCode.NOT_NOW, "could not be challenged now"),
    ):
        before = town.rows("proposals", "land")
        found, reason = town.refused(sent)
        assert (found, sentence in reason) == (code, True), reason
        assert town.rows("proposals") == {
            at: row for at, row in before.items() if at.startswith(b"proposals/")
        }


@pytest.mark.parametrize("wrong", [{"signatures": 2}, {"filed_ms": 5}])
def test_a_wrong_count_breaks_an_invariant(town: GovernedTown, wrong: dict[str, Any]) -> None:
    town.must(opening(OWNERS[0]), after_ms=1)
    state = town.state
    state.put(PETITIONS, key(1), replace(find_petition(state, 1), **wrong))
    invariant = town.chain.executor.invariants["proposals.challenges_have_their_signatures"]
    with pytest.raises(InvariantViolation, match="challenge petition 1"):
        invariant(state, town.chain.info())


def test_a_vacant_chamber_challenges_nothing(town: GovernedTown) -> None:
    gone = (account(OWNERS[-1]), int(RevocationReason.ASKED_FOR))
    town.must(("registrar", REVOKE, gone), after_ms=1)
    code, reason = town.refused(opening(OWNERS[0]))
    assert (code, "is vacant" in reason) == (ErrorCode.NOT_NOW, True)


def test_the_petition_and_the_oracle_mean_the_same_account() -> None:
    for chamber in (CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS):
        assert petitioner(chamber) == challenge_petitions.petitioner(chamber)
