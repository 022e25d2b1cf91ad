"""What a CONSENSUS frame holds: round trips, one encoding, and a decoder that is total."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import message_wire
from consensus.messages import PrePrepare, Status, Vote
from ledger.block import MAX_BLOCK_TRANSACTIONS, Block, decode_block
from ledger.errors import DecodeError
from ledger.primitives import Hash
from ledger.transaction import MAX_TRANSACTION_BYTES
from node.network import consensus_wire
from node.network.consensus_wire import (
    CompactProposal,
    Payload,
    TransactionsAnswer,
    TransactionsAsk,
    decode_payload,
    encode_answer,
    encode_ask,
    encode_message,
)
from tests.support.applied_chain import AppliedChain
from tests.support.consensus_strategies import HASHES, INDICES, SIGNATURES, VIEWS, VOTES
from tests.support.ledger_chain import CHAIN_ID

POSITIONS = st.lists(st.integers(0, MAX_BLOCK_TRANSACTIONS - 1), max_size=20)
RAWS = st.lists(st.binary(max_size=200), max_size=8)


def block_of(transactions: int) -> Block:
    node = AppliedChain()
    node.grow()
    return node.build(*(node.signed(ahead=i) for i in range(transactions)))


BLOCKS = [block_of(count) for count in (0, 1, 5)]
PROPOSALS = st.builds(
    PrePrepare,
    st.just(2),
    VIEWS,
    st.sampled_from(BLOCKS),
    INDICES,
    st.none(),
    SIGNATURES,
)
PAYLOADS = st.one_of(
    PROPOSALS.map(encode_message),
    VOTES.map(encode_message),
    st.builds(encode_ask, HASHES, POSITIONS),
    st.builds(encode_answer, HASHES, RAWS),
)


def read(raw: bytes) -> Block:
    return decode_block(raw, CHAIN_ID)


def encoded(payload: Payload) -> bytes:
    """Encode what was decoded, in the form that it came in."""
    match payload:
        case TransactionsAsk(block_hash, positions):
            return encode_ask(block_hash, positions)
        case TransactionsAnswer(block_hash, transactions):
            return encode_answer(block_hash, transactions)
        case CompactProposal(message, _):
            return b"\1" + message_wire.encode(message)
        case message:
            return b"\0" + message_wire.encode(message)


@given(VOTES)
def test_a_vote_round_trips(vote: Vote) -> None:
    assert decode_payload(encode_message(vote), read) == vote


@given(PROPOSALS)
def test_a_proposal_comes_back_compact_and_completes_to_itself(message: PrePrepare) -> None:
    found = decode_payload(encode_message(message), read)
    assert isinstance(found, CompactProposal)
    block = message.proposal
    assert isinstance(block, Block)
    assert found.block == block.compact()
    assert found.block.complete(block.transactions) == block
    assert (found.message.view, found.message.signature) == (message.view, message.signature)


def test_a_proposal_names_its_transactions_and_does_not_carry_them() -> None:
    block = BLOCKS[-1]
    raw = encode_message(PrePrepare(2, 0, block, 0, None, bytes(64)))
    for transaction in block.transactions:
        assert raw.count(transaction.hash) == 1
        assert raw.count(transaction.raw) == 0


@given(HASHES, POSITIONS)
def test_a_question_round_trips(block_hash: Hash, positions: Sequence[int]) -> None:
    found = decode_payload(encode_ask(block_hash, positions), read)
    assert found == TransactionsAsk(block_hash, tuple(positions))


@given(HASHES, RAWS)
def test_an_answer_round_trips(block_hash: Hash, raws: Sequence[bytes]) -> None:
    found = decode_payload(encode_answer(block_hash, raws), read)
    assert found == TransactionsAnswer(block_hash, tuple(raws))


def test_an_answer_holds_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consensus_wire, "MAX_ANSWER_BYTES", 25)
    raw = encode_answer(Hash(bytes(32)), [b"x" * 10] * 3)
    assert decode_payload(raw, read) == TransactionsAnswer(Hash(bytes(32)), (b"x" * 10,) * 2)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_payload_or_a_decode_error(data: bytes) -> None:
    """Total, and one encoding: what is decoded encodes to the same bytes."""
    try:
        payload = decode_payload(data, read)
    except DecodeError:
        return
    assert encoded(payload) == data


@given(PAYLOADS, st.data())
def test_a_mutated_payload_is_refused_or_canonical(payload: bytes, data: st.DataObject) -> None:
    changed = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(changed) - 1))
        changed[position] = data.draw(st.integers(0, 255))
    try:
        found = decode_payload(bytes(changed), read)
    except DecodeError:
        return
    assert encoded(found) == bytes(changed)


@pytest.mark.parametrize("tag", [b"", b"\4", b"\xff"], ids=["nothing", "4", "255"])
def test_an_unknown_kind_is_refused(tag: bytes) -> None:
    with pytest.raises(DecodeError, match="expected 00 to 03"):
        decode_payload(tag, read)


def test_a_proposal_in_full_is_understood_too() -> None:
    full = PrePrepare(2, 0, BLOCKS[-1], 0, None, bytes(64))
    assert decode_payload(b"\0" + message_wire.encode(full), read) == full


def test_only_a_proposal_comes_compact() -> None:
    status = encode_message(Status(1, 0, False, 0, 0, 0))
    with pytest.raises(DecodeError, match="only a PrePrepare"):
        decode_payload(b"\1" + status[1:], read)


def test_a_compact_block_of_another_height_is_refused() -> None:
    raw = encode_message(PrePrepare(3, 0, BLOCKS[0], 0, None, bytes(64)))
    with pytest.raises(DecodeError, match="height 3 names a block of 2"):
        decode_payload(raw, read)


@pytest.mark.parametrize(
    ("payload", "bound"),
    [
        (encode_ask(Hash(bytes(32)), [MAX_BLOCK_TRANSACTIONS]), "ask.position"),
        (encode_ask(Hash(bytes(32)), [0] * (MAX_BLOCK_TRANSACTIONS + 1)), "ask.positions"),
        (encode_answer(Hash(bytes(32)), [b""] * (MAX_BLOCK_TRANSACTIONS + 1)), "answer.transact"),
        (encode_answer(Hash(bytes(32)), [b"x" * (MAX_TRANSACTION_BYTES + 1)]), "answer.transact"),
    ],
    ids=["position", "positions", "transactions", "transaction"],
)
def test_bounds_are_named(payload: bytes, bound: str) -> None:
    with pytest.raises(DecodeError, match=bound):
        decode_payload(payload, read)
