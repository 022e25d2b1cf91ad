"""Receipts and events keep every value, and only one encoding of each is accepted."""

import pytest

from ledger import codec
from ledger.block import MAX_BLOCK_BYTES
from ledger.errors import DecodeError, ErrorCode, InvariantViolation
from ledger.module import Event
from ledger.primitives import Hash
from ledger.receipt import (
    Receipt,
    decode_hook_leaf,
    decode_leaves,
    decode_receipt,
    encode_leaves,
    hook_leaf,
)
from ledger.transfers import MAX_RECEIVERS, SEND_MANY

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


def test_the_receipts_of_the_fullest_block_can_be_read_again() -> None:
    """Payments to many receivers make more of events than of block."""
    receivers = tuple((bytes((index,)) * 20, 1) for index in range(MAX_RECEIVERS))
    body = codec.encode(SEND_MANY.encode(receivers, b"m" * 32))
    paid = tuple(
        Event("transfer.sent", (("from", to), ("to", to), ("amount", 1), ("memo_hash", b"m" * 32)))
        for to, _ in receivers
    )
    receipt = Receipt(Hash(b"h" * 32), ErrorCode.OK, "", paid).encoded
    leaves = (receipt,) * (MAX_BLOCK_BYTES // len(body)) + (hook_leaf(()),)
    assert decode_leaves(encode_leaves(leaves)) == leaves


@pytest.mark.parametrize("value", [b"x", ("x",), (5,), ((),), None])
def test_what_is_no_row_of_receipts_is_refused(value: object) -> None:
    with pytest.raises(DecodeError):
        decode_leaves(codec.encode(value))
