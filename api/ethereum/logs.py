"""Events as logs, their bloom filters, and what a log filter asks for. Pure.

Every registered event is a log of its module's contract (api.ethereum.event_forms). Those of a
block's hooks, such as a mint, belong to no transaction: they come after those of the last one and
name the block's hash in the place of a transaction's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from api.encoding import hex_of
from api.ethereum.contracts import TOKEN
from api.ethereum.encoding import padded, quantity, word
from api.ethereum.event_forms import FORMS, TRANSFER
from api.ethereum.results import Log
from api.ports import CommittedBlock
from ledger.contracts import CONTRACTS
from ledger.crypto import keccak256
from ledger.module import Event
from ledger.primitives import Address

EMITTERS: Final = frozenset(contract.address for contract in CONTRACTS)
BLOOM_BYTES: Final = 256
_BLOOM_BITS: Final = 8 * BLOOM_BYTES
_BITS_KEPT: Final = 8_192


@dataclass(frozen=True, slots=True)
class Emitted:
    """A log without its place."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


def _transfer(event: Event) -> Emitted:
    # Nearly all events of a town are transfers, so this one is made without its form's help.
    values = dict(event.values)
    sender, receiver, amount = values["from"], values["to"], values["amount"]
    if not (isinstance(sender, bytes) and isinstance(receiver, bytes) and isinstance(amount, int)):
        raise TypeError("transfer.sent names two addresses and an amount")
    return Emitted(TOKEN, (TRANSFER.topic, padded(sender), padded(receiver)), word(amount))


def _emitted(event: Event) -> Emitted | None:
    if event.name == TRANSFER.event:
        return _transfer(event)
    form = FORMS.get(event.name)
    if form is None:
        return None
    return Emitted(form.contract.address, *form.topics_and_data(event))


def emitted(events: Iterable[Event]) -> list[Emitted]:
    """The logs among these events, in order."""
    return [log for event in events if (log := _emitted(event)) is not None]


@lru_cache(_BITS_KEPT)
def _bloom_bits(item: bytes) -> int:
    """Three bits of 2,048, from the item's hash (Yellow Paper 4.3.1)."""
    digest = keccak256(item)
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") % _BLOOM_BITS)
    return bits


def bloom_of(logs: Iterable[Emitted]) -> int:
    """Bloom filter over the logs' addresses and topics, as an integer of 2,048 bits."""
    bits = 0
    for log in logs:
        bits |= _bloom_bits(log.address)
        for topic in log.topics:
            bits |= _bloom_bits(topic)
    return bits


def bloom_hex(bits: int) -> str:
    """A bloom filter as JSON shows it."""
    return hex_of(bits.to_bytes(BLOOM_BYTES, "big"))


@dataclass(frozen=True, slots=True)
class Criteria:
    """addresses: any of them, empty for all. topics: at each position any of these, None for all;
    a log has to have at least as many topics."""

    addresses: frozenset[bytes] = frozenset()
    topics: tuple[frozenset[bytes] | None, ...] = ()

    @property
    def never(self) -> bool:
        """True when no log can match, because only system contracts emit any."""
        return bool(self.addresses) and EMITTERS.isdisjoint(self.addresses)

    def matches(self, log: Emitted) -> bool:
        """True when the log is asked for."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(
            wanted is None or topic in wanted
            for wanted, topic in zip(self.topics, log.topics, strict=False)
        )

    def may_be_in(self, bloom: int) -> bool:
        """False when a block with this bloom filter holds no such log."""
        wanted: Sequence[Iterable[bytes]] = [
            group for group in (self.addresses, *self.topics) if group
        ]
        return all(any(_bloom_bits(item) & ~bloom == 0 for item in group) for group in wanted)


EVERY_LOG: Final = Criteria()


def logs_of(
    found: CommittedBlock, index: int, first_log: int, criteria: Criteria = EVERY_LOG
) -> list[Log]:
    """The wanted logs of transaction `index`, those of the hooks at the index after the last;
    first_log: how many logs are before it."""
    block = found.block
    of_hooks = index == len(block.transactions)
    return placed(
        emitted(found.hook_events if of_hooks else found.receipts[index].events),
        criteria,
        first_log,
        block_hash=block.hash,
        height=block.height,
        time_ms=block.time_ms,
        transaction_hash=block.hash if of_hooks else block.transactions[index].hash,
        index=index,
    )


def placed(
    logs: Iterable[Emitted],
    criteria: Criteria,
    first_log: int,
    *,
    block_hash: bytes,
    height: int,
    time_ms: int,
    transaction_hash: bytes,
    index: int,
) -> list[Log]:
    """The wanted ones of a transaction's logs, with their place in the chain."""
    return [
        {
            "address": hex_of(log.address),
            "topics": [hex_of(topic) for topic in log.topics],
            "data": hex_of(log.data),
            "blockHash": hex_of(block_hash),
            "blockNumber": quantity(height),
            "blockTimestamp": quantity(time_ms // 1000),
            "transactionHash": hex_of(transaction_hash),
            "transactionIndex": quantity(index),
            "logIndex": quantity(position),
            "removed": False,
        }
        for position, log in enumerate(logs, first_log)
        if criteria.matches(log)
    ]
