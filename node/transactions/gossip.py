"""Transactions on their way to the other nodes, in batches.

Who first saw a transaction (a validator, or an observer on behalf of its wallet) sends it once to
everybody; nobody passes on what came from a peer. A validator that connects is sent what waits, for
it may have to propose it. Other loss is repaired by relay(), when the replica asks for it
(RelayWork, consensus.md rule 4), and by blocks that ask for what is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger import codec
from ledger.errors import DecodeError
from ledger.transaction import MAX_TRANSACTION_BYTES
from node.network.token_bucket import TokenBucket
from node.network.wire import MAX_PAYLOAD_BYTES, FrameKind

BATCH_BYTES: Final = 64 * 1024
BATCH_TRANSACTIONS: Final = 256
BATCH_INTERVAL_S: Final = 0.003
"""Least time between two flushes: under load it makes batches; an idle node sends at once."""
MAX_RECEIVED_TRANSACTIONS: Final = 4_096
"""In one frame of a peer."""
PEER_BYTES_PER_SECOND: Final = 16 * 1024 * 1024
PEER_BURST_BYTES: Final = 32 * 1024 * 1024
"""What one peer may send; beyond it frames are dropped unread. 5,000 transactions a second of
250 bytes are 1.3 MB/s."""

Broadcast = Callable[[bytes], int]
"""Sends a TRANSACTIONS payload to all peers; how many took it."""
SendTo = Callable[[bytes, bytes], bool]
"""Sends one to the peer with this node key; whether it took it."""
OnTransactions = Callable[[bytes, list[bytes]], Awaitable[None]]
"""(node key of the peer, raw transactions): verification and admission are the receiver's."""


def encode_batch(transactions: Sequence[bytes]) -> bytes:
    """Payload of a TRANSACTIONS frame: [raw transaction, ...]."""
    return codec.encode(transactions)


def decode_batch(payload: bytes) -> list[bytes]:
    """Inverse of encode_batch; DecodeError for anything else, and for an empty batch."""
    value = codec.decode(payload, MAX_PAYLOAD_BYTES[FrameKind.TRANSACTIONS])
    items = codec.as_list(value, "transactions", MAX_RECEIVED_TRANSACTIONS)
    if not items:
        raise DecodeError("transactions: the batch is empty")
    return [codec.as_bytes_up_to(raw, "transaction", MAX_TRANSACTION_BYTES) for raw in items]


def batches_of(transactions: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The same transactions, as many in each batch as its bounds allow."""
    batch: list[bytes] = []
    size = 0
    for raw in transactions:
        if batch and (size + len(raw) > BATCH_BYTES or len(batch) >= BATCH_TRANSACTIONS):
            yield batch
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    if batch:
        yield batch


@dataclass(slots=True)
class GossipCounters:
    """Totals since start, plain integers for metrics."""

    transactions_sent: int = 0
    batches_sent: int = 0
    transactions_received: int = 0
    batches_received: int = 0
    batches_over_budget: int = 0


class TransactionGossip:
    """Batches outgoing transactions, bounds and decodes incoming ones.

    broadcast is called synchronously; what a full peer queue refuses is lost for that peer, and
    counted there.
    """

    def __init__(
        self, broadcast: Broadcast, send_to: SendTo, on_transactions: OnTransactions
    ) -> None:
        self._broadcast = broadcast
        self._send_to = send_to
        self._on_transactions = on_transactions
        self._loop = asyncio.get_running_loop()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._flush_at: asyncio.Handle | None = None
        self._flushed_s = float("-inf")
        self._budgets: dict[bytes, TokenBucket] = {}
        self.counters = GossipCounters()

    def publish(self, raw: bytes) -> None:
        """Send a transaction that this node was the first to see, with the next batch.

        The batch goes out when it is full, else as soon as the loop has run what is ready, but
        not within BATCH_INTERVAL_S of the one before.
        """
        if self._pending_bytes + len(raw) > BATCH_BYTES and self._pending:
            self.flush()
        self._pending.append(raw)
        self._pending_bytes += len(raw)
        if len(self._pending) >= BATCH_TRANSACTIONS:
            self.flush()
        elif self._flush_at is None:
            wait_s = self._flushed_s + BATCH_INTERVAL_S - self._loop.time()
            self._flush_at = (
                self._loop.call_soon(self.flush)
                if wait_s <= 0
                else self._loop.call_later(wait_s, self.flush)
            )

    def relay(self, transactions: Iterable[bytes]) -> None:
        """Send these again to everybody, at once, after what waits."""
        self.flush()
        for batch in batches_of(transactions):
            self._send(batch)

    def greet(self, node_key: bytes, transactions: Iterable[bytes]) -> None:
        """Send these to a peer that has just connected: they went out without it."""
        for batch in batches_of(transactions):
            if not self._send_to(node_key, encode_batch(batch)):
                return
            self._count(batch)

    def flush(self) -> None:
        """Send what waits now."""
        if self._flush_at is not None:
            self._flush_at.cancel()
            self._flush_at = None
        if not self._pending:
            return
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        self._send(batch)

    def _send(self, batch: list[bytes]) -> None:
        self._flushed_s = self._loop.time()
        self._count(batch)
        self._broadcast(encode_batch(batch))

    def _count(self, batch: list[bytes]) -> None:
        self.counters.batches_sent += 1
        self.counters.transactions_sent += len(batch)

    async def on_frame(self, node_key: bytes, payload: bytes) -> None:
        """Decode a peer's batch and hand it on; PeerError when it is no batch.

        A peer over its budget is not punished: relays of an honest node come in bursts, and what
        is dropped here is relayed again.
        """
        now_s = self._loop.time()
        budget = self._budgets.get(node_key)
        if budget is None:
            budget = TokenBucket(PEER_BYTES_PER_SECOND, PEER_BURST_BYTES, now_s)
            self._budgets[node_key] = budget
        if not budget.take(len(payload), now_s):
            self.counters.batches_over_budget += 1
            return
        transactions = decode_batch(payload)
        self.counters.batches_received += 1
        self.counters.transactions_received += len(transactions)
        await self._on_transactions(node_key, transactions)

    def peer_lost(self, node_key: bytes) -> None:
        """Forget its budget."""
        self._budgets.pop(node_key, None)

    def close(self) -> None:
        """Send what waits and set no more timers."""
        self.flush()
