"""Rules 7 to 9 of consensus.md, each test named by its number.

The scripts of tests/scenarios/consensus show what happens without a rule; here is what it says.
"""

from dataclasses import replace
from itertools import pairwise

import pytest

from consensus.effects import (
    CheckProposal,
)
from consensus.events import (
    TimerFired,
    TimerKind,
    Verdict,
    WorkAvailable,
)
from consensus.messages import (
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from consensus.proposals import clock_accepts
from consensus.rotation import proposer_of
from consensus.votes import NEW_VIEWS
from ledger.registry import Phase
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import sign

PREPARE, COMMIT = Phase.PREPARE, Phase.COMMIT


# -- Rule 7: future messages


def test_rule_7_votes_of_the_next_height_are_kept() -> None:
    """While a node applies h, the others decide h + 1; it needs no retransmission."""
    cluster = Cluster(4)
    cluster.auto_apply = False
    cluster.submit(b"one")
    cluster.run(100)
    held, cluster.held_applies = cluster.held_applies, []
    cluster.auto_apply = True
    late = next(item for item in held if item[0].index == 3)
    for item in held:
        if item is not late:
            cluster.apply(*item)
    cluster.submit(b"two", to=(0, 1, 2))
    cluster.run(200)
    assert cluster.nodes[0].height == 2
    cluster.blocked = lambda *_: True
    cluster.apply(*late)
    cluster.run(50)
    assert cluster.nodes[3].height == 2


def test_rule_7_one_slot_first_valid_message_wins_identical_bytes_are_not_verified() -> None:
    cluster = Cluster(4, byzantine=(1, 2, 3), manual=True)
    calls: list[bytes] = []
    authenticator = cluster.nodes[0].replica.core.authenticator
    original = authenticator.verify

    def counted(key: bytes, payload: bytes, signature: bytes) -> bool:
        calls.append(signature)
        return original(key, payload, signature)

    authenticator.verify = counted
    block = cluster.block(1, b"pay")
    vote = sign(cluster.signers[1], cluster.vote(PREPARE, 0, block, 1))
    for _ in range(5):
        cluster.receive(0, vote, 1)
    assert len(calls) == 1
    cluster.receive(0, replace(vote, signature=bytes(64)), 1)
    assert cluster.nodes[0].replica.describe().prepares == (1,)


def test_rule_7_a_vote_outside_the_window_is_not_remembered() -> None:
    """Its retransmission counts once the window has moved."""
    cluster = Cluster(4, byzantine=(1, 2, 3), manual=True)
    far = NEW_VIEWS + 1
    block = cluster.block(1, b"pay")
    vote = sign(cluster.signers[1], cluster.vote(PREPARE, far, block, 1))
    cluster.receive(0, vote, 1)
    votes = tuple(
        sign(cluster.signers[i], ViewChangeMessage(ViewChange(1, far, None, None, i), None)).vote
        for i in (1, 2, 3)
    )
    cluster.receive(0, NewView(1, far, votes, None))
    assert cluster.nodes[0].replica.describe().prepares == ()
    cluster.receive(0, vote, 1)
    assert cluster.nodes[0].replica.describe().prepares == (1,)


def test_rule_7_an_old_view_that_reaches_its_quorum_of_seals_finalises() -> None:
    cluster = Cluster(4, byzantine=(1, 2, 3), manual=True)
    block = cluster.block(0, b"pay", parent_hash=cluster.genesis_head().block_hash)
    cluster.nodes[0].mempool = [b"pay"]
    cluster.give(0, WorkAvailable())
    own = next(m for m in cluster.nodes[0].signed if isinstance(m, PrePrepare)).proposal
    assert own.hash == block.hash
    votes = tuple(
        sign(cluster.signers[i], ViewChangeMessage(ViewChange(1, 5, None, None, i), None)).vote
        for i in (1, 2, 3)
    )
    cluster.receive(0, NewView(1, 5, votes, None))
    for validator in (1, 2, 3):
        cluster.say(validator, cluster.vote(COMMIT, 0, own, validator), (0,))
    assert cluster.nodes[0].height == 1


# -- Rule 8: block time


def test_rule_8_time_is_strictly_increasing_even_on_a_slow_clock() -> None:
    cluster = Cluster(4)
    cluster.nodes[1].clock_skew_ms = -5_000
    for count in range(6):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=5_000)
    times = [block.proposal.time_ms for block in cluster.nodes[0].blocks]
    assert times == sorted(set(times))


def test_rule_8_drift_is_judged_both_ways_and_parent_plus_1_is_never_too_late() -> None:
    head = replace(Cluster(1, manual=True).genesis_head(), time_ms=1_000_000)
    assert clock_accepts(head, 1_050_000, 1_045_000, 5_000)
    assert not clock_accepts(head, 1_050_001, 1_045_000, 5_000)
    assert not clock_accepts(head, 1_039_999, 1_045_000, 5_000)
    assert clock_accepts(head, 1_000_001, 900_000, 5_000)


def test_rule_8_a_refusal_for_the_clock_is_not_cached() -> None:
    cluster = Cluster(4, byzantine=(0,), manual=True, max_drift_ms=1_000)
    early = cluster.block(0, b"pay", time_ms=cluster.now_ms + 3_000)
    cluster.say(0, PrePrepare(1, 0, early, 0, None), (1,))
    node = cluster.nodes[1]
    assert node.replica.describe().step == "awaiting"
    assert node.signed == []
    cluster.now_ms += 2_500
    cluster.give(1, TimerFired(TimerKind.RESEND, node.timers[TimerKind.RESEND]))
    assert [type(message) for message in node.signed] == [Vote]


def test_rule_8_a_clock_verdict_of_the_executor_is_asked_again() -> None:
    cluster = Cluster(4, byzantine=(0,), manual=True)
    node = cluster.nodes[1]
    node.verdict = lambda _: Verdict.CLOCK
    cluster.say(0, PrePrepare(1, 0, cluster.block(0, b"pay"), 0, None), (1,))
    assert node.signed == []
    node.verdict = lambda _: Verdict.VALID
    cluster.give(1, TimerFired(TimerKind.RESEND, node.timers[TimerKind.RESEND]))
    assert len(node.signed) == 1
    assert len([r for r in node.requests if isinstance(r, CheckProposal)]) == 2


def test_an_invalid_block_gets_no_vote() -> None:
    cluster = Cluster(4)
    for node in cluster.nodes.values():
        node.verdict = lambda proposal: Verdict.INVALID if proposal.proposer == 0 else Verdict.VALID
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=3_000)
    assert cluster.nodes[0].blocks[0].certificate.view == 1


# -- Rule 9: skipping


def test_rule_9_rotation_over_the_eligible() -> None:
    assert [proposer_of(view, 1, (0, 2, 3), 4) for view in range(3)] == [2, 3, 0]
    assert proposer_of(0, 3, (0, 2), 4) == 0
    assert [proposer_of(view, 1, (), 4) for view in range(5)] == [2, 3, 0, 1, 2]
    assert [proposer_of(view, 1, (0, 2, 3), 4) for view in range(3, 8)] == [1, 2, 3, 0, 1]


@pytest.mark.parametrize("n", [2, 4, 7])
def test_rule_9_nobody_has_two_turns_in_a_row(n: int) -> None:
    for eligible in (
        tuple(index for index in range(n) if members >> index & 1) for members in range(2**n)
    ):
        for parent in range(n):
            turns = [proposer_of(view, parent, eligible, n) for view in range(4 * n)]
            assert all(one != other for one, other in pairwise(turns))
            assert set(turns) == set(range(n))


def test_rule_9_a_skipped_proposer_costs_no_timeout() -> None:
    cluster = Cluster(4)
    cluster.eligible_after = lambda height: (0, 2, 3)
    cluster.submit(b"first")
    cluster.run_to(1)
    cluster.crash(1)
    for count in range(4):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 2, ms=500)
