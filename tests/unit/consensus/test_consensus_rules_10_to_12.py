"""Rules 10 to 12 of consensus.md, each test named by its number.

The scripts of tests/scenarios/consensus show what happens without a rule; here is what it says.
"""

from dataclasses import replace

import pytest

from consensus.certificate import prepared_certificate
from consensus.effects import (
    Reply,
)
from consensus.events import (
    BlockApplied,
    MessageReceived,
    ProposalBuilt,
    TimerFired,
    TimerKind,
)
from consensus.evidence import build_evidence
from consensus.messages import (
    CertifiedBlock,
    EvidenceMessage,
    PrePrepare,
    Signable,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from consensus.retransmission import (
    ANSWERS_AT_ONCE,
    MAX_OBSERVER_BUDGETS,
    OBSERVERS_ANSWER_INTERVAL_MS,
    OBSERVERS_ANSWERS_AT_ONCE,
    AnswerBudget,
)
from consensus.votes import NEW_VIEWS
from ledger.errors import InvariantViolation
from ledger.registry import Certificate, Participation, Phase
from tests.support.consensus_blocks import make_set
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import sign
from tests.support.consensus_scripts import watch_steps

PREPARE, COMMIT = Phase.PREPARE, Phase.COMMIT


# -- Rule 10: set changes at h + 2


def test_rule_10_a_joiner_votes_from_the_height_where_its_set_is_in_force() -> None:
    cluster = Cluster(4, observers=1)
    five = make_set(cluster.signers)
    observer = cluster.nodes[4]
    observer.config = replace(observer.config, public_key=cluster.signers[4].public_key)
    cluster.crash(4)
    cluster.restart(4)
    cluster.next_sets = {4: five}
    for count in range(3):
        cluster.submit(b"pay %d" % count, to=(0, 1, 2, 3))
        assert cluster.run_to(count + 1, ms=5_000)
    assert observer.signed == []
    cluster.n = 5
    cluster.run(1_000)
    for count in range(3, 6):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=5_000)
    assert min(getattr(message, "height", 99) for message in observer.signed) == 4
    # h embeds the certificate of h - 1, judged by the set of h - 1.
    assert len(cluster.nodes[0].blocks[2].certificate.seals) <= 4
    assert not cluster.forked()


def test_rule_10_a_leaver_stops_voting_at_h_plus_2() -> None:
    cluster = Cluster(5)
    cluster.next_sets = {3: make_set(cluster.signers[:4])}
    for count in range(4):
        cluster.submit(b"pay %d" % count, to=(0, 1, 2, 3))
        assert cluster.run(5_000, until=lambda c=count: cluster.nodes[0].height > c)  # type: ignore[misc] # default binds the loop value
    assert max(getattr(message, "height", 0) for message in cluster.nodes[4].signed) <= 2
    assert "not in the validator set" in str(cluster.nodes[4].replica.describe().no_vote_reason)


def test_rule_10_the_parent_certificate_is_judged_with_the_set_of_its_height() -> None:
    """After the change at height 3, block 3 embeds a certificate of five seats."""
    cluster = Cluster(5)
    cluster.next_sets = {3: make_set(cluster.signers[:4])}
    for count in range(3):
        cluster.submit(b"pay %d" % count, to=(0, 1, 2, 3))
        cluster.run(5_000, until=lambda c=count: cluster.nodes[0].height > c)  # type: ignore[misc] # default binds the loop value
    certificate = cluster.nodes[0].blocks[2].proposal.participation.certificate
    assert certificate is not None
    assert len(certificate.seals) >= 4


# -- Rule 11: evidence


def equivocation(cluster: Cluster) -> tuple[Vote, Vote]:
    one = sign(cluster.signers[3], cluster.vote(PREPARE, 0, cluster.block(0, b"x"), 3))
    two = sign(cluster.signers[3], cluster.vote(PREPARE, 0, cluster.block(0, b"y"), 3))
    return one, two


@pytest.mark.parametrize("kind", ["prepare", "commit", "pre_prepare", "view_change"])
def test_rule_11_two_claims_become_evidence_and_are_recorded_once(kind: str) -> None:
    cluster = Cluster(4, byzantine=(0,))
    x, y = cluster.block(0, b"x"), cluster.block(0, b"y")
    messages: list[Signable]
    match kind:
        case "prepare" | "commit":
            phase = PREPARE if kind == "prepare" else COMMIT
            messages = [cluster.vote(phase, 0, block, 0) for block in (x, y)]
        case "pre_prepare":
            messages = [PrePrepare(1, 0, block, 0, None) for block in (x, y)]
        case _:
            prepared = cluster.block(0, b"z")
            votes = [
                sign(cluster.signers[i], cluster.vote(PREPARE, 0, prepared, i)) for i in range(3)
            ]
            claim = prepared_certificate(votes)
            messages = [
                ViewChangeMessage(ViewChange(1, 1, None, None, 0), None),
                ViewChangeMessage(ViewChange(1, 1, 0, prepared.hash, 0), claim),
            ]
    for message in messages:
        cluster.say(0, message, (1,))
    cluster.run(50)
    assert [n.replica.describe().pending_evidence for n in cluster.nodes.values()] == [1, 1, 1]
    cluster.submit(b"pay")
    cluster.run_to(1, ms=20_000)
    cluster.submit(b"more")
    assert cluster.run_to(2, ms=20_000)
    recorded = [
        evidence
        for certified in cluster.nodes[1].blocks
        for evidence in certified.proposal.participation.evidence
    ]
    assert [(e.validator, e.height) for e in recorded] == [(0, 1)]
    assert cluster.nodes[2].replica.describe().pending_evidence == 0


def test_rule_11_evidence_needs_both_signatures() -> None:
    cluster = Cluster(4, byzantine=(3,), manual=True)
    evidence = build_evidence(*equivocation(cluster))
    cluster.receive(0, EvidenceMessage(replace(evidence, second_signature=bytes(64))), 3)
    assert cluster.nodes[0].replica.describe().pending_evidence == 0
    cluster.receive(0, EvidenceMessage(evidence), 3)
    assert cluster.nodes[0].replica.describe().pending_evidence == 1


def test_rule_11_evidence_of_a_height_that_is_not_known_yet_is_no_offence() -> None:
    """An honest peer that is ahead passes it on; it comes again in a header."""
    cluster = Cluster(4, byzantine=(3,), manual=True)
    votes = [
        sign(cluster.signers[3], Vote(PREPARE, 9, 0, cluster.block(0, mark).hash, 3))
        for mark in (b"x", b"y")
    ]
    cluster.receive(0, EvidenceMessage(build_evidence(*votes)), 1)
    assert cluster.nodes[0].peer_errors == []
    assert cluster.nodes[0].replica.describe().pending_evidence == 0


def test_rule_11_a_header_with_recorded_evidence_is_refused() -> None:
    cluster = Cluster(4, byzantine=(0,))
    cluster.receive(1, EvidenceMessage(build_evidence(*(equivocation(cluster)))), 0)
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=20_000)
    cluster.run(0)
    head = cluster.nodes[1].blocks[-1]
    assert len(head.proposal.participation.evidence) == 1
    again = Participation(head.certificate, (), head.proposal.participation.evidence)
    block = cluster.block(
        2, b"z", height=2, parent_hash=head.proposal.hash, participation=again,
        time_ms=head.proposal.time_ms + 1,
    )  # fmt: skip
    cluster.say(2, PrePrepare(2, 0, block, 2, None), (1,))
    assert "recorded twice" in cluster.nodes[1].peer_errors[-1]


# -- Rule 12: wire


def test_rule_12_indices_beyond_the_set_are_refused() -> None:
    cluster = Cluster(4, byzantine=(3,), manual=True)
    block = cluster.block(0, b"pay")
    before = cluster.nodes[0].replica.describe()
    seals = tuple((index, bytes(64)) for index in range(32))
    for message in (
        Vote(PREPARE, 1, 0, block.hash, 31, bytes(64)),
        PrePrepare(1, 0, block, 31, None, bytes(64)),
        ViewChangeMessage(ViewChange(1, 1, None, None, 31, bytes(64)), None),
        CertifiedBlock(Certificate(1, 0, block.hash, seals), block),
    ):
        cluster.receive(0, message, 3)
    assert len(cluster.nodes[0].peer_errors) == 4
    assert cluster.nodes[0].replica.describe() == before
    cluster.receive(0, Status(1, 0, False, 0, 0, 0), 31)
    cluster.receive(0, Status(1, 0, False, 0, 0, 0), 10**6)


def test_rule_12_buffers_stay_bounded_under_a_flood_of_valid_signatures() -> None:
    cluster = Cluster(4, byzantine=(3,), manual=True)
    core = cluster.nodes[0].replica.core
    for view in range(300):
        for height in (1, 2, 3):
            block = cluster.block(3, b"%d" % view, height=height)
            for phase in (PREPARE, COMMIT):
                cluster.say(3, Vote(phase, height, view, block.hash, 3), (0,))
                cluster.say(3, Vote(phase, height, view, cluster.block(3).hash, 3), (0,))
            cluster.say(3, PrePrepare(height, view, block, 3, None), (0,))
            vote = ViewChange(height, view + 1, None, None, 3)
            cluster.say(3, ViewChangeMessage(vote, None), (0,))
    state, ahead = core.height, core.next_height
    assert len(list(state.votes.all())) <= 2 * (NEW_VIEWS + 1)
    assert len(list(ahead.votes.all())) <= 2 * (NEW_VIEWS + 1)
    assert len(state.view_changes) == len(ahead.view_changes) == len(ahead.pre_prepares) == 1
    assert len(state.blocks) <= 1
    assert len(core.evidence) <= 2


def test_rule_12_answers_are_budgeted() -> None:
    cluster = Cluster(4, byzantine=(3,), manual=True)
    cluster.submit(b"pay", to=(0,))
    seen = watch_steps(cluster, 0)
    for _ in range(100):
        cluster.receive(0, Status(1, 0, False, 0, 0, 0), 3)
    answered = [effects for effects in seen if any(isinstance(s, Reply) for s in effects.sends)]
    assert 0 < len(answered) <= 4


def test_rule_12_a_greedy_observer_takes_no_answers_from_another_or_from_validators() -> None:
    cluster = Cluster(4, byzantine=(3,), manual=True)
    cluster.submit(b"pay", to=(0,))
    seen = watch_steps(cluster, 0)

    def answers(times: int, sender: int | None, peer: bytes) -> int:
        before = len(seen)
        for _ in range(times):
            cluster.give(0, MessageReceived(Status(1, 0, False, 0, 0, 0), sender, peer))
        return sum(any(isinstance(s, Reply) for s in step.sends) for step in seen[before:])

    assert answers(100, None, b"greedy") == ANSWERS_AT_ONCE
    assert answers(1, None, b"modest") == 1
    # All together they are bounded as well, and validators do not draw from that.
    drawn = sum(answers(100, None, bytes((number,))) for number in range(100))
    assert drawn == OBSERVERS_ANSWERS_AT_ONCE - ANSWERS_AT_ONCE - 1
    assert answers(1, None, b"modest") == 0
    assert answers(100, 3, b"validator") == ANSWERS_AT_ONCE


def test_rule_12_the_budgets_of_observers_are_forgotten_when_they_are_full_again() -> None:
    budget, now_ms = AnswerBudget(), 0
    for number in range(5_000):
        now_ms += OBSERVERS_ANSWER_INTERVAL_MS
        assert budget.take(number.to_bytes(4, "big"), now_ms)
        assert len(budget._spent) <= MAX_OBSERVER_BUDGETS


# -- Explicit start, and odd events


def test_stale_answers_and_timers_are_ignored() -> None:
    cluster = Cluster(4, manual=True)
    node = cluster.nodes[0]
    before = node.replica.describe()
    cluster.give(0, ProposalBuilt(7, 3, None))
    cluster.give(0, TimerFired(TimerKind.VIEW, 99))
    cluster.give(0, MessageReceived(Status(0, 0, False, 0, 0, 0), None))
    assert node.replica.describe() == before


def test_a_head_of_another_chain_stops_the_node() -> None:
    cluster = Cluster(1)
    cluster.auto_apply = False
    cluster.submit(b"pay")
    cluster.run(10)
    node, certified = cluster.held_applies[0]
    head: BlockApplied = replace(node.head, height=1, block_hash=certified.proposal.parent_hash)
    with pytest.raises(InvariantViolation, match="not the final one"):
        node.replica.step(head, cluster.now_ms)
