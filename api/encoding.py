"""How bytes, addresses and amounts look in JSON: 0x hex, EIP-55, decimal strings."""

from binascii import Error as HexError
from binascii import unhexlify
from functools import lru_cache
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import DecodeError
from ledger.primitives import ADDRESS_BYTES

ADDRESS_CACHE: Final = 8192
"""Checksummed addresses kept: each costs a Keccak hash of 2 us."""

address = lru_cache(ADDRESS_CACHE)(checksum_address)
"""A 20-byte address as 0x hex with the EIP-55 checksum."""


def hex_of(data: bytes) -> str:
    """0x and lower-case hex digits; empty bytes are "0x"."""
    return "0x" + data.hex()


def from_hex(text: object) -> bytes:
    """Inverse of hex_of, any case; DecodeError for anything else."""
    if type(text) is not str or not text.startswith("0x"):
        raise DecodeError("hex text starts with 0x")
    try:
        return unhexlify(text[2:])
    except (HexError, ValueError) as error:
        raise DecodeError("hex text has an even number of the digits 0-9 a-f") from error


def plain(value: int | bytes | str) -> str:
    """An event's value, whose kind is not recorded: an integer as a decimal string (it may be an
    amount), 20 bytes as an address, other bytes as hex."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    return address(value) if len(value) == ADDRESS_BYTES else hex_of(value)
