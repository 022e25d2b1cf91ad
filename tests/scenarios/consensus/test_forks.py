"""Rules on what proves a block, each marked (fork) in consensus.md: its counterexample as a script.

Each script runs twice: as the code is, no two nodes commit different blocks; with the rule's
decisive check taken out, they do. W is the Byzantine validator. A and B are two blocks.
"""

from collections.abc import Callable

from consensus.messages import (
    BlockResponse,
    NewView,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_scripts import (
    COMMIT,
    PREPARE,
    finalise_a_at_node_0,
    finish,
    no_claim,
    propose,
    view_change_of,
)

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
    finish(cluster, block_b, 2, liar=3, honest=(1, 2))
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
    finish(cluster, block_b, 1, liar=1, honest=(2, 3))
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
    finish(cluster, block_a, 2, liar=2, honest=(0, 3))
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
        finish(cluster, block_b, 1, liar=1, honest=(2, 3))
        return cluster

    assert not script().forked()
    take_out("consensus.viewing.require_proposed", lambda *_: None)
    assert script().forked()
