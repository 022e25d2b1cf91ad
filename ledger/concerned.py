"""Whom a block concerns: the one rule by which the history of an account is kept.

A transaction concerns its sender and every account that one of its events names; so does what the
hooks of a block put on the record. Whoever gains or loses tokens is named by an event, except the
accounts of modules (pools, vesting), which are named by their labels and have no history.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.errors import ensure
from ledger.module import Event
from ledger.primitives import ADDRESS_BYTES, Address
from ledger.receipt import MAX_LEAVES, Receipt
from ledger.transaction import Transaction

HOOKS: Final = 0xFFFF
"""Position of what the hooks of a block did: after every transaction."""
POSITION_BYTES: Final = 2
JOINED_ACCOUNTS: Final = frozenset({"members", "panel", "reporters"})
"""Values of events that are several accounts, one after the other."""


def concerned(
    transactions: Sequence[Transaction], receipts: Sequence[Receipt], hook_events: Iterable[Event]
) -> dict[Address, bytes]:
    """Positions in the block at which each account is concerned, ascending, as 2 bytes each.

    receipts: those of the transactions, in their order.
    """
    ensure(len(transactions) < MAX_LEAVES, "more transactions than a block can hold")
    found: dict[Address, bytes] = {}
    for position, transaction in enumerate(transactions):
        named = accounts_of(receipts[position].events)
        named.add(transaction.sender)
        at = position.to_bytes(POSITION_BYTES, "big")
        for account in named:
            found[account] = found.get(account, b"") + at
    at = HOOKS.to_bytes(POSITION_BYTES, "big")
    for account in accounts_of(hook_events):
        found[account] = found.get(account, b"") + at
    return found


def accounts_of(events: Iterable[Event]) -> set[Address]:
    """Every account that one of the events names. Other values of 20 bytes count as one too."""
    named: set[Address] = set()
    for event in events:
        for name, value in event.values:
            if type(value) is not bytes:
                continue
            if len(value) == ADDRESS_BYTES:
                named.add(Address(value))
            elif name in JOINED_ACCOUNTS:
                named.update(
                    Address(value[at : at + ADDRESS_BYTES])
                    for at in range(0, len(value) - ADDRESS_BYTES + 1, ADDRESS_BYTES)
                )
    return named


def positions(places: bytes) -> list[int]:
    """Positions in one value of concerned()."""
    return [
        int.from_bytes(places[at : at + POSITION_BYTES], "big")
        for at in range(0, len(places), POSITION_BYTES)
    ]
