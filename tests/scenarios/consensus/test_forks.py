"""Every rule that consensus.md marks (fork): its counterexample as a script.

Each script runs twice: as the code is, no two nodes commit different blocks; with the rule's
decisive check taken out, they do. W is the Byzantine validator. A and B are two blocks.
"""

from collections.abc import Callable

import pytest

from consensus import certificate
from consensus.events import WorkAvailable
from consensus.messages import (
    BlockResponse,
    NewView,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from ledger.registry import Phase
from tests.support.consensus_blocks import Block
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import sign

PREPARE, COMMIT = Phase.PREPARE, Phase.COMMIT


@pytest.fixture
def take_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], None]:
    """Replace one check by something that always agrees."""
    return monkeypatch.setattr


def propose(cluster: Cluster, proposer: int, transaction: bytes) -> Block:
    """The node proposes in its own turn; the block is in its outbox."""
    node = cluster.nodes[proposer]
    node.mempool = [transaction]
    cluster.give(proposer, WorkAvailable())
    sent = [m for s, _, m in cluster.outbox if s == proposer and isinstance(m, PrePrepare)]
    assert isinstance(sent[-1].proposal, Block)
    return sent[-1].proposal


def no_claim(cluster: Cluster, validator: int, view: int) -> ViewChangeMessage:
    """A signed ViewChange without any claim."""
    vote = ViewChange(1, view, None, None, validator)
    signed = sign(cluster.signers[validator], ViewChangeMessage(vote, None))
    assert isinstance(signed, ViewChangeMessage)
    return signed


def view_change_of(cluster: Cluster, validator: int, view: int) -> ViewChangeMessage:
    """What an honest validator sent for a view."""
    for message in cluster.nodes[validator].signed:
        if isinstance(message, ViewChangeMessage) and message.vote.new_view == view:
            return message
    raise AssertionError(f"validator {validator} sent no ViewChange for view {view}")


def prepared_by(cluster: Cluster, view: int, block: Block, *voters: int) -> PreparedCertificate:
    """A prepared certificate of Prepares that these validators really sign."""
    votes = [
        sign(cluster.signers[v], cluster.vote(PREPARE, view, block, v)) for v in sorted(voters)
    ]
    return certificate.prepared_certificate(votes)


# -- Quorum: floor((n + f) / 2) + 1, not 2f + 1


def equivocating_proposer_of_six() -> Cluster:
    """W = 0 sends A to 1 and 2, B to 3 and 4, and votes for both."""
    cluster = Cluster(6, byzantine=(0,), manual=True)
    for block, (first, second) in (
        (cluster.block(0, b"A"), (1, 2)),
        (cluster.block(0, b"B"), (3, 4)),
    ):
        pair = (first, second)
        cluster.say(0, PrePrepare(1, 0, block, 0, None), pair)
        for phase in (PREPARE, COMMIT):
            cluster.deliver(first, Vote, 0, second, phase=phase)
            cluster.deliver(second, Vote, 0, first, phase=phase)
            cluster.say(0, cluster.vote(phase, 0, block, 0), pair)
    return cluster


def test_quorum_of_six_is_four() -> None:
    assert not equivocating_proposer_of_six().forked()


def test_two_f_plus_one_forks_six(take_out: Callable[[str, object], None]) -> None:
    take_out("consensus.quorum.quorum", lambda n: 2 * ((n - 1) // 3) + 1)
    assert equivocating_proposer_of_six().forked()


# -- Messages: seals of different views never add up


def seals_of_two_views() -> Cluster:
    """Four views; X = 0, Z = 1, Y = 2, W = 3.

    0: only X is prepared for A and seals it.
    1: Z chooses B freely (the quorum lacks X); only Z is prepared and seals it.
    2: Y must propose A (the quorum lacks Z); only Y is prepared and seals it.
    3: W proposes B, rightly, on the claim of Z (the quorum lacks Y); X, Z and W finish it.
    A has seals of X in view 0 and of Y and W in view 2: three, but no three of one view.
    """
    cluster = Cluster(4, byzantine=(3,), manual=True)
    block_a = propose(cluster, 0, b"A")
    for other in (1, 2):
        assert cluster.deliver(other, PrePrepare, 0, 0) == 1
    assert cluster.deliver(0, Vote, 0, 1, 2, phase=PREPARE) == 2
    cluster.time_out(0, 1, 2)

    cluster.nodes[1].mempool = [b"B"]
    cluster.deliver(1, ViewChangeMessage, 1, 2)
    cluster.receive(1, no_claim(cluster, 3, 1))
    block_b = propose(cluster, 1, b"B")
    assert cluster.deliver(2, PrePrepare, 1, 1) == 1
    assert cluster.deliver(1, Vote, 1, 2, phase=PREPARE) == 1
    cluster.say(3, cluster.vote(PREPARE, 1, block_b, 3), (1,))
    cluster.time_out(2)

    cluster.deliver(0, ViewChangeMessage, 2, 2)
    cluster.receive(0, no_claim(cluster, 3, 2))
    assert cluster.deliver(2, ViewChangeMessage, 2, 0) == 1
    cluster.receive(2, no_claim(cluster, 3, 2))
    assert cluster.deliver(0, PrePrepare, 2, 2) == 1
    cluster.say(3, cluster.vote(PREPARE, 2, block_a, 3), (2,))
    assert cluster.deliver(2, Vote, 2, 0, phase=PREPARE) == 1
    cluster.time_out(0)

    assert cluster.deliver(1, ViewChangeMessage, 3, 0) == 1
    cluster.receive(1, no_claim(cluster, 3, 3))
    votes = [view_change_of(cluster, i, 3).vote for i in (0, 1)] + [no_claim(cluster, 3, 3).vote]
    claim = view_change_of(cluster, 1, 3).certificate
    proposal = PrePrepare(1, 3, block_b, 3, NewView(1, 3, tuple(votes), claim))
    cluster.say(3, proposal, (0, 1))
    for phase in (PREPARE, COMMIT):
        cluster.say(3, cluster.vote(phase, 3, block_b, 3), (0, 1))
        assert cluster.deliver(0, Vote, 3, 1, phase=phase) == 1
        assert cluster.deliver(1, Vote, 3, 0, phase=phase) == 1
    assert cluster.block_hashes(1) >= {block_b.hash}

    assert cluster.deliver(2, Vote, 0, 0, phase=COMMIT) == 1
    cluster.say(3, cluster.vote(COMMIT, 2, block_a, 3), (2,))
    return cluster


def test_seals_of_one_view_decide() -> None:
    assert not seals_of_two_views().forked()


def test_seals_of_different_views_that_add_up_fork(
    take_out: Callable[[str, object], None],
) -> None:
    take_out("consensus.certificate.adds_up_with", lambda vote: vote.block_hash)
    assert seals_of_two_views().forked()


# -- Messages: the claim of a ViewChange is verified


def finalise_a_at_node_0(cluster: Cluster, *voters: int) -> Block:
    """All of `voters` seal A in view 0, and only node 0 hears it."""
    block = propose(cluster, 0, b"A")
    for voter in voters:
        assert cluster.deliver(voter, PrePrepare, 0, 0) == 1
    for voter in voters:
        cluster.deliver(voter, Vote, 0, 0, *voters, phase=PREPARE)
    cluster.deliver(0, Vote, 0, *voters, phase=PREPARE)
    cluster.deliver(0, Vote, 0, *voters, phase=COMMIT)
    return block


def forged_claim() -> Cluster:
    """A is final at 0. W = 3 claims, without proof, that B was prepared in view 1."""
    cluster = Cluster(4, byzantine=(3,), manual=True)
    block_a = finalise_a_at_node_0(cluster, 1, 2)
    assert cluster.nodes[0].height == 1
    cluster.time_out(1, 2)
    for receiver, other in ((1, 2), (2, 1)):
        cluster.deliver(receiver, ViewChangeMessage, 1, other)
    block_b = cluster.block(3, b"B")
    forged = PreparedCertificate(1, 1, block_b.hash, tuple((i, bytes(64)) for i in range(3)))
    lie = ViewChangeMessage(ViewChange(1, 2, 1, block_b.hash, 3), forged)
    cluster.say(3, lie, (1, 2))
    cluster.time_out(*(i for i in (1, 2) if cluster.nodes[i].view == 1))
    cluster.deliver(2, ViewChangeMessage, 2, 1)
    cluster.receive(2, BlockResponse(block_b), 3)
    cluster.deliver(1, PrePrepare, 2, 2)
    for phase in (PREPARE, COMMIT):
        cluster.say(3, cluster.vote(phase, 2, block_b, 3), (1, 2))
        cluster.deliver(1, Vote, 2, 2, phase=phase)
        cluster.deliver(2, Vote, 2, 1, phase=phase)
    assert block_a.hash in cluster.block_hashes(1)
    return cluster


def test_an_unproved_claim_counts_for_nothing() -> None:
    assert not forged_claim().forked()


def test_unverified_claims_fork(take_out: Callable[[str, object], None]) -> None:
    take_out("consensus.view_change.require_prepared", lambda *_: None)
    assert forged_claim().forked()


# -- Messages: a NewView needs a quorum of DISTINCT validators


def repeated_view_changes() -> Cluster:
    """A is final at 0 by the seals of 0, 2 and 3. W = 1 repeats its own ViewChange three times."""
    cluster = Cluster(4, byzantine=(1,), manual=True)
    finalise_a_at_node_0(cluster, 2, 3)
    assert cluster.nodes[0].height == 1
    block_b = cluster.block(1, b"B")
    own = no_claim(cluster, 1, 1).vote
    justification = NewView(1, 1, (own, own, own), None)
    cluster.say(1, PrePrepare(1, 1, block_b, 1, justification), (2, 3))
    for phase in (PREPARE, COMMIT):
        cluster.say(1, cluster.vote(phase, 1, block_b, 1), (2, 3))
        cluster.deliver(2, Vote, 1, 3, phase=phase)
        cluster.deliver(3, Vote, 1, 2, phase=phase)
    return cluster


def test_a_repeated_view_change_counts_once() -> None:
    assert not repeated_view_changes().forked()


def test_counting_repeated_view_changes_forks(take_out: Callable[[str, object], None]) -> None:
    take_out("consensus.quorum.count_distinct", lambda voters: len(list(voters)))
    assert repeated_view_changes().forked()


# -- Messages: the highest claim binds


def lower_claim_chosen() -> Cluster:
    """3 is prepared for A in view 0; B is final at 1 in view 1; W = 2 proposes A in view 2."""
    cluster = Cluster(4, byzantine=(2,), manual=True)
    block_a = propose(cluster, 0, b"A")
    cluster.deliver(1, PrePrepare, 0, 0)
    cluster.deliver(3, PrePrepare, 0, 0)
    cluster.deliver(3, Vote, 0, 0, 1, phase=PREPARE)
    cluster.time_out(0, 1)
    cluster.deliver(1, ViewChangeMessage, 1, 0)
    cluster.receive(1, no_claim(cluster, 2, 1))
    block_b = propose(cluster, 1, b"B")
    cluster.deliver(0, PrePrepare, 1, 1)
    for phase in (PREPARE, COMMIT):
        cluster.say(2, cluster.vote(phase, 1, block_b, 2), (0, 1))
        cluster.deliver(1, Vote, 1, 0, phase=phase)
        if phase is PREPARE:
            cluster.deliver(0, Vote, 1, 1, phase=phase)
    assert cluster.nodes[1].height == 1
    cluster.time_out(0)
    cluster.deliver(3, ViewChangeMessage, 2, 0)
    cluster.receive(3, no_claim(cluster, 2, 2))
    votes = (
        view_change_of(cluster, 0, 2).vote,
        no_claim(cluster, 2, 2).vote,
        view_change_of(cluster, 3, 2).vote,
    )
    lower = view_change_of(cluster, 3, 2).certificate
    cluster.say(2, PrePrepare(1, 2, block_a, 2, NewView(1, 2, votes, lower)), (0, 3))
    for phase in (PREPARE, COMMIT):
        cluster.say(2, cluster.vote(phase, 2, block_a, 2), (0, 3))
        cluster.deliver(0, Vote, 2, 3, phase=phase)
        cluster.deliver(3, Vote, 2, 0, phase=phase)
    return cluster


def test_the_highest_claim_binds_the_proposer() -> None:
    assert not lower_claim_chosen().forked()


def test_choosing_a_lower_claim_forks(take_out: Callable[[str, object], None]) -> None:
    take_out("consensus.view_change.require_highest", lambda *_: None)
    assert lower_claim_chosen().forked()


def test_choosing_freely_in_spite_of_a_claim_forks(
    take_out: Callable[[str, object], None],
) -> None:
    """The same rule seen from the block: a bound proposer may not send another one."""

    def script() -> Cluster:
        cluster = Cluster(4, byzantine=(1,), manual=True)
        finalise_a_at_node_0(cluster, 2, 3)
        cluster.time_out(2, 3)
        block_b = cluster.block(1, b"B")
        votes = (
            no_claim(cluster, 1, 1).vote,
            view_change_of(cluster, 2, 1).vote,
            view_change_of(cluster, 3, 1).vote,
        )
        claim = view_change_of(cluster, 2, 1).certificate
        cluster.say(1, PrePrepare(1, 1, block_b, 1, NewView(1, 1, votes, claim)), (2, 3))
        for phase in (PREPARE, COMMIT):
            cluster.say(1, cluster.vote(phase, 1, block_b, 1), (2, 3))
            cluster.deliver(2, Vote, 1, 3, phase=phase)
            cluster.deliver(3, Vote, 1, 2, phase=phase)
        return cluster

    assert not script().forked()
    take_out("consensus.viewing.require_proposed", lambda *_: None)
    assert script().forked()


# -- Rule 1: the lock and the votes survive a crash


def power_failure_after_a_commit() -> Cluster:
    """Node 0 alone hears that A is final; the power fails; 0 stays cut off. No W is needed."""
    cluster = Cluster(4)
    cluster.blocked = lambda source, target, message: (
        isinstance(message, Vote) and message.phase is COMMIT and target != 0
    )
    cluster.submit(b"A", to=(0,))
    assert cluster.run(1_000, until=lambda: cluster.nodes[0].height == 1)
    cluster.blocked = lambda source, target, message: 0 in (source, target)
    for index in (1, 2, 3):
        cluster.crash(index)
    for index in (1, 2, 3):
        cluster.restart(index)
    cluster.submit(b"B", to=(1, 2, 3))
    assert cluster.run(30_000, until=lambda: cluster.nodes[1].height >= 1)
    return cluster


def test_rule_1_the_lock_survives_a_crash() -> None:
    assert not power_failure_after_a_commit().forked()


def test_rule_1_a_lost_lock_forks(take_out: Callable[[str, object], None]) -> None:
    take_out("consensus.recovery.records_to_replay", lambda core: [])
    assert power_failure_after_a_commit().forked()


def crash_between_two_halves() -> Cluster:
    """W = 3 votes twice. 0 proposes A to 1, crashes, and has other work when it is back.

    1 and W finish A with the votes of 0 before the crash; 2 and W with those after it.
    """
    cluster = Cluster(4, byzantine=(3,), manual=True)
    block_a = propose(cluster, 0, b"A")
    cluster.deliver(1, PrePrepare, 0, 0)
    cluster.deliver(0, Vote, 0, 1, phase=PREPARE)
    cluster.say(3, cluster.vote(PREPARE, 0, block_a, 3), (0, 1))
    cluster.deliver(1, Vote, 0, 0, phase=PREPARE)
    cluster.deliver(1, Vote, 0, 0, phase=COMMIT)
    cluster.say(3, cluster.vote(COMMIT, 0, block_a, 3), (1,))
    assert cluster.nodes[1].height == 1
    cluster.outbox.clear()
    cluster.crash(0)
    cluster.restart(0)
    cluster.run(0)
    cluster.nodes[0].mempool = [b"B"]
    cluster.give(0, WorkAvailable())
    sent = [m for s, _, m in cluster.outbox if s == 0 and isinstance(m, PrePrepare)]
    assert sent
    block = sent[-1].proposal
    cluster.deliver(2, PrePrepare, 0, 0)
    for phase in (PREPARE, COMMIT):
        cluster.say(3, cluster.vote(phase, 0, block, 3), (0, 2))
        cluster.deliver(0, Vote, 0, 2, phase=phase)
        cluster.deliver(2, Vote, 0, 0, phase=phase)
    return cluster


def test_rule_1_votes_survive_a_crash() -> None:
    cluster = crash_between_two_halves()
    assert not cluster.forked()
    assert cluster.double_votes() == []


def test_rule_1_lost_votes_fork(take_out: Callable[[str, object], None]) -> None:
    take_out("consensus.recovery.records_to_replay", lambda core: [])
    cluster = crash_between_two_halves()
    assert cluster.forked()
    assert cluster.double_votes() != []


# -- Rule 2: never back


def late_prepares_of_view_0() -> Cluster:
    """2 left view 0 without a claim; then the Prepares of A arrive. W = 3 helps both blocks."""
    cluster = Cluster(4, byzantine=(3,), manual=True)
    block_a = propose(cluster, 0, b"A")
    for other in (1, 2):
        cluster.deliver(other, PrePrepare, 0, 0)
    cluster.time_out(1, 2)
    cluster.deliver(1, ViewChangeMessage, 1, 2)
    cluster.receive(1, no_claim(cluster, 3, 1))
    block_b = propose(cluster, 1, b"B")
    cluster.deliver(2, PrePrepare, 1, 1)
    cluster.deliver(2, Vote, 0, 0, 1, phase=PREPARE)
    for phase in (PREPARE, COMMIT):
        cluster.say(3, cluster.vote(phase, 1, block_b, 3), (1, 2))
        cluster.deliver(1, Vote, 1, 2, phase=phase)
        cluster.deliver(2, Vote, 1, 1, phase=phase)
    assert cluster.nodes[1].height == 1
    cluster.deliver(0, Vote, 0, 1, 2, phase=PREPARE)
    cluster.deliver(0, Vote, 0, 2, phase=COMMIT)
    cluster.say(3, cluster.vote(COMMIT, 0, block_a, 3), (0,))
    return cluster


def test_rule_2_never_back() -> None:
    assert not late_prepares_of_view_0().forked()


def test_rule_2_signing_below_the_own_view_forks(
    take_out: Callable[[str, object], None],
) -> None:
    take_out("consensus.safety.never_back", lambda view, floor: True)
    assert late_prepares_of_view_0().forked()
