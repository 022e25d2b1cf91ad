"""Sized values that every room shares: addresses, hashes, token units, limits."""

from typing import Final, NewType

Address = NewType("Address", bytes)
"""20 bytes, one account space for every kind of key."""
Hash = NewType("Hash", bytes)
"""32 bytes."""

ADDRESS_BYTES: Final = 20
HASH_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

DECIMALS: Final = 18
UNIT: Final = 10**DECIMALS
"""Smallest units in one token."""
MAX_AMOUNT: Final = 2**128 - 1
"""Largest amount or balance, in smallest units."""
MAX_UINT64: Final = 2**64 - 1
MAX_NONCE: Final = MAX_UINT64 - 1
"""The nonce after it still fits 64 bits (EIP-2681)."""

ZERO_HASH: Final = Hash(bytes(HASH_BYTES))
ZERO_ADDRESS: Final = Address(bytes(ADDRESS_BYTES))
BPS: Final = 10_000
"""Basis points in one."""
PPM: Final = 1_000_000
