"""Transactions as the mempool sees them: verified already, so their signatures are not made."""

from ledger import codec
from ledger.crypto import keccak256
from ledger.primitives import Address
from ledger.transaction import KeySignature, Transaction

_AUTHORITY = KeySignature(bytes(32), bytes(64))


def account(name: str) -> Address:
    """An address that shows its name."""
    return Address(name.encode().ljust(20, b"."))


def unsigned(
    sender: Address, nonce: int, fee: int = 0, valid_until: int = 100, size: int = 0
) -> Transaction:
    """A transaction with a hash of its own for each different content; `size` in raw bytes."""
    raw = codec.encode((sender, nonce, fee, valid_until))
    raw = raw.ljust(size, b"\0")
    return Transaction(
        hash=keccak256(raw),
        raw=raw,
        chain_id=1,
        nonce=nonce,
        named_sender=sender,
        type="transfer.send",
        body=(),
        fee=fee,
        valid_until=valid_until,
        authority=_AUTHORITY,
    )
