"""Consensus messages and log records: round trip, one encoding, total decoders."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import message_wire, wal_records
from consensus.events import MessageReceived
from consensus.messages import (
    BlockRequest,
    BlockResponse,
    CertifiedBlock,
    EvidenceMessage,
    LateSealMessage,
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from consensus.wal_records import (
    PreparedRecord,
    PrepareRecord,
    ProposalRecord,
    Record,
    ViewChangeRecord,
    ViewEntryRecord,
)
from ledger.errors import DecodeError, PeerError
from ledger.primitives import MAX_UINT64
from ledger.registry import (
    MAX_VIEW,
    Certificate,
    Evidence,
    LateSeal,
    Participation,
    Phase,
    ValidatorSet,
)
from tests.support.consensus_blocks import START_MS, Block, make_set, make_signers, read_block
from tests.support.consensus_cluster import Cluster

HEIGHTS = st.integers(0, MAX_UINT64)
VIEWS = st.integers(0, MAX_VIEW)
HASHES = st.binary(min_size=32, max_size=32)
SIGNATURES = st.binary(min_size=64, max_size=64)
INDICES = st.integers(0, 31)
MASKS = st.integers(0, 2**32 - 1)
SEALS = st.dictionaries(INDICES, SIGNATURES, max_size=6).map(lambda d: tuple(sorted(d.items())))
CERTIFICATES = st.builds(Certificate, HEIGHTS, VIEWS, HASHES, SEALS)
LATE_SEALS = st.builds(LateSeal, HEIGHTS, VIEWS, HASHES, INDICES, SIGNATURES)
PREPARED = st.builds(PreparedCertificate, HEIGHTS, VIEWS, HASHES, SEALS)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    claims = draw(st.lists(st.binary(max_size=64), min_size=2, max_size=2, unique=True))
    first, second = sorted(claims)
    return Evidence(
        draw(st.sampled_from(Phase)),
        draw(HEIGHTS),
        draw(VIEWS),
        draw(INDICES),
        first,
        draw(SIGNATURES),
        second,
        draw(SIGNATURES),
    )


PARTICIPATION = st.builds(
    Participation,
    st.none() | CERTIFICATES,
    st.lists(LATE_SEALS, max_size=3).map(tuple),
    st.lists(evidence(), max_size=2).map(tuple),
)
BLOCKS = st.builds(
    Block,
    HEIGHTS,
    HASHES,
    HEIGHTS,
    INDICES,
    HASHES,
    PARTICIPATION,
    st.lists(st.binary(max_size=20), max_size=4).map(tuple),
)


@st.composite
def view_changes(draw: st.DrawFn, signature: st.SearchStrategy[bytes] = SIGNATURES) -> ViewChange:
    new_view = draw(VIEWS)
    claims = new_view > 0 and draw(st.booleans())
    return ViewChange(
        draw(HEIGHTS),
        new_view,
        draw(st.integers(0, new_view - 1)) if claims else None,
        draw(HASHES) if claims else None,  # type: ignore[arg-type] # bytes stand for a Hash
        draw(INDICES),
        draw(signature),
    )


def _distinct(votes: list[ViewChange]) -> tuple[ViewChange, ...]:
    by_validator = {vote.validator: vote for vote in votes}
    return tuple(by_validator[index] for index in sorted(by_validator))


NEW_VIEWS = st.builds(
    NewView,
    HEIGHTS,
    VIEWS,
    st.lists(view_changes(), max_size=4).map(_distinct),
    st.none() | PREPARED,
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(PrePrepare, HEIGHTS, VIEWS, BLOCKS, INDICES, st.none() | NEW_VIEWS, SIGNATURES),
    st.builds(
        Vote,
        st.sampled_from((Phase.PREPARE, Phase.COMMIT)),
        HEIGHTS,
        VIEWS,
        HASHES,
        INDICES,
        SIGNATURES,
    ),
    st.builds(ViewChangeMessage, view_changes(), st.none() | PREPARED),
    NEW_VIEWS,
    st.builds(Status, HEIGHTS, VIEWS, st.booleans(), MASKS, MASKS, MASKS),
    st.builds(CertifiedBlock, CERTIFICATES, BLOCKS),
    st.builds(BlockRequest, HEIGHTS, HASHES),
    st.builds(BlockResponse, BLOCKS),
    st.builds(EvidenceMessage, evidence()),
    st.builds(LateSealMessage, LATE_SEALS),
)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(ProposalRecord, HEIGHTS, VIEWS, st.booleans(), BLOCKS),
    st.builds(PreparedRecord, PREPARED),
    st.builds(ViewChangeRecord, view_changes(st.just(b"")), st.none() | PREPARED),
    st.builds(ViewEntryRecord, HEIGHTS, VIEWS, NEW_VIEWS),
    st.builds(PrepareRecord, HEIGHTS, VIEWS, HASHES, st.booleans()),
)


@given(MESSAGES)
def test_messages_round_trip(message: Message) -> None:
    assert message_wire.decode(message_wire.encode(message), read_block) == message


@given(RECORDS)
def test_records_round_trip(record: Record) -> None:
    assert wal_records.decode(wal_records.encode(record), read_block) == record


def _value_or_decode_error(decode: Callable[[bytes], object], data: bytes) -> object:
    try:
        return decode(data)
    except DecodeError:
        return None


@given(st.binary(max_size=200))
def test_decoders_are_total_on_any_bytes(data: bytes) -> None:
    _value_or_decode_error(lambda raw: message_wire.decode(raw, read_block), data)
    _value_or_decode_error(lambda raw: wal_records.decode(raw, read_block), data)


@st.composite
def mutated(draw: st.DrawFn, encoded: st.SearchStrategy[bytes]) -> bytes:
    data = bytearray(draw(encoded))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(data) - 1))
        match draw(st.integers(0, 2)):
            case 0:
                data[position] = draw(st.integers(0, 255))
            case 1:
                del data[position]
            case _:
                data.insert(position, draw(st.integers(0, 255)))
        if not data:
            break
    return bytes(data)


@given(mutated(MESSAGES.map(message_wire.encode)))
def test_a_mutated_message_is_refused_or_canonical(data: bytes) -> None:
    message = _value_or_decode_error(lambda raw: message_wire.decode(raw, read_block), data)
    if message is not None:
        assert message_wire.encode(message) == data  # type: ignore[arg-type] # decoded just now


@given(mutated(RECORDS.map(wal_records.encode)))
def test_a_mutated_record_is_refused_or_canonical(data: bytes) -> None:
    record = _value_or_decode_error(lambda raw: wal_records.decode(raw, read_block), data)
    if record is not None:
        assert wal_records.encode(record) == data  # type: ignore[arg-type] # decoded just now


@pytest.mark.parametrize("n", [1, 4, 32])
def test_validator_sets_round_trip(n: int) -> None:
    validators = make_set(make_signers(n))
    assert ValidatorSet.from_wire(validators.to_wire()) == validators


SMALL = st.integers(0, 3)


@given(st.lists(st.tuples(MESSAGES, SMALL, SMALL, INDICES | st.none()), max_size=8))
def test_no_message_breaks_a_replica(
    received: list[tuple[Message, int, int, int | None]],
) -> None:
    """Any decodable message is taken or refused with PeerError, and a refusal changes nothing."""
    cluster = Cluster(4, byzantine=(1, 2, 3), manual=True)
    replica = cluster.nodes[0].replica
    for message, height, view, sender in received:
        near = message
        if isinstance(message, PrePrepare | Vote | NewView | Status):
            near = replace(message, height=height, view=view)
        for each in (message, near):
            before = replica.describe()
            try:
                replica.step(MessageReceived(each, sender), START_MS)
            except PeerError:
                assert replica.describe() == before
    cluster.submit(b"pay")
    assert replica.describe().height == 1
