"""Changing the parameters of deciding: by a class D vote, inside hard bounds, with history."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from governance.admissible import require_decided
from governance.proposals.classes import (
    BOUNDS,
    PARAMETERS,
    GovernanceParameters,
    ProposalClass,
    governance_parameters,
)
from governance.proposals.proposal_rows import MODULE
from ledger.errors import ErrorCode, LocalError, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import ZERO_HASH, Hash
from ledger.rows import key, present, table
from ledger.state import State

CHANGE_PARAMETER: Final = MessageType(
    "proposals.change_parameter",
    "Changes one number of how proposals are decided; only carried out by a proposal.",
    (
        Field("name", Kind.TEXT, "name of the parameter", 64),
        Field("position", Kind.UINT64, "0, or 0 to 3 for classes A to D"),
        Field("value", Kind.UINT64, "the new value, in the parameter's unit"),
    ),
)
FIXED: Final = frozenset({"day_ms"})
"""Parameters of genesis alone: the time scale would move everything that is under way."""
OWN_CLASSES: Final[Mapping[str, ProposalClass]] = {CHANGE_PARAMETER.name: ProposalClass.D}
"""Classes of this module's own messages."""


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """One change on record. cause: hash of the content of the proposal that decided it."""

    name: str
    position: int
    before: int
    after: int
    changed_ms: int
    cause: Hash


@dataclass(frozen=True, slots=True)
class ParameterChanges:
    """How many there were."""

    count: int


CHANGES: Final = table(MODULE, "parameter_change", ParameterChange)
"""By number from 1."""
CHANGE_COUNT: Final = table(MODULE, "parameter_changes", ParameterChanges)
"""One row, at the empty key."""


def _changed(
    parameters: GovernanceParameters, name: str, position: int, value: int
) -> tuple[GovernanceParameters, int]:
    """The parameters after a change, and the value before it; TransactionError outside bounds."""
    if name not in BOUNDS or name in FIXED:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"name: {name!r} is no parameter that a vote can change"
        )
    if position >= len(BOUNDS[name]):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"position: {name} has {len(BOUNDS[name])} values, found position {position}",
        )
    old = getattr(parameters, name)
    is_tuple = isinstance(old, tuple)
    new = (*old[:position], value, *old[position + 1 :]) if is_tuple else value
    try:
        after = replace(parameters, **{name: new})  # type: ignore[arg-type]  # by name
    except LocalError as error:
        raise TransactionError(ErrorCode.LIMIT_EXCEEDED, f"outside bounds: {error}") from error
    return after, old[position] if is_tuple else old


def changes_of(state: State, most: int) -> Iterator[ParameterChange]:
    """The newest `most` changes, the newest first."""
    row = state.get(CHANGE_COUNT, b"")
    newest = 0 if row is None else row.count
    for number in range(newest, max(0, newest - most), -1):
        yield present(state.get(CHANGES, key(number)), f"parameter change {number}")


def check_bounds(state: State, message_type: str, body: object) -> None:
    """Refuse a change outside the bounds already when it is proposed."""
    if message_type == CHANGE_PARAMETER.name:
        _changed(governance_parameters(state), *CHANGE_PARAMETER.decode(body))


def parameter_handlers() -> Mapping[MessageType, Handler]:
    """The message of this file."""
    return {CHANGE_PARAMETER: _change}


def _change(context: Context, name: str, position: int, value: int) -> None:
    require_decided(context, "how proposals are decided")
    state = context.state
    after, before = _changed(governance_parameters(state), name, position, value)
    state.put(PARAMETERS, b"", after)
    row = state.get(CHANGE_COUNT, b"")
    number = 1 if row is None else row.count + 1
    state.put(CHANGE_COUNT, b"", ParameterChanges(number))
    cause = context.transaction_hash or Hash(ZERO_HASH)
    change = ParameterChange(name, position, before, value, context.block.time_ms, cause)
    state.put(CHANGES, key(number), change)
    context.emit(
        "proposals.parameter_changed", parameter=name, position=position, before=before, after=value
    )
