"""A lost key: a registrar proposes a new account for a person's credential, and it moves there
after a time in which the owner of the old account may object. Shares and vesting follow it.

Due moves wait in a queue ordered by time; a block carries out a bounded number, and what is left is
the next one's. The identity that votes are kept by stays (membership.member_id).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from typing import Final

from governance.admissible import STAKEHOLDERS
from governance.ports import Rebound
from governance.stakeholders import membership
from governance.stakeholders.credentials import of_account, require_registrar
from governance.stakeholders.numbering import next_number
from governance.stakeholders.role_book import Roles
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, LocalError, TransactionError, ensure
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import MAX_UINT64, Address, Hash
from ledger.receipt import truncated_reason
from ledger.rows import key, present, table
from ledger.state import State

DAY_MS: Final = 86_400_000
OBJECTION_MS: Final = 14 * DAY_MS
MAX_OBJECTION_MS: Final = 365 * DAY_MS
MAX_MOVES_A_BLOCK: Final = 16
COUNTED: Final = "rebinding"
_DUE_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class StakeholderParameters:
    """objection_ms: block time between the proposal of a new account and the move there."""

    objection_ms: int = OBJECTION_MS

    def __post_init__(self) -> None:
        if not 1 <= self.objection_ms <= MAX_OBJECTION_MS:
            raise LocalError(
                f"parameter objection_ms is {self.objection_ms}, expected 1..{MAX_OBJECTION_MS}"
            )


class RebindingStatus(IntEnum):
    """OPEN until one of the others; REFUSED when a module could not follow."""

    OPEN = 1
    DONE = 2
    OBJECTED = 3
    WITHDRAWN = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Rebinding:
    """Of member `member` from account `old` to `new`. evidence_hash: SHA-256 of the registrar's
    file on it. ended_ms: block time at which it was no longer open, None until then."""

    member: bytes
    old: Address
    new: Address
    registrar: Address
    evidence_hash: Hash
    proposed_ms: int
    due_ms: int
    status: RebindingStatus
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A re-binding, by number, that is open."""

    rebinding: int


PARAMETERS: Final = table(STAKEHOLDERS, "params", StakeholderParameters)
"""One row at the empty key."""
REBINDINGS: Final = table(STAKEHOLDERS, "rebinding", Rebinding)
"""By number from 1; never deleted."""
OPEN: Final = table(STAKEHOLDERS, "moving", Waiting)
"""By member id: the one that is open."""
DUE: Final = table(STAKEHOLDERS, "due", Waiting)
"""By due time (8 bytes) and number (4): in the order in which they take effect."""

_NUMBER: Final = Field("rebinding", Kind.UINT64, "number of the re-binding", 2**32 - 1)
PROPOSE: Final = MessageType(
    "stakeholders.propose_rebinding",
    "Proposes another account for a person whose key is lost.",
    (
        Field("old", Kind.ADDRESS, "the account whose key is lost"),
        Field("new", Kind.ADDRESS, "an account that never belonged to a member"),
        Field("evidence_hash", Kind.HASH, "SHA-256 of the registrar's file on the case"),
    ),
)
OBJECT: Final = MessageType(
    "stakeholders.object_rebinding", "Stops the move away from the sender's account.", (_NUMBER,)
)
WITHDRAW: Final = MessageType(
    "stakeholders.withdraw_rebinding", "A registrar takes a proposed account back.", (_NUMBER,)
)


def parameters(state: State) -> StakeholderParameters:
    """What genesis wrote, else the defaults."""
    return state.get(PARAMETERS, b"") or StakeholderParameters()


def find(state: State, number: int) -> Rebinding | None:
    """A re-binding by number, open or not."""
    return state.get(REBINDINGS, key(number))


def due_key(due_ms: int, number: int) -> bytes:
    """Key in DUE."""
    return due_ms.to_bytes(_DUE_TIME_BYTES, "big") + key(number)


def next_due_ms(state: State) -> int | None:
    """When the first open re-binding takes effect."""
    for row_key, _ in state.iterate(DUE):
        return int.from_bytes(row_key[:_DUE_TIME_BYTES], "big")
    return None


def rebinding_handlers(roles: Roles) -> Mapping[MessageType, Handler]:
    """The messages about lost keys."""
    return {
        PROPOSE: partial(_propose, roles),
        OBJECT: _object,
        WITHDRAW: partial(_withdraw, roles),
    }


def settle_due(context: Context, followers: Sequence[Rebound]) -> None:
    """Carry out what is due, at most MAX_MOVES_A_BLOCK; the rest waits for the next block."""
    state, now = context.state, context.block.time_ms
    due: list[int] = []
    for row_key, row in state.iterate(DUE):
        if len(due) == MAX_MOVES_A_BLOCK or row_key[:_DUE_TIME_BYTES] > now.to_bytes(8, "big"):
            break
        due.append(row.rebinding)
    for number in due:
        _take_effect(context, number, followers)


def _take_effect(context: Context, number: int, followers: Sequence[Rebound]) -> None:
    state = context.state
    row = present(find(state, number), f"re-binding {number}")
    called = Context(state, context.block)
    state.begin()
    try:
        membership.move(state, row.member, row.new)
        _close(context, number, row, RebindingStatus.DONE)
        for follower in followers:
            follower.rebound(called, row.old, row.new)
    except TransactionError as error:
        state.rollback()
        membership.release(state, row.new)
        _close(context, number, row, RebindingStatus.REFUSED)
        context.emit(
            "stakeholders.rebinding_refused",
            rebinding=number,
            old=row.old,
            new=row.new,
            reason=truncated_reason(error.reason),
        )
        return
    state.commit()
    context.events.extend(called.events)
    context.emit("stakeholders.rebound", rebinding=number, old=row.old, new=row.new)


def _propose(
    roles: Roles, context: Context, old: Address, new: Address, evidence_hash: Hash
) -> None:
    registrar, state = require_registrar(roles, context), context.state
    member, _ = of_account(state, old)
    waiting = state.get(OPEN, member)
    if waiting is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"re-binding {waiting.rebinding} of this credential is open: wait for it, or withdraw "
            "it",
        )
    membership.reserve(state, member, new)
    now = context.block.time_ms
    due_ms = now + parameters(state).objection_ms
    ensure(due_ms <= MAX_UINT64, f"block time {now} leaves no room for the objection time")
    number = next_number(state, COUNTED)
    row = Rebinding(
        member, old, new, registrar, evidence_hash, now, due_ms, RebindingStatus.OPEN, None
    )
    state.put(REBINDINGS, key(number), row)
    state.put(OPEN, member, Waiting(number))
    state.put(DUE, due_key(due_ms, number), Waiting(number))
    context.emit(
        "stakeholders.rebinding_proposed",
        rebinding=number,
        old=old,
        new=new,
        registrar=registrar,
        evidence_hash=evidence_hash,
        due_ms=due_ms,
    )


def _object(context: Context, number: int) -> None:
    row = _require_open(context.state, number)
    if context.require_sender() != row.old:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"only the owner of {checksum_address(row.old)} may object to re-binding {number}",
        )
    membership.release(context.state, row.new)
    _close(context, number, row, RebindingStatus.OBJECTED)
    context.emit("stakeholders.rebinding_objected", rebinding=number, old=row.old, new=row.new)


def _withdraw(roles: Roles, context: Context, number: int) -> None:
    registrar = require_registrar(roles, context)
    row = _require_open(context.state, number)
    membership.release(context.state, row.new)
    _close(context, number, row, RebindingStatus.WITHDRAWN)
    context.emit(
        "stakeholders.rebinding_withdrawn",
        rebinding=number,
        old=row.old,
        new=row.new,
        registrar=registrar,
    )


def _require_open(state: State, number: int) -> Rebinding:
    row = find(state, number)
    if row is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no re-binding {number}")
    if row.status is not RebindingStatus.OPEN:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"re-binding {number} is no longer open: it was {row.status.name.lower()} at "
            f"{row.ended_ms}",
        )
    return row


def _close(context: Context, number: int, row: Rebinding, status: RebindingStatus) -> None:
    ended = replace(row, status=status, ended_ms=context.block.time_ms)
    context.state.put(REBINDINGS, key(number), ended)
    context.state.delete(OPEN, row.member)
    context.state.delete(DUE, due_key(row.due_ms, number))
