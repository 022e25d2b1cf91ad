"""Canonical encoding: msgpack arrays of fixed positions, minimal integers, no floats, no maps.

Every decoder is total: any byte string gives a value or a DecodeError, and decode(x) encodes to
exactly x or is refused, so one value has one encoding (architecture.md, "Limits everywhere").
"""

from typing import Any, Final, NoReturn, TypeVar

import msgpack

from ledger.errors import DecodeError
from ledger.primitives import MAX_AMOUNT, MAX_UINT64

MAX_AMOUNT_BYTES: Final = 16
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""Upper bound of any one encoded value, in bytes; callers pass tighter ones."""
MAX_ITEMS: Final = 4096
"""Of one array; callers pass fewer where bytes come from anybody. A header of five bytes makes the
reader reserve as many places, and in a thousand nested headers that is what the memory costs."""
MAX_DEPTH: Final = 32
"""Arrays in arrays; no value of ours has half as many."""
SHORT_BYTES: Final = 256
"""Of a value whose depth is not looked at: it has at most one array a byte."""

T = TypeVar("T")


# One packer for all calls (a new one each time costs three times the packing). It calls no Python
# code while it packs and starts clean after an error.
_pack: Final = msgpack.Packer(use_bin_type=True, strict_types=False, autoreset=True).pack


def encode(value: object) -> bytes:
    """Encode nested tuples/lists of int (0..2^64-1), bytes, str, bool and None."""
    packed: bytes = _pack(value)
    return packed


def _refuse(*_: object) -> NoReturn:
    raise DecodeError("maps and extension types are not part of the canonical encoding")


def _refuse_deep(value: object) -> None:
    """Bytes nest a thousand arrays, and so deep a value ends in a RecursionError wherever it is
    shown, compared or encoded later, depending on the stack of whoever does that."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for item in level if type(item) is tuple for inner in item]
        if not level:
            return
    raise DecodeError(f"arrays are nested deeper than {MAX_DEPTH}")


def decode(data: bytes, max_bytes: int = MAX_MESSAGE_BYTES, max_items: int = MAX_ITEMS) -> Any:
    """Decode canonical bytes to nested tuples of at most `max_items` each; raise DecodeError for
    anything else."""
    if len(data) > max_bytes:
        raise DecodeError(f"encoded value has {len(data)} bytes, at most {max_bytes} are allowed")
    try:
        value = msgpack.unpackb(
            data,
            use_list=False,
            raw=False,
            object_pairs_hook=_refuse,
            ext_hook=_refuse,
            max_array_len=max_items,
            timestamp=1,  # the one extension that skips ext_hook: a float encodes to other bytes
        )
        if len(data) > SHORT_BYTES:
            _refuse_deep(value)
        same = encode(value) == data
    except DecodeError:
        raise
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException, RecursionError) as error:
        raise DecodeError(f"not canonical msgpack: {error or type(error).__name__}") from error
    if not same:
        raise DecodeError("not canonical: the value encodes to other bytes than were received")
    return value


def encode_amount(amount: int) -> bytes:
    """Minimal big-endian bytes of an amount in 0..2^128-1; zero is empty."""
    if not 0 <= amount <= MAX_AMOUNT:
        raise ValueError(f"amount {amount} is outside 0..2^128-1")
    return amount.to_bytes((amount.bit_length() + 7) // 8, "big")


def decode_amount(data: object, name: str = "amount") -> int:
    """Inverse of encode_amount; refuses leading zeros and more than 16 bytes."""
    if type(data) is not bytes or len(data) > MAX_AMOUNT_BYTES:
        raise DecodeError(f"{name}: expected at most {MAX_AMOUNT_BYTES} bytes, found {data!r:.80}")
    if data[:1] == b"\0":
        raise DecodeError(f"{name}: leading zero byte in {data.hex()}")
    return int.from_bytes(data, "big")


def as_uint(value: object, name: str, maximum: int = MAX_UINT64) -> int:
    """An int (not bool) in 0..maximum, or DecodeError naming the field."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise DecodeError(f"{name}: expected an integer in 0..{maximum}, found {value!r:.80}")
    return value


def as_bytes(value: object, name: str, length: int) -> bytes:
    """Exactly `length` bytes, or DecodeError naming the field."""
    if type(value) is not bytes or len(value) != length:
        raise DecodeError(f"{name}: expected {length} bytes, found {value!r:.80}")
    return value


def as_bytes_up_to(value: object, name: str, maximum: int) -> bytes:
    """At most `maximum` bytes, or DecodeError naming the field."""
    if type(value) is not bytes or len(value) > maximum:
        raise DecodeError(f"{name}: expected at most {maximum} bytes, found {value!r:.80}")
    return value


def as_text(value: object, name: str, maximum_bytes: int) -> str:
    """Text of at most `maximum_bytes` UTF-8 bytes, or DecodeError naming the field."""
    if type(value) is not str or len(value.encode()) > maximum_bytes:
        raise DecodeError(
            f"{name}: expected text of at most {maximum_bytes} bytes, found {value!r:.80}"
        )
    return value


def as_array(value: object, name: str, length: int) -> tuple[Any, ...]:
    """An array of exactly `length` positions, or DecodeError naming the field."""
    if type(value) is not tuple or len(value) != length:
        raise DecodeError(f"{name}: expected an array of {length}, found {value!r:.80}")
    return value


def as_list(value: object, name: str, maximum: int) -> tuple[Any, ...]:
    """An array of at most `maximum` items, or DecodeError naming the field."""
    if type(value) is not tuple or len(value) > maximum:
        raise DecodeError(f"{name}: expected at most {maximum} items, found {value!r:.80}")
    return value
