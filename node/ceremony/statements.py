"""Statements that an organisation signs with the keys of its node: JSON, each under its own tag.

Consensus payloads and transactions are canonical MessagePack arrays, so that nothing signed here
can ever count as one of them: a tag is text.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ledger.crypto import Signer, sha256, verify_ed25519
from ledger.errors import LocalError
from ledger.primitives import SIGNATURE_BYTES, Hash
from ledger.strict_json import JsonReader

VALIDATOR: Final = "validator"
NODE: Final = "node"
SIGNATURES: Final = "signatures"


def canonical(value: object) -> bytes:
    """UTF-8 JSON: keys sorted, no spaces, no escapes beyond those needed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(tag: bytes, value: object) -> Hash:
    """SHA-256 of tag || canonical JSON."""
    return sha256(tag + canonical(value))


def signed(
    tag: bytes, statement: Mapping[str, Any], signers: Mapping[str, Signer]
) -> dict[str, Any]:
    """The statement with a signature of each signer, by VALIDATOR or NODE."""
    message = tag + canonical(statement)
    made = {name: signer.sign(message).hex() for name, signer in signers.items()}
    return {**statement, SIGNATURES: made}


def check_signatures(
    tag: bytes, document: Mapping[str, Any], keys: Mapping[str, bytes], source: str
) -> None:
    """LocalError unless each of these keys signed the document, and no other."""
    reader = JsonReader(source)
    given = reader.fields(document[SIGNATURES], SIGNATURES, required=tuple(keys))
    statement = {name: value for name, value in document.items() if name != SIGNATURES}
    message = tag + canonical(statement)
    for name, key in keys.items():
        place = f"{SIGNATURES}.{name}"
        signature = read_hex(reader, given[name], place, SIGNATURE_BYTES)
        if not verify_ed25519(key, message, signature):
            raise LocalError(
                f"{source}: {place} is not a signature of the {name} key {key.hex()} on this "
                "content: it was changed after it was signed, or who made it does not hold that "
                "key; ask its organisation for the file again, by another way"
            )


def read_hex(reader: JsonReader, value: object, place: str, size: int) -> bytes:
    """So many bytes in lower-case hex, written in the one way that there is."""
    if isinstance(value, str) and len(value) == 2 * size:
        try:
            found = bytes.fromhex(value)
        except ValueError:
            found = b""
        if found.hex() == value:
            return found
    raise reader.error(place, f"{2 * size} lower-case hex digits", value)
