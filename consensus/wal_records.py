"""What a replica must find again after a crash: one record before each send (rule 1)."""

from dataclasses import dataclass
from typing import Final

from consensus.message_wire import (
    new_view_from_wire,
    prepared_from_wire,
    prepared_to_wire,
    to_wire,
    view_change_from_wire,
    view_change_to_wire,
)
from consensus.messages import NewView, PreparedCertificate, Proposal, ReadProposal, ViewChange
from ledger import codec
from ledger.errors import DecodeError, ensure
from ledger.primitives import HASH_BYTES, Hash
from ledger.registry import MAX_VIEW


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """(a) The block, durable before its PrePrepare or Prepare is sent in `view`.

    own: this replica proposed it in this view.
    """

    height: int
    view: int
    own: bool
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class PreparedRecord:
    """(b) The prepared certificate, durable before the own Commit of its view and hash."""

    certificate: PreparedCertificate


@dataclass(frozen=True, slots=True)
class ViewChangeRecord:
    """(c) The own ViewChange (unsigned), durable before it is sent."""

    vote: ViewChange
    certificate: PreparedCertificate | None


@dataclass(frozen=True, slots=True)
class ViewEntryRecord:
    """(d) Entering `view` by a NewView justification."""

    height: int
    view: int
    justification: NewView


@dataclass(frozen=True, slots=True)
class PrepareRecord:
    """The own Prepare in `view` of a block that an earlier ProposalRecord of this height holds
    (re-proposal: the bytes are not written twice)."""

    height: int
    view: int
    block_hash: Hash
    own: bool


Record = ProposalRecord | PreparedRecord | ViewChangeRecord | ViewEntryRecord | PrepareRecord

_UNSIGNED: Final = bytes(64)


def encode(record: Record) -> bytes:
    """Canonical bytes [tag, ...] of a record."""
    match record:
        case ProposalRecord():
            return codec.encode(
                (1, record.height, record.view, record.own, record.proposal.encoded)
            )
        case PreparedRecord():
            return codec.encode((2, prepared_to_wire(record.certificate)))
        case ViewChangeRecord():
            ensure(record.vote.signature == b"", "a ViewChange is recorded before it is signed")
            fields = view_change_to_wire(record.vote)[:-1]
            return codec.encode((3, (*fields, _UNSIGNED), prepared_to_wire(record.certificate)))
        case ViewEntryRecord():
            return codec.encode((4, record.height, record.view, to_wire(record.justification)))
        case PrepareRecord():
            return codec.encode((5, record.height, record.view, record.block_hash, record.own))


def _own(value: object) -> bool:
    if type(value) is not bool:
        raise DecodeError(f"record.own: expected a boolean, found {value!r:.20}")
    return value


def decode(data: bytes, read: ReadProposal) -> Record:
    """Inverse of encode; DecodeError for any bytes that are no record."""
    value = codec.decode(data)
    if type(value) is not tuple or not value or type(value[0]) is not int:
        raise DecodeError("record: expected [tag, ...]")
    match value[0]:
        case 1:
            _, height, view, own, block = codec.as_array(value, "proposal_record", 5)
            return ProposalRecord(
                codec.as_uint(height, "record.height"),
                codec.as_uint(view, "record.view", MAX_VIEW),
                _own(own),
                read(codec.as_bytes_up_to(block, "record.block", codec.MAX_MESSAGE_BYTES)),
            )
        case 2:
            _, certificate = codec.as_array(value, "prepared_record", 2)
            prepared = prepared_from_wire(certificate)
            if prepared is None:
                raise DecodeError("prepared_record: certificate is missing")
            return PreparedRecord(prepared)
        case 3:
            _, fields, certificate = codec.as_array(value, "view_change_record", 3)
            vote = view_change_from_wire(fields)
            if vote.signature != _UNSIGNED:
                raise DecodeError("view_change_record: expected an unsigned vote")
            unsigned = ViewChange(
                vote.height, vote.new_view, vote.prepared_view, vote.prepared_hash, vote.validator
            )
            return ViewChangeRecord(unsigned, prepared_from_wire(certificate))
        case 4:
            _, height, view, justification = codec.as_array(value, "view_entry_record", 4)
            return ViewEntryRecord(
                codec.as_uint(height, "record.height"),
                codec.as_uint(view, "record.view", MAX_VIEW),
                new_view_from_wire(justification),
            )
        case 5:
            _, height, view, block_hash, own = codec.as_array(value, "prepare_record", 5)
            return PrepareRecord(
                codec.as_uint(height, "record.height"),
                codec.as_uint(view, "record.view", MAX_VIEW),
                Hash(codec.as_bytes(block_hash, "record.block_hash", HASH_BYTES)),
                _own(own),
            )
    raise DecodeError(f"record: unknown tag {value[0]!r:.20}")
