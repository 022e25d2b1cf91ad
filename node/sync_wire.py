"""What a SYNC frame holds: questions for certified blocks and their answers. Pure.

Canonical [tag, request_id, ...]; an answer repeats the request_id of its question. A certified
block travels as the bytes of consensus.message_wire.encode(CertifiedBlock).
"""

from dataclasses import dataclass
from typing import Any, Final

from consensus.sync import MAX_RANGE_BLOCKS
from ledger import codec
from ledger.block import MAX_BLOCK_BYTES, MAX_PARTICIPATION_BYTES
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES, Hash
from node.wire import MAX_PAYLOAD_BYTES, FrameKind

MAX_REQUEST_ID: Final = 2**32 - 1
MAX_CERTIFIED_BYTES: Final = MAX_BLOCK_BYTES + MAX_PARTICIPATION_BYTES
"""A block and its certificate."""
ANSWER_BYTES: Final = 1024 * 1024
"""Blocks of one answer stop here, except that the first always goes: a longer frame would hold up
consensus frames behind it."""


@dataclass(frozen=True, slots=True)
class RangeAsk:
    """The certified blocks first..last."""

    request_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    """Blocks from `first` of the question on, none when not available; and the sender's head."""

    request_id: int
    head_height: int
    blocks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BlockAsk:
    """The complete block of this hash, prepared or committed."""

    request_id: int
    height: int
    block_hash: Hash


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """The block's canonical bytes, None when not available."""

    request_id: int
    block: bytes | None


@dataclass(frozen=True, slots=True)
class HeadAsk:
    """Up to which height can you serve? Answered by a RangeAnswer without blocks."""

    request_id: int


@dataclass(frozen=True, slots=True)
class NotHeld:
    """Answers a RangeAsk whose first block its receiver no longer holds: the lowest that it does
    hold, and its head."""

    request_id: int
    head_height: int
    lowest_height: int


SyncQuestion = RangeAsk | BlockAsk | HeadAsk
SyncAnswer = RangeAnswer | BlockAnswer | NotHeld
SyncMessage = SyncQuestion | SyncAnswer


def encode(message: SyncMessage) -> bytes:
    """Payload of a SYNC frame."""
    match message:
        case RangeAsk():
            return codec.encode((1, message.request_id, message.first, message.last))
        case RangeAnswer():
            return codec.encode((2, message.request_id, message.head_height, message.blocks))
        case BlockAsk():
            return codec.encode((3, message.request_id, message.height, message.block_hash))
        case BlockAnswer():
            return codec.encode((4, message.request_id, message.block))
        case HeadAsk():
            return codec.encode((5, message.request_id))
        case NotHeld():
            fields = (message.head_height, message.lowest_height)
            return codec.encode((6, message.request_id, *fields))


def decode(payload: bytes) -> SyncMessage:
    """Inverse of encode; DecodeError for any other bytes. Blocks stay undecoded."""
    value = codec.decode(payload, MAX_PAYLOAD_BYTES[FrameKind.SYNC])
    if type(value) is not tuple or len(value) < 2 or type(value[0]) is not int:
        raise DecodeError("sync: expected [tag, request_id, ...]")
    request_id = codec.as_uint(value[1], "sync.request_id", MAX_REQUEST_ID)
    fields = value[2:]
    match value[0]:
        case 1:
            return _range_ask(request_id, fields)
        case 2:
            head_height, blocks = codec.as_array(fields, "range_answer", 2)
            return RangeAnswer(
                request_id,
                codec.as_uint(head_height, "range_answer.head_height"),
                tuple(
                    codec.as_bytes_up_to(block, "range_answer.block", MAX_CERTIFIED_BYTES)
                    for block in codec.as_list(blocks, "range_answer.blocks", MAX_RANGE_BLOCKS)
                ),
            )
        case 3:
            height, block_hash = codec.as_array(fields, "block_ask", 2)
            return BlockAsk(
                request_id,
                codec.as_uint(height, "block_ask.height"),
                Hash(codec.as_bytes(block_hash, "block_ask.block_hash", HASH_BYTES)),
            )
        case 4:
            (block,) = codec.as_array(fields, "block_answer", 1)
            if block is not None:
                codec.as_bytes_up_to(block, "block_answer.block", MAX_BLOCK_BYTES)
            return BlockAnswer(request_id, block)
        case 5:
            codec.as_array(fields, "head_ask", 0)
            return HeadAsk(request_id)
        case 6:
            head_height, lowest_height = codec.as_array(fields, "not_held", 2)
            return NotHeld(
                request_id,
                codec.as_uint(head_height, "not_held.head_height"),
                codec.as_uint(lowest_height, "not_held.lowest_height"),
            )
    raise DecodeError(f"sync: unknown tag {value[0]}")


def _range_ask(request_id: int, fields: tuple[Any, ...]) -> RangeAsk:
    first, last = codec.as_array(fields, "range_ask", 2)
    first = codec.as_uint(first, "range_ask.first")
    last = codec.as_uint(last, "range_ask.last")
    if not 1 <= last - first + 1 <= MAX_RANGE_BLOCKS:
        raise DecodeError(
            f"range_ask: blocks {first}..{last}, expected 1 to {MAX_RANGE_BLOCKS} of them"
        )
    return RangeAsk(request_id, first, last)
