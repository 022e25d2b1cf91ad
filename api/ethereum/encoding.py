"""Ethereum's forms of integers in JSON."""

from typing import Final

MAX_QUANTITY_BYTES: Final = 32
_MAX_CHARACTERS: Final = 2 + 2 * MAX_QUANTITY_BYTES


def quantity(value: int) -> str:
    """0x hex without leading zeros; 0 is 0x0."""
    return hex(value)


def from_quantity(value: object) -> int:
    """Inverse of quantity, in any case; ValueError for anything else, leading zeros too."""
    if type(value) is not str or not 3 <= len(value) <= _MAX_CHARACTERS or value[:2] != "0x":
        raise ValueError
    digits = value[2:]
    if (digits[0] == "0" and digits != "0") or not digits.isascii() or not digits.isalnum():
        raise ValueError
    return int(digits, 16)


def word(value: int) -> bytes:
    """An integer as the ABI has it: 32 bytes, big-endian."""
    return value.to_bytes(MAX_QUANTITY_BYTES, "big")


def padded(address: bytes) -> bytes:
    """An address as a topic: 32 bytes."""
    return address.rjust(MAX_QUANTITY_BYTES, b"\0")
