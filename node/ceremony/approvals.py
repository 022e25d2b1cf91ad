"""An organisation's word that it has checked a genesis document and starts on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.crypto import Signer
from ledger.errors import LocalError
from ledger.primitives import HASH_BYTES, Hash
from ledger.strict_json import JsonReader, read_json
from node.ceremony.contributions import Contribution
from node.ceremony.statements import SIGNATURES, check_signatures, read_hex, signed
from node.ceremony.terms import Terms
from node.files.file_formats import require_format

FORMAT: Final = "poyong-approval-1"
MAX_APPROVAL_BYTES: Final = 8 * 1024
_TAG: Final = b"poyong/ceremony/approval/1"


@dataclass(frozen=True, slots=True)
class Approval:
    """Of one organisation, for one genesis hash. document: the file."""

    genesis_hash: Hash
    document: Mapping[str, Any]


def new_approval(
    terms: Terms, by: Contribution, genesis_hash: Hash, signers: Mapping[str, Signer]
) -> Approval:
    """Made and signed with the keys of the contribution; LocalError when these are others."""
    statement = {
        "format": FORMAT,
        "chain_id": terms.chain_id,
        "terms": terms.hash().hex(),
        "id": by.wish.id,
        "genesis_hash": genesis_hash.hex(),
    }
    return approval_of(signed(_TAG, statement, signers), terms, by, "the approval")


def read_approval(data: bytes, terms: Terms, by: Contribution, source: str) -> Approval:
    """The approval in a file by whoever contributed `by`; LocalError names what is wrong."""
    require_format(data, source, FORMAT)
    return approval_of(read_json(data, source, MAX_APPROVAL_BYTES), terms, by, source)


def approval_of(document: object, terms: Terms, by: Contribution, source: str) -> Approval:
    """The approval in a JSON value; LocalError as read_approval."""
    reader = JsonReader(source)
    names = ("format", "chain_id", "terms", "id", "genesis_hash", SIGNATURES)
    fields = reader.fields(document, "", required=names)
    expected = {
        "format": FORMAT,
        "chain_id": terms.chain_id,
        "terms": terms.hash().hex(),
        "id": by.wish.id,
    }
    for name, value in expected.items():
        if type(fields[name]) is not type(value) or fields[name] != value:
            raise LocalError(
                f"{source}: {name} is {fields[name]!r:.80}, here it is {value!r}: the approval is "
                "of another ceremony or member; have it signed anew"
            )
    found = Hash(read_hex(reader, fields["genesis_hash"], "genesis_hash", HASH_BYTES))
    check_signatures(_TAG, fields, by.keys, source)
    return Approval(found, fields)
