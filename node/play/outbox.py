"""A sender's transactions on their way: sent once, and again only byte for byte."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.crypto import Signer, ed25519_address
from ledger.message_registry import MessageType
from ledger.primitives import Address
from ledger.transaction import Draft, Transaction, sign

RESEND_LOOKS: Final = 5
"""Unconfirmed transactions are sent again after so many looks at the chain."""
VALIDITY_BLOCKS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Message:
    """A message type's name and the body."""

    type: str
    body: tuple[Any, ...]

    @staticmethod
    def of(message_type: MessageType, *values: Any) -> "Message":
        """From a handler's values."""
        return Message(message_type.name, message_type.encode(*values))


@dataclass(frozen=True, slots=True)
class Sender:
    """An account for which somebody signs."""

    address: Address
    sign: Callable[[Draft], Transaction]

    @staticmethod
    def of_key(signer: Signer) -> "Sender":
        """The account of one Ed25519 key."""
        return Sender(ed25519_address(signer.public_key), lambda draft: sign(draft, signer))


@dataclass(slots=True)
class Outbox:
    """Of one sender. `waiting`: raw transactions by nonce that the chain has not passed yet."""

    sender: Sender
    chain_id: int
    waiting: dict[int, bytes] = field(default_factory=dict)
    valid_until: int = 0
    looks: int = 0

    def clear(self) -> None:
        """Nothing is missing of this sender: what was sent has done its work."""
        self.waiting.clear()

    def outgoing(self, messages: Sequence[Message], nonce: int, height: int) -> list[bytes]:
        """What to send now: new transactions for `messages` when none is under way, the same again
        when they stay away too long. The same bytes are harmless: one nonce, one transaction.

        nonce: the account's next, read after the chain was asked what is missing.
        """
        if self.waiting and nonce > max(self.waiting):
            # They became final since: what is missing now shows the next look.
            self.waiting.clear()
            return []
        self.waiting = {at: raw for at, raw in self.waiting.items() if at >= nonce}
        if self.waiting and height < self.valid_until:
            self.looks += 1
            return [] if self.looks % RESEND_LOOKS else list(self.waiting.values())
        self.valid_until, self.looks = height + VALIDITY_BLOCKS, 0
        self.waiting = {
            at: self.sender.sign(
                Draft(
                    chain_id=self.chain_id,
                    nonce=at,
                    type=message.type,
                    body=message.body,
                    valid_until=self.valid_until,
                )
            ).raw
            for at, message in enumerate(messages, start=nonce)
        }
        return list(self.waiting.values())
