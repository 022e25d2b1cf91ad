"""What the API needs of a running node to tell the history of an account; part of api.ports."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ledger.module import Event
from ledger.receipt import Receipt
from ledger.transaction import Transaction


class Place(NamedTuple):
    """A position in the block of a height: of a transaction, or ledger.concerned.HOOKS, the last,
    for what the block itself did. Places sort as they came."""

    height: int
    position: int


@dataclass(frozen=True, slots=True)
class PlacePage:
    """Places that may concern an account, in the order asked for.

    resume: where the next page starts. more: whether there may be a next one now.
    """

    places: tuple[Place, ...]
    resume: Place
    more: bool


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What a block holds at a place: a transaction with its receipt, or the events of its hooks."""

    place: Place
    time_ms: int
    transaction: Transaction | None
    receipt: Receipt | None
    events: tuple[Event, ...]


class HistoryPort(Protocol):
    """The part of api.ports.NodePort that is about the history of accounts."""

    def history_start(self) -> int | None:
        """The lowest height from which on this node knows whom blocks concern; None when it keeps
        no history."""

    def concerning(
        self, address: bytes, start: Place, count: int, *, newest_first: bool
    ) -> PlacePage:
        """At most `count` places that concern an account: below `start` newest first, else above it
        oldest first. Only where history_start() says that they are known. A page may be empty, and
        there be more: each looks at a bounded part of the chain."""

    def history_entry(self, place: Place) -> HistoryEntry | None:
        """What a committed block holds at a place; cheaper than the whole block."""
