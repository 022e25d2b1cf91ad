"""The canonical bytes of consensus messages: [tag, ...fields], and the way back.

Every decoder bounds what it reads and checks form alone; who signed is `authentication`'s question
(consensus.md rule 12).
"""

from itertools import pairwise
from typing import Any

from consensus.messages import (
    BlockRequest,
    BlockResponse,
    CertifiedBlock,
    EvidenceMessage,
    LateSealMessage,
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Proposal,
    ReadProposal,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
    encode_tag,
)
from ledger import codec
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES, SIGNATURE_BYTES, Hash
from ledger.registry import (
    MAX_VALIDATORS,
    MAX_VIEW,
    Certificate,
    Evidence,
    LateSeal,
    Phase,
    signatures_from_wire,
)


def encode(message: Message) -> bytes:
    """Canonical bytes [tag, ...fields] of a message."""
    return codec.encode((encode_tag(type(message)), *to_wire(message)))


def to_wire(message: Message) -> tuple[object, ...]:
    """Fields of a message as nested tuples, without the tag."""
    match message:
        case PrePrepare():
            return (
                message.height,
                message.view,
                message.proposal.encoded,
                message.validator,
                None if message.justification is None else to_wire(message.justification),
                message.signature,
            )
        case Vote():
            return (
                int(message.phase),
                message.height,
                message.view,
                message.block_hash,
                message.validator,
                message.signature,
            )
        case ViewChangeMessage():
            return (view_change_to_wire(message.vote), prepared_to_wire(message.certificate))
        case NewView():
            return (
                message.height,
                message.view,
                tuple(view_change_to_wire(vote) for vote in message.view_changes),
                prepared_to_wire(message.certificate),
            )
        case Status():
            return (
                message.height,
                message.view,
                message.has_proposal,
                message.prepares,
                message.commits,
                message.view_changes,
            )
        case CertifiedBlock():
            return (message.certificate.to_wire(), message.proposal.encoded)
        case BlockRequest():
            return (message.height, message.block_hash)
        case BlockResponse():
            return (message.proposal.encoded,)
        case EvidenceMessage():
            return (message.evidence.to_wire(),)
        case LateSealMessage():
            return (message.seal.to_wire(),)


def view_change_to_wire(vote: ViewChange) -> tuple[object, ...]:
    """[height, new_view, prepared_view, prepared_hash, validator, signature]."""
    return (
        vote.height,
        vote.new_view,
        vote.prepared_view,
        vote.prepared_hash,
        vote.validator,
        vote.signature,
    )


def view_change_from_wire(value: object) -> ViewChange:
    """Inverse of view_change_to_wire; prepared_view < new_view, or DecodeError."""
    height, new_view, prepared_view, prepared_hash, validator, signature = codec.as_array(
        value, "view_change", 6
    )
    new_view = codec.as_uint(new_view, "view_change.new_view", MAX_VIEW)
    if (prepared_view is None) != (prepared_hash is None):
        raise DecodeError("view_change: prepared_view and prepared_hash go together")
    if prepared_view is not None:
        if codec.as_uint(prepared_view, "view_change.prepared_view", MAX_VIEW) >= new_view:
            raise DecodeError(
                f"view_change: prepared_view {prepared_view} is not below new_view {new_view}"
            )
        codec.as_bytes(prepared_hash, "view_change.prepared_hash", HASH_BYTES)
    return ViewChange(
        codec.as_uint(height, "view_change.height"),
        new_view,
        prepared_view,
        prepared_hash,
        codec.as_uint(validator, "view_change.validator", MAX_VALIDATORS - 1),
        codec.as_bytes(signature, "view_change.signature", SIGNATURE_BYTES),
    )


def prepared_to_wire(certificate: PreparedCertificate | None) -> tuple[object, ...] | None:
    """[height, view, block_hash, [[index, signature], ...]] or nil."""
    if certificate is None:
        return None
    return (
        certificate.height,
        certificate.view,
        certificate.block_hash,
        certificate.signatures,
    )


def prepared_from_wire(value: object) -> PreparedCertificate | None:
    """Inverse of prepared_to_wire; DecodeError for anything else."""
    if value is None:
        return None
    height, view, block_hash, signatures = codec.as_array(value, "prepared", 4)
    return PreparedCertificate(
        codec.as_uint(height, "prepared.height"),
        codec.as_uint(view, "prepared.view", MAX_VIEW),
        Hash(codec.as_bytes(block_hash, "prepared.block_hash", HASH_BYTES)),
        signatures_from_wire(signatures, "prepared.signatures"),
    )


def new_view_from_wire(value: object) -> NewView:
    """Inverse of to_wire(NewView); validators distinct and ascending, or DecodeError."""
    height, view, votes, certificate = codec.as_array(value, "new_view", 4)
    view_changes = tuple(
        view_change_from_wire(vote)
        for vote in codec.as_list(votes, "new_view.view_changes", MAX_VALIDATORS)
    )
    for before, after in pairwise(view_changes):
        if after.validator <= before.validator:
            raise DecodeError("new_view: validators must be distinct and ascending")
    return NewView(
        codec.as_uint(height, "new_view.height"),
        codec.as_uint(view, "new_view.view", MAX_VIEW),
        view_changes,
        prepared_from_wire(certificate),
    )


def _pre_prepare(fields: tuple[Any, ...], read: ReadProposal) -> PrePrepare:
    height, view, proposal, validator, justification, signature = codec.as_array(
        fields, "pre_prepare", 6
    )
    return PrePrepare(
        codec.as_uint(height, "pre_prepare.height"),
        codec.as_uint(view, "pre_prepare.view", MAX_VIEW),
        read(codec.as_bytes_up_to(proposal, "pre_prepare.proposal", codec.MAX_MESSAGE_BYTES)),
        codec.as_uint(validator, "pre_prepare.validator", MAX_VALIDATORS - 1),
        None if justification is None else new_view_from_wire(justification),
        codec.as_bytes(signature, "pre_prepare.signature", SIGNATURE_BYTES),
    )


def _vote(fields: tuple[Any, ...]) -> Vote:
    phase, height, view, block_hash, validator, signature = codec.as_array(fields, "vote", 6)
    if phase not in (Phase.PREPARE, Phase.COMMIT):
        raise DecodeError(f"vote.phase: expected 2 or 3, found {phase!r:.20}")
    return Vote(
        Phase(phase),
        codec.as_uint(height, "vote.height"),
        codec.as_uint(view, "vote.view", MAX_VIEW),
        Hash(codec.as_bytes(block_hash, "vote.block_hash", HASH_BYTES)),
        codec.as_uint(validator, "vote.validator", MAX_VALIDATORS - 1),
        codec.as_bytes(signature, "vote.signature", SIGNATURE_BYTES),
    )


def _status(fields: tuple[Any, ...]) -> Status:
    height, view, has_proposal, prepares, commits, view_changes = codec.as_array(
        fields, "status", 6
    )
    if type(has_proposal) is not bool:
        raise DecodeError(f"status.has_proposal: expected a boolean, found {has_proposal!r:.20}")
    everyone = 2**MAX_VALIDATORS - 1
    return Status(
        codec.as_uint(height, "status.height"),
        codec.as_uint(view, "status.view", MAX_VIEW),
        has_proposal,
        codec.as_uint(prepares, "status.prepares", everyone),
        codec.as_uint(commits, "status.commits", everyone),
        codec.as_uint(view_changes, "status.view_changes", everyone),
    )


def decode(data: bytes, read: ReadProposal) -> Message:
    """Inverse of encode; DecodeError for any bytes that are no message. Signatures unchecked."""
    value = codec.decode(data)
    if type(value) is not tuple or not value or type(value[0]) is not int:
        raise DecodeError("message: expected [tag, ...]")
    tag, fields = value[0], value[1:]
    match tag:
        case 1:
            return _pre_prepare(fields, read)
        case 2:
            return _vote(fields)
        case 3:
            vote, certificate = codec.as_array(fields, "view_change_message", 2)
            return ViewChangeMessage(view_change_from_wire(vote), prepared_from_wire(certificate))
        case 4:
            return new_view_from_wire(fields)
        case 5:
            return _status(fields)
        case 6:
            certificate, block = codec.as_array(fields, "certified_block", 2)
            return CertifiedBlock(Certificate.from_wire(certificate), _block(block, read))
        case 7:
            height, block_hash = codec.as_array(fields, "block_request", 2)
            return BlockRequest(
                codec.as_uint(height, "block_request.height"),
                Hash(codec.as_bytes(block_hash, "block_request.block_hash", HASH_BYTES)),
            )
        case 8:
            (block,) = codec.as_array(fields, "block_response", 1)
            return BlockResponse(_block(block, read))
        case 9:
            (evidence,) = codec.as_array(fields, "evidence_message", 1)
            return EvidenceMessage(Evidence.from_wire(evidence))
        case 10:
            (seal,) = codec.as_array(fields, "late_seal_message", 1)
            return LateSealMessage(LateSeal.from_wire(seal))
    raise DecodeError(f"message: unknown tag {tag}")


def _block(value: object, read: ReadProposal) -> Proposal:
    return read(codec.as_bytes_up_to(value, "block", codec.MAX_MESSAGE_BYTES))
