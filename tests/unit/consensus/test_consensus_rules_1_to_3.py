"""Rules 1 to 3 of consensus.md, each test named by its number.

The scripts of tests/scenarios/consensus show what happens without a rule; here is what it says.
"""

import pytest

from consensus.effects import (
    Effects,
    Sign,
)
from consensus.messages import (
    NewView,
    PrePrepare,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from consensus.pacemaker import Pacemaker
from consensus.safety import VoteGuard
from consensus.wal_records import PreparedRecord, ProposalRecord, ViewChangeRecord, ViewEntryRecord
from ledger.registry import Phase
from tests.support.consensus_blocks import START_MS
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import sign
from tests.support.consensus_scripts import watch_steps

PREPARE, COMMIT = Phase.PREPARE, Phase.COMMIT


# -- Rule 1: durable before sent


def test_rule_1_each_vote_leaves_with_its_record_in_the_same_effects() -> None:
    cluster = Cluster(4)
    seen = [watch_steps(cluster, index) for index in range(4)]
    cluster.blocked = lambda source, target, message: (
        isinstance(message, Vote) and message.view == 0
    )
    cluster.submit(b"pay")
    cluster.run(3_000)
    expected: dict[type, type] = {PrePrepare: ProposalRecord, ViewChangeMessage: ViewChangeRecord}
    kinds = set()
    for effects in (effects for node in seen for effects in node):
        for send in effects.sends:
            if not isinstance(send, Sign):
                continue
            message = send.message
            kinds.add(type(message))
            if isinstance(message, Vote) and message.phase is PREPARE:
                assert effects.records, "a Prepare leaves with its block or its repetition"
                continue
            needs = PreparedRecord if isinstance(message, Vote) else expected[type(message)]
            assert any(isinstance(record, needs) for record in effects.records), message
    assert kinds == {PrePrepare, Vote, ViewChangeMessage}


def test_rule_1_a_view_entry_is_recorded() -> None:
    cluster = Cluster(4)
    seen = watch_steps(cluster, 2)
    cluster.crash(0)
    cluster.submit(b"pay")
    cluster.run_to(1)
    entries = [r for e in seen for r in e.records if isinstance(r, ViewEntryRecord)]
    assert [entry.view for entry in entries] == [1]


def test_rule_1_a_restart_sends_the_same_votes() -> None:
    cluster = Cluster(4, manual=True)
    cluster.submit(b"pay", to=(0,))
    cluster.deliver(1, PrePrepare, 0, 0)
    before = {repr(message) for message in cluster.nodes[1].signed}
    cluster.nodes[1].signed.clear()
    cluster.crash(1)
    cluster.restart(1)
    assert {repr(message) for message in cluster.nodes[1].signed} == before != set()
    assert cluster.nodes[1].replica.describe().step == "preparing"


@pytest.mark.parametrize("crash_at", range(0, 80, 10))
def test_rule_1_a_crash_at_any_moment_of_a_view_change_changes_no_vote(crash_at: int) -> None:
    cluster = Cluster(4)
    cluster.crash(0)
    cluster.submit(b"pay")
    cluster.run(1_000 + crash_at)
    for index in (1, 2):
        cluster.crash(index)
        cluster.restart(index)
    assert cluster.run_to(1, ms=10_000)
    assert cluster.double_votes() == []


def test_rule_1_records_above_the_applied_head_wait_for_their_height() -> None:
    """The store was restored, the log was not: votes of later heights are not given again."""
    cluster = Cluster(4)
    cluster.submit(b"one")
    cluster.run_to(1)
    cluster.blocked = lambda *_: True
    cluster.submit(b"two", to=(1,))
    cluster.run(100)
    node = cluster.nodes[1]
    voted = {repr(m) for m in node.signed if getattr(m, "height", 0) == 2}
    assert voted
    kept, head = node.blocks.pop(), cluster.nodes[1].head
    node.head = cluster.genesis_head()
    cluster.crash(1)
    node.signed.clear()
    cluster.restart(1)
    assert node.signed == []
    cluster.receive(1, kept)
    cluster.run(100)
    assert node.head.block_hash == head.block_hash
    assert {repr(m) for m in node.signed} >= voted


# -- Rule 2: never back


def test_rule_2_the_guard_refuses_votes_below_its_floor() -> None:
    guard, out = VoteGuard(1, 0), Effects()
    block = Cluster(4, manual=True).block(0, b"pay")
    guard.prepare(0, block, out)
    guard.change_view(3, out)
    sent = len(out.sends)
    guard.prepare(2, block, out)
    guard.propose(1, block, None, out)
    assert len(out.sends) == sent


def test_rule_2_the_same_slot_gives_the_stored_vote() -> None:
    guard, out = VoteGuard(1, 0), Effects()
    cluster = Cluster(4, manual=True)
    guard.prepare(0, cluster.block(0, b"one"), out)
    guard.prepare(0, cluster.block(0, b"two"), out)
    assert out.sends[0] == out.sends[1]
    assert len(out.records) == 1


# -- Rule 3: view changes end (tests/scenarios/consensus/test_stalls.py has the scripts)


def test_rule_3_timeouts_double_and_are_capped() -> None:
    pace = Pacemaker(1_000)
    timeouts = []
    for view in range(12):
        timeouts.append(pace.start(view))
        pace.failed(4)
    assert timeouts == [1000, 2000, 4000, 4000, 8000, 8000, 8000, 8000] + [16000] * 4
    pace.committed()
    assert (pace.cap_ms, pace.timed_views) == (8_000, 0)
    assert pace.start(0) == 1_000
    pace.committed()
    pace.committed()
    assert pace.cap_ms == 4_000


def test_rule_3_who_caught_up_late_times_a_view_as_long_as_the_others() -> None:
    """It was not there for views 0 and 1; leaving view 2 after 1 s would waste it for a quorum."""
    late, there = Pacemaker(1_000), Pacemaker(1_000)
    for view in (0, 1):
        there.start(view)
    assert late.start(2) == there.start(2) == 4_000
    assert late.start(3) == there.start(3)
    assert Pacemaker(1_000).start(1_000) == 4_000, "the view number says no more than that"


def test_rule_3_alone_a_validator_does_not_advance() -> None:
    cluster = Cluster(4)
    cluster.blocked = lambda *_: True
    cluster.submit(b"pay", to=(2,))
    cluster.run(600_000)
    assert cluster.nodes[2].view == 1


def test_rule_3_join_the_highest_view_of_f_plus_1() -> None:
    cluster = Cluster(7, byzantine=(4, 5, 6), manual=True)
    for validator, view in ((4, 9), (5, 7)):
        vote = ViewChange(1, view, None, None, validator)
        cluster.say(validator, ViewChangeMessage(vote, None), (0,))
    assert cluster.nodes[0].view == 0
    cluster.say(6, ViewChangeMessage(ViewChange(1, 8, None, None, 6), None), (0,))
    assert cluster.nodes[0].view == 7


def test_rule_3_any_valid_new_view_enters() -> None:
    cluster = Cluster(4, byzantine=(1, 2, 3), manual=True)
    votes = tuple(
        sign(cluster.signers[i], ViewChangeMessage(ViewChange(1, 6, None, None, i), None)).vote
        for i in (1, 2, 3)
    )
    cluster.receive(0, NewView(1, 6, votes, None))
    described = cluster.nodes[0].replica.describe()
    assert (described.view, described.step) == (6, "awaiting")


def test_rule_3_a_view_change_is_sent_again_every_half_second() -> None:
    cluster = Cluster(4)
    sent: list[int] = []

    def watch(source: int, target: int, message: object) -> bool:
        if source == 0 and target == 1 and isinstance(message, ViewChangeMessage):
            sent.append(cluster.now_ms)
        return True

    cluster.blocked = watch
    cluster.submit(b"pay", to=(0,))
    cluster.run(3_100)
    assert [at - START_MS for at in sent] == [1000, 1500, 2000, 2500, 3000]
