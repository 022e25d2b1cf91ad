"""Each finding of why-stalled, and how far a node has to go, as an operator meets them."""

from dataclasses import replace

import pytest

from api.ports import KeyRotation
from consensus.describe import Snapshot
from consensus.events import MessageReceived, WorkAvailable
from consensus.messages import PrePrepare
from consensus.replica import Replica, ReplicaConfig
from ledger.registry import Phase
from ledger.steps import finish
from node.reads.diagnosis import LAG_BLOCKS, STALLED_MS, Seal, target_height, why_stalled
from node.sync.peer_heads import Unheld
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import validator_signer

NODE = AppliedChain()
SET = NODE.chain.applied_event().validators
KEYS = [validator.node_key for validator in SET.validators]
OTHERS = set(KEYS[1:])
RESTING: Snapshot = Replica(
    ReplicaConfig(domain=NODE.domain, public_key=validator_signer("o0").public_key),
    NODE.chain.applied_event(),
).describe()
WORKING = replace(RESTING, has_work=True, step="awaiting", proposer=1, missing=(1,))


def findings(
    snapshot: Snapshot,
    connected: set[bytes] = OTHERS,
    *,
    executable: int = 0,
    since_ms: int = STALLED_MS,
    head: int | None = None,
    target: int = 0,
    now_ms: int = 12_000,
    seals: dict[int, Seal] | None = None,
    rotation: KeyRotation | None = None,
    unheld: Unheld | None = None,
) -> list[tuple[str, str]]:
    report = why_stalled(
        snapshot,
        SET,
        connected,
        executable,
        since_ms,
        snapshot.height - 1 if head is None else head,
        target,
        now_ms=now_ms,
        last_seal=(seals or {}).get,
        rotation=rotation,
        unheld=unheld,
    )
    assert report.stalled is bool(report.causes)
    assert report.last_commit_ms == since_ms
    return [(cause.finding, cause.remedy) for cause in report.causes]


def test_an_idle_chain_is_not_stalled() -> None:
    assert findings(RESTING, since_ms=25_000) == []


def test_work_is_given_the_promised_time() -> None:
    assert findings(WORKING, executable=3, since_ms=STALLED_MS - 1) == []


def test_a_key_that_the_node_lacks_is_a_cause() -> None:
    lacking = KeyRotation("missing", b"k" * 32, None, None, "name its file")
    found = findings(WORKING, executable=1, rotation=lacking)
    finding = "this node lacks a key that the chain names for it, and does not vote"
    assert (finding, "name its file") in found
    waiting = replace(lacking, stage="waiting")
    assert findings(WORKING, executable=1, rotation=waiting) == findings(WORKING, executable=1)


def test_without_any_peer_the_own_configuration_is_looked_at() -> None:
    ((finding, remedy),) = findings(RESTING, set(), since_ms=0)
    assert finding == (
        "no peer is connected; a quorum is 3 of 4 validators: o1 (no seal yet), o2 (no seal yet), "
        "o3 (no seal yet)"
    )
    assert "network.peers" in remedy
    assert "network.port" in remedy


def test_two_of_four_are_named_at_once_with_who_is_missing() -> None:
    seals = {2: Seal(7, 1_000), 3: Seal(4, 1_000 - 2 * 3_600_000)}
    ((finding, remedy),) = findings(RESTING, {KEYS[1]}, since_ms=0, now_ms=95_000, seals=seals)
    assert finding == (
        "2 of 4 validators are connected, 3 are needed; not connected: "
        "o2 (last seal in height 7, 94 s ago), o3 (last seal in height 4, 2 h ago)"
    )
    assert remedy == "start these nodes, or mend the network to them: o2, o3"


def test_one_missing_is_no_stall_by_itself() -> None:
    assert findings(RESTING, {KEYS[1], KEYS[2]}) == []


def test_one_missing_is_mentioned_when_no_block_comes() -> None:
    first, *_ = findings(replace(WORKING, missing=()), {KEYS[1], KEYS[2]})
    assert first[0] == ("not connected: o3 (no seal yet); the remaining 3 are enough for a quorum")


def test_a_node_that_is_behind_says_how_far() -> None:
    ((finding, remedy),) = findings(replace(RESTING, height=5), since_ms=0, target=90)
    assert finding.startswith("this node is at height 4, others are at 90: it is catching up")
    assert "poyong peers" in remedy


def test_a_block_that_the_replica_has_not_taken_over_yet_is_no_lag() -> None:
    """Applied here, and heard of as final: nobody is ahead of this node."""
    assert findings(replace(RESTING, height=4), since_ms=0, head=4, target=4) == []


def test_a_lost_vote_record_points_to_its_page() -> None:
    lost = replace(WORKING, signs_from=None, no_vote_reason="its vote record was lost", missing=())
    ((finding, remedy),) = findings(lost)
    assert finding == "this validator does not vote: its vote record was lost"
    assert "docs/operating.md" in remedy


def test_a_clock_that_is_off_is_told_with_its_remedy() -> None:
    skewed = replace(WORKING, clock_refused_ms=60_000, no_vote_reason="60000 ms ahead", missing=())
    ((finding, remedy),) = findings(skewed)
    assert "60000 ms ahead" in finding
    assert "NTP" in remedy
    assert "operator of o1" in remedy


@pytest.mark.parametrize("off_ms", [60_000, -60_000])
def test_a_replica_says_by_how_much_a_proposals_time_is_off(off_ms: int) -> None:
    """Rule 8: it is judged at every event, so the finding ends when the clocks meet again."""
    node = AppliedChain()
    replica = Replica(
        ReplicaConfig(domain=node.domain, public_key=validator_signer("o1").public_key),
        node.chain.applied_event(),
    )
    proposer = replica.describe().proposer
    assert proposer != 1
    node.admit(node.signed())
    block = finish(node.chain.build(replace(node.request(), proposer=proposer)))
    assert block is not None
    payload = node.domain.payload(Phase.PRE_PREPARE, 1, 0, block.hash)
    signature = validator_signer(f"o{proposer}").sign(payload)
    message = PrePrepare(1, 0, block, proposer, None, signature)
    now_ms = block.time_ms - off_ms
    replica.start(now_ms)
    replica.step(MessageReceived(message, proposer), now_ms)
    skewed = replica.describe()
    assert skewed.clock_refused_ms == off_ms
    assert skewed.no_vote_reason is not None
    assert "60000 ms " + ("ahead of" if off_ms > 0 else "behind") in skewed.no_vote_reason
    replica.step(WorkAvailable(), block.time_ms)
    assert replica.describe().clock_refused_ms is None


def test_a_refused_proposal_asks_to_compare_the_nodes() -> None:
    refused = replace(
        WORKING, no_vote_reason="the executor refuses the proposal of this view", missing=()
    )
    ((finding, remedy),) = findings(refused)
    assert finding.endswith("the executor refuses the proposal of this view")
    assert "poyong doctor" in remedy


def test_an_observer_does_not_explain_why_it_does_not_vote() -> None:
    observer = replace(WORKING, own_index=None, no_vote_reason="observer: it has no consensus key")
    found = findings(observer, set(KEYS))
    assert [finding for finding, _ in found] == [
        "height 1, view 0, step awaiting for 12 s: nothing yet from o1 (no seal yet)"
    ]


def test_silent_ones_are_those_that_are_connected_and_waited_for() -> None:
    stalled = replace(WORKING, step="preparing", missing=(0, 1, 3))
    stalled = replace(stalled, step_since_ms=1_000_000)
    seals = {1: Seal(88, 1_000_000 - 3 * 86_400_000)}
    *_, (finding, remedy) = findings(
        stalled, {KEYS[1], KEYS[2]}, now_ms=1_000_000 + 30 * 60_000, seals=seals
    )
    assert finding == (
        "height 1, view 0, step preparing for 30 min: nothing yet from "
        "o1 (last seal in height 88, 3 days ago)"
    )
    assert "why-stalled" in remedy


# How far to go


def test_the_head_is_the_target_while_nobody_is_ahead() -> None:
    assert target_height(7, RESTING, [7, 7, 6], 1) == 7
    assert target_height(7, RESTING, [], 1) == 7


@pytest.mark.parametrize(
    ("claims", "target"),
    [([2**50, 7, 7], 7), ([2**50, 90, 7], 90), ([90, 90, 90], 90), ([90], 7)],
    ids=["one liar", "a liar and another", "all", "too few"],
)
def test_a_target_needs_an_honest_claim(claims: list[int], target: int) -> None:
    """Of f + 1 claims one is honest: the highest height below which so many lie."""
    assert target_height(7, RESTING, claims, 1) == target


def test_a_block_on_its_way_is_no_lag() -> None:
    near = [7 + LAG_BLOCKS - 1] * 3
    assert target_height(7, RESTING, near, 1) == 7
    assert target_height(7, RESTING, [7 + LAG_BLOCKS] * 3, 1) == 7 + LAG_BLOCKS


def test_a_verified_certificate_counts_at_once() -> None:
    assert target_height(7, replace(RESTING, behind_target=8), [], 1) == 8


def test_blocks_that_all_peers_have_removed_are_named_with_the_way_out() -> None:
    """Even an observer that no certificate has reached learns that it cannot catch up."""
    ((finding, remedy),) = findings(RESTING, unheld=Unheld(7, 5_000))
    assert finding == "block 7 is needed next and peers hold blocks from 5000 on"
    assert "snapshot" in remedy
    assert "network.peers" in remedy


def test_a_seal_in_a_removed_block_is_no_missing_seal() -> None:
    """Who fell silent long ago did vote once; only the time of that block is gone."""
    ((finding, _),) = findings(RESTING, {KEYS[1]}, seals={2: Seal(7, None)})
    assert finding.endswith("o2 (last seal in height 7, which is removed here), o3 (no seal yet)")
