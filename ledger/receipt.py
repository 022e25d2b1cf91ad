"""Receipts: what became of each transaction of a block, and the root that the header carries.

The leaves of the receipts tree are the receipts in order of the transactions, then one more leaf
for the events that the block's begin and end hooks put on the record.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from ledger import codec
from ledger.errors import DecodeError, ErrorCode, ensure
from ledger.module import (
    MAX_EVENTS_PER_BLOCK_HOOK,
    MAX_EVENTS_PER_TRANSACTION,
    Event,
    EventValue,
)
from ledger.primitives import HASH_BYTES, MAX_UINT64, Hash

MAX_REASON_BYTES: Final = 256
MAX_EVENT_NAME_BYTES: Final = 64
MAX_EVENT_VALUES: Final = 32
MAX_EVENT_VALUE_BYTES: Final = 1024
MAX_RECEIPT_BYTES: Final = 1024 * 1024
MAX_HOOK_EVENTS_BYTES: Final = 4 * 1024 * 1024
MAX_LEAVES: Final = 4_096
MAX_LEAVES_BYTES: Final = 64 * 1024 * 1024
"""Of all receipts of a block together. A block of 4 MiB that pays many receivers in each
transaction makes events of 20 MiB: each says again who paid."""
_BIG_INT_BYTES: Final = 32


class Receipt(msgspec.Struct, frozen=True):
    """Outcome of one transaction; `reason` is empty and events may be there only when OK."""

    transaction_hash: Hash
    code: ErrorCode
    reason: str
    events: tuple[Event, ...]

    def to_wire(self) -> tuple[object, ...]:
        """[transaction_hash, code, reason, [event, ...]]."""
        return (
            self.transaction_hash,
            int(self.code),
            self.reason,
            events_to_wire(self.events),
        )

    @property
    def encoded(self) -> bytes:
        """Canonical bytes: a leaf of the receipts tree."""
        return codec.encode(self.to_wire())


def _value_to_wire(value: EventValue) -> object:
    # Integers past 64 bits (token amounts) travel as [big-endian bytes], unlike any byte string.
    if type(value) is int and not 0 <= value <= MAX_UINT64:
        ensure(0 <= value < 2 ** (8 * _BIG_INT_BYTES), f"event value {value} is outside 0..2^256-1")
        return (value.to_bytes((value.bit_length() + 7) // 8, "big"),)
    return value


def events_to_wire(events: tuple[Event, ...]) -> tuple[object, ...]:
    """[[name, [[key, value], ...]], ...]; an integer above 2^64-1 is [minimal big-endian]."""
    return tuple(
        [
            (event.name, tuple([(key, _value_to_wire(value)) for key, value in event.values]))
            for event in events
        ]
    )


def _value_from_wire(value: object) -> EventValue:
    match value:
        case bool():
            raise DecodeError("event value: a boolean is none")
        case int():
            return codec.as_uint(value, "event value")
        case bytes():
            return codec.as_bytes_up_to(value, "event value", MAX_EVENT_VALUE_BYTES)
        case str():
            return codec.as_text(value, "event value", MAX_EVENT_VALUE_BYTES)
        case (bytes() as digits,) if len(digits) <= _BIG_INT_BYTES:
            number = int.from_bytes(digits, "big")
            if digits[:1] == b"\0" or number <= MAX_UINT64:
                raise DecodeError(f"event value: {digits.hex()} is not a minimal large integer")
            return number
        case _:
            raise DecodeError(f"event value: found {value!r:.80}")


def events_from_wire(value: object, maximum: int) -> tuple[Event, ...]:
    """Inverse of events_to_wire; at most `maximum` events, or DecodeError."""
    events: list[Event] = []
    for item in codec.as_list(value, "events", maximum):
        name, values = codec.as_array(item, "event", 2)
        pairs: list[tuple[str, EventValue]] = []
        for pair in codec.as_list(values, "event values", MAX_EVENT_VALUES):
            key, wire = codec.as_array(pair, "event value", 2)
            pairs.append(
                (codec.as_text(key, "event key", MAX_EVENT_NAME_BYTES), _value_from_wire(wire))
            )
        events.append(Event(codec.as_text(name, "event name", MAX_EVENT_NAME_BYTES), tuple(pairs)))
    return tuple(events)


def receipt_from_wire(value: object) -> Receipt:
    """Inverse of Receipt.to_wire; DecodeError for anything else."""
    transaction_hash, code, reason, events = codec.as_array(value, "receipt", 4)
    try:
        known = ErrorCode(codec.as_uint(code, "receipt.code"))
    except ValueError as error:
        raise DecodeError(f"receipt.code: {code} is unknown to this version") from error
    return Receipt(
        Hash(codec.as_bytes(transaction_hash, "receipt.transaction_hash", HASH_BYTES)),
        known,
        codec.as_text(reason, "receipt.reason", MAX_REASON_BYTES),
        events_from_wire(events, MAX_EVENTS_PER_TRANSACTION),
    )


def decode_receipt(raw: bytes) -> Receipt:
    """Inverse of Receipt.encoded; DecodeError for any bytes that are no receipt."""
    return receipt_from_wire(codec.decode(raw, MAX_RECEIPT_BYTES))


def hook_leaf(events: tuple[Event, ...]) -> bytes:
    """The tree's last leaf: canonical [[event, ...]] of the block's hooks."""
    return codec.encode((events_to_wire(events),))


def decode_hook_leaf(raw: bytes) -> tuple[Event, ...]:
    """Inverse of hook_leaf; DecodeError for anything else."""
    (events,) = codec.as_array(codec.decode(raw, MAX_HOOK_EVENTS_BYTES), "hook events", 1)
    return events_from_wire(events, MAX_EVENTS_PER_BLOCK_HOOK)


def encode_leaves(leaves: Sequence[bytes]) -> bytes:
    """[receipt, ..., hook leaf] as the store keeps them: one row a block."""
    return codec.encode(leaves)


def decode_leaves(raw: bytes) -> tuple[bytes, ...]:
    """Inverse of encode_leaves, the leaves undecoded; DecodeError for anything else."""
    leaves = codec.as_list(codec.decode(raw, MAX_LEAVES_BYTES), "receipts", MAX_LEAVES)
    return tuple(codec.as_bytes_up_to(leaf, "receipt", MAX_HOOK_EVENTS_BYTES) for leaf in leaves)


def truncated_reason(reason: str) -> str:
    """`reason` cut to the bytes that a receipt can hold; a cut character is dropped."""
    raw = reason.encode()
    if len(raw) <= MAX_REASON_BYTES:
        return reason
    return raw[:MAX_REASON_BYTES].decode(errors="ignore")
