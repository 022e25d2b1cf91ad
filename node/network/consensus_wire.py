"""What a CONSENSUS frame holds: a consensus message, or a proposal with transactions by hash.

First byte: 0 a message with its block in full; 1 a PrePrepare whose block names transactions by
hash; 2 the question for transactions of such a block; 3 the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from consensus import message_wire
from consensus.messages import Message, PrePrepare, Proposal, ReadProposal
from ledger import codec
from ledger.block import MAX_BLOCK_TRANSACTIONS, Block, CompactBlock, decode_compact_block
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES, Hash
from ledger.transaction import MAX_TRANSACTION_BYTES

_FULL: Final = b"\0"
_COMPACT: Final = b"\1"
_ASK: Final = b"\2"
_ANSWER: Final = b"\3"
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""An answer holds as many of the asked transactions as fit; the rest is asked for again."""


@dataclass(frozen=True, slots=True)
class CompactProposal:
    """A PrePrepare and its block with transactions by hash; `message.proposal` is not complete."""

    message: PrePrepare
    block: CompactBlock


@dataclass(frozen=True, slots=True)
class TransactionsAsk:
    """Which transactions, by position, of a proposed block the sender lacks."""

    block_hash: Hash
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TransactionsAnswer:
    """Raw transactions of a proposed block."""

    block_hash: Hash
    transactions: tuple[bytes, ...]


Payload = Message | CompactProposal | TransactionsAsk | TransactionsAnswer


def encode_message(message: Message) -> bytes:
    """Payload of a CONSENSUS frame; a PrePrepare goes with its transactions by hash."""
    if isinstance(message, PrePrepare) and isinstance(message.proposal, Block):
        compact = _as_proposal(message.proposal.compact())
        return _COMPACT + message_wire.encode(replace(message, proposal=compact))
    return _FULL + message_wire.encode(message)


def encode_ask(block_hash: Hash, positions: Sequence[int]) -> bytes:
    """Payload that asks for transactions of a proposed block."""
    return _ASK + codec.encode((block_hash, tuple(positions)))


def encode_answer(block_hash: Hash, transactions: Sequence[bytes]) -> bytes:
    """Payload that answers TransactionsAsk, cut at MAX_ANSWER_BYTES."""
    chosen: list[bytes] = []
    size = 0
    for raw in transactions:
        size += len(raw)
        if size > MAX_ANSWER_BYTES:
            break
        chosen.append(raw)
    return _ANSWER + codec.encode((block_hash, chosen))


def decode_payload(payload: bytes, read: ReadProposal) -> Payload:
    """Inverse of the encoders; DecodeError for any other bytes. Signatures unchecked."""
    tag, body = payload[:1], payload[1:]
    if tag == _FULL:
        return message_wire.decode(body, read)
    if tag == _COMPACT:
        message = message_wire.decode(body, lambda raw: _as_proposal(decode_compact_block(raw)))
        if not isinstance(message, PrePrepare):
            raise DecodeError("only a PrePrepare comes with transactions by hash")
        block = cast(CompactBlock, message.proposal)
        if block.header.height != message.height:
            raise DecodeError(
                f"pre_prepare.height {message.height} names a block of {block.header.height}"
            )
        return CompactProposal(message, block)
    if tag == _ASK:
        block_hash, positions = codec.as_array(codec.decode(body), "ask", 2)
        return TransactionsAsk(
            Hash(codec.as_bytes(block_hash, "ask.block_hash", HASH_BYTES)),
            tuple(
                codec.as_uint(position, "ask.position", MAX_BLOCK_TRANSACTIONS - 1)
                for position in codec.as_list(positions, "ask.positions", MAX_BLOCK_TRANSACTIONS)
            ),
        )
    if tag == _ANSWER:
        block_hash, raws = codec.as_array(codec.decode(body), "answer", 2)
        return TransactionsAnswer(
            Hash(codec.as_bytes(block_hash, "answer.block_hash", HASH_BYTES)),
            tuple(
                codec.as_bytes_up_to(raw, "answer.transaction", MAX_TRANSACTION_BYTES)
                for raw in codec.as_list(raws, "answer.transactions", MAX_BLOCK_TRANSACTIONS)
            ),
        )
    raise DecodeError(f"consensus frame: first byte {tag.hex() or 'missing'}, expected 00 to 03")


def _as_proposal(block: CompactBlock) -> Proposal:
    """The codec of PrePrepare reads only `encoded` of a proposal, which both forms have."""
    return cast(Proposal, block)
