"""What a replica asks of its surroundings, and in which order it must be done.

The contract, in this order: `records` are durable (one sync) before anything else; then `sends`;
then `timers`; then `committed`; last `requests`, so that a build request for h + 1 never runs
before h is applied (consensus.md rules 1 and 5).
"""

from dataclasses import dataclass, field

from consensus.events import TimerKind
from consensus.messages import CertifiedBlock, Message, Proposal, Signable
from consensus.wal_records import Record
from ledger.primitives import Hash
from ledger.registry import Participation


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign `message` (its signature is empty), send it to all other validators, and hand it back
    as VoteSigned. VoteGuard has approved it and its record is in the same Effects."""

    message: Signable


@dataclass(frozen=True, slots=True)
class Send:
    """Send `message` to the validators with these indices (never to oneself)."""

    message: Message
    to: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """Send `message` to the peer whose message is being handled; it may be an observer."""

    message: Message


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire TimerFired(kind, generation) after delay_ms; replaces the timer of this kind."""

    kind: TimerKind
    generation: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Drop the timer of this kind."""

    kind: TimerKind


@dataclass(frozen=True, slots=True)
class BuildProposal:
    """Build a block on the applied height - 1; answer ProposalBuilt.

    time_ms: max(clock, parent + 1). allow_empty: an empty block would be valid now (rule 4).
    """

    height: int
    view: int
    time_ms: int
    proposer: int
    participation: Participation
    allow_empty: bool


@dataclass(frozen=True, slots=True)
class CheckProposal:
    """Execute the block on an overlay of height - 1 and compare its roots; answer
    ProposalChecked. Header, participation and time were checked by the replica."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class FetchBlock:
    """Get the complete block of this hash from one of these validators; it arrives as
    MessageReceived(BlockResponse). Repeated until superseded (not-yet-held prepared block)."""

    height: int
    block_hash: Hash
    holders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RelayWork:
    """Relay what makes work here (pending transactions) to all peers (rule 4)."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A verified certificate at `target_height` shows that this replica is behind: fetch the
    heights from the running one to the target from peers; each arrives as
    MessageReceived(CertifiedBlock), in order (rule 6, "Sync")."""

    target_height: int


Request = BuildProposal | CheckProposal | FetchBlock | RelayWork | CatchUp


@dataclass(slots=True)
class Effects:
    """Filled by one step, performed by the node in the order of the fields."""

    records: list[Record] = field(default_factory=list)
    sends: list[Sign | Send | Reply] = field(default_factory=list)
    timers: list[SetTimer | CancelTimer] = field(default_factory=list)
    committed: list[CertifiedBlock] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
