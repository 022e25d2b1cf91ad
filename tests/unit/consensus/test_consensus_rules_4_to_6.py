"""Rules 4 to 6 of consensus.md, each test named by its number.

The scripts of tests/scenarios/consensus show what happens without a rule; here is what it says.
"""

from dataclasses import replace
from itertools import pairwise

import pytest

from consensus.chain import RETAINED_BLOCKS
from consensus.effects import (
    BuildProposal,
    CatchUp,
    FetchBlock,
    RelayWork,
    SetTimer,
)
from consensus.events import (
    TimerKind,
    WorkAvailable,
)
from consensus.messages import (
    CertifiedBlock,
    PrePrepare,
    Status,
    Vote,
)
from consensus.proposals import may_be_empty
from ledger.errors import InvariantViolation
from ledger.primitives import ZERO_HASH
from ledger.registry import Phase
from tests.support.consensus_blocks import START_MS
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_scripts import watch_steps

PREPARE, COMMIT = Phase.PREPARE, Phase.COMMIT


# -- Rule 4: work


def test_rule_4_work_is_relayed_before_the_timer_starts() -> None:
    cluster = Cluster(4, manual=True)
    seen = watch_steps(cluster, 2)
    cluster.submit(b"pay", to=(2,))
    assert RelayWork() in seen[0].requests
    assert any(isinstance(t, SetTimer) and t.kind is TimerKind.VIEW for t in seen[0].timers)


def test_rule_4_without_work_no_view_timer_runs() -> None:
    cluster = Cluster(4)
    cluster.run(28_000)
    assert not any(node.replica.describe().timer_runs for node in cluster.nodes.values())


def test_rule_4_a_proposal_is_work() -> None:
    cluster = Cluster(4, manual=True)
    cluster.submit(b"pay", to=(0,))
    cluster.deliver(3, PrePrepare, 0, 0)
    assert cluster.nodes[3].replica.describe().timer_runs


def test_rule_4_a_deadline_in_state_makes_a_block_at_once() -> None:
    cluster = Cluster(4)
    cluster.deadline_ms = START_MS + 5_000
    cluster.submit(b"pay")
    cluster.run_to(1)
    assert not cluster.run(START_MS + 4_990 - cluster.now_ms, until=lambda: cluster.height() > 1)
    assert cluster.run(100, until=lambda: cluster.height() == 2)
    assert cluster.nodes[0].blocks[1].proposal.time_ms >= START_MS + 5_000


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, False),
        ({"time_ms": START_MS + 29_000}, True),
        ({"view": 1}, True),
        ({"has_evidence": True}, True),
        ({"set_change_pending": True}, True),
        ({"deadline_ms": START_MS}, True),
        ({"deadline_ms": START_MS + 1}, False),
    ],
)
def test_rule_4_when_an_empty_block_is_valid(change: dict[str, int], allowed: bool) -> None:
    head = Cluster(1, manual=True).genesis_head()
    fields = {"time_ms": START_MS, "view": 0, "has_evidence": False, **change}
    head = replace(
        head,
        set_change_pending=bool(fields.pop("set_change_pending", False)),
        deadline_ms=fields.pop("deadline_ms", None),
    )
    assert may_be_empty(head, heartbeat_interval_ms=30_000, **fields) is allowed  # type: ignore[arg-type] # a table of fields


def test_rule_4_an_empty_block_before_its_time_is_refused() -> None:
    cluster = Cluster(4, byzantine=(0,), manual=True)
    cluster.say(0, PrePrepare(1, 0, cluster.block(0), 0, None), (1,))
    assert "empty block" in cluster.nodes[1].peer_errors[0]


def test_rule_4_a_pending_set_change_is_work() -> None:
    cluster = Cluster(4)
    cluster.set_change_pending = True
    cluster.submit(b"pay")
    assert cluster.run_to(3, ms=2_000)


def test_rule_4_a_minimum_interval_can_be_set() -> None:
    cluster = Cluster(4, min_block_interval_ms=2_000)
    for count in range(3):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1, ms=3_000)
    times = [block.proposal.time_ms for block in cluster.nodes[0].blocks]
    assert all(later - earlier >= 2_000 for earlier, later in pairwise(times))
    assert all(block.certificate.view == 0 for block in cluster.nodes[0].blocks)


# -- Rule 5: effects order


def test_rule_5_the_next_height_starts_only_when_the_block_is_applied() -> None:
    cluster = Cluster(1)
    cluster.auto_apply = False
    cluster.submit(b"one")
    cluster.run(100)
    node = cluster.nodes[0]
    node.mempool.append(b"two")
    cluster.give(0, WorkAvailable())
    cluster.run(5_000)
    assert [r.height for r in node.requests if isinstance(r, BuildProposal)] == [1]
    cluster.auto_apply = True
    cluster.apply(*cluster.held_applies.pop())
    cluster.run_to(2, ms=100)
    assert [r.height for r in node.requests if isinstance(r, BuildProposal)] == [1, 2]


def test_rule_5_a_block_applied_out_of_turn_stops_the_node() -> None:
    cluster = Cluster(1)
    cluster.submit(b"one")
    cluster.run(100)
    described = cluster.nodes[0].replica.describe()
    with pytest.raises(InvariantViolation):
        cluster.nodes[0].replica.step(cluster.nodes[0].head, cluster.now_ms)
    assert cluster.nodes[0].replica.describe() == described


# -- Rule 6: catching up


def finished(cluster: Cluster, height: int) -> CertifiedBlock:
    return cluster.nodes[0].blocks[height - 1]


def cut_off(cluster: Cluster, index: int, heights: int) -> None:
    """The others finish `heights` blocks without this node."""
    cluster.blocked = lambda source, target, message: index in (source, target)
    for count in range(heights):
        cluster.submit(b"pay %d" % count, to=tuple(i for i in range(cluster.n) if i != index))
        cluster.run(5_000, until=lambda c=count: cluster.nodes[0].height == c + 1)  # type: ignore[misc] # default binds the loop value


def test_rule_6_a_certificate_at_the_running_height_finalises_at_once() -> None:
    cluster = Cluster(4)
    cut_off(cluster, 3, 1)
    cluster.receive(3, finished(cluster, 1), 0)
    cluster.run(0)
    assert cluster.nodes[3].height == 1


def test_rule_6_a_certificate_above_shows_the_lag_and_silences() -> None:
    cluster = Cluster(4)
    cut_off(cluster, 3, 2)
    node = cluster.nodes[3]
    node.requests.clear()
    cluster.receive(3, finished(cluster, 2), 0)
    assert node.replica.describe().behind_target == 2
    assert CatchUp(2) in node.requests
    before = len(node.signed)
    cluster.submit(b"own", to=(3,))
    assert len(node.signed) == before, "a node that is behind does not vote"
    cluster.receive(3, finished(cluster, 1), 0)
    cluster.run(0)
    assert node.height == 2, "the block above was kept"


def test_rule_6_seals_alone_show_the_lag_and_fetch_the_block() -> None:
    cluster = Cluster(4, byzantine=(0, 1, 2), manual=True)
    block = cluster.block(0, b"pay")
    for validator in (0, 1, 2):
        cluster.say(validator, cluster.vote(COMMIT, 0, block, validator), (3,))
    described = cluster.nodes[3].replica.describe()
    assert (described.step, described.behind_target) == ("behind", 1)
    assert FetchBlock(1, block.hash, (0, 1, 2)) in cluster.nodes[3].requests


def test_rule_6_a_forged_certificate_changes_nothing() -> None:
    cluster = Cluster(4)
    cut_off(cluster, 3, 1)
    good = finished(cluster, 1)
    seals = tuple((index, bytes(64)) for index, _ in good.certificate.seals)
    before = cluster.nodes[3].replica.describe()
    cluster.receive(3, replace(good, certificate=replace(good.certificate, seals=seals)), 0)
    two = good.certificate.seals[:2]
    cluster.receive(3, replace(good, certificate=replace(good.certificate, seals=two)), 0)
    assert cluster.nodes[3].replica.describe() == before
    assert len(cluster.nodes[3].peer_errors) == 2


def test_rule_6_f_plus_1_claims_fetch_but_silence_nobody() -> None:
    cluster = Cluster(4, byzantine=(0, 1), manual=True)
    cluster.submit(b"pay", to=(2,))
    node = cluster.nodes[2]
    cluster.receive(2, Status(9, 0, False, 0, 0, 0), 0)
    assert not any(isinstance(request, CatchUp) for request in node.requests)
    cluster.receive(2, Status(7, 0, False, 0, 0, 0), 1)
    assert CatchUp(6) in node.requests
    assert node.replica.describe().no_vote_reason is None


def test_rule_6_a_node_that_was_away_returns_and_votes() -> None:
    cluster = Cluster(4)
    cut_off(cluster, 3, RETAINED_BLOCKS + 5)
    cluster.blocked = lambda *_: False
    cluster.crash(3)
    cluster.restart(3)
    assert cluster.run_to(RETAINED_BLOCKS + 5, ms=3_000)
    cluster.nodes[3].signed.clear()
    cluster.submit(b"more")
    assert cluster.run_to(RETAINED_BLOCKS + 6, ms=2_000)
    assert cluster.nodes[3].signed != []


def test_rule_6_a_lost_vote_record_signs_two_heights_above_the_first_head() -> None:
    cluster = Cluster(4)
    cluster.submit(b"one")
    cluster.run_to(1)
    cluster.crash(3)
    cluster.nodes[3].signed.clear()
    cluster.restart(3, lose_log=True, vote_record_lost=True)
    cluster.run(6_000)
    node = cluster.nodes[3]
    for height in (2, 3):
        cluster.submit(b"pay %d" % height)
        assert cluster.run_to(height, ms=5_000)
        cluster.run(50)
        assert node.signed == []
    assert node.replica.describe().signs_from == 4
    cluster.submit(b"pay 4")
    assert cluster.run_to(4, ms=5_000)
    assert {getattr(message, "height", None) for message in node.signed} == {4}


def test_rule_6_votes_too_tell_who_lost_its_record_where_the_others_are() -> None:
    """Who is busy, and no further than others, sends no Status; and what was heard before the set
    changed is void, since indices mean others then."""
    cluster = Cluster(4)
    cluster.eligible_after = lambda height: (0, 1, 2)
    cluster.submit(b"one")
    cluster.run_to(1)
    cluster.crash(3)
    cluster.blocked = lambda source, target, message: isinstance(message, Status)
    cluster.restart(3, lose_log=True, vote_record_lost=True)
    node = cluster.nodes[3]
    for height in range(2, 10):
        cluster.submit(b"pay %d" % height)
        assert cluster.run_to(height, ms=300), "the others are busy"
    assert node.replica.describe().signs_from is not None
    assert node.signed != []


def test_rule_6_a_vote_that_another_passes_on_says_nothing_of_its_signer() -> None:
    """Old votes are anybody's to send: only an own one, of the running height, counts."""
    cluster = Cluster(4)
    cluster.submit(b"one")
    cluster.run_to(1)
    cluster.crash(3)
    cluster.restart(3, lose_log=True, vote_record_lost=True)
    core = cluster.nodes[3].replica.core
    core.first_claims.clear()
    vote = Vote(Phase.PREPARE, core.height.height, 0, ZERO_HASH, 1, bytes(64))
    core.note_direct_vote(vote, 2)
    core.note_direct_vote(vote, None)
    core.note_direct_vote(replace(vote, height=vote.height - 1), 1)
    assert core.first_claims == {}
    core.note_direct_vote(vote, 1)
    assert core.first_claims == {1: vote.height}


def test_rule_6_a_restored_backup_does_not_take_old_blocks_for_the_head() -> None:
    """It voted up to height 9; the store is of height 2; what it fetches is no head."""
    cluster = Cluster(4)
    for count in range(8):
        cluster.submit(b"pay %d" % count)
        assert cluster.run_to(count + 1)
    cluster.blocked = lambda source, target, message: target != 3
    cluster.submit(b"nine", to=(3,))
    cluster.run(300)
    cluster.blocked = lambda *_: False
    cluster.rewind(3, 2)
    cluster.restart(3, lose_log=True, vote_record_lost=True)
    cluster.run(2_000)
    for count in range(4):
        cluster.submit(b"more %d" % count, to=(0, 1, 2))
        cluster.run(6_000)
    assert cluster.height() >= 12
    signs_from = cluster.nodes[3].replica.describe().signs_from
    assert signs_from is not None
    assert signs_from > 9
    assert cluster.double_votes() == []


def test_rule_6_a_lost_vote_record_is_no_matter_for_one_validator() -> None:
    cluster = Cluster(1, vote_record_lost=True)
    cluster.submit(b"pay")
    assert cluster.run_to(1, ms=100)


def test_rule_6_an_observer_follows_without_voting() -> None:
    cluster = Cluster(4, observers=1)
    for count in range(3):
        cluster.submit(b"pay %d" % count, to=(0, 1, 2, 3))
        assert cluster.run_to(count + 1, ms=5_000)
    observer = cluster.nodes[4]
    assert observer.height == 3
    assert observer.signed == []
