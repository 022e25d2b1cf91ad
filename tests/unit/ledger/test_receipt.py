"""Receipts and events keep every value, and only one encoding of each is accepted."""

import pytest

from ledger import codec
from ledger.errors import DecodeError, ErrorCode, InvariantViolation
from ledger.module import Event
from ledger.primitives import Hash
from ledger.receipt import Receipt, decode_hook_leaf, decode_receipt, hook_leaf

EVENT = Event(
    "room.acted",
    (
        ("small", 0),
        ("largest_integer", 2**64 - 1),
        ("amount", 2**64),
        ("largest", 2**256 - 1),
        ("bytes", b"\x01"),
        ("text", "포용"),
    ),
)
RECEIPT = Receipt(Hash(b"h" * 32), ErrorCode.OK, "", (EVENT,))


def test_a_receipt_decodes_to_itself() -> None:
    assert decode_receipt(RECEIPT.encoded) == RECEIPT
    failed = Receipt(Hash(b"h" * 32), ErrorCode.NOT_FOUND, "no such zone", ())
    assert decode_receipt(failed.encoded) == failed
    assert decode_hook_leaf(hook_leaf((EVENT, EVENT))) == (EVENT, EVENT)


@pytest.mark.parametrize("value", [-1, 2**256])
def test_an_integer_outside_256_bits_in_an_event_is_a_bug(value: int) -> None:
    with pytest.raises(InvariantViolation, match="outside"):
        hook_leaf((Event("room.acted", (("value", value),)),))


@pytest.mark.parametrize(
    "wire",
    [
        (b"h" * 31, 0, "", ()),
        (b"h" * 32, 99, "", ()),
        (b"h" * 32, 0, "x" * 257, ()),
        (b"h" * 32, 0, "", (("name", (("key", True),)),)),
        (b"h" * 32, 0, "", (("name", (("key", None),)),)),
        (b"h" * 32, 0, "", (("name", (("key", (b"\x01",)),)),)),
        (b"h" * 32, 0, "", (("name", (("key", (b"\x00" + b"\xff" * 9,)),)),)),
        (b"h" * 32, 0, "", (("name", (("key", (b"\xff" * 33,)),)),)),
        (b"h" * 32, 0, "", (("name",),)),
        (b"h" * 32, 0, ""),
    ],
)
def test_what_is_no_receipt_is_refused(wire: tuple[object, ...]) -> None:
    with pytest.raises(DecodeError):
        decode_receipt(codec.encode(wire))
