"""A validator that holds the next key beside the present one (ADR 0022)."""

from dataclasses import replace

import pytest

from consensus.core import own_seat
from consensus.events import TimerKind
from consensus.transitions import Step
from tests.support.consensus_blocks import make_set
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import Node

ROTATED = 3
SINCE = 4


def rotating() -> Cluster:
    """Four validators of whom the last has a new key from height 4 on, and holds both."""
    cluster = Cluster(4, observers=1)
    cluster.crash(4)  # it was there for its key alone
    del cluster.nodes[4]
    cluster.next_sets = {SINCE: make_set([*cluster.signers[:3], cluster.signers[4]])}
    return cluster


def hold_both(cluster: Cluster) -> None:
    node = cluster.nodes[ROTATED]
    node.next_signer = cluster.signers[4]
    cluster.crash(ROTATED)
    cluster.restart(ROTATED, coming_keys=(cluster.signers[4].public_key,))


def go_to(cluster: Cluster, height: int) -> None:
    for count in range(cluster.nodes[0].height, height):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=5_000)
    cluster.run(0)  # the replicas hear of what is applied


def seat(node: Node) -> int | None:
    return node.replica.core.own


def test_each_height_is_signed_with_the_key_that_its_set_names() -> None:
    cluster = rotating()
    hold_both(cluster)
    go_to(cluster, 6)
    node = cluster.nodes[ROTATED]
    heights = {getattr(message, "height", 0) for message in node.signed}
    assert heights >= set(range(1, 7)), "it votes at every height"
    for other in cluster.nodes.values():
        assert other.peer_errors == [], "every signature holds by the set of its height"
    assert all(certified.certificate.view == 0 for certified in node.blocks)
    assert cluster.double_votes() == []


@pytest.mark.parametrize("height", range(1, 7))
def test_a_restart_at_any_height_gives_the_same_votes_and_no_others(height: int) -> None:
    cluster = rotating()
    hold_both(cluster)
    go_to(cluster, height - 1)
    cluster.submit(b"amid")
    node = cluster.nodes[ROTATED]
    before = len(node.signed)
    cluster.run(1_000, until=lambda: len(node.signed) > before)
    cluster.crash(ROTATED)
    cluster.restart(ROTATED)
    go_to(cluster, 7)
    assert cluster.double_votes() == []
    assert not cluster.forked()


def test_keys_that_change_while_it_runs_count_from_the_next_height_on() -> None:
    cluster = rotating()
    node = cluster.nodes[ROTATED]
    node.next_signer = cluster.signers[4]
    go_to(cluster, SINCE - 1)
    assert seat(node) is None, "it lacks the key of this height"
    node.replica.take_keys((cluster.signers[3].public_key, cluster.signers[4].public_key))
    assert seat(node) is None, "nobody knows what it signed at this height before"
    go_to(cluster, SINCE)
    assert seat(node) == ROTATED
    go_to(cluster, SINCE + 2)
    assert max(getattr(message, "height", 0) for message in node.signed) == SINCE + 2


def test_two_keys_in_one_set_are_one_voice() -> None:
    cluster = Cluster(4)
    keys = (cluster.signers[2].public_key, cluster.signers[1].public_key)
    assert own_seat(cluster.validators, keys) == 2
    assert own_seat(cluster.validators, keys[::-1]) == 1
    assert own_seat(cluster.validators, ()) is None
    assert own_seat(cluster.validators, (b"z" * 32, keys[1])) == 1


def test_who_sits_out_before_its_vote_is_silent_at_once() -> None:
    cluster = Cluster(4)
    go_to(cluster, 2)
    node = cluster.nodes[ROTATED]
    assert node.replica.core.height.step is Step.IDLE
    signed = len(node.signed)
    node.replica.sit_out()
    assert seat(node) is None
    go_to(cluster, 4)
    assert len(node.signed) == signed
    assert node.height == 4, "it follows the chain"
    node.replica.take_keys((cluster.signers[ROTATED].public_key,))
    go_to(cluster, 7)
    assert max(getattr(message, "height", 0) for message in node.signed) == 7


def test_who_voted_helps_to_finish_the_height_and_sits_out_then() -> None:
    cluster = Cluster(4)
    go_to(cluster, 1)
    node = cluster.nodes[ROTATED]
    before = len(node.signed)
    cluster.submit(b"amid")
    assert cluster.run(1_000, until=lambda: len(node.signed) > before)
    assert node.height == 1
    node.replica.sit_out()
    assert seat(node) == ROTATED, "its vote is in this height"
    assert cluster.run_to(2, ms=5_000)
    cluster.run(0)
    assert seat(node) is None
    assert max(getattr(message, "height", 0) for message in node.signed) == 2
    go_to(cluster, 5)
    assert max(getattr(message, "height", 0) for message in node.signed) == 2


def test_who_asked_for_another_view_has_signed() -> None:
    cluster = Cluster(4)
    node = cluster.nodes[ROTATED]
    cluster.blocked = lambda source, target, message: True
    cluster.submit(b"pay")
    cluster.run(4_000, until=lambda: node.replica.core.guard.floor > 0)
    assert TimerKind.RESEND in node.timers
    node.replica.sit_out()
    assert seat(node) == ROTATED


def test_the_settings_name_the_present_key_first() -> None:
    cluster = Cluster(4)
    config = cluster.nodes[0].config
    assert config.own_keys == (cluster.signers[0].public_key,)
    both = replace(config, coming_keys=(b"n" * 32,))
    assert both.own_keys == (cluster.signers[0].public_key, b"n" * 32)
    assert replace(config, public_key=None).own_keys == ()
