"""A drained validator's turn to propose costs the others a round trip, not the view's time; and its
word moves nobody whom silence would not have moved."""

import pytest

from consensus.events import TimerKind
from consensus.messages import Message, NewView, PrePrepare, Status, ViewChangeMessage
from consensus.transitions import Step
from tests.support.consensus_cluster import Cluster

DELAY_MS = 10
BASE_MS = 1_000
"""The time of view 0."""


def drained(cluster: Cluster, index: int) -> None:
    cluster.nodes[index].replica.sit_out()


def finalise(cluster: Cluster, heights: int) -> list[int]:
    """Milliseconds that each of the next heights took, from the transaction to the last replica."""
    took = []
    for _ in range(heights):
        height, before_ms = cluster.height() + 1, cluster.now_ms
        cluster.submit(b"pay %d" % height)
        assert cluster.run_to(height, ms=10_000)
        took.append(cluster.now_ms - before_ms)
        cluster.settle()
    return took


def views(cluster: Cluster) -> list[int]:
    return [certified.certificate.view for certified in cluster.nodes[0].blocks]


@pytest.mark.parametrize("n", [3, 4, 7])
def test_a_drained_proposer_costs_a_round_trip_and_a_silent_one_the_time_of_a_view(n: int) -> None:
    told, silent = Cluster(n, delay_ms=DELAY_MS), Cluster(n, delay_ms=DELAY_MS)
    drained(told, 1)
    silent.crash(1)
    longest = max(finalise(told, 2 * n))
    assert set(views(told)) == {0, 1}, "its turns come, and view 0 fails in them"
    assert longest < BASE_MS // 5
    assert max(finalise(silent, 2 * n)) > BASE_MS
    assert told.double_votes() == []


def test_who_is_drained_signs_nothing_for_it() -> None:
    cluster = Cluster(4, delay_ms=DELAY_MS)
    drained(cluster, 1)
    finalise(cluster, 8)
    assert cluster.nodes[1].signed == []
    assert cluster.nodes[1].log == []


def test_who_is_resumed_proposes_again() -> None:
    cluster = Cluster(4, delay_ms=DELAY_MS)
    drained(cluster, 1)
    finalise(cluster, 3)
    cluster.nodes[1].replica.take_keys((cluster.signers[1].public_key,))
    finalise(cluster, 6)
    later = cluster.nodes[0].blocks[5:]
    assert all(certified.certificate.view == 0 for certified in later)
    assert 1 in {certified.proposal.proposer for certified in later}


def test_the_turn_is_given_up_in_a_later_view_too() -> None:
    """Validator 0 is away and 1 drained: view 0 takes its time, and view 1 none once entered."""
    cluster = Cluster(7, delay_ms=DELAY_MS)
    cluster.crash(0)
    drained(cluster, 1)
    (took,) = finalise(cluster, 1)
    assert took < 4 * BASE_MS
    assert cluster.double_votes() == []


def test_without_work_nothing_is_said_and_nobody_leaves() -> None:
    cluster = Cluster(4, delay_ms=DELAY_MS)
    finalise(cluster, 1)  # of validator 0: the next turn is validator 1's
    drained(cluster, 1)
    cluster.run(BASE_MS)
    assert cluster.nodes[0].replica.core.height.step is Step.IDLE
    assert cluster.height() == 1


def claim(cluster: Cluster, of: int, view: int, to: int) -> None:
    height = cluster.nodes[to].replica.core.height.height
    cluster.receive(to, Status(height, view, False, 0, 0, 0), of)


def left(cluster: Cluster, index: int) -> bool:
    return any(isinstance(message, ViewChangeMessage) for message in cluster.nodes[index].signed)


def test_the_word_counts_of_the_proposer_alone() -> None:
    cluster = Cluster(4, byzantine=(0, 3), manual=True)
    cluster.submit(b"pay")
    claim(cluster, 3, 1, to=1)
    assert not left(cluster, 1)
    claim(cluster, 0, 1, to=1)
    assert left(cluster, 1)


def test_only_one_view_is_left_however_far_the_proposer_says_to_be() -> None:
    cluster = Cluster(4, byzantine=(0,), manual=True)
    cluster.submit(b"pay")
    claim(cluster, 0, 9, to=1)
    assert cluster.nodes[1].replica.core.height.view == 1
    assert TimerKind.VIEW in cluster.nodes[1].timers, "of view 0; that of view 1 needs a quorum"
    assert cluster.nodes[1].replica.core.pacemaker.timing_view is None


def test_who_has_seen_a_proposal_waits_for_it_whatever_its_proposer_says() -> None:
    cluster = Cluster(4, byzantine=(0,), manual=True)
    cluster.submit(b"pay")
    cluster.say(0, PrePrepare(1, 0, cluster.block(0, b"pay"), 0, None), to=(1,))
    claim(cluster, 0, 1, to=1)
    assert not left(cluster, 1)


def test_who_has_no_work_leaves_when_it_comes() -> None:
    cluster = Cluster(4, byzantine=(0,), manual=True)
    claim(cluster, 0, 1, to=1)
    assert not left(cluster, 1)
    cluster.submit(b"pay")
    assert left(cluster, 1)


@pytest.mark.parametrize("lied_to", [(1,), (2,), (1, 2), (1, 2, 3)])
def test_a_liar_who_says_so_to_some_and_proposes_to_others_stops_nothing(
    lied_to: tuple[int, ...],
) -> None:
    cluster = Cluster(4, byzantine=(0,), delay_ms=DELAY_MS)
    cluster.submit(b"pay")
    for index in lied_to:
        claim(cluster, 0, 1, to=index)
    others = tuple(index for index in (1, 2, 3) if index not in lied_to)
    cluster.say(0, PrePrepare(1, 0, cluster.block(0, b"pay"), 0, None), to=others)
    assert cluster.run_to(1, ms=10_000)
    assert not cluster.forked()
    assert cluster.double_votes() == []


def test_the_next_view_is_entered_by_the_usual_proof() -> None:
    cluster = Cluster(4, delay_ms=DELAY_MS)
    drained(cluster, 0)
    entries: list[NewView] = []

    def watch(_source: int, _target: int, message: Message) -> bool:
        if isinstance(message, PrePrepare) and message.justification is not None:
            entries.append(message.justification)
        return False

    cluster.blocked = watch
    finalise(cluster, 1)
    assert {entry.view for entry in entries} == {1}
    assert all(len(entry.view_changes) >= 3 for entry in entries)
