"""What a validator forgets forks the chain: rules 1 and 2, their counterexamples as scripts.

Each script runs twice, as in test_forks. W is the Byzantine validator. A and B are two blocks.
"""

from collections.abc import Callable

from consensus.events import WorkAvailable
from consensus.messages import PrePrepare, ViewChangeMessage, Vote
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_scripts import COMMIT, PREPARE, finish, no_claim, propose

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
    finish(cluster, block, 0, liar=3, honest=(0, 2))
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
    finish(cluster, block_b, 1, liar=3, honest=(1, 2))
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
