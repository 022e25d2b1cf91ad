"""Mutations of valid samples: of their bytes, and of the value they hold, encoded again.

The second kind gets past the outer encoding, to the checks behind it.
"""

import json
from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import Any, Final

from ledger import codec
from ledger.errors import DecodeError

MAX_RANDOM_BYTES = 96
MAX_STEPS = 4
MAX_INPUT_BYTES = 64 * 1024
INTERESTING = (0, 1, 0x7F, 0x80, 0x90, 0x98, 0xC0, 0xC4, 0xDC, 0xDD, 0xFF)
NUMBERS = (0, 1, 31, 32, 255, 256, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
DEPTHS = (3, 40, 400)

Value = Any
ByteMutation = Callable[[bytes, Sequence[bytes], Random], bytes]


class Shape(Enum):
    """What a sample's bytes are."""

    BYTES = "bytes"
    CANONICAL = "canonical"
    JSON = "json"


def mutate(samples: Sequence[bytes], shape: Shape, choose: Random) -> bytes:
    """Random bytes, or a sample after a few mutations."""
    if choose.random() < 0.1:
        return choose.randbytes(choose.randrange(MAX_RANDOM_BYTES))
    data = choose.choice(samples)
    if shape is not Shape.BYTES and choose.random() < 0.5:
        data = _mutated_value(data, samples, shape, choose)
        if choose.random() < 0.7:
            return data[:MAX_INPUT_BYTES]
    for _ in range(choose.randint(1, MAX_STEPS)):
        data = choose.choice(BYTE_MUTATIONS)(data, samples, choose)
    return data[:MAX_INPUT_BYTES]


# -- bytes ----------------------------------------------------------------------------------------


def _flip(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    if not data:
        return data
    at = choose.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << choose.randrange(8),)) + data[at + 1 :]


def _set(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + bytes((choose.choice(INTERESTING),)) + data[at + 1 :]


def _cut(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + data[at + choose.randint(1, 40) :]


def _end(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    return data[: choose.randrange(len(data) + 1)]


def _insert(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + choose.randbytes(choose.randint(1, 8)) + data[at:]


def _repeat(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    at = choose.randrange(len(data) + 1)
    return data[:at] + data[at : at + 64] * choose.randint(2, 30) + data[at:]


def _length(data: bytes, _: Sequence[bytes], choose: Random) -> bytes:
    """A number where a length may be."""
    width = choose.choice((1, 2, 4, 8))
    number: int = choose.choice(NUMBERS) % (1 << 8 * width)
    at = choose.randrange(len(data) + 1)
    return data[:at] + number.to_bytes(width, "big") + data[at + width :]


def _splice(data: bytes, samples: Sequence[bytes], choose: Random) -> bytes:
    other = choose.choice(samples)
    return data[: choose.randrange(len(data) + 1)] + other[choose.randrange(len(other) + 1) :]


BYTE_MUTATIONS: Final[tuple[ByteMutation, ...]] = (
    _flip,
    _set,
    _cut,
    _end,
    _insert,
    _repeat,
    _length,
    _splice,
)


# -- values ---------------------------------------------------------------------------------------


def _mutated_value(data: bytes, samples: Sequence[bytes], shape: Shape, choose: Random) -> bytes:
    read: Callable[[bytes], Value] = codec.decode if shape is Shape.CANONICAL else json.loads
    write = codec.encode if shape is Shape.CANONICAL else _to_json
    try:
        value, other = read(data), read(choose.choice(samples))
    except (DecodeError, ValueError):  # a sample with a tag before its canonical part
        return data
    for _ in range(choose.randint(1, MAX_STEPS)):
        value = _change(value, other, shape, choose)
    encoded: bytes = write(value)
    return encoded


def _to_json(value: Value) -> bytes:
    return json.dumps(value, ensure_ascii=_escaped(value)).encode(errors="surrogatepass")


def _escaped(value: Value) -> bool:
    """Both ways of writing occur, and the same value is always written the same way."""
    return len(repr(value)) % 2 == 0


def _change(value: Value, other: Value, shape: Shape, choose: Random) -> Value:
    """`value` with one place in it changed."""
    if isinstance(value, dict) and value and choose.random() < 0.85:
        key = choose.choice(list(value))
        if choose.random() < 0.15:
            return {name: item for name, item in value.items() if name != key}
        if choose.random() < 0.15:
            return value | {_text(choose): value[key]}
        return value | {key: _change(value[key], other, shape, choose)}
    if isinstance(value, tuple | list) and value and choose.random() < 0.85:
        items = list(value)
        at = choose.randrange(len(items))
        match choose.randrange(8):
            case 0:
                del items[at]
            case 1:
                items.insert(at, items[choose.randrange(len(items))])
            case 2:
                items = [items[at]] * choose.choice((2, 33, 300))
            case _:
                items[at] = _change(items[at], other, shape, choose)
        return type(value)(items)
    if choose.random() < 0.3 and isinstance(value, bytes) and value:
        return value[: choose.randrange(len(value))] + value[choose.randrange(len(value)) :]
    if choose.random() < 0.3 and isinstance(value, str) and value:
        return value[: choose.randrange(len(value))] + value[choose.randrange(len(value)) :]
    return _leaf(other, shape, choose)


def _leaf(other: Value, shape: Shape, choose: Random) -> Value:
    """Something else in the place of a value."""
    nested: Value = 7
    kind = choose.randrange(9)
    if kind == 0:
        return other
    if kind == 1:
        for _ in range(choose.choice(DEPTHS[:2] if shape is Shape.JSON else DEPTHS)):
            nested = (nested,) if shape is Shape.CANONICAL else [nested]
        return nested
    if kind == 2:
        return None
    if kind == 3:
        return choose.random() < 0.5
    if kind == 4:
        return _text(choose)
    if kind == 5 and shape is Shape.CANONICAL:
        return choose.randbytes(choose.choice((0, 1, 16, 20, 31, 32, 33, 64, 65, 300)))
    if kind == 6 and shape is Shape.JSON:
        return choose.choice((-1, 0.5, 1e308, -(2**70), 2**64, {}, {"a": 1}, [], "0x", "1e400"))
    return choose.choice(NUMBERS)


def _text(choose: Random) -> str:
    return choose.choice(("", "x", "포용", "\0", "\u202e", "0x0g", "0", "-1", "a" * 300, "\n"))
