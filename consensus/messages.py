"""Consensus messages as values, and what each of them signs; their bytes are `message_wire`.

Every signature covers a domain tag, the chain id, the genesis hash, the phase, height, view and a
claim (consensus.md, "Messages"). A Commit signature is the seal; there is no other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ledger import codec
from ledger.primitives import Hash
from ledger.registry import Certificate, Evidence, LateSeal, Participation, Phase

SIGNATURE_TAG: Final = "poyong/consensus/1"


class Proposal(Protocol):
    """A complete block as consensus sees it; `encoded` is its canonical bytes."""

    @property
    def hash(self) -> Hash:
        """SHA-256 of the canonical header."""

    @property
    def height(self) -> int:
        """1 for the first block after genesis."""

    @property
    def parent_hash(self) -> Hash:
        """Hash of the block at height - 1 (genesis hash at height 1)."""

    @property
    def time_ms(self) -> int:
        """Block time."""

    @property
    def proposer(self) -> int:
        """Index, in the set of this height, of who first proposed it."""

    @property
    def participation(self) -> Participation:
        """Parent certificate, late seals and evidence; not yet verified."""

    @property
    def is_empty(self) -> bool:
        """True without transactions."""

    @property
    def validators_hash(self) -> Hash:
        """Hash of the validator set of height + 2."""

    @property
    def encoded(self) -> bytes:
        """Canonical bytes of the whole block, transactions included."""


@dataclass(frozen=True, slots=True)
class SigningDomain:
    """What keeps a signature of one chain from counting on another."""

    chain_id: int
    genesis_hash: Hash

    def payload(self, phase: Phase, height: int, view: int, claim: bytes) -> bytes:
        """The bytes that a validator signs."""
        return codec.encode(
            (SIGNATURE_TAG, self.chain_id, self.genesis_hash, int(phase), height, view, claim)
        )


@dataclass(frozen=True, slots=True)
class Vote:
    """A Prepare or Commit: `signature` covers (phase, height, view, block_hash)."""

    phase: Phase
    height: int
    view: int
    block_hash: Hash
    validator: int
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class PreparedCertificate:
    """A quorum of Prepare signatures for one (height, view, block_hash), ascending by index."""

    height: int
    view: int
    block_hash: Hash
    signatures: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class ViewChange:
    """Signed request to enter `new_view`; claims what its signer is prepared for, or nothing."""

    height: int
    new_view: int
    prepared_view: int | None
    prepared_hash: Hash | None
    validator: int
    signature: bytes = b""

    @property
    def claim(self) -> bytes:
        """What the signature covers beside phase, height and new_view."""
        return codec.encode((self.prepared_view, self.prepared_hash))


@dataclass(frozen=True, slots=True)
class ViewChangeMessage:
    """A ViewChange with the prepared certificate that proves its claim (None without claim)."""

    vote: ViewChange
    certificate: PreparedCertificate | None


@dataclass(frozen=True, slots=True)
class NewView:
    """Justification of (height, view): a quorum of ViewChanges of distinct validators, ascending,
    and the one prepared certificate of the highest claim among them (None without claims)."""

    height: int
    view: int
    view_changes: tuple[ViewChange, ...]
    certificate: PreparedCertificate | None


@dataclass(frozen=True, slots=True)
class PrePrepare:
    """Proposal of view `view`; the signature covers (height, view, block hash) only."""

    height: int
    view: int
    proposal: Proposal
    validator: int
    justification: NewView | None
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a validator or observer stands, and which signatures of its height it lacks.

    Unsigned: it travels on an authenticated channel, and asks for retransmission. Its view is its
    sender's word: f + 1 of them move others (rule 3), and that of a view's own proposer, that it is
    past the view, ends the waiting for its proposal.
    prepares and commits are bit masks of validators already held for `view`.
    """

    height: int
    view: int
    has_proposal: bool
    prepares: int
    commits: int
    view_changes: int


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """A block and the certificate that makes it final: catch-up by one height, and sync."""

    certificate: Certificate
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class BlockRequest:
    """Asks for the complete block of this hash, prepared or committed (rule: "Messages")."""

    height: int
    block_hash: Hash


@dataclass(frozen=True, slots=True)
class BlockResponse:
    """Answer to BlockRequest."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class EvidenceMessage:
    """Evidence on its way to a header."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class LateSealMessage:
    """A seal of a height that its receiver has finished already."""

    seal: LateSeal


Signable = PrePrepare | Vote | ViewChangeMessage
Message = (
    PrePrepare
    | Vote
    | ViewChangeMessage
    | NewView
    | Status
    | CertifiedBlock
    | BlockRequest
    | BlockResponse
    | EvidenceMessage
    | LateSealMessage
)

ReadProposal = Callable[[bytes], Proposal]
"""Decodes a complete block, or raises DecodeError; handed in by the node."""

_TAGS: Final = {
    PrePrepare: 1,
    Vote: 2,
    ViewChangeMessage: 3,
    NewView: 4,
    Status: 5,
    CertifiedBlock: 6,
    BlockRequest: 7,
    BlockResponse: 8,
    EvidenceMessage: 9,
    LateSealMessage: 10,
}


def encode_tag(kind: type[Message]) -> int:
    """First position of the canonical form of this kind of message."""
    return _TAGS[kind]


def signed_claim(message: Signable) -> tuple[Phase, int, int, bytes, int, bytes]:
    """(phase, height, view, claim, validator, signature) of a signed message."""
    match message:
        case Vote():
            return (
                message.phase,
                message.height,
                message.view,
                message.block_hash,
                message.validator,
                message.signature,
            )
        case PrePrepare():
            return (
                Phase.PRE_PREPARE,
                message.height,
                message.view,
                message.proposal.hash,
                message.validator,
                message.signature,
            )
        case ViewChangeMessage():
            vote = message.vote
            return (
                Phase.VIEW_CHANGE,
                vote.height,
                vote.new_view,
                vote.claim,
                vote.validator,
                vote.signature,
            )
