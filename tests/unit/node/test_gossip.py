"""Transaction gossip: when batches leave, what bounds them, what comes in."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codec
from ledger.errors import PeerError
from ledger.transaction import MAX_TRANSACTION_BYTES
from node.network.wire import MAX_PAYLOAD_BYTES, FrameKind
from node.transactions import gossip
from node.transactions.gossip import (
    BATCH_BYTES,
    BATCH_INTERVAL_S,
    BATCH_TRANSACTIONS,
    MAX_RECEIVED_TRANSACTIONS,
    TransactionGossip,
    decode_batch,
    encode_batch,
)

PEER = b"p" * 32


class Wire:
    """What was broadcast, and what was handed on from peers."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.received: list[tuple[bytes, list[bytes]]] = []
        self.sent = asyncio.Event()
        self.sent_to: list[tuple[bytes, list[bytes]]] = []
        self.room_for = 100
        self.gossip = TransactionGossip(self._broadcast, self._send_to, self._on_transactions)

    def _broadcast(self, payload: bytes) -> int:
        assert len(payload) <= MAX_PAYLOAD_BYTES[FrameKind.TRANSACTIONS]
        self.batches.append(decode_batch(payload))
        self.sent.set()
        return 1

    def _send_to(self, node_key: bytes, payload: bytes) -> bool:
        assert len(payload) <= MAX_PAYLOAD_BYTES[FrameKind.TRANSACTIONS]
        if len(self.sent_to) == self.room_for:
            return False
        self.sent_to.append((node_key, decode_batch(payload)))
        return True

    async def _on_transactions(self, node_key: bytes, transactions: list[bytes]) -> None:
        self.received.append((node_key, transactions))


async def test_on_an_idle_node_a_batch_leaves_as_soon_as_the_loop_is_free() -> None:
    wire = Wire()
    for number in range(3):
        wire.gossip.publish(bytes((number,)))
    assert wire.batches == []
    await asyncio.sleep(0)
    assert wire.batches == [[b"\0", b"\1", b"\2"]]


async def test_under_load_the_next_batch_waits_a_few_milliseconds_and_no_longer() -> None:
    wire = Wire()
    wire.gossip.publish(b"first")
    await asyncio.sleep(0)
    wire.sent.clear()
    started_s = asyncio.get_running_loop().time()
    for number in range(10):
        wire.gossip.publish(bytes((number,)))
        await asyncio.sleep(0)
    await wire.sent.wait()
    assert asyncio.get_running_loop().time() - started_s >= BATCH_INTERVAL_S / 2
    assert [len(batch) for batch in wire.batches] == [1, 10]


async def test_a_full_batch_leaves_at_once() -> None:
    wire = Wire()
    for number in range(BATCH_TRANSACTIONS + 1):
        wire.gossip.publish(number.to_bytes(2, "big"))
    assert [len(batch) for batch in wire.batches] == [BATCH_TRANSACTIONS]
    wire.gossip.close()
    assert [len(batch) for batch in wire.batches] == [BATCH_TRANSACTIONS, 1]


async def test_a_batch_is_bounded_by_bytes_too() -> None:
    wire = Wire()
    for _ in range(10):
        wire.gossip.publish(bytes(MAX_TRANSACTION_BYTES))
    wire.gossip.flush()
    assert sum(map(len, wire.batches)) == 10
    assert all(sum(map(len, batch)) <= BATCH_BYTES for batch in wire.batches)


async def test_nothing_is_sent_twice_unless_relayed() -> None:
    wire = Wire()
    wire.gossip.publish(b"once")
    wire.gossip.flush()
    await asyncio.sleep(0)
    wire.gossip.flush()
    assert wire.batches == [[b"once"]]
    wire.gossip.relay([b"once", b"more"])
    assert wire.batches[1:] == [[b"once", b"more"]]


async def test_a_relay_of_many_goes_in_bounded_batches_at_once() -> None:
    wire = Wire()
    everything = [number.to_bytes(2, "big") for number in range(1_000)]
    wire.gossip.publish(b"waiting")
    wire.gossip.relay(everything)
    assert wire.batches[0] == [b"waiting"]
    assert [raw for batch in wire.batches[1:] for raw in batch] == everything
    assert max(map(len, wire.batches)) <= BATCH_TRANSACTIONS


async def test_received_batches_are_handed_on_and_not_passed_on() -> None:
    wire = Wire()
    await wire.gossip.on_frame(PEER, encode_batch([b"a", b"b"]))
    assert wire.received == [(PEER, [b"a", b"b"])]
    assert wire.batches == []
    assert wire.gossip.counters.transactions_received == 2


async def test_a_peer_over_its_budget_is_dropped_unread_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gossip, "PEER_BURST_BYTES", 100)
    monkeypatch.setattr(gossip, "PEER_BYTES_PER_SECOND", 0)
    wire = Wire()
    batch = encode_batch([bytes(58)])
    for sender in (PEER, PEER, b"q" * 32):
        await wire.gossip.on_frame(sender, batch)
    assert [node_key for node_key, _ in wire.received] == [PEER, b"q" * 32]
    assert wire.gossip.counters.batches_over_budget == 1
    wire.gossip.peer_lost(PEER)
    await wire.gossip.on_frame(PEER, batch)
    assert len(wire.received) == 3


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=20))
def test_a_batch_survives_its_encoding(transactions: list[bytes]) -> None:
    assert decode_batch(encode_batch(transactions)) == transactions


@given(st.binary(max_size=300))
def test_any_bytes_give_a_batch_or_a_peer_error(payload: bytes) -> None:
    try:
        assert encode_batch(decode_batch(payload)) == payload
    except PeerError:
        return


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (encode_batch([]), "the batch is empty"),
        (encode_batch([bytes(MAX_TRANSACTION_BYTES + 1)]), f"at most {MAX_TRANSACTION_BYTES}"),
        (
            encode_batch([b""] * (MAX_RECEIVED_TRANSACTIONS + 1)),
            str(MAX_RECEIVED_TRANSACTIONS),  # named by the codec, whose own bound is the same
        ),
        (codec.encode(("text",)), "at most"),
        (codec.encode(7), "at most"),
    ],
)
def test_each_bound_of_a_batch_is_named(payload: bytes, expected: str) -> None:
    with pytest.raises(PeerError, match=expected):
        decode_batch(payload)


async def test_who_connects_alone_is_sent_what_waits_in_bounded_batches() -> None:
    wire = Wire()
    everything = [number.to_bytes(2, "big") for number in range(2 * BATCH_TRANSACTIONS + 1)]
    wire.gossip.greet(PEER, everything)
    assert [key for key, _ in wire.sent_to] == [PEER] * 3
    assert [raw for _, batch in wire.sent_to for raw in batch] == everything
    assert wire.batches == []
    assert wire.gossip.counters.transactions_sent == len(everything)


async def test_a_full_queue_ends_a_greeting() -> None:
    wire = Wire()
    wire.room_for = 1
    wire.gossip.greet(PEER, [b"one"] * (2 * BATCH_TRANSACTIONS))
    assert len(wire.sent_to) == 1
    assert wire.gossip.counters.transactions_sent == BATCH_TRANSACTIONS
