"""Blocks become final without faults, for every small n."""

import pytest

from tests.support.consensus_cluster import Cluster


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 16, 32])
def test_a_transaction_becomes_final_on_every_node(n: int) -> None:
    cluster = Cluster(n)
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=2_000)
    assert len(cluster.block_hashes(1)) == 1
    assert all(node.peer_errors == [] for node in cluster.nodes.values())
    assert all(node.view == 0 for node in cluster.nodes.values())


@pytest.mark.parametrize("n", [1, 4, 7])
def test_many_heights_with_the_proposer_rotating(n: int) -> None:
    cluster = Cluster(n)
    for height in range(1, 2 * n + 3):
        cluster.submit(b"pay %d" % height)
        assert cluster.run_to(height, ms=2_000)
    proposers = [certified.proposal.proposer for certified in cluster.nodes[0].blocks]
    assert proposers == [index % n for index in range(2 * n + 2)]
    assert cluster.double_votes() == []


def test_four_validators_with_real_signatures() -> None:
    cluster = Cluster(4, real_signatures=True)
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=2_000)


def test_an_idle_chain_makes_a_heartbeat_block_and_nothing_before() -> None:
    cluster = Cluster(4)
    assert not cluster.run(28_900, until=lambda: max(cluster.heights()) > 0)
    assert cluster.run(200, until=lambda: cluster.height() == 1)
    assert not cluster.run(29_900, until=lambda: max(cluster.heights()) > 1)
    assert cluster.run(200, until=lambda: cluster.height() == 2)
