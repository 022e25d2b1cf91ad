"""Every rule that consensus.md marks (stall), and its promises of liveness, as scripts.

As in test_forks, a script runs as the code is and with the rule's decisive check taken out.
"""

from functools import partial

import pytest

from consensus.events import WorkAvailable
from consensus.messages import BlockRequest, Message, Status, Vote
from ledger.registry import Phase
from tests.support.consensus_cluster import Cluster


def isolated_at_different_times() -> Cluster:
    """3 is down. 0, 1 and 2 see work 4 s apart while nobody hears anybody; then the links heal.

    Their timers are equal and in phase, as equal caps make them after a long outage.
    """
    cluster = Cluster(4, lowest_cap_ms=4_000, highest_cap_ms=4_000)
    cluster.crash(3)
    cluster.blocked = lambda source, target, message: True
    for index in (0, 1, 2):
        cluster.submit(b"pay", to=(index,))
        cluster.run(4_000)
    cluster.run(3_200)
    cluster.blocked = lambda source, target, message: False
    cluster.run(600_000, until=lambda: cluster.height() >= 1)
    return cluster


def test_rule_3_the_timer_waits_for_a_quorum_at_the_view() -> None:
    cluster = isolated_at_different_times()
    assert cluster.height() >= 1


def test_rule_3_timers_that_start_on_the_own_view_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consensus.viewing.may_start_timer", lambda core: True)
    cluster = isolated_at_different_times()
    assert cluster.height() == 0
    views = {node.view for node in cluster.nodes.values() if node.alive}
    assert len(views) > 1, "they are at different views after ten minutes of a healed network"


def empty_block_prepared_in_view_1() -> Cluster:
    """Work that vanished makes view 1 decide an empty block; its Commits are lost."""
    cluster = Cluster(4)
    cluster.blocked = lambda source, target, message: (
        isinstance(message, Vote) and message.phase is Phase.COMMIT and message.view <= 1
    )
    for index in range(4):
        cluster.give(index, WorkAvailable())
    cluster.run(20_000, until=lambda: cluster.height() >= 1)
    return cluster


def test_rule_4_emptiness_is_judged_only_on_free_choice() -> None:
    cluster = empty_block_prepared_in_view_1()
    assert cluster.height() >= 1
    certified = cluster.nodes[0].blocks[0]
    assert certified.proposal.is_empty
    assert certified.certificate.view > 1


def test_rule_4_judging_emptiness_again_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consensus.viewing.judged", lambda free_choice: True)
    assert empty_block_prepared_in_view_1().height() == 0


def stale_time_after_an_outage() -> Cluster:
    """A block is prepared, its Commits are lost, and the network is away for ten minutes."""
    cluster = Cluster(4, max_drift_ms=5_000)
    cluster.blocked = lambda source, target, message: (
        isinstance(message, Vote) and message.phase is Phase.COMMIT
    )
    cluster.submit(b"pay")
    cluster.run(500)
    cluster.blocked = lambda source, target, message: True
    cluster.run(600_000)
    cluster.blocked = lambda source, target, message: False
    cluster.run(300_000, until=lambda: cluster.height() >= 1)
    return cluster


def test_rule_8_the_clock_judges_only_free_choice() -> None:
    assert stale_time_after_an_outage().height() >= 1


def test_rule_8_judging_a_prepared_time_again_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consensus.proposing.judged", lambda free_choice: True)
    assert stale_time_after_an_outage().height() == 0


@pytest.mark.parametrize("outage_ms", [3_000, 60_000, 3_600_000])
@pytest.mark.parametrize("delay_ms", [10, 500])
def test_rule_3_the_next_block_comes_within_10_s_of_healing(outage_ms: int, delay_ms: int) -> None:
    """However long the time without a live quorum; here with one validator down as well."""
    cluster = Cluster(4, delay_ms=delay_ms)
    cluster.crash(2)
    cluster.blocked = lambda source, target, message: (source < 2) != (target < 2)
    cluster.submit(b"pay", to=(0, 1))
    cluster.run(outage_ms)
    assert max(cluster.heights()) == 0
    cluster.blocked = lambda source, target, message: False
    assert cluster.run(10_000, until=lambda: cluster.height() >= 1)


def test_rule_3_a_silent_proposer_costs_one_timeout() -> None:
    cluster = Cluster(4)
    cluster.crash(0)
    cluster.submit(b"pay", to=(1, 2, 3))
    assert cluster.run(1_200, until=lambda: cluster.height() == 1)
    assert cluster.nodes[1].blocks[0].certificate.view == 1


def test_rule_4_work_that_only_one_validator_saw_is_decided() -> None:
    """It is relayed again while nothing happens: the first relay falls into a partition."""
    cluster = Cluster(4)
    cluster.blocked = lambda source, target, message: True
    cluster.submit(b"pay", to=(2,))
    cluster.run(60_000)
    cluster.blocked = lambda source, target, message: False
    assert cluster.run(5_000, until=partial(all_hold, cluster, b"pay"))


def test_rule_4_any_commit_resets_the_timer() -> None:
    """A transaction that every proposer omits is work for ever, and changes no view."""
    cluster = Cluster(4)
    cluster.omitted = {b"omitted"}
    cluster.submit(b"omitted")
    for count in range(10):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=900)
        cluster.run(700)
    assert all(block.certificate.view == 0 for block in cluster.nodes[0].blocks)


def test_rule_6_one_liar_silences_nobody() -> None:
    """Bare claims of heights count for nothing: all others go on voting."""
    cluster = Cluster(4, byzantine=(3,))
    lie = Status(10**9, 7, True, 0, 0, 0)
    for index in (0, 1, 2):
        cluster.receive(index, lie, 3)
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=2_000)
    assert all(node.replica.describe().behind_target is None for node in cluster.nodes.values())


def all_hold(cluster: Cluster, transaction: bytes) -> bool:
    """True when every node has applied this transaction."""
    return all(transaction in node.applied for node in cluster.nodes.values())


def test_rule_6_a_full_restart_goes_on() -> None:
    """All crash at once with votes in the air, and no node waits for another's word."""
    for moment_ms in range(0, 60, 5):
        cluster = Cluster(4)
        cluster.submit(b"first")
        cluster.run_to(1)
        cluster.submit(b"second")
        cluster.run(moment_ms)
        for index in range(4):
            cluster.crash(index)
        cluster.run(1_000)
        for index in range(4):
            cluster.restart(index)
        cluster.submit(b"third")
        assert cluster.run(10_000, until=partial(all_hold, cluster, b"third"))
        assert not cluster.forked()
        assert cluster.double_votes() == []


def test_everything_is_retransmitted() -> None:
    """Nothing relies on a message arriving the first time: each first copy of anything is lost."""
    cluster = Cluster(4)
    seen: set[tuple[int, int, str]] = set()

    def first_copy(source: int, target: int, message: Message) -> bool:
        if isinstance(message, Status):
            return False
        key = (source, target, repr(message))
        if key in seen:
            return False
        seen.add(key)
        return True

    cluster.blocked = first_copy
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=10_000)


def proposer_returns_after_the_view_changes() -> Cluster:
    """0, 2 and 3 are prepared and ask for view 1; its proposer 1 was down, and cannot fetch."""
    cluster = Cluster(4)
    cluster.crash(1)
    cluster.blocked = lambda source, target, message: (
        isinstance(message, BlockRequest)
        or (isinstance(message, Vote) and message.phase is Phase.COMMIT and message.view == 0)
    )
    cluster.submit(b"pay", to=(0, 2, 3))
    cluster.run(1_600)
    assert all(cluster.nodes[index].view == 1 for index in (0, 2, 3))
    cluster.restart(1)
    cluster.run(1_000)
    return cluster


def test_rule_3_the_prepared_block_is_pushed_again_with_each_view_change() -> None:
    """The proposer that has to propose it again may have been away the first time."""
    cluster = proposer_returns_after_the_view_changes()
    assert cluster.height() == 1
    assert cluster.nodes[0].blocks[0].certificate.view == 1


def test_rule_3_a_block_that_is_pushed_once_costs_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consensus.catching_up.viewing.push_prepared", lambda core: None)
    assert proposer_returns_after_the_view_changes().height() == 0
