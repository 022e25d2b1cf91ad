"""Performs what the replica asks, in the order that its safety depends on.

One ReplicaDriver owns one Replica. It is synchronous and touches nothing but the ports it was
given, so the asyncio runtime and the deterministic simulator run the same code.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

from consensus import wal_records
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
from consensus.events import Event, MessageReceived, ProposalBuilt, ProposalChecked, VoteSigned
from consensus.messages import (
    Message,
    Signable,
    SigningDomain,
    ViewChangeMessage,
    signed_claim,
)
from consensus.replica import Replica
from ledger.block import Block
from ledger.errors import InvariantViolation, PeerError, ensure
from ledger.primitives import Hash
from ledger.steps import Steps
from node.meter import Meter, Part
from node.replica.execution import Chain
from node.signing.ring import KeyRing


class VoteLog(Protocol):
    """The write-ahead log of votes."""

    def append(self, records: list[bytes]) -> None:
        """Returns when all records are durable, by one sync."""


class Transport(Protocol):
    """Sends to peers. Never blocks, never fails: what is lost is asked for again by Status."""

    def broadcast(self, message: Message) -> None:
        """To every other validator, and to observers that follow."""

    def send(self, message: Message, to: tuple[int, ...]) -> None:
        """To validators by index in the current set."""

    def reply(self, message: Message, peer: bytes) -> None:
        """To the peer with this node key."""


class Timers(Protocol):
    """One timer for each kind."""

    def perform(self, effect: SetTimer | CancelTimer) -> None:
        """Set or cancel."""


class Surroundings(Protocol):
    """Requests whose answers come from peers."""

    def fetch_block(self, request: FetchBlock) -> None:
        """Ask holders for a block by hash."""

    def relay_work(self) -> None:
        """Send pending transactions to all peers."""

    def catch_up(self, request: CatchUp) -> None:
        """Fetch certified blocks up to a height."""


class ReplicaDriver:
    """Steps the replica and performs its effects.

    `answers` holds the events that this node itself owes the replica (signed votes, built and
    checked proposals, applied blocks); handle them before anything from outside.

    Building and checking a block is long work: `begin` leaves it in `work`, and `go_on` does a
    piece of it. Until none is left nothing else is begun, so that the replica sees the same events
    in the same order as with `handle`, which does all of it at once.
    """

    def __init__(
        self,
        replica: Replica,
        chain: Chain,
        vote_log: VoteLog,
        ring: KeyRing,
        domain: SigningDomain,
        transport: Transport,
        timers: Timers,
        surroundings: Surroundings,
        meter: Meter | None = None,
    ) -> None:
        """ring: the keys that sign, at once or, when a key is not in this process, later."""
        self.replica = replica
        self.chain = chain
        self.answers: deque[Event] = deque()
        self.work: deque[Steps[Event]] = deque()
        self._vote_log = vote_log
        self._ring = ring
        self._domain = domain
        self._transport = transport
        self._timers = timers
        self._surroundings = surroundings
        self._meter = meter or Meter()
        self.on_event: list[Callable[[], None]] = []
        """Called after each event that was handled, its effects performed."""

    def start(self, now_ms: int) -> None:
        """The replica's first effects, all at once."""
        self.perform(self.replica.start(now_ms))
        self._finish_work()

    def handle(self, event: Event, now_ms: int, peer: bytes | None = None) -> PeerError | None:
        """Step once and perform the effects, all at once. Returns what was wrong with a peer's
        message."""
        error = self.begin(event, now_ms, peer)
        self._finish_work()
        return error

    def go_on(self) -> None:
        """Do one piece of the work that is left."""
        try:
            next(self.work[0])
        except StopIteration as done:
            self.work.popleft()
            self.answers.append(done.value)

    def _finish_work(self) -> None:
        while self.work:
            self.go_on()

    def begin(self, event: Event, now_ms: int, peer: bytes | None = None) -> PeerError | None:
        """Step once and perform the effects but for long work. Returns what was wrong with a
        peer's message."""
        if self.work:
            raise InvariantViolation(f"{event!r:.200} came while a block was being executed")
        try:
            effects = self.replica.step(event, now_ms)
        except PeerError as error:
            if not isinstance(event, MessageReceived):
                raise InvariantViolation(
                    f"own event {event!r:.200} was refused: {error}"
                ) from error
            return error
        self.perform(effects, peer)
        for told in self.on_event:
            told()
        return None

    def held_block(self, block_hash: Hash) -> Block | None:
        """A complete block of the running height, for peers that lack it or its transactions.

        Beside what was executed here, what the replica holds: after a restart its vote record may
        be the only place where the transactions of a prepared block still are.
        """
        found = self.chain.block_of_running_height(block_hash)
        if found is None:
            held = self.replica.core.height.blocks.get(block_hash)
            found = held if isinstance(held, Block) else None
        return found

    def block_bytes(self, height: int, block_hash: Hash) -> bytes | None:
        """Canonical bytes of a block of the running height or of a committed one, for peers."""
        held = self.held_block(block_hash)
        if held is not None:
            return held.encoded
        if height == 0 or self.chain.blocks.height_of(block_hash) != height:
            return None
        return self.chain.blocks.block_bytes(height)

    def perform(self, effects: Effects, peer: bytes | None = None) -> None:
        """Records, sends, timers, committed, requests: in this order (consensus.md rule 5)."""
        if effects.records:
            with self._meter.part(Part.VOTE_LOG):
                self._vote_log.append([wal_records.encode(record) for record in effects.records])
        for send in effects.sends:
            self._send(send, peer)
        for timer in effects.timers:
            self._timers.perform(timer)
        for block in effects.committed:
            signs_from = self.replica.core.guard.sign_from
            self.answers.append(self.chain.apply(block, signs_from))
        for request in effects.requests:
            self._request(request)

    def _send(self, send: Sign | Send | Reply, peer: bytes | None) -> None:
        match send:
            case Sign():
                self._sign(send.message)
            case Send():
                self._transport.send(send.message, send.to)
            case Reply():
                if peer is None:
                    raise InvariantViolation(f"a reply to nobody: {send.message!r:.200}")
                self._transport.reply(send.message, peer)

    def _sign(self, message: Signable) -> None:
        """The record is durable: sign and send, or have it signed and send it then. The key is
        that of this seat in the set of this height."""
        phase, height, view, claim, seat, _ = signed_claim(message)
        payload = self._domain.payload(phase, height, view, claim)
        state = self.replica.core.height
        ensure(height == state.height, f"a vote for {height} is signed while {state.height} runs")
        key = state.validators.validators[seat].public_key
        event = self._ring.sign(key, height, payload, partial(self._signed, message))
        if event is not None:
            self.answers.append(event)

    def _signed(self, message: Signable, signature: bytes) -> Event:
        """Send the vote; the event that the replica is owed."""
        signed: Signable
        if isinstance(message, ViewChangeMessage):
            signed = replace(message, vote=replace(message.vote, signature=signature))
        else:
            signed = replace(message, signature=signature)
        self._transport.broadcast(signed)
        return VoteSigned(signed)

    def _request(self, request: Request) -> None:
        match request:
            case BuildProposal():
                self.work.append(self._build(request))
            case CheckProposal():
                self.work.append(self._check(request))
            case FetchBlock():
                self._surroundings.fetch_block(request)
            case RelayWork():
                self._surroundings.relay_work()
            case CatchUp():
                self._surroundings.catch_up(request)

    def _build(self, request: BuildProposal) -> Steps[Event]:
        block = yield from self.chain.build(request)
        return ProposalBuilt(request.height, request.view, block)

    def _check(self, request: CheckProposal) -> Steps[Event]:
        verdict = yield from self.chain.check(request.proposal)
        return ProposalChecked(request.proposal.hash, verdict)
