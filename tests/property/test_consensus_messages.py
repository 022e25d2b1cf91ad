"""Consensus messages and log records: round trip, one encoding, total decoders."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import message_wire, wal_records
from consensus.events import MessageReceived
from consensus.messages import Message, NewView, PrePrepare, Status, Vote
from consensus.wal_records import Record
from ledger.errors import DecodeError, PeerError
from ledger.registry import ValidatorSet
from tests.support.consensus_blocks import START_MS, make_set, make_signers, read_block
from tests.support.consensus_cluster import Cluster
from tests.support.consensus_strategies import INDICES, MESSAGES, RECORDS


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
