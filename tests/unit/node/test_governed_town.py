"""Governance carried out by the chain itself: the node's executor on a genesis with stakeholders.

After each block every registered invariant of every module holds.
"""

import pytest

from governance.deciding import ADD_OBSERVER, REMOVE_VALIDATOR
from governance.emergency import emergency
from governance.emergency.council import NAME_SEAT
from governance.emergency.emergency import (
    MINTING,
    NEWEST_PAUSES,
    PAUSE,
    PAUSES,
    NewestPause,
    Pause,
    Register,
    pause_of,
)
from governance.emergency.emergency import REGISTER as REGISTER_OF_PAUSES
from governance.proposals.classes import ProposalClass
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import ballot_of
from governance.proposals.proposals import SUBMIT
from governance.proposals.voting import VOTE as VOTE_MESSAGE
from governance.roles import GRANT_ROLE
from governance.stakeholders.agreements import OPEN as OPEN_AGREEMENT
from governance.stakeholders.organisations import REGISTER
from governance.stakeholders.rebinding import PROPOSE as PROPOSE_REBINDING
from ledger import accounts, codec
from ledger.errors import ErrorCode
from ledger.message_registry import MessageType
from ledger.primitives import UNIT, Address
from ledger.rows import key
from ledger.transfers import SEND
from ledger.validator_tables import set_at
from node.mandate import CLASS_OF, NEVER_PAUSED, is_paused
from tests.support.governed_town import (
    DOCUMENT,
    ORGANISATIONS,
    OWNERS,
    RESIDENTS,
    ZONES,
    GovernedTown,
    account,
    hash_of,
    messages,
    nullifier,
)
from tokenomics.distribution.certificates import CERTIFY
from tokenomics.distribution.persons import ENROL
from tokenomics.distribution.pools import PERSON_POOLS
from tokenomics.distribution.shares import HOLDINGS, holding_key
from tokenomics.distribution.spending import SPEND
from tokenomics.facts.land_events import CERTIFY_EVENT, events_of
from tokenomics.issuance.derivation import ISSUANCE_ROUNDS, IssuanceRound, totals
from tokenomics.issuance.issuance import SET_ISSUANCE_PARAMETER
from tokenomics.oracle.land_rules import SET_LAND_PARAMETER
from tokenomics.parameter_changes import changes_of
from tokenomics.params import issuance_parameters, land_parameters
from tokenomics.standins import TREASURY_POOL

DAY = 100
"""Block ms of a day of the calendar, unless a test says otherwise."""


def newest_round(town: GovernedTown, back: int = 0) -> IssuanceRound:
    """Issuance of the round that closed last, or so many before it."""
    row = town.state.get(ISSUANCE_ROUNDS, key(totals(town.state).round - back))
    assert row is not None
    return row


def pause(town: GovernedTown, target: str) -> None:
    """The council is named, and three of its four seats agree."""
    town.must(*[(name, NAME_SEAT, (account(name),)) for name in ORGANISATIONS], after_ms=1)
    reason = hash_of("reason")
    town.must(*[(name, PAUSE, (target, reason)) for name in ("city", "gist", "land")], after_ms=1)


def test_from_day_one_two_organisations_bring_the_change_of_a_validator() -> None:
    town = GovernedTown()
    assert town.refused(("city", REMOVE_VALIDATOR, ("o3",)))[0] is ErrorCode.UNAUTHORISED
    town.decide(1, (REMOVE_VALIDATOR, ("o3",)))
    coming = set_at(town.state, town.chain.height + 2)
    assert [each.organisation for each in coming.validators] == ["o0", "o1", "o2"]
    town.block()
    town.block()


def test_what_can_loosen_supply_is_impossible_while_no_persons_are_seated() -> None:
    town = GovernedTown()
    carried = messages((SET_ISSUANCE_PARAMETER, ("lambda_bps", 2_000)))
    code, reason = town.refused(("city", SUBMIT, ("Lower lambda", DOCUMENT, 1, carried)))
    assert (code, "class D needs both persons' chambers" in reason) == (ErrorCode.NOT_NOW, True)


def test_lambda_is_lowered_after_two_votes_and_a_timelock() -> None:
    """After issuance; what is issued stays within the ceiling (invariants of each block)."""
    town = GovernedTown()
    town.appraise(110)
    before = issuance_parameters(town.state)
    assert newest_round(town).issued > newest_round(town, back=3).issued
    town.seat_persons()
    voters = (*ORGANISATIONS, *RESIDENTS, *OWNERS)
    town.propose(1, (SET_ISSUANCE_PARAMETER, ("lambda_bps", before.lambda_bps // 2)))
    assert set(town.vote(1, *voters)) == {ErrorCode.OK}
    town.run_until(1, Status.SECOND_VOTING)
    assert set(town.vote(1, *voters)) == {ErrorCode.OK}
    queued = town.run_until(1, Status.QUEUED)
    done = town.run_until(1, Status.EXECUTED, Status.FAILED)
    assert done.status is Status.EXECUTED, done.reason
    assert town.time_ms >= queued.executable_ms
    assert issuance_parameters(town.state).lambda_bps == before.lambda_bps // 2
    (change,) = changes_of(town.state, "issuance")
    assert (change.name, change.before, change.after) == (
        "lambda_bps",
        before.lambda_bps,
        before.lambda_bps // 2,
    )
    assert change.changed_ms == town.time_ms
    town.appraise(25)
    row = newest_round(town)
    assert row.number >= change.from_round
    assert (row.lambda_bps, row.issued <= row.ceiling) == (before.lambda_bps // 2, True)


def test_land_corporation_and_builders_have_no_vote_on_a_zone_event() -> None:
    town = GovernedTown()
    town.block()
    event = (ZONES[0].id, "completion", 14_000, 10**9, hash_of("approval"))
    town.propose(1, (CERTIFY_EVENT, event))
    assert town.vote(1, "land", "build") == [ErrorCode.UNAUTHORISED] * 2
    assert town.vote(1, "city", "gist") == [ErrorCode.OK] * 2
    town.run_until(1, Status.EXECUTED)
    ((stage, row),) = events_of(town.state, 0)
    assert (stage, row.cost_krw) == ("completion", 10**9)


def test_a_message_that_fails_changes_nothing_and_ends_failed_after_three_tries() -> None:
    town = GovernedTown()
    new = ("institute", "연구원", "institute", "chamber.academia", account("new"), b"", b"", ())
    town.propose(1, (REGISTER, new), (SPEND, (account("payee"), 10**30, hash_of("memo"))))
    town.vote(1, *ORGANISATIONS)
    before = town.rows("stakeholders", "accounts", "distribution")
    done = town.run_until(1, Status.FAILED, Status.EXECUTED)
    assert (done.status, done.tries) == (Status.FAILED, 3)
    assert "the treasury holds" in done.reason
    after = town.rows("stakeholders", "accounts", "distribution")
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert not {key for key in changed if not key.startswith(b"distribution/")}


def test_an_emergency_pause_of_minting_ends_by_itself() -> None:
    """Three days of ten seconds: rounds close and mint nothing, until the pause has ended."""
    town = GovernedTown(day_ms=10_000)
    town.appraise(105)
    pause(town, MINTING)
    until_ms = pause_of(town.state, 1).until_ms
    town.appraise(25)
    assert town.time_ms < until_ms
    paused = newest_round(town)
    assert (paused.paused, paused.minted) == (True, 0)
    town.appraise(15)
    assert pause_of(town.state, 1).ended_ms >= until_ms
    after = newest_round(town)
    assert not after.paused
    assert after.minted > 0


def test_a_paused_type_is_refused_with_its_own_code_until_the_pause_ends() -> None:
    town = GovernedTown()
    pause(town, f"message:{OPEN_AGREEMENT.name}")
    opened = ("city", OPEN_AGREEMENT, ("A bridge", DOCUMENT, (account("city"), account("gist"))))
    code, reason = town.refused(opened)
    assert code is ErrorCode.PAUSED
    assert "stakeholders.open_agreement is paused in an emergency" in reason
    town.block(after_ms=300)
    town.must(opened)


@pytest.mark.parametrize("target", sorted({*NEVER_PAUSED, "proposals.vote", "proposals.sign"}))
def test_what_protects_people_and_blocks_is_never_paused(target: str) -> None:
    town = GovernedTown()
    town.must(*[(name, NAME_SEAT, (account(name),)) for name in ORGANISATIONS], after_ms=1)
    code, reason = town.refused(("city", PAUSE, (f"message:{target}", hash_of("reason"))))
    assert (code, "can never be paused" in reason) == (ErrorCode.UNAUTHORISED, True)
    # Not even should a record of the chain say that it is.
    state = town.state
    state.put(NEWEST_PAUSES, f"message:{target}".encode(), NewestPause(1))
    state.put(PAUSES, key(1), Pause(f"message:{target}", DOCUMENT, 1, 2, 0, 0, False, 0, b""))
    state.put(REGISTER_OF_PAUSES, b"", Register(1, (1,), (1,)))
    assert emergency.message_paused(state, target)
    assert not is_paused(state, target)


def test_a_proposal_waits_while_a_type_that_it_carries_is_paused() -> None:
    """Paused while it was in its timelock; no try is counted, and afterwards it is carried out."""
    town = GovernedTown()
    new = ("institute", "연구원", "institute", "chamber.academia", account("new"), b"", b"", ())
    town.propose(1, (REGISTER, new))
    town.vote(1, *ORGANISATIONS)
    queued = town.run_until(1, Status.QUEUED)
    town.block(after_ms=queued.executable_ms - town.time_ms - 10)
    pause(town, f"message:{REGISTER.name}")
    town.block(after_ms=20)
    assert (town.progress(1).status, town.progress(1).tries) == (Status.QUEUED, 0)
    done = town.run_until(1, Status.EXECUTED, Status.FAILED)
    assert (done.status, done.tries) == (Status.EXECUTED, 1)
    assert done.ended_ms >= pause_of(town.state, 1).ended_ms > 0


def test_raising_lambda_is_class_d_and_waits_a_year() -> None:
    town = GovernedTown()
    town.block()
    town.seat_persons()
    for number, (name, value, loosens) in enumerate(
        (("lambda_bps", 2_600, True), ("lambda_bps", 2_400, False)), start=1
    ):
        town.propose(number, (SET_ISSUANCE_PARAMETER, (name, value)))
        rules, _ = ballot_of(town.state, number, 1)
        assert (rules.proposal_class, rules.loosens_supply) == (ProposalClass.D, loosens)
        assert rules.timelock_ms == (365 if loosens else 60) * DAY


def test_a_parameter_of_land_is_class_c_unless_it_loosens_supply() -> None:
    town = GovernedTown()
    town.block()
    town.propose(1, (SET_LAND_PARAMETER, ("min_reports", 4)))
    rules, _ = ballot_of(town.state, 1, 1)
    assert rules.proposal_class is ProposalClass.C
    town.vote(1, *ORGANISATIONS)
    assert town.run_until(1, Status.EXECUTED).tries == 1
    assert land_parameters(town.state).min_reports == 4
    carried = messages((SET_LAND_PARAMETER, ("min_reports", 3)))
    assert town.refused(("city", SUBMIT, ("Fewer", DOCUMENT, 1, carried)))[0] is ErrorCode.NOT_NOW


@pytest.mark.parametrize("message", [ADD_OBSERVER, GRANT_ROLE, SEND, VOTE_MESSAGE])
def test_only_what_is_on_the_list_can_be_proposed(message: MessageType) -> None:
    town = GovernedTown()
    code, reason = town.refused(
        ("city", SUBMIT, ("A title", DOCUMENT, 1, ((message.name, codec.encode(())),)))
    )
    assert code is ErrorCode.INVALID_MESSAGE
    listed = message.name in CLASS_OF
    assert ("this is nothing that a vote can carry out" in reason) != listed
    assert ("expected an array of" in reason) == listed


def test_the_treasury_pays_what_a_vote_decided() -> None:
    town = GovernedTown()
    town.appraise(110)
    held = accounts.balance(town.state, TREASURY_POOL)
    assert held > UNIT
    town.decide(1, (SPEND, (account("payee"), UNIT, hash_of("memo"))))
    assert accounts.balance(town.state, account("payee")) == UNIT
    assert town.refused(("city", SPEND, (account("city"), 1, hash_of("memo"))))[0] is (
        ErrorCode.UNAUTHORISED
    )


def test_a_person_is_enrolled_with_the_credential_and_shares_follow_a_lost_key() -> None:
    town = GovernedTown()
    name, old, new = "resident 0", account("resident 0"), account("new key")
    enrolled = ("registrar", ENROL, (old, nullifier(name)))
    assert town.refused(enrolled)[0] is ErrorCode.NOT_FOUND
    town.seat_persons((name,))
    wrong = ("registrar", ENROL, (old, nullifier("resident 1")))
    assert town.refused(wrong)[0] is ErrorCode.INVALID_MESSAGE
    town.must(enrolled)
    town.must(("certifier", CERTIFY, (old, "work", 100, hash_of("evidence"))))
    before = holdings(town, old)
    assert before
    town.must(("registrar", PROPOSE_REBINDING, (old, new, hash_of("case"))))
    town.block(after_ms=5_000)
    names = {event.name for event in town.events}
    assert {"stakeholders.rebound", "distribution.rebound"} <= names
    assert (holdings(town, old), holdings(town, new)) == ([], before)
    assert town.refused(("certifier", CERTIFY, (old, "work", 1, hash_of("e"))))[0] is (
        ErrorCode.NOT_FOUND
    )
    town.must(("certifier", CERTIFY, (new, "work", 1, hash_of("evidence"))))


def holdings(town: GovernedTown, person: Address) -> list[tuple[int, int]]:
    """(active, pending) shares by pool, of those pools where there are any."""
    rows = [town.state.get(HOLDINGS, holding_key(pool, person)) for pool in PERSON_POOLS]
    return [(row.active, row.pending) for row in rows if row is not None]


def test_the_same_blocks_give_the_same_state_root() -> None:
    roots = []
    for _ in range(2):
        town = GovernedTown()
        town.decide(1, (REMOVE_VALIDATOR, ("o3",)))
        assert town.executed is not None
        roots.append(town.executed.state_root)
    assert roots[0] == roots[1]
