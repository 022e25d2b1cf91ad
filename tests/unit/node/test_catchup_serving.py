"""Questions and answers of sync, and the budget within which they are answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.sync import MAX_RANGE_BLOCKS
from ledger import codec
from ledger.block import MAX_BLOCK_BYTES
from ledger.errors import PeerError
from ledger.primitives import Hash
from node.network.wire import MAX_PAYLOAD_BYTES, FrameKind
from node.sync import block_server, sync_wire
from node.sync.block_server import BlockServer
from node.sync.sync_wire import (
    ANSWER_BYTES,
    MAX_CERTIFIED_BYTES,
    MAX_OFFERS,
    PIECE_BYTES,
    BlockAnswer,
    BlockAsk,
    HeadAsk,
    NotHeld,
    RangeAnswer,
    RangeAsk,
    SyncMessage,
)

PEER, OTHER = b"p" * 32, b"q" * 32
HASH = Hash(b"h" * 32)

ids = st.integers(0, 2**32 - 1)
heights = st.integers(0, 2**64 - 1)
messages = st.one_of(
    st.builds(
        lambda i, first, count: RangeAsk(i, first, first + count),
        ids,
        st.integers(0, 2**63),
        st.integers(0, MAX_RANGE_BLOCKS - 1),
    ),
    st.builds(RangeAnswer, ids, heights, st.lists(st.binary(max_size=50)).map(tuple)),
    st.builds(BlockAsk, ids, heights, st.binary(min_size=32, max_size=32).map(Hash)),
    st.builds(BlockAnswer, ids, st.none() | st.binary(max_size=50)),
    st.builds(HeadAsk, ids),
    st.builds(NotHeld, ids, heights, heights),
)


@given(messages)
def test_a_message_survives_its_encoding(message: SyncMessage) -> None:
    assert sync_wire.decode(sync_wire.encode(message)) == message


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_a_peer_error(payload: bytes) -> None:
    try:
        assert sync_wire.encode(sync_wire.decode(payload)) == payload
    except PeerError:
        return


@given(messages, st.integers(0, 400), st.integers(0, 255))
def test_mutated_bytes_give_a_message_or_a_peer_error(
    message: SyncMessage, position: int, value: int
) -> None:
    data = bytearray(sync_wire.encode(message))
    data[position % len(data)] = value
    try:
        assert sync_wire.encode(sync_wire.decode(bytes(data))) == data
    except PeerError:
        return


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 0, 1, MAX_RANGE_BLOCKS + 1), f"expected 1 to {MAX_RANGE_BLOCKS}"),
        ((1, 0, 2, 1), "blocks 2..1"),
        ((2, 0, 1, [b""] * (MAX_RANGE_BLOCKS + 1)), f"at most {MAX_RANGE_BLOCKS} items"),
        ((3, 0, 1, b"short"), "expected 32 bytes"),
        ((4, 0, "text"), f"at most {MAX_BLOCK_BYTES}"),
        ((11, 0), "unknown tag 11"),
        ((10, 0, 1, bytes(PIECE_BYTES + 1)), f"at most {PIECE_BYTES}"),
        ((8, 0, [()] * (MAX_OFFERS + 1)), f"at most {MAX_OFFERS} items"),
        ((1, 2**32, 1, 1), "sync.request_id"),
        ((1,), "request_id"),
        (7, "request_id"),
    ],
)
def test_each_bound_is_named(value: object, expected: str) -> None:
    with pytest.raises(PeerError, match=expected):
        sync_wire.decode(codec.encode(value))


def serve(chain: dict[int, bytes], blocks: dict[bytes, bytes] | None = None) -> BlockServer:
    by_hash = blocks or {}
    return BlockServer(
        lambda: max(chain, default=0), chain.get, lambda _, block_hash: by_hash.get(block_hash), now
    )


def now() -> float:
    return 0.0


def answered(server: BlockServer, first: int, last: int) -> tuple[bytes, ...]:
    answer = server.answer(PEER, RangeAsk(1, first, last))
    assert isinstance(answer, RangeAnswer)
    return answer.blocks


def test_a_range_is_answered_up_to_the_head() -> None:
    server = serve({height: bytes((height,)) for height in range(1, 11)})
    assert answered(server, 3, 5) == (b"\3", b"\4", b"\5")
    assert answered(server, 9, 40) == (b"\t", b"\n")
    assert answered(server, 11, 20) == ()
    assert server.answer(PEER, HeadAsk(8)) == RangeAnswer(8, 10, ())


def test_an_answer_stops_at_a_gap() -> None:
    """A node that started from a snapshot does not hold the oldest blocks."""
    server = serve({1: b"a", 3: b"c", 4: b"d"})
    assert answered(server, 1, 4) == (b"a",)
    assert answered(server, 2, 4) == ()


def test_an_answer_is_bounded_by_bytes_but_never_empty_for_size() -> None:
    half = bytes(ANSWER_BYTES // 2)
    server = serve({1: half, 2: half, 3: half, 4: bytes(MAX_CERTIFIED_BYTES), 5: b""})
    assert len(answered(server, 1, 5)) == 2
    largest = server.answer(PEER, RangeAsk(1, 4, 5))
    assert largest is not None
    assert len(sync_wire.encode(largest)) <= MAX_PAYLOAD_BYTES[FrameKind.SYNC]
    assert answered(server, 4, 5) == (bytes(MAX_CERTIFIED_BYTES),)


def test_a_block_is_found_by_its_hash_or_said_to_be_missing() -> None:
    server = serve({}, {HASH: b"block"})
    assert server.answer(PEER, BlockAsk(5, 1, HASH)) == BlockAnswer(5, b"block")
    assert server.answer(PEER, BlockAsk(6, 1, Hash(bytes(32)))) == BlockAnswer(6, None)


def test_a_greedy_peer_waits_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_server, "PEER_BYTES_PER_SECOND", 0)
    monkeypatch.setattr(block_server, "PEER_BURST_BYTES", ANSWER_BYTES)
    server = serve({1: bytes(ANSWER_BYTES)})
    assert server.answer(PEER, RangeAsk(1, 1, 1)) is not None
    assert server.answer(PEER, RangeAsk(2, 1, 1)) is None
    assert server.answer(OTHER, RangeAsk(3, 1, 1)) is not None
    assert server.counters.questions_over_budget == 1
    server.peer_lost(PEER)
    assert server.answer(PEER, HeadAsk(4)) is not None


def test_a_greedy_observer_leaves_the_others_and_validators_their_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for bound in ("PEER", "OBSERVER", "OBSERVERS"):
        monkeypatch.setattr(block_server, f"{bound}_BYTES_PER_SECOND", 0)
    monkeypatch.setattr(block_server, "OBSERVER_BURST_BYTES", 2 * ANSWER_BYTES)
    monkeypatch.setattr(block_server, "OBSERVERS_BURST_BYTES", 5 * ANSWER_BYTES)
    validator = b"v" * 32
    server = BlockServer(
        lambda: 1,
        {1: bytes(ANSWER_BYTES)}.get,
        lambda *_: None,
        now,
        is_observer=lambda key: key != validator,
    )

    def drawn(peer: bytes) -> int:
        return sum(server.answer(peer, RangeAsk(n, 1, 1)) is not None for n in range(10))

    assert drawn(PEER) == 2
    assert drawn(OTHER) == 2
    assert drawn(b"third" * 6) == 1, "all together they are bounded too"
    assert drawn(b"fourth" * 6) == 0
    assert drawn(validator) == 10


def test_small_questions_are_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_server, "PEER_BYTES_PER_SECOND", 0)
    server = serve({})
    answers = [server.answer(PEER, HeadAsk(n)) for n in range(2_000)]
    most = block_server.PEER_BURST_BYTES // block_server.QUESTION_COST_BYTES
    assert sum(answer is not None for answer in answers) == most
