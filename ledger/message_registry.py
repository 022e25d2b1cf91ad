"""Message types: the one description from which bodies are decoded, and ABI and docs generated.

A body is a canonical array with one position for each field. A handler receives the decoded
fields as positional arguments after its Context.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, partial
from typing import Any, Final

from ledger import codec
from ledger.errors import DecodeError, InvariantViolation, ensure
from ledger.primitives import ADDRESS_BYTES, HASH_BYTES

MAX_TYPE_BYTES: Final = 48
MAX_TEXT_BYTES: Final = 256
MAX_BLOB_BYTES: Final = 1024
MAX_LIST_ITEMS: Final = 256


class Kind(Enum):
    """Wire form of a field and the Python value that a handler receives."""

    ADDRESS = "address"  # 20 bytes
    AMOUNT = "amount"  # minimal big-endian bytes <-> int
    UINT64 = "uint64"  # int
    HASH = "hash"  # 32 bytes
    OPTIONAL_HASH = "optional_hash"  # 32 bytes, or empty for none
    TEXT = "text"  # UTF-8
    BYTES = "bytes"
    LIST = "list"  # of `items`; the handler receives a tuple of tuples (one field: of values)


@dataclass(frozen=True)
class Field:
    """One position of a body. `maximum` bounds the kind: value, bytes or items."""

    name: str
    kind: Kind
    doc: str
    maximum: int | None = None
    items: tuple["Field", ...] = ()

    @cached_property
    def decode(self) -> Callable[[object], Any]:
        """Gives the handler's value of a wire value, or raises DecodeError naming the field.

        Looked up once a field, not once a transaction: hashing an Enum costs more than decoding.
        """
        return partial(_DECODERS[self.kind], self)

    def encode(self, value: Any) -> object:
        """Inverse of decode: the wire form of a handler's value."""
        if self.kind is Kind.AMOUNT:
            return codec.encode_amount(value)
        if self.kind is Kind.LIST:
            if len(self.items) == 1:
                return tuple(self.items[0].encode(item) for item in value)
            return tuple(encode_fields(self.items, item) for item in value)
        return value


def encode_fields(fields: tuple[Field, ...], values: tuple[Any, ...]) -> tuple[object, ...]:
    """Wire form of the values of `fields`, position by position."""
    return tuple(field.encode(value) for field, value in zip(fields, values, strict=True))


def _address(field: Field, value: object) -> bytes:
    return codec.as_bytes(value, field.name, ADDRESS_BYTES)


def _hash(field: Field, value: object) -> bytes:
    return codec.as_bytes(value, field.name, HASH_BYTES)


def _optional_hash(field: Field, value: object) -> bytes:
    return b"" if value == b"" else codec.as_bytes(value, field.name, HASH_BYTES)


def _amount(field: Field, value: object) -> int:
    amount = codec.decode_amount(value, field.name)
    if field.maximum is not None and amount > field.maximum:
        raise DecodeError(f"{field.name}: at most {field.maximum}, found {amount}")
    return amount


def _uint64(field: Field, value: object) -> int:
    if field.maximum is None:
        return codec.as_uint(value, field.name)
    return codec.as_uint(value, field.name, field.maximum)


def _text(field: Field, value: object) -> str:
    return codec.as_text(value, field.name, field.maximum or MAX_TEXT_BYTES)


def _bytes(field: Field, value: object) -> bytes:
    return codec.as_bytes_up_to(value, field.name, field.maximum or MAX_BLOB_BYTES)


def _list(field: Field, value: object) -> tuple[Any, ...]:
    found = codec.as_list(value, field.name, field.maximum or MAX_LIST_ITEMS)
    if len(field.items) == 1:
        return tuple(field.items[0].decode(item) for item in found)
    return tuple(decode_fields(field.items, item, field.name) for item in found)


_DECODERS: Final[Mapping[Kind, Callable[[Field, object], Any]]] = {
    Kind.ADDRESS: _address,
    Kind.AMOUNT: _amount,
    Kind.UINT64: _uint64,
    Kind.HASH: _hash,
    Kind.OPTIONAL_HASH: _optional_hash,
    Kind.TEXT: _text,
    Kind.BYTES: _bytes,
    Kind.LIST: _list,
}


def decode_fields(fields: tuple[Field, ...], value: object, name: str) -> tuple[Any, ...]:
    """Handler values of the array `value`, or DecodeError naming the field."""
    found = codec.as_array(value, name, len(fields))
    return tuple([field.decode(item) for field, item in zip(fields, found, strict=True)])


@dataclass(frozen=True)
class MessageType:
    """`name` is "module.verb"; `doc` says in one sentence what the message does."""

    name: str
    doc: str
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        if len(self.name) > MAX_TYPE_BYTES or self.name.count(".") != 1:
            raise InvariantViolation(f"message type {self.name!r} is not 'module.verb'")

    def decode(self, body: object) -> tuple[Any, ...]:
        """Handler values of a body, or DecodeError naming the field."""
        return decode_fields(self.fields, body, self.name)

    def encode(self, *values: Any) -> tuple[object, ...]:
        """Body (wire form) of handler values."""
        return encode_fields(self.fields, values)


class MessageRegistry:
    """Every message type of a chain, by name; a duplicate is fatal at start."""

    def __init__(self, types: tuple[MessageType, ...]) -> None:
        self._types: dict[str, MessageType] = {}
        for message_type in types:
            ensure(
                message_type.name not in self._types,
                f"message type {message_type.name} is registered twice",
            )
            self._types[message_type.name] = message_type

    def find(self, name: str) -> MessageType | None:
        """The type called `name`, or None."""
        return self._types.get(name)

    def all(self) -> tuple[MessageType, ...]:
        """Every type, in order of registration."""
        return tuple(self._types.values())
