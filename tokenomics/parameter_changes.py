"""Parameters that votes change one at a time, inside the bounds that their dataclasses check.

Each change stays on record, with the round from which it is in force; what each module's rules mean
by a round is said where it keeps them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

from ledger.errors import ErrorCode, LocalError, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context
from ledger.primitives import MAX_AMOUNT, ZERO_HASH, Hash
from ledger.rows import Amount, key, table
from ledger.state import State
from ledger.strict_json import nearest
from tokenomics.roles import VOTE

MAX_NAME_BYTES: Final = 48

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """before, after: in the parameter's unit. from_round: the first round that goes by it.

    changed_ms: block time of the decision. cause: hash of the content of the proposal.
    """

    name: str
    before: Amount
    after: Amount
    from_round: int
    changed_ms: int
    cause: Hash


@dataclass(frozen=True, slots=True)
class ParameterChanges:
    """How many there were."""

    count: int


LAND_CHANGES: Final = table("land", "change", ParameterChange)
"""By number from 1, as the other two."""
LAND_CHANGE_COUNT: Final = table("land", "changes", ParameterChanges)
"""One row, at the empty key, as the other two."""
ISSUANCE_CHANGES: Final = table("issuance", "change", ParameterChange)
ISSUANCE_CHANGE_COUNT: Final = table("issuance", "changes", ParameterChanges)
DISTRIBUTION_CHANGES: Final = table("distribution", "change", ParameterChange)
DISTRIBUTION_CHANGE_COUNT: Final = table("distribution", "changes", ParameterChanges)
HISTORIES: Final = {
    "land": (LAND_CHANGES, LAND_CHANGE_COUNT),
    "issuance": (ISSUANCE_CHANGES, ISSUANCE_CHANGE_COUNT),
    "distribution": (DISTRIBUTION_CHANGES, DISTRIBUTION_CHANGE_COUNT),
}
"""By module."""


def set_parameter_type(module: str, when: str) -> MessageType:
    """The message that changes one parameter of a module. when: "from the next round on"."""
    return MessageType(
        f"{module}.set_parameter",
        f"Changes one parameter, in force {when}; only carried out by a vote.",
        (
            Field("name", Kind.TEXT, "name of the parameter", MAX_NAME_BYTES),
            Field("value", Kind.AMOUNT, "the new value, in the parameter's unit", MAX_AMOUNT),
        ),
    )


def require_vote(context: Context) -> None:
    """TransactionError UNAUTHORISED unless a vote decided the message.

    An authority of genesis is not enough: these rules decide what money there is, and whoever
    relies on them relies on the vote and its timelock.
    """
    if context.require_sender() != VOTE:
        raise TransactionError(
            ErrorCode.UNAUTHORISED, "parameters change by a vote of governance alone: propose it"
        )


def with_parameter(parameters: P, name: str, value: int) -> P:
    """The parameters after a change; TransactionError for an unknown name, a value outside the
    bounds, or no change at all."""
    names = {field.name for field in fields(parameters)}  # type: ignore[arg-type]  # a dataclass
    if name not in names:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"there is no parameter {name!r}{nearest(name, names)}"
        )
    before = getattr(parameters, name)
    if int(before) == value:
        raise TransactionError(ErrorCode.CONFLICT, f"{name} is {value} already")
    try:
        changed: Any = replace(parameters, **{name: type(before)(value)})  # type: ignore[type-var]
    except (LocalError, ValueError) as error:
        raise TransactionError(ErrorCode.LIMIT_EXCEEDED, f"outside bounds: {error}") from error
    return changed  # type: ignore[no-any-return]  # replace() keeps the type


def note_changes(
    context: Context, module: str, before: object, after: object, from_round: int
) -> None:
    """Keep each parameter in which the two differ, and put it on the record as an event."""
    state, (changes, counted) = context.state, HISTORIES[module]
    for field in fields(before):  # type: ignore[arg-type]  # a dataclass
        old, new = int(getattr(before, field.name)), int(getattr(after, field.name))
        if old == new:
            continue
        row = state.get(counted, b"")
        number = 1 if row is None else row.count + 1
        state.put(counted, b"", ParameterChanges(number))
        change = ParameterChange(
            field.name,
            old,
            new,
            from_round,
            context.block.time_ms,
            context.transaction_hash or Hash(ZERO_HASH),
        )
        state.put(changes, key(number), change)
        context.emit(
            f"{module}.parameter_changed",
            parameter=field.name,
            before=old,
            after=new,
            from_round=from_round,
        )


def changes_of(
    state: State, module: str, name: str | None = None, *, most: int = 100
) -> Iterator[ParameterChange]:
    """Changes of a module's parameters, or of one, the newest first; looks at `most` at most."""
    changes, counted = HISTORIES[module]
    row = state.get(counted, b"")
    newest = 0 if row is None else row.count
    for number in range(newest, max(0, newest - most), -1):
        change = state.get(changes, key(number))
        if change is not None and name in (None, change.name):
            yield change
