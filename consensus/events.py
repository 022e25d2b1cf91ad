"""What can happen to a replica. Every event carries all that the step needs beside the clock."""

from dataclasses import dataclass
from enum import Enum

from consensus.messages import Message, Proposal, Signable
from ledger.primitives import Hash
from ledger.registry import ValidatorSet


class Verdict(Enum):
    """Answer to CheckProposal. CLOCK is a refusal by the own clock: never cached (rule 8)."""

    VALID = "valid"
    INVALID = "invalid"
    CLOCK = "clock"


class TimerKind(Enum):
    """Timers of one replica; setting a kind again replaces it."""

    VIEW = "view"  # the view's timeout (rule 3)
    RESEND = "resend"  # own ViewChange and Status while stalled (rule 3)
    WORK = "work"  # the next deadline or heartbeat by own clock (rule 4)
    STATUS = "status"  # Status while idle


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A decoded message from a peer; signatures not yet checked. `sender` is the index of the
    authenticated peer in the current set, or None for an observer, which `peer` (its node key)
    tells from other observers: each has a budget of answers."""

    message: Message
    sender: int | None
    peer: bytes = b""


@dataclass(frozen=True, slots=True)
class VoteSigned:
    """The own message that an earlier Sign effect named, now signed and sent."""

    message: Signable


@dataclass(frozen=True, slots=True)
class TimerFired:
    """`generation` is that of the SetTimer; an older one is ignored."""

    kind: TimerKind
    generation: int


@dataclass(frozen=True, slots=True)
class WorkAvailable:
    """The mempool holds an executable transaction (rule 4)."""


@dataclass(frozen=True, slots=True)
class ProposalBuilt:
    """Answer to BuildProposal; None when there turned out to be nothing to propose."""

    height: int
    view: int
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class ProposalChecked:
    """Answer to CheckProposal."""

    block_hash: Hash
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class BlockApplied:
    """The block of `height` is durable and applied; what the next heights need from its state.

    deadline_ms: block time at which height + 1 is due by a deadline in state, None without one.
    eligible: indices (set of height + 1) that propose in turn, all when empty (rule 9).
    validators: the set of height + 1. validators_next: the set of height + 2.
    set_change_pending: a change is decided and not yet in force (rule 4: empty blocks allowed).
    has_work: the mempool still holds an executable transaction.
    """

    height: int
    block_hash: Hash
    time_ms: int
    proposer: int
    deadline_ms: int | None
    eligible: tuple[int, ...]
    validators: ValidatorSet
    validators_next: ValidatorSet
    set_change_pending: bool
    has_work: bool


Event = (
    MessageReceived
    | VoteSigned
    | TimerFired
    | WorkAvailable
    | ProposalBuilt
    | ProposalChecked
    | BlockApplied
)
