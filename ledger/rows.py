"""Tables of frozen dataclasses: a row is the canonical array of its fields, in order.

The field's type gives its wire form, so a row is declared once. Supported: int (0..2^64-1), Amount
(0..2^128-1, minimal bytes), bool, bytes, str, an IntEnum, `X | None` and `tuple[X, ...]` of these.
"""

from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from ledger import codec
from ledger.errors import DecodeError, InvariantViolation, LocalError
from ledger.state import Table, V

Amount = Annotated[int, "amount"]
"""An integer that may need more than 64 bits: token amounts and sums in KRW."""

MAX_ROW_ITEMS: Final = 256
MAX_ROW_TEXT_BYTES: Final = 256
MAX_ROW_BYTES: Final = 1024

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
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return _optional(_codec_of(inner))
    if origin is tuple:
        return _sequence(_codec_of(arguments[0]))
    if hint is int:
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


def table(module: str, name: str, row: type[V]) -> Table[V]:
    """The table `module/name/` of dataclass `row`; decoding raises DecodeError naming the field."""
    hints = get_type_hints(row, include_extras=True)
    names = [field.name for field in fields(row)]  # type: ignore[arg-type]  # V is a dataclass
    codecs = [_codec_of(hints[name]) for name in names]
    labels = [f"{row.__name__}.{name}" for name in names]

    def encode(value: V) -> bytes:
        return codec.encode(
            tuple(codecs[i][0](getattr(value, names[i])) for i in range(len(names)))
        )

    def decode(data: bytes) -> V:
        wire = codec.as_array(codec.decode(data), row.__name__, len(names))
        values = [codecs[i][1](wire[i], labels[i]) for i in range(len(names))]
        try:
            return row(*values)
        except LocalError as error:  # parameters check themselves, for genesis
            raise DecodeError(f"{row.__name__}: {error}") from error

    return Table(module, name, encode, decode)


def key(*numbers: int) -> bytes:
    """Numbers below 2^32 as a key that sorts like them: 4 bytes each, big-endian."""
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def present(row: V | None, what: str) -> V:
    """A row that genesis or an earlier step wrote; InvariantViolation without it."""
    if row is None:
        raise InvariantViolation(f"state lacks {what}: not written by genesis, or lost")
    return row
