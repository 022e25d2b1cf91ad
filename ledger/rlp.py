"""RLP, the encoding of Ethereum's envelopes (Yellow Paper, appendix B), strict and bounded.

A value is bytes or a list of values. Every value has one encoding here: a longer length than is
needed, a single byte below 0x80 with a length, or bytes after the value are refused.
"""

from typing import Any, Final

from ledger.errors import DecodeError

MAX_DEPTH: Final = 4
"""Lists within lists: an access list's storage keys are at the fourth."""

_SHORT_STRING: Final = 0x80
_LONG_STRING: Final = 0xB7
_SHORT_LIST: Final = 0xC0
_LONG_LIST: Final = 0xF7
_SHORT_MAX: Final = 55
"""Longest content whose length is in the first byte."""

Item = Any
"""bytes, or a list of items."""


def decode_list(data: bytes, at: int = 0) -> tuple[list[Item], int]:
    """The list that fills `data` from `at` to its end, and where its content begins; DecodeError
    for anything else."""
    end = len(data)
    if at >= end or data[at] < _SHORT_LIST:
        raise DecodeError("RLP: expected a list")
    start, stop = _span(data, at, end)
    if stop != end:
        raise DecodeError(f"RLP: {end - stop} bytes after the list")
    return _items(data, start, stop, MAX_DEPTH - 1), start


def _items(data: bytes, at: int, end: int, depth: int) -> list[Item]:
    """Every item of data[at:end]; `depth` more lists may be nested."""
    items: list[Item] = []
    while at < end:
        prefix = data[at]
        if prefix < _SHORT_STRING:
            items.append(data[at : at + 1])
            at += 1
            continue
        start, stop = _span(data, at, end)
        if prefix < _SHORT_LIST:
            items.append(data[start:stop])
        elif depth:
            items.append(_items(data, start, stop, depth - 1))
        else:
            raise DecodeError(f"RLP: lists are nested deeper than {MAX_DEPTH}")
        at = stop
    return items


def _span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the content of the string or list at `at` begins and ends."""
    prefix = data[at]
    base = _SHORT_STRING if prefix < _SHORT_LIST else _SHORT_LIST
    start, length = at + 1, prefix - base
    if length > _SHORT_MAX:
        start += length - _SHORT_MAX
        digits = data[at + 1 : start]
        length = int.from_bytes(digits, "big")
        if digits[:1] == b"\0" or length <= _SHORT_MAX:
            raise DecodeError(f"RLP: length {digits.hex()} is not minimal")
    stop = start + length
    if stop > end:
        raise DecodeError(f"RLP: {length} bytes announced, {max(0, end - start)} are there")
    if length == 1 and base == _SHORT_STRING and data[start] < _SHORT_STRING:
        raise DecodeError(f"RLP: byte 0x{data[start]:02x} stands for itself, without a length")
    return start, stop


def encode(item: Item) -> bytes:
    """The one encoding of bytes, or of a list or tuple of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _SHORT_STRING:
            return item
        return _header(len(item), _SHORT_STRING) + item
    return encode_list_of(b"".join([encode(part) for part in item]))


def encode_list_of(content: bytes) -> bytes:
    """A list whose items, encoded, are `content`."""
    return _header(len(content), _SHORT_LIST) + content


def encode_uint(value: int) -> bytes:
    """An integer as RLP writes it: big-endian without leading zeros, 0 as empty bytes."""
    return encode(uint_bytes(value))


def uint_bytes(value: int) -> bytes:
    """Big-endian without leading zeros; 0 is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _header(length: int, base: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes((base + length,))
    digits = uint_bytes(length)
    return bytes((base + _SHORT_MAX + len(digits),)) + digits
