"""Validators join, take new keys and are let propose again by votes of the chambers alone."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.rotation import proposer_of
from governance.deciding import ADD_VALIDATOR, LIFT_SUSPENSION, REMOVE_VALIDATOR, ROTATE_KEY
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import Progress
from governance.proposals.proposals import SPONSOR, SUBMIT
from ledger.errors import ErrorCode
from ledger.message_registry import MessageType
from ledger.registry import Evidence, Phase, Validator
from ledger.set_changes import PROBE
from ledger.validator_tables import set_at, timeline_of
from tests.support.governed_town import DOCUMENT, ORGANISATIONS, GovernedTown, messages
from tests.support.ledger_chain import STEP_MS, validator, validator_signer

NEW = validator("newcomer")
NEW_VALUES = (NEW.organisation, NEW.public_key, NEW.node_key)
FRESH = validator("fresh")
ROTATION = ("o1", FRESH.public_key, FRESH.node_key)


def settled() -> GovernedTown:
    """Every validator has sealed for longer than rule 10 looks back."""
    town = GovernedTown()
    for _ in range(8):
        town.block()
    return town


def coming(town: GovernedTown, ahead: int = 2) -> tuple[Validator, ...]:
    return set_at(town.state, town.chain.height + ahead).validators


def proposers(town: GovernedTown) -> list[int]:
    return list(town.chain.view.eligible)


def end_of(
    town: GovernedTown, message: MessageType, *values: Any, sealers: tuple[int, ...] | None = None
) -> Progress:
    """How a proposal ends that all agree to; from its vote on only `sealers` are heard."""
    town.propose(1, (message, values))
    assert set(town.vote(1, *ORGANISATIONS)) == {ErrorCode.OK}
    ended = (Status.EXECUTED, Status.FAILED)
    while (progress := town.progress(1)).status not in ended:
        info = replace(town.chain.info(sealers), time_ms=town.time_ms + STEP_MS // 5)
        town.executed = town.chain.add((), info)
    return progress


def test_a_validator_joins_by_vote_two_heights_later() -> None:
    town = settled()
    assert end_of(town, ADD_VALIDATOR, *NEW_VALUES).status is Status.EXECUTED
    assert coming(town) == (*coming(town, ahead=1), NEW)
    town.block()
    assert coming(town, ahead=1)[-1] == NEW
    # From the first height of the new set on a block embeds seals of all five.
    town.block()
    town.block()
    assert town.chain.blocks[-1].participation.certificate is not None
    assert len(town.chain.blocks[-1].participation.certificate.seals) == 5


def test_who_joins_beside_a_silent_member_has_to_probe_first() -> None:
    """Three of five are heard, four are needed: the joiner's probes make the fourth."""
    silent = (0, 1, 2)
    town = settled()
    progress = end_of(town, ADD_VALIDATOR, *NEW_VALUES, sealers=silent)
    assert (progress.status, progress.tries) == (Status.FAILED, 3)
    assert "only 3 of the 5 validators of the new set are seen to be alive" in progress.reason
    assert NEW not in coming(town)
    for _ in range(3):
        head = town.chain.blocks[-1].header
        body = PROBE.encode(NEW.public_key, head.height, head.state_root)
        probe = town.chain.signed(validator_signer("newcomer"), PROBE.name, body)
        town.executed = town.chain.add([probe], town.chain.info(silent))
        assert town.receipts[0].code is ErrorCode.OK
    town.propose(2, (ADD_VALIDATOR, NEW_VALUES))
    town.vote(2, *ORGANISATIONS)
    town.run_until(2, Status.EXECUTED)
    assert coming(town)[-1] == NEW


def test_a_key_is_rotated_by_vote_and_the_seat_stays() -> None:
    town = settled()
    before = coming(town)
    assert end_of(town, ROTATE_KEY, *ROTATION).status is Status.EXECUTED
    seat = Validator("o1", FRESH.public_key, FRESH.node_key)
    assert coming(town) == (before[0], seat, *before[2:])
    assert coming(town, ahead=1) == before
    town.block()
    town.block()
    member = town.chain.history.members[1]
    assert member.active_since == town.chain.height


def test_two_changes_that_fall_due_together_follow_each_other() -> None:
    """The second waits until the first is in force, within its three tries."""
    town = settled()
    carried = [((ROTATE_KEY, ROTATION),), ((REMOVE_VALIDATOR, ("o3",)),)]
    for each in carried:
        town.must(("city", SUBMIT, ("A title", DOCUMENT, 0, messages(*each))), after_ms=0)
    town.must(("gist", SPONSOR, (1,)), ("gist", SPONSOR, (2,)), after_ms=1)
    town.run_until(2, Status.VOTING)
    for number in (1, 2):
        town.vote(number, *ORGANISATIONS)
    town.run_until(2, Status.QUEUED)
    decided = []
    while town.progress(2).status is Status.QUEUED:
        info = replace(town.chain.info(), time_ms=town.time_ms + STEP_MS)
        town.executed = town.chain.add((), info)
        if any(event.name == "validators.set_change_decided" for event in town.events):
            decided.append(town.chain.height)
    assert town.progress(2).status is Status.EXECUTED, town.progress(2)
    assert town.progress(2).tries == 3
    assert decided == [decided[0], decided[0] + 2]


@pytest.mark.parametrize(
    ("message", "values", "reason"),
    [
        (ADD_VALIDATOR, ("o1", NEW.public_key, NEW.node_key), "two validators share one"),
        (ADD_VALIDATOR, ("new", b"k" * 31, NEW.node_key), "public_key"),
        (ROTATE_KEY, ("o9", NEW.public_key, NEW.node_key), "'o9' has no validator"),
        (ROTATE_KEY, ("o1", validator("o2").public_key, NEW.node_key), "two validators share one"),
        (LIFT_SUSPENSION, ("o1",), "o1 is not suspended"),
        (LIFT_SUSPENSION, ("o9",), "'o9' has no validator"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_carried_out(
    message: MessageType, values: tuple[Any, ...], reason: str
) -> None:
    town = settled()
    before = timeline_of(town.state)
    progress = end_of(town, message, *values)
    assert progress.status is Status.FAILED
    assert reason in progress.reason
    assert timeline_of(town.state) == before


@pytest.mark.parametrize("blocks_before", range(4))
def test_a_suspension_is_lifted_by_vote_and_the_next_turn_counts_it(blocks_before: int) -> None:
    """Who is to propose next, by the state, is who consensus lets propose: also when the lift
    comes at the end of a block, whoever proposed that."""
    town = settled()
    item = Evidence(Phase.COMMIT, town.chain.height, 0, 2, b"a", bytes(64), b"b", bytes(64))
    town.executed = town.chain.add(info=town.chain.info(evidence=[item]))
    assert "validators.suspended" in {event.name for event in town.events}
    assert proposers(town) == [0, 1, 3]
    for _ in range(blocks_before):
        town.block()
    assert end_of(town, LIFT_SUSPENSION, "o2").status is Status.EXECUTED
    assert "validators.suspension_lifted" in {event.name for event in town.events}
    assert proposers(town) == [0, 1, 2, 3]
    head = town.chain.blocks[-1]
    expected = proposer_of(0, head.proposer, proposers(town), 4)
    assert town.chain.history.next_turn == expected


@pytest.mark.parametrize(
    ("message", "values"),
    [(ADD_VALIDATOR, NEW_VALUES), (ROTATE_KEY, ROTATION), (LIFT_SUSPENSION, ("o1",))],
)
def test_no_account_decides_alone(message: MessageType, values: tuple[Any, ...]) -> None:
    code, reason = settled().refused(("city", message, values))
    assert (code, "decided by a vote alone" in reason) == (ErrorCode.UNAUTHORISED, True)
