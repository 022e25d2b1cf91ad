"""Solidity's contract ABI, strict and bounded: values in words of 32 bytes, selectors and topics.

One value has one encoding here, the one that every library writes: the parts of dynamic length
follow the heads in order and without gaps, padding is zero, and nothing follows the last part.
decode() is total and takes time in proportion to the bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from ledger.crypto import keccak256
from ledger.errors import DecodeError, ensure
from ledger.primitives import ADDRESS_BYTES

WORD_BYTES: Final = 32
SELECTOR_BYTES: Final = 4


@dataclass(frozen=True)
class Elementary:
    """A type by its name in Solidity; one of NUMBER, ADDRESS, ... below."""

    name: str

    is_dynamic = False
    head_bytes = WORD_BYTES

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """(value, where it ends) of the word at `at`."""
        return self._reader(_word(data, at)), at + WORD_BYTES

    @cached_property
    def _reader(self) -> Callable[[bytes], Any]:
        return _READERS[self.name]

    def write(self, value: Any) -> bytes:
        """Inverse of read."""
        return _WRITERS[self.name](value)


@dataclass(frozen=True)
class Packed:
    """`bytes` or `string`: a length, then the bytes, padded with zeros to whole words."""

    name: str

    is_dynamic = True
    head_bytes = WORD_BYTES

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """(bytes or str, where its padding ends)."""
        length = int.from_bytes(_word(data, at), "big")
        start = at + WORD_BYTES
        if length > len(data) - start:
            raise DecodeError(
                f"ABI: {self.name} of {length} bytes announced, {len(data) - start} are there"
            )
        end = start + length
        stop = end + -length % WORD_BYTES
        if data[end:stop] != bytes(stop - end):
            raise DecodeError(f"ABI: {self.name} is not padded with zeros to whole words")
        if self.name == "bytes":
            return data[start:end], stop
        try:
            return data[start:end].decode(), stop
        except UnicodeDecodeError as error:
            raise DecodeError(f"ABI: string is not UTF-8: {error.reason}") from error

    def write(self, value: bytes | str) -> bytes:
        """Inverse of read."""
        raw = value.encode() if isinstance(value, str) else value
        return len(raw).to_bytes(WORD_BYTES, "big") + raw + bytes(-len(raw) % WORD_BYTES)


@dataclass(frozen=True)
class Array:
    """`T[]`: a count, then the items as a sequence of their own. Values are tuples."""

    item: "AbiType"

    is_dynamic = True
    head_bytes = WORD_BYTES

    @property
    def name(self) -> str:
        """As signatures have it."""
        return f"{self.item.name}[]"

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """(tuple of values, where the last one ends)."""
        count = int.from_bytes(_word(data, at), "big")
        start = at + WORD_BYTES
        if count * self.item.head_bytes > len(data) - start:
            raise DecodeError(
                f"ABI: {self.name} of {count} items announced in {len(data) - start} bytes"
            )
        return _read_sequence([self.item] * count, data, start)

    def write(self, value: Sequence[Any]) -> bytes:
        """Inverse of read."""
        return len(value).to_bytes(WORD_BYTES, "big") + encode([self.item] * len(value), value)


class Parameter(NamedTuple):
    """A named and typed place of a function, an event or a struct. doc: what it holds."""

    name: str
    type: "AbiType"
    doc: str = ""


@dataclass(frozen=True)
class Struct:
    """A tuple with named places. Values are tuples. title: its name in Solidity."""

    parts: tuple[Parameter, ...]
    title: str

    def __post_init__(self) -> None:
        ensure(self.parts, f"struct {self.title} has no places")

    @cached_property
    def types(self) -> tuple["AbiType", ...]:
        """Of the places, in order."""
        return tuple(part.type for part in self.parts)

    @cached_property
    def is_dynamic(self) -> bool:
        """True when some place is."""
        return any(item.is_dynamic for item in self.types)

    @cached_property
    def head_bytes(self) -> int:
        """Bytes that it takes among the heads of what holds it."""
        return WORD_BYTES if self.is_dynamic else sum(item.head_bytes for item in self.types)

    @property
    def name(self) -> str:
        """As signatures have it."""
        return f"({','.join(item.name for item in self.types)})"

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """(tuple of values, where the last one ends)."""
        return _read_sequence(self.types, data, at)

    def write(self, value: Sequence[Any]) -> bytes:
        """Inverse of read."""
        return encode(self.types, value)


AbiType = Elementary | Packed | Array | Struct

UINT64: Final = Elementary("uint64")
UINT256: Final = Elementary("uint256")
INT256: Final = Elementary("int256")
UINT8: Final = Elementary("uint8")
ADDRESS: Final = Elementary("address")
BYTES32: Final = Elementary("bytes32")
BOOL: Final = Elementary("bool")
BYTES: Final = Packed("bytes")
STRING: Final = Packed("string")


def encode(types: Sequence[AbiType], values: Sequence[Any]) -> bytes:
    """The encoding of a sequence of values, such as the arguments of a function.

    ValueError or OverflowError for a value outside its type: what is encoded is our own.
    """
    heads: list[bytes] = []
    tails: list[bytes] = []
    offset = sum(item.head_bytes for item in types)
    for item, value in zip(types, values, strict=True):
        written = item.write(value)
        if item.is_dynamic:
            heads.append(offset.to_bytes(WORD_BYTES, "big"))
            tails.append(written)
            offset += len(written)
        else:
            heads.append(written)
    return b"".join(heads + tails)


def decode(types: Sequence[AbiType], data: bytes) -> tuple[Any, ...]:
    """Inverse of encode; DecodeError for any bytes that encode() does not give."""
    values, end = _read_sequence(types, data, 0)
    if end != len(data):
        raise DecodeError(f"ABI: {len(data) - end} bytes after the last value")
    return values


def selector(signature: str) -> bytes:
    """The first 4 bytes of calldata, of a function such as "transfer(address,uint256)"."""
    return keccak256(signature.encode())[:SELECTOR_BYTES]


def topic(signature: str) -> bytes:
    """The first topic of an event such as "Transfer(address,address,uint256)"."""
    return keccak256(signature.encode())


def signature(name: str, types: Sequence[AbiType]) -> str:
    """Of a function or event, as selectors and topics are made of it."""
    return f"{name}({','.join(item.name for item in types)})"


def _read_sequence(
    types: Sequence[AbiType], data: bytes, start: int
) -> tuple[tuple[Any, ...], int]:
    """(values, end) of heads at `start` and their tails, each tail where the last one ended."""
    at, tail = start, start + sum(item.head_bytes for item in types)
    if tail > len(data):
        raise DecodeError(f"ABI: {tail - start} bytes are needed, {len(data) - start} are there")
    values: list[Any] = []
    for item in types:
        if item.is_dynamic:
            offset = int.from_bytes(data[at : at + WORD_BYTES], "big")
            if offset != tail - start:
                raise DecodeError(f"ABI: offset {offset}, expected {tail - start}")
            value, tail = item.read(data, tail)
            at += WORD_BYTES
        else:
            value, at = item.read(data, at)
        values.append(value)
    return tuple(values), tail


def _word(data: bytes, at: int) -> bytes:
    found = data[at : at + WORD_BYTES]
    if len(found) != WORD_BYTES:
        raise DecodeError(f"ABI: a word is expected at byte {at}, the data ends at {len(data)}")
    return found


def _uint(bits: int) -> Callable[[bytes], int]:
    def read(word: bytes) -> int:
        value = int.from_bytes(word, "big")
        if value >> bits:
            raise DecodeError(f"ABI: uint{bits} is at most {2**bits - 1}, found {value}")
        return value

    return read


def _read_int256(word: bytes) -> int:
    return int.from_bytes(word, "big", signed=True)


def _read_address(word: bytes) -> bytes:
    padding = WORD_BYTES - ADDRESS_BYTES
    if word[:padding] != bytes(padding):
        raise DecodeError(f"ABI: address has bytes before it: 0x{word.hex()}")
    return word[padding:]


def _read_bool(word: bytes) -> bool:
    value = int.from_bytes(word, "big")
    if value > 1:
        raise DecodeError(f"ABI: bool is 0 or 1, found {value}")
    return value == 1


def _write_uint(bits: int) -> Callable[[int], bytes]:
    def write(value: int) -> bytes:
        if value >> bits:
            raise ValueError(f"{value} is no uint{bits}")
        return value.to_bytes(WORD_BYTES, "big")

    return write


def _exactly(length: int) -> Callable[[bytes], bytes]:
    def write(value: bytes) -> bytes:
        if len(value) != length:
            raise ValueError(f"expected {length} bytes, found {len(value)}")
        return value.rjust(WORD_BYTES, b"\0")

    return write


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "uint8": _uint(8),
    "uint64": _uint(64),
    "uint256": _uint(256),
    "int256": _read_int256,
    "address": _read_address,
    "bytes32": bytes,
    "bool": _read_bool,
}
_WRITERS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "uint8": _write_uint(8),
    "uint64": _write_uint(64),
    "uint256": _write_uint(256),
    "int256": lambda value: value.to_bytes(WORD_BYTES, "big", signed=True),
    "address": _exactly(ADDRESS_BYTES),
    "bytes32": _exactly(WORD_BYTES),
    "bool": lambda value: bool(value).to_bytes(WORD_BYTES, "big"),
}
