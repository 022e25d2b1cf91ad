"""Transfers of tokens, to one receiver or to many at once."""

from collections.abc import Mapping
from typing import Any, Final

from ledger import accounts
from ledger.errors import ErrorCode, LocalError, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Event, Handler, Invariant
from ledger.primitives import Address
from ledger.state import State

MAX_RECEIVERS: Final = 256
"""Transfers in one transfer.send_many; each puts an event on the record."""

_TO: Final = Field("to", Kind.ADDRESS, "receiver")
_AMOUNT: Final = Field("amount", Kind.AMOUNT, "smallest units; 0 is allowed")
_MEMO_HASH: Final = Field(
    "memo_hash", Kind.OPTIONAL_HASH, "hash of a document kept elsewhere, or empty"
)

SEND: Final = MessageType(
    "transfer.send", "Moves tokens from the sender to one account.", (_TO, _AMOUNT, _MEMO_HASH)
)
SEND_MANY: Final = MessageType(
    "transfer.send_many",
    "Moves tokens from the sender to several accounts, all of them or none.",
    (
        Field(
            "transfers", Kind.LIST, "receivers and amounts, in order", MAX_RECEIVERS, (_TO, _AMOUNT)
        ),
        _MEMO_HASH,
    ),
)


def _send(context: Context, to: Address, amount: int, memo_hash: bytes) -> None:
    sender = context.require_sender()
    accounts.transfer(context.state, sender, to, amount)
    context.events.append(
        Event(
            "transfer.sent",
            (("from", sender), ("to", to), ("amount", amount), ("memo_hash", memo_hash)),
        )
    )


def _send_many(
    context: Context, transfers: tuple[tuple[Address, int], ...], memo_hash: bytes
) -> None:
    if not transfers:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "transfers: expected at least one")
    for to, amount in transfers:
        _send(context, to, amount, memo_hash)


class TransfersModule:
    """StateModule of the transfer messages; the balances belong to ledger.accounts."""

    name: Final = "transfer"
    handlers: Final[Mapping[MessageType, Handler]] = {SEND: _send, SEND_MANY: _send_many}
    invariants: Final[Mapping[str, Invariant]] = {}

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Nothing to write; balances are in the section accounts. Takes no options."""
        del context
        if section:
            raise LocalError(
                f"genesis section transfer: takes no options, remove {sorted(section)}"
            )

    def begin_block(self, context: Context) -> None:
        """Nothing to do."""

    def end_block(self, context: Context) -> None:
        """Nothing to do."""

    def next_deadline_ms(self, state: State) -> int | None:
        """None: nothing depends on time."""
        del state
        return None
