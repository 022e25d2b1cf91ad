"""Framing and the HELLO: total decoders, sizes refused before the payload is read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codec
from ledger.errors import DecodeError, InvariantViolation, PeerError
from ledger.primitives import Hash
from node.network.wire import (
    HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    NEWEST_PROTOCOL,
    OLDEST_PROTOCOL,
    FrameDecoder,
    FrameKind,
    Hello,
    OtherProtocolError,
    check_hello,
    decode_goodbye,
    encode_frame,
    encode_goodbye,
)
from node.version import SOFTWARE

HELLO = Hello(82062, Hash(bytes(32)), 7, "poyong/0.1.0", "127.0.0.1:26656")
AFTER_HELLO = st.sampled_from(
    [kind for kind in FrameKind if kind not in (FrameKind.HELLO, FrameKind.GOODBYE)]
)


def greeted() -> FrameDecoder:
    decoder = FrameDecoder()
    assert len(list(decoder.feed(encode_frame(FrameKind.HELLO, HELLO.encode())))) == 1
    return decoder


def header(kind: int, size: int) -> bytes:
    return size.to_bytes(4, "big") + bytes((kind,))


frames = st.lists(
    st.tuples(AFTER_HELLO, st.binary(max_size=300)).map(
        lambda item: (item[0], item[1][: MAX_PAYLOAD_BYTES[item[0]]])
    ),
    max_size=8,
)


@given(frames, st.lists(st.integers(1, 50), min_size=1))
def test_frames_survive_any_cut_of_the_stream(
    sent: list[tuple[FrameKind, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(encode_frame(kind, payload) for kind, payload in sent)
    decoder = greeted()
    received: list[tuple[FrameKind, bytes]] = []
    position = index = 0
    while position < len(stream):
        step = cuts[index % len(cuts)]
        received += decoder.feed(stream[position : position + step])
        position, index = position + step, index + 1
    assert received == sent
    assert decoder.buffered_bytes == 0


@given(st.lists(st.binary(max_size=64)))
def test_any_bytes_give_frames_or_a_peer_error(chunks: list[bytes]) -> None:
    decoder = greeted()
    try:
        for chunk in chunks:
            for kind, payload in decoder.feed(chunk):
                assert len(payload) <= MAX_PAYLOAD_BYTES[kind]
    except PeerError:
        return
    assert decoder.buffered_bytes <= sum(map(len, chunks))


@pytest.mark.parametrize("kind", [k for k in FrameKind if k is not FrameKind.HELLO])
def test_an_oversize_frame_is_refused_by_its_header_alone(kind: FrameKind) -> None:
    limit = MAX_PAYLOAD_BYTES[kind]
    decoder = greeted()
    if limit:
        assert list(decoder.feed(header(kind, limit))) == []
    with pytest.raises(PeerError, match=f"at most {limit}"):
        list(greeted().feed(header(kind, limit + 1)))


def test_an_oversize_hello_is_refused_by_its_header_alone() -> None:
    with pytest.raises(PeerError, match="HELLO frame of 4097 bytes, at most 4096"):
        list(FrameDecoder().feed(header(FrameKind.HELLO, 4097)))


def test_an_unknown_kind_is_refused_by_its_header_alone() -> None:
    with pytest.raises(PeerError, match="unknown frame kind 99"):
        list(greeted().feed(header(99, 0)))


def test_nothing_but_a_hello_comes_first_and_it_comes_once() -> None:
    with pytest.raises(PeerError, match="CONSENSUS is not accepted before the HELLO"):
        list(FrameDecoder().feed(header(FrameKind.CONSENSUS, 1)))
    with pytest.raises(PeerError, match="HELLO is not accepted after the HELLO"):
        list(greeted().feed(header(FrameKind.HELLO, 1)))


def test_an_own_frame_over_the_limit_is_a_defect_of_this_node() -> None:
    limit = MAX_PAYLOAD_BYTES[FrameKind.TRANSACTIONS]
    assert len(encode_frame(FrameKind.TRANSACTIONS, bytes(limit))) == HEADER_BYTES + limit
    with pytest.raises(InvariantViolation, match="TRANSACTIONS"):
        encode_frame(FrameKind.TRANSACTIONS, bytes(limit + 1))


@given(
    st.builds(
        Hello,
        st.integers(0, 2**64 - 1),
        st.binary(min_size=32, max_size=32).map(Hash),
        st.integers(0, 2**64 - 1),
        st.text(max_size=16),
        st.text(max_size=60),
    )
)
def test_a_hello_survives_its_encoding(hello: Hello) -> None:
    assert Hello.decode(hello.encode()) == hello


@given(st.binary(max_size=200))
def test_any_bytes_give_a_hello_or_a_peer_error(data: bytes) -> None:
    try:
        assert Hello.decode(data).encode() == data
    except PeerError:
        return


@given(st.integers(0, 120), st.integers(0, 255))
def test_a_mutated_hello_gives_a_hello_or_a_peer_error(position: int, value: int) -> None:
    data = bytearray(HELLO.encode())
    data[position % len(data)] = value
    try:
        assert Hello.decode(bytes(data)).encode() == data
    except PeerError:
        return


def test_each_mismatch_names_both_sides_and_the_remedy() -> None:
    other_chain = Hello(1, HELLO.genesis_hash, 7, "")
    with pytest.raises(PeerError, match=r"chain id 1, this node on 82062: .*genesis file"):
        check_hello(HELLO, other_chain)
    other_genesis = Hello(HELLO.chain_id, Hash(bytes(31) + b"\1"), 7, "")
    with pytest.raises(PeerError, match=r"0001, this node's 0{64}: compare the genesis files"):
        check_hello(HELLO, other_genesis)
    check_hello(HELLO, Hello(HELLO.chain_id, HELLO.genesis_hash, 900, "other"))


def hello_of(oldest: int, newest: int, *more: object) -> bytes:
    """The HELLO of a release that speaks these versions."""
    return replace(HELLO, oldest=oldest, newest=newest, later=more).encode()


def test_two_nodes_speak_the_newest_version_that_both_know() -> None:
    assert Hello.decode(HELLO.encode()).spoken == NEWEST_PROTOCOL
    later = Hello.decode(hello_of(NEWEST_PROTOCOL, NEWEST_PROTOCOL + 3, "a field", ("of", 2)))
    assert later.spoken == NEWEST_PROTOCOL
    assert later.later == ("a field", ("of", 2)), "what a later version adds is kept, unread"


def test_without_a_common_version_the_one_that_is_too_old_is_named() -> None:
    """Whatever a later version makes of the rest: versions and software stay in front."""
    newest = NEWEST_PROTOCOL + 1
    later = codec.encode((newest, newest, "poyong/9.0.0", "all", ("else", "is"), "other"))
    with pytest.raises(OtherProtocolError) as refused:
        Hello.decode(later)
    assert str(refused.value) == (
        f"the peer (poyong/9.0.0) speaks protocol versions {newest} to {newest}, this node "
        f"({SOFTWARE}) {OLDEST_PROTOCOL} to {NEWEST_PROTOCOL}: install a later release on this node"
    )
    with pytest.raises(OtherProtocolError, match="install a later release on the peer"):
        Hello.decode(codec.encode((0, OLDEST_PROTOCOL - 1, "poyong/0.0.1")))


def test_fields_beyond_the_version_and_a_range_upside_down_are_refused() -> None:
    with pytest.raises(DecodeError, match="8 fields, version 1 has 7"):
        Hello.decode(hello_of(OLDEST_PROTOCOL, NEWEST_PROTOCOL, "more"))
    with pytest.raises(DecodeError, match="above the newest"):
        Hello.decode(hello_of(NEWEST_PROTOCOL + 1, NEWEST_PROTOCOL))


@given(st.text(max_size=600))
def test_a_goodbye_is_bounded_and_printable(reason: str) -> None:
    payload = encode_goodbye(reason)
    assert len(payload) <= MAX_PAYLOAD_BYTES[FrameKind.GOODBYE]
    assert decode_goodbye(payload).isprintable()


def test_a_goodbye_cannot_write_control_characters_into_the_log() -> None:
    assert decode_goodbye(b"bye\n\x1b[2Jforged") == "bye??[2Jforged"
