"""Steps that scripts repeat; those of forks drive a Cluster with manual=True."""

from consensus.effects import Effects
from consensus.events import Event, WorkAvailable
from consensus.messages import PrePrepare, Proposal, ViewChange, ViewChangeMessage, Vote
from ledger.registry import Phase
from tests.support.consensus_blocks import Block
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_node import sign

PREPARE, COMMIT = Phase.PREPARE, Phase.COMMIT


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


def finish(
    cluster: Cluster, block: Proposal, view: int, *, liar: int, honest: tuple[int, int]
) -> None:
    """Two honest nodes that hold `block` go through both phases with the votes of a liar."""
    first, second = honest
    for phase in (PREPARE, COMMIT):
        cluster.say(liar, cluster.vote(phase, view, block, liar), honest)
        cluster.deliver(first, Vote, view, second, phase=phase)
        cluster.deliver(second, Vote, view, first, phase=phase)


def watch_steps(cluster: Cluster, index: int) -> list[Effects]:
    """Every Effects that a node's replica gives from now on."""
    seen: list[Effects] = []
    replica = cluster.nodes[index].replica
    original = replica.step

    def step(event: Event, now_ms: int) -> Effects:
        effects = original(event, now_ms)
        seen.append(effects)
        return effects

    replica.step = step  # type: ignore[method-assign] # a spy around the one method
    return seen
