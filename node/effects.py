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
from ledger.crypto import Signer
from ledger.errors import InvariantViolation, PeerError
from ledger.primitives import Hash
from node.execution import Chain
from node.meter import Meter, Part
from node.signing.waiting import VoteSigner


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
    """

    def __init__(
        self,
        replica: Replica,
        chain: Chain,
        vote_log: VoteLog,
        signer: Signer | None,
        domain: SigningDomain,
        transport: Transport,
        timers: Timers,
        surroundings: Surroundings,
        meter: Meter | None = None,
        vote_signer: VoteSigner | None = None,
    ) -> None:
        """vote_signer: signs in place of `signer`, later, when the key is not in this process."""
        self.replica = replica
        self.chain = chain
        self.answers: deque[Event] = deque()
        self._vote_log = vote_log
        self._signer = signer
        self._domain = domain
        self._transport = transport
        self._timers = timers
        self._surroundings = surroundings
        self._meter = meter or Meter()
        self._vote_signer = vote_signer
        self.on_event: list[Callable[[], None]] = []
        """Called after each event that was handled, its effects performed."""

    def handle(self, event: Event, now_ms: int, peer: bytes | None = None) -> PeerError | None:
        """Step once and perform the effects. Returns what was wrong with a peer's message."""
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
        """The record is durable: sign and send, or have it signed and send it then."""
        phase, height, view, claim, _, _ = signed_claim(message)
        payload = self._domain.payload(phase, height, view, claim)
        if self._vote_signer is not None:
            self._vote_signer.request(height, payload, partial(self._signed, message))
        elif self._signer is not None:
            self.answers.append(self._signed(message, self._signer.sign(payload)))
        else:
            raise InvariantViolation("an observer was asked to sign")

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
                block = self.chain.build(request)
                self.answers.append(ProposalBuilt(request.height, request.view, block))
            case CheckProposal():
                verdict = self.chain.check(request.proposal)
                self.answers.append(ProposalChecked(request.proposal.hash, verdict))
            case FetchBlock():
                self._surroundings.fetch_block(request)
            case RelayWork():
                self._surroundings.relay_work()
            case CatchUp():
                self._surroundings.catch_up(request)
