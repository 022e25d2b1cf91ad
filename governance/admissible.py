"""What the messages of stakeholders check first: who sends them, and that their words are legible.

Genesis is read by the same rules: `at_place` turns a refusal into an error that names the place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ledger.accounts import module_address
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, LocalError, TransactionError
from ledger.module import Context
from ledger.strict_json import JsonReader

GOVERNANCE: Final = module_address("governance")
"""Sender of what a vote decided; nobody has a key of it."""
STAKEHOLDERS: Final = "stakeholders"
"""The module: prefix of its tables and first part of its message types."""
GENESIS: Final = JsonReader("genesis")


def require_decided(context: Context, what: str) -> None:
    """TransactionError UNAUTHORISED unless a vote sent the message. what: "who is registered"."""
    sender = context.require_sender()
    if sender != GOVERNANCE:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{what} changes by a vote alone: propose it; {checksum_address(sender)} cannot do it",
        )


def require_text(value: str, name: str) -> None:
    """TransactionError INVALID_MESSAGE for a text that is empty or cannot be shown as it is."""
    if not value or value != value.strip() or not value.isprintable():
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"{name}: expected printable text without spaces around it, found {value!r:.80}",
        )


@contextmanager
def at_place(place: str) -> Iterator[None]:
    """While reading `place` of genesis: a refusal becomes a LocalError that names it."""
    try:
        yield
    except TransactionError as error:
        raise LocalError(f"{GENESIS.source}: {place}: {error.reason}") from error
