"""Signed transfers: the transaction of tests that need one and do not care which.

A test names the fields that it does care about: `signed(BOB, nonce=3)`.
"""

from typing import Any, Final

from ledger.crypto import Ed25519Signer, Secp256k1Signer, Signer
from ledger.primitives import Address
from ledger.transaction import Draft, Transaction, sign
from ledger.transfers import SEND

CHAIN_ID: Final = 82062
"""Of local towns and of the chains that tests make."""
ALICE: Final[Signer] = Ed25519Signer(b"a" * 32)
BOB: Final[Signer] = Secp256k1Signer(b"b" * 32)
CAROL: Final[Signer] = Ed25519Signer(b"c" * 32)
TO: Final = Address(b"\x77" * 20)


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


def payments(
    signer: Signer, to: Address, count: int, *, nonce: int, valid_until: int
) -> list[Transaction]:
    """So many transfers of 1 with consecutive nonces."""
    body = SEND.encode(to, 1, b"")
    return [
        signed(signer, nonce=nonce + position, body=body, valid_until=valid_until)
        for position in range(count)
    ]
