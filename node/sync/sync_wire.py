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
from ledger.state_parts import MAX_LEVEL
from node.network.wire import MAX_PAYLOAD_BYTES, FrameKind

MAX_REQUEST_ID: Final = 2**32 - 1
MAX_CERTIFIED_BYTES: Final = MAX_BLOCK_BYTES + MAX_PARTICIPATION_BYTES
"""A block and its certificate."""
MAX_OFFERS: Final = 16
"""Snapshots that a node keeps and names."""
MAX_SNAPSHOT_ITEMS: Final = 2**17
MAX_ITEM_BYTES: Final = 128 * 1024 * 1024
"""Above what any item of a snapshot may have; node.snapshots.checking knows the bound of each."""
PIECE_BYTES: Final = 512 * 1024
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


@dataclass(frozen=True, slots=True)
class SnapshotsAsk:
    """Of which blocks do you have snapshots?"""

    request_id: int


@dataclass(frozen=True, slots=True)
class SnapshotOffer:
    """A snapshot that can be asked for: of which block, and in parts of which level
    (node.snapshots.format). Two nodes that offer the same have the same parts."""

    height: int
    block_hash: Hash
    level: int


@dataclass(frozen=True, slots=True)
class SnapshotsAnswer:
    """All that the sender has, ascending by height."""

    request_id: int
    offers: tuple[SnapshotOffer, ...]


@dataclass(frozen=True, slots=True)
class PieceAsk:
    """Bytes of an item of a snapshot from `offset` on."""

    request_id: int
    height: int
    level: int
    item: int
    offset: int


@dataclass(frozen=True, slots=True)
class PieceAnswer:
    """size: of the whole item in bytes, 0 when it is not here. piece: some of it from the offset
    on; none of an item that is here means that the sender is busy, ask again soon."""

    request_id: int
    size: int
    piece: bytes


SyncQuestion = RangeAsk | BlockAsk | HeadAsk | SnapshotsAsk | PieceAsk
SyncAnswer = RangeAnswer | BlockAnswer | NotHeld | SnapshotsAnswer | PieceAnswer
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
        case SnapshotsAsk():
            return codec.encode((7, message.request_id))
        case SnapshotsAnswer():
            offers = [(offer.height, offer.block_hash, offer.level) for offer in message.offers]
            return codec.encode((8, message.request_id, offers))
        case PieceAsk():
            place = (message.height, message.level, message.item, message.offset)
            return codec.encode((9, message.request_id, *place))
        case PieceAnswer():
            return codec.encode((10, message.request_id, message.size, message.piece))


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
        case 7 | 8 | 9 | 10:
            return _about_snapshots(value[0], request_id, fields)
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


def _about_snapshots(tag: int, request_id: int, fields: tuple[Any, ...]) -> SyncMessage:
    match tag:
        case 7:
            codec.as_array(fields, "snapshots_ask", 0)
            return SnapshotsAsk(request_id)
        case 8:
            (offers,) = codec.as_array(fields, "snapshots_answer", 1)
            found = codec.as_list(offers, "snapshots_answer.offers", MAX_OFFERS)
            return SnapshotsAnswer(request_id, tuple(_offer_from_wire(item) for item in found))
        case 9:
            height, level, item, offset = codec.as_array(fields, "piece_ask", 4)
            return PieceAsk(
                request_id,
                codec.as_uint(height, "piece_ask.height"),
                codec.as_uint(level, "piece_ask.level", MAX_LEVEL),
                codec.as_uint(item, "piece_ask.item", MAX_SNAPSHOT_ITEMS),
                codec.as_uint(offset, "piece_ask.offset", MAX_ITEM_BYTES),
            )
    size, piece = codec.as_array(fields, "piece_answer", 2)
    return PieceAnswer(
        request_id,
        codec.as_uint(size, "piece_answer.size", MAX_ITEM_BYTES),
        codec.as_bytes_up_to(piece, "piece_answer.piece", PIECE_BYTES),
    )


def _offer_from_wire(value: object) -> SnapshotOffer:
    height, block_hash, level = codec.as_array(value, "snapshot offer", 3)
    return SnapshotOffer(
        codec.as_uint(height, "offer.height"),
        Hash(codec.as_bytes(block_hash, "offer.block_hash", HASH_BYTES)),
        codec.as_uint(level, "offer.level", MAX_LEVEL),
    )
