"""A cluster of production replicas on one virtual clock, for scripts that a newcomer can read.

    cluster = Cluster(4)
    cluster.submit(b"pay")
    cluster.run(until=lambda: cluster.height() == 1)

Messages are delivered in order after `delay_ms`; `blocked(source, target, message)` cuts links.
With `manual=True` nothing is delivered but what the script names with `deliver`, and no timer
fires but by `time_out`. Validators in `byzantine` run no replica: the script speaks for them with
`say`. `work_delay_ms` delays the executor's answers. Each node keeps a log of records and a list of
applied blocks, so it can crash and restart.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from heapq import heappop, heappush
from typing import Any

from consensus.effects import (
    BuildProposal,
    CancelTimer,
    CatchUp,
    CheckProposal,
    Effects,
    FetchBlock,
    RelayWork,
    Reply,
    Request,
    Send,
    SetTimer,
    Sign,
)
from consensus.events import (
    BlockApplied,
    Event,
    MessageReceived,
    ProposalChecked,
    TimerFired,
    TimerKind,
    VoteSigned,
    WorkAvailable,
)
from consensus.message_wire import decode as decode_message
from consensus.message_wire import encode as encode_message
from consensus.messages import BlockRequest, CertifiedBlock, Message, Proposal, Status, Vote
from consensus.replica import Replica, ReplicaConfig
from ledger.crypto import verify_ed25519
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.registry import Phase, ValidatorSet
from tests.support.consensus_blocks import (
    DOMAIN,
    GENESIS,
    START_MS,
    Block,
    make_set,
    make_signers,
    read_block,
    verify_keyed_hash,
)
from tests.support.consensus_node import Node, sign, view_of

Blocked = Callable[[int, int, Message], bool]


class Cluster:
    """n validators (and observers above index n) on a virtual clock that starts at START_MS."""

    def __init__(
        self,
        n: int,
        *,
        byzantine: tuple[int, ...] = (),
        observers: int = 0,
        real_signatures: bool = False,
        delay_ms: int = 10,
        manual: bool = False,
        **config: Any,
    ) -> None:
        self.n = n
        self.signers = make_signers(n + observers, real=real_signatures)
        self.validators = make_set(self.signers[:n])
        self.verify = verify_ed25519 if real_signatures else verify_keyed_hash
        self.byzantine = byzantine
        self.delay_ms = delay_ms
        self.manual = manual
        self.work_delay_ms: Callable[[], int] = lambda: 0
        self.outbox: list[tuple[int, int, Message]] = []
        self.now_ms = START_MS
        self.blocked: Blocked = lambda source, target, message: False
        self.transport: Callable[[int, int, Message], None] | None = None
        self.eligible_after: Callable[[int], tuple[int, ...]] = lambda height: ()
        self.next_sets: dict[int, ValidatorSet] = {}
        self.deadline_ms: int | None = None
        self.set_change_pending = False
        self.omitted: set[bytes] = set()
        self.auto_apply = True
        self.held_applies: list[tuple[Node, CertifiedBlock]] = []
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self.nodes: dict[int, Node] = {}
        for index, signer in enumerate(self.signers):
            if index in byzantine:
                continue
            key = signer.public_key if index < n else None
            self.add_node(index, ReplicaConfig(DOMAIN, key, **config))
        for node in list(self.nodes.values()):
            self._perform(node, node.replica.start(self._clock(node)))

    # -- building

    def add_node(self, index: int, config: ReplicaConfig) -> Node:
        head = self.genesis_head()
        replica = Replica(config, head, verify=self.verify)
        node = Node(index, self.signers[index], config, replica, head)
        node.sets = {1: self.validators, 2: self.validators}
        self.nodes[index] = node
        return node

    def genesis_head(self) -> BlockApplied:
        return BlockApplied(
            height=0,
            block_hash=GENESIS,
            time_ms=START_MS - 1_000,
            proposer=self.n - 1,
            deadline_ms=None,
            eligible=(),
            validators=self.validators,
            validators_next=self.validators,
            set_change_pending=False,
            has_work=False,
        )

    # -- what scripts use

    def submit(self, transaction: bytes, to: tuple[int, ...] | None = None) -> None:
        """Put a transaction into mempools (all by default) and say so."""
        for node in self._chosen(to):
            node.mempool.append(transaction)
            self.give(node.index, WorkAvailable())

    def give(self, index: int, event: Event) -> None:
        """One event for one node, now."""
        self._step(self.nodes[index], event)
        if self.manual:
            self.run(0)

    def deliver(
        self, target: int, kind: type, view: int, *sources: int, phase: Phase | None = None
    ) -> int:
        """Manual mode: hand over what `sources` sent to `target`, of one kind and view.

        Gives the number of messages; a script asserts on it what it relies on.
        """
        count = 0
        for source in sources:
            for sent_by, sent_to, message in list(self.outbox):
                if (sent_by, sent_to) != (source, target) or not isinstance(message, kind):
                    continue
                if view_of(message) != view or (phase and getattr(message, "phase", 0) != phase):
                    continue
                self.receive(target, message, source)
                count += 1
        return count

    def time_out(self, *indices: int) -> None:
        """Manual mode: the view timers of these nodes fire."""
        for index in indices:
            self.give(index, TimerFired(TimerKind.VIEW, self.nodes[index].timers[TimerKind.VIEW]))

    def vote(self, phase: Phase, view: int, block: Proposal, validator: int) -> Vote:
        """An unsigned vote of height 1."""
        return Vote(phase, block.height, view, block.hash, validator)

    def receive(self, index: int, message: Message, sender: int | None = None) -> None:
        """Hand a message to a node, now; PeerError is the sender's problem."""
        self.give(index, MessageReceived(message, sender))

    def say(self, validator: int, message: Any, to: tuple[int, ...]) -> Any:
        """A (Byzantine) validator signs a message and sends it to some nodes, now."""
        signed = sign(self.signers[validator], message)
        for target in to:
            self.receive(target, signed, validator)
        return signed

    def run(self, ms: int = 60_000, until: Callable[[], bool] | None = None) -> bool:
        """Let virtual time pass, until the condition holds (True) or `ms` are over (False)."""
        end = self.now_ms + ms
        while not (until is not None and until()):
            if not self._queue or self._queue[0][0] > end:
                self.now_ms = end
                return until is None or until()
            at, _, act = heappop(self._queue)
            self.now_ms = max(self.now_ms, at)
            act()
        return True

    def run_to(self, height: int, ms: int = 60_000) -> bool:
        """Let time pass until every living node has applied `height`."""
        return self.run(ms, until=lambda: self.height() >= height)

    def settle(self) -> None:
        """Deliver what is on its way, without letting timers of half a second and more fire."""
        self.run(self.delay_ms * 20)

    def crash(self, index: int) -> None:
        """The process ends: memory is lost, log and applied blocks stay."""
        self.nodes[index].end()

    def restart(self, index: int, *, lose_log: bool = False, **changes: Any) -> None:
        """Start again from log and store."""
        node = self.nodes[index]
        if lose_log:
            node.log.clear()
        node.config = replace(node.config, **changes)
        node.recover(self.verify)
        self._perform(node, node.replica.start(self._clock(node)))

    def rewind(self, index: int, height: int) -> None:
        """The process ends and its store is restored from a backup of `height`."""
        self.crash(index)
        self.nodes[index].rewind(height)

    def heights(self) -> list[int]:
        return [node.height for node in self.nodes.values()]

    def height(self) -> int:
        """Height that every living node has applied."""
        return min(node.height for node in self.nodes.values() if node.alive)

    def block_hashes(self, height: int) -> set[Hash]:
        """Hashes of the blocks that nodes committed at a height: one, or it is a fork."""
        return {
            node.blocks[height - 1].certificate.block_hash
            for node in self.nodes.values()
            if node.height >= height
        }

    def forked(self) -> bool:
        return any(len(self.block_hashes(h)) > 1 for h in range(1, max(self.heights()) + 1))

    def double_votes(self) -> list[tuple[int, object]]:
        """(validator, slot) of every slot for which a node signed two different claims."""
        return [(i, slot) for i, node in self.nodes.items() for slot in node.slots_signed_twice()]

    def block(self, proposer: int = 0, *transactions: bytes, **fields: Any) -> Block:
        """A block on genesis, as a Byzantine proposer would make it."""
        values: dict[str, Any] = {
            "height": 1,
            "parent_hash": GENESIS,
            "time_ms": self.now_ms,
            "proposer": proposer,
            "validators_hash": self.validators.hash(),
            "transactions": transactions,
        }
        return Block(**{**values, **fields})

    # -- machinery

    def _chosen(self, to: tuple[int, ...] | None) -> list[Node]:
        return [n for i, n in self.nodes.items() if n.alive and (to is None or i in to)]

    def _clock(self, node: Node) -> int:
        return self.now_ms + node.clock_skew_ms

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        self._sequence += 1
        heappush(self._queue, (self.now_ms + delay_ms, self._sequence, act))

    def _step(self, node: Node, event: Event) -> None:
        if not node.alive:
            return
        try:
            effects = node.replica.step(event, self._clock(node))
        except PeerError as error:
            node.peer_errors.append(str(error))
            return
        self._perform(node, effects, event.sender if isinstance(event, MessageReceived) else None)

    def _perform(self, node: Node, effects: Effects, asker: int | None = None) -> None:
        """The contract: records, sends, timers, committed, requests."""
        node.record(effects.records)
        for send in effects.sends:
            match send:
                case Sign(message):
                    signed = sign(node.signer_of_now, message)
                    node.signed.append(signed)
                    self._send(node.index, tuple(range(self.n)), signed)
                    self._soon(node, VoteSigned(signed))
                case Send(message, to):
                    self._send(node.index, to, message)
                case Reply(message):
                    if asker is not None:
                        self._send(node.index, (asker,), message)
        for timer in effects.timers:
            match timer:
                case SetTimer(kind, generation, delay_ms):
                    node.timers[kind] = generation
                    if not self.manual:
                        self._soon(node, TimerFired(kind, generation), delay_ms)
                case CancelTimer():
                    pass  # the replica ignores an older generation
        for certified in effects.committed:
            if self.auto_apply:
                self.apply(node, certified)
            else:
                self.held_applies.append((node, certified))
        for request in effects.requests:
            node.requests.append(request)
            self._answer(node, request)

    def _soon(self, node: Node, event: Event, delay_ms: int = 0) -> None:
        incarnation = node.incarnation

        def act() -> None:
            if node.incarnation == incarnation:
                self._step(node, event)

        self.later(delay_ms, act)

    def _send(self, source: int, targets: tuple[int, ...], message: Message) -> None:
        data = encode_message(message)
        for target in targets:
            if target == source or target not in self.nodes:
                continue
            if self.blocked(source, target, message):
                continue
            if self.transport is not None:
                self.transport(source, target, message)
            elif self.manual:
                self.outbox.append((source, target, message))
            else:
                self.later(self.delay_ms, partial(self.arrive, source, target, data))

    def arrive(self, source: int, target: int, data: bytes) -> None:
        message = decode_message(data, read_block)
        self._step(self.nodes[target], MessageReceived(message, source))

    def apply(self, node: Node, certified: CertifiedBlock) -> None:
        """One write batch: block, certificate, state; then BlockApplied."""
        height = certified.proposal.height
        node.apply(
            certified,
            self.next_sets.get(height + 2),
            deadline_ms=self.deadline_ms,
            eligible=self.eligible_after(height),
            set_change_pending=self.set_change_pending,
        )
        self._soon(node, node.head, self.work_delay_ms())

    def _answer(self, node: Node, request: Request) -> None:
        match request:
            case BuildProposal():
                built = node.build(request, self.omitted, self.validators.hash())
                self._soon(node, built, self.work_delay_ms())
            case CheckProposal(proposal):
                verdict = node.verdict(proposal)
                self._soon(node, ProposalChecked(proposal.hash, verdict), self.work_delay_ms())
            case FetchBlock(height, block_hash, holders):
                for holder in holders:
                    if holder in self.nodes:
                        self._send(node.index, (holder,), BlockRequest(height, block_hash))
            case RelayWork():
                self._relay(node)
            case CatchUp(target):
                self.later(self.delay_ms, lambda: self._feed(node, target))

    def _relay(self, node: Node) -> None:
        """Pending transactions to everybody, over the same links as votes."""
        pending = tuple(node.mempool)
        for other in self.nodes.values():
            probe = Status(0, 0, False, 0, 0, 0)
            if self.manual or other is node or self.blocked(node.index, other.index, probe):
                continue
            self.later(self.delay_ms, partial(self._take, other, pending))

    def _take(self, node: Node, transactions: tuple[bytes, ...]) -> None:
        if node.alive and node.take(transactions):
            self._step(node, WorkAvailable())

    def _feed(self, node: Node, target: int) -> None:
        """Range sync: the next missing block from whoever has it, then the one after."""
        height = node.height + 1
        for other in self.nodes.values():
            if other.alive and other.height >= height and height <= target:
                if self.blocked(other.index, node.index, other.blocks[height - 1]):
                    continue
                self._step(node, MessageReceived(other.blocks[height - 1], None))
                self.later(self.delay_ms, lambda: self._feed(node, target))
                return
