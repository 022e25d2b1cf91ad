"""Tables of frozen dataclasses or Structs: a row is the canonical array of its fields, in order.

The field's type gives its wire form, so a row is declared once. Supported: int (0..2^64-1), Amount
(0..2^128-1, minimal bytes), Scaled (0..2^256-1, minimal bytes), bool, bytes, str, an IntEnum,
`X | None` and `tuple[X, ...]` of these.
"""

from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from ledger import codec
from ledger.errors import DecodeError, InvariantViolation, LocalError
from ledger.state import Table, V

Amount = Annotated[int, "amount"]
"""An integer that may need more than 64 bits: token amounts and sums in KRW."""
Scaled = Annotated[int, "scaled amount"]
"""An amount times a fixed power of two, of at most MAX_SCALED_BYTES."""

MAX_ROW_ITEMS: Final = 256
MAX_ROW_TEXT_BYTES: Final = 256
MAX_ROW_BYTES: Final = 1024
MAX_SCALED_BYTES: Final = 32

_Codec = tuple[Callable[[Any], object], Callable[[object, str], Any]]


def _same(value: Any) -> object:
    return value


def _optional(inner: _Codec) -> _Codec:
    encode, decode = inner
    return (
        lambda value: None if value is None else (encode(value),),
        lambda wire, name: None if wire is None else decode(codec.as_array(wire, name, 1)[0], name),
    )


def _sequence(inner: _Codec) -> _Codec:
    encode, decode = inner
    return (
        lambda value: tuple(encode(item) for item in value),
        lambda wire, name: tuple(
            decode(item, name) for item in codec.as_list(wire, name, MAX_ROW_ITEMS)
        ),
    )


def _boolean(wire: object, name: str) -> bool:
    if type(wire) is not bool:
        raise DecodeError(f"{name}: expected true or false, found {wire!r:.80}")
    return wire


def _encode_scaled(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    if value < 0 or size > MAX_SCALED_BYTES:
        raise ValueError(f"{value} is outside 0..2^{8 * MAX_SCALED_BYTES}-1")
    return value.to_bytes(size, "big")


def _decode_scaled(wire: object, name: str) -> int:
    found = codec.as_bytes_up_to(wire, name, MAX_SCALED_BYTES)
    if found[:1] == b"\0":
        raise DecodeError(f"{name}: leading zero byte in {found.hex()}")
    return int.from_bytes(found, "big")


def _enumeration(kind: type[IntEnum]) -> _Codec:
    def decode(wire: object, name: str) -> IntEnum:
        number = codec.as_uint(wire, name)
        if number not in set(kind):
            raise DecodeError(f"{name}: expected one of {[int(m) for m in kind]}, found {number}")
        return kind(number)

    return int, decode


def _codec_of(hint: Any) -> _Codec:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint == Amount:
        return codec.encode_amount, codec.decode_amount
    if hint == Scaled:
        return _encode_scaled, _decode_scaled
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return _optional(_codec_of(inner))
    if origin is tuple:
        return _sequence(_codec_of(arguments[0]))
    if hint is int:  # in a sequence or an option
        return _same, codec.as_uint
    if hint is bool:
        return _same, _boolean
    if hint is str:
        return _same, lambda wire, name: codec.as_text(wire, name, MAX_ROW_TEXT_BYTES)
    # NewTypes of bytes (Address, Hash) are bytes on the wire.
    if getattr(hint, "__supertype__", hint) is bytes:
        return _same, lambda wire, name: codec.as_bytes_up_to(wire, name, MAX_ROW_BYTES)
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return _enumeration(hint)
    raise TypeError(f"a row cannot hold {hint!r}")


def field_names(row: type[Any]) -> tuple[str, ...]:
    """Names of a row's fields, in order: of a dataclass, or of a Struct, which is made faster."""
    if issubclass(row, msgspec.Struct):
        return row.__struct_fields__
    return tuple(field.name for field in fields(row))


def _fields_of(row: type[Any], names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Values of a row's fields, in order."""
    if issubclass(row, msgspec.Struct):
        return msgspec.structs.astuple
    if len(names) == 1:
        return lambda value: (getattr(value, names[0]),)
    return attrgetter(*names)


def table(module: str, name: str, row: type[V]) -> Table[V]:
    """The table `module/name/` of rows `row`; decoding raises DecodeError naming the field."""
    hints = get_type_hints(row, include_extras=True)
    names = field_names(row)
    labels = [f"{row.__name__}.{name}" for name in names]
    # Plain integers, most of what rows hold, cost no call; a claim reads and writes several rows.
    integers = [(at, labels[at]) for at, name in enumerate(names) if hints[name] is int]
    others = [
        (at, *_codec_of(hints[name]), labels[at])
        for at, name in enumerate(names)
        if hints[name] is not int
    ]
    fields_of = _fields_of(row, names)

    def encode(value: V) -> bytes:
        wire = list(fields_of(value))
        for at, encoder, _, _ in others:
            wire[at] = encoder(wire[at])
        return codec.encode(wire)

    def decode(data: bytes) -> V:
        values = list(codec.as_array(codec.decode(data), row.__name__, len(names)))
        for at, label in integers:
            found = values[at]
            if type(found) is not int or found < 0:
                codec.as_uint(found, label)
        for at, _, decoder, label in others:
            values[at] = decoder(values[at], label)
        try:
            return row(*values)
        except LocalError as error:  # parameters check themselves, for genesis
            raise DecodeError(f"{row.__name__}: {error}") from error

    return Table(module, name, encode, decode)


def key(*numbers: int) -> bytes:
    """Numbers below 2^32 as a key that sorts like them: 4 bytes each, big-endian."""
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def present(row: V | None, what: str) -> V:
    """A row that genesis or an earlier step of this room wrote; InvariantViolation without it."""
    if row is None:
        raise InvariantViolation(f"state lacks {what}: not written by genesis, or lost")
    return row
