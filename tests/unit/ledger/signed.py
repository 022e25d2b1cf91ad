"""Signers and signed transactions for the tests of the ledger."""

from typing import Any

from ledger.crypto import Ed25519Signer, Secp256k1Signer, Signer
from ledger.primitives import Address
from ledger.transaction import Draft, Transaction, sign
from ledger.transfers import SEND

CHAIN_ID = 82062
ALICE: Signer = Ed25519Signer(b"a" * 32)
BOB: Signer = Secp256k1Signer(b"b" * 32)
CAROL: Signer = Ed25519Signer(b"c" * 32)
TO = Address(b"\x77" * 20)


def draft(**changes: Any) -> Draft:
    """A transfer of 5 to TO with nonce 0, with what the test wants otherwise."""
    fields: dict[str, Any] = {
        "chain_id": CHAIN_ID,
        "nonce": 0,
        "type": SEND.name,
        "body": SEND.encode(TO, 5, b""),
        "valid_until": 100,
    }
    return Draft(**(fields | changes))


def signed(signer: Signer = ALICE, **changes: Any) -> Transaction:
    """The draft, signed."""
    return sign(draft(**changes), signer)
