"""What the executor and its modules say to each other.

Transfers, validators, tokenomics and governance are modules of the same kind. The executor knows
none of them by name (architecture.md, "The core is pure").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ledger.errors import InvariantViolation
from ledger.message_registry import MessageType
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.state import State

EventValue = int | bytes | str
MAX_EVENTS_PER_TRANSACTION: Final = 512
MAX_EVENTS_PER_BLOCK_HOOK: Final = 4096


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, on the record: "module.event" and named values in order."""

    name: str
    values: tuple[tuple[str, EventValue], ...]


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """What execution may know of the block; time is block time, in ms since 1970.

    proposer is the header's (who first proposed the block), as index in the set of `height`.
    Seals and evidence in `participation` were verified by consensus. parent_state_root: state
    root of the parent's header; the executor fills it in from the commitment that it builds on.
    """

    chain_id: int
    height: int
    time_ms: int
    parent_hash: Hash
    parent_time_ms: int
    proposer: int
    participation: Participation
    parent_state_root: Hash = ZERO_HASH


@dataclass(slots=True)
class Context:
    """Handed to every handler and hook. `sender` and `transaction_hash` are None in hooks."""

    state: State
    block: BlockInfo
    sender: Address | None = None
    transaction_hash: Hash | None = None
    events: list[Event] = field(default_factory=list)

    def require_sender(self) -> Address:
        """Who sent the transaction; InvariantViolation in a hook, which has no sender."""
        if self.sender is None:
            raise InvariantViolation("a message handler ran outside a transaction")
        return self.sender

    def emit(self, name: str, **values: EventValue) -> None:
        """Put an event on the record; it is dropped when the transaction fails."""
        self.events.append(Event(name, tuple(values.items())))


Handler = Callable[..., None]
"""(context, *decoded fields); raises TransactionError, and then nothing is changed."""

Invariant = Callable[[State, BlockInfo], None]
"""Raises InvariantViolation; runs after each block in tests and in `poyong doctor`."""


class StateModule(Protocol):
    """A part of the state machine. Writes only through Tables under its own name."""

    @property
    def name(self) -> str:
        """Key prefix of its tables and first part of its message types."""

    @property
    def handlers(self) -> Mapping[MessageType, Handler]:
        """The messages that it executes."""

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Write the state that the genesis file's section of this module describes."""

    def begin_block(self, context: Context) -> None:
        """Runs before the transactions of each block."""

    def end_block(self, context: Context) -> None:
        """Runs after the transactions of each block; work is bounded."""

    def next_deadline_ms(self, state: State) -> int | None:
        """Block time at which end_block has something to do, or None (consensus.md rule 4)."""

    @property
    def invariants(self) -> Mapping[str, Invariant]:
        """Registered invariants by name."""
