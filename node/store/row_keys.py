"""Keys of the rows of blocks; node/store/block_store.py says what the rows hold."""

from typing import Final

from ledger.primitives import Hash

BLOCK, CERTIFICATE, RECEIPTS, HEIGHT_OF, TRANSACTION = b"B", b"C", b"R", b"H", b"T"
SET_CHANGE: Final = b"V"
STATE_PREFIX: Final = b"S"
TRANSACTION_KEY_BYTES: Final = 16


def height_key(height: int) -> bytes:
    """Of a height, after the byte of the kind."""
    return height.to_bytes(8, "big")


def transaction_key(transaction: Hash) -> bytes:
    """Of a transaction by its hash."""
    return TRANSACTION + transaction[:TRANSACTION_KEY_BYTES]
