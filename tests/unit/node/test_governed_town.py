"""Governance carried out by the chain itself: the node's executor on a genesis with stakeholders.

After each block every registered invariant of every module holds.
"""

from governance.deciding import REMOVE_VALIDATOR
from governance.lifecycle import Status
from governance.organisations import REGISTER
from governance.proposals import SUBMIT
from ledger.errors import ErrorCode
from ledger.validator_tables import set_at
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
)
from tokenomics.issuance import SET_ISSUANCE_PARAMETER
from tokenomics.land_events import CERTIFY_EVENT, events_of
from tokenomics.parameter_changes import changes_of
from tokenomics.params import issuance_parameters
from tokenomics.spending import SPEND


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
    assert change.height == town.chain.height
    town.appraise(25)


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
