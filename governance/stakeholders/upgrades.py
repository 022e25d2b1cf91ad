"""Upgrades of the software: from which height on which versions may execute blocks.

Scheduled by a vote, cancelled by a vote before its height, executed once at its height and never
again. A node asks required_version() before it executes a block, and stops cleanly when it lacks
the version; the chain itself only keeps the record.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from governance.admissible import STAKEHOLDERS, require_decided, require_text
from governance.stakeholders.numbering import last_number, next_number
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Hash
from ledger.rows import key, present, table
from ledger.state import State

MAX_NAME_BYTES: Final = 48
MAX_VERSION_BYTES: Final = 32
MAX_SCHEDULED: Final = 8
MIN_NOTICE_HEIGHTS: Final = 16
"""Between the block that schedules an upgrade and its height, so that no node meets it unwarned."""
COUNTED: Final = "upgrade"
_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")


class UpgradeStatus(IntEnum):
    """SCHEDULED until one of the others."""

    SCHEDULED = 1
    CANCELLED = 2
    EXECUTED = 3


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Blocks from `height` on need a version v with from_version <= v < below_version.

    artefact_hash: SHA-256 of the release that a node installs. ended_ms: block time at which it
    was cancelled or executed.
    """

    name: str
    height: int
    from_version: str
    below_version: str
    artefact_hash: Hash
    status: UpgradeStatus
    scheduled_ms: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """executed: number of the newest upgrade that was executed, 0 for none. scheduled: numbers of
    those to come, ascending by height."""

    executed: int
    scheduled: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NamedUpgrade:
    """The newest upgrade, by number, with a name."""

    upgrade: int


UPGRADES: Final = table(STAKEHOLDERS, "upgrade", Upgrade)
"""By number from 1; never deleted."""
PLAN: Final = table(STAKEHOLDERS, "plan", Plan)
"""One row at the empty key."""
NAMES: Final = table(STAKEHOLDERS, "upgrade_name", NamedUpgrade)
"""By name."""

_ONE: Final = b""
_NO_PLAN: Final = Plan(0, ())
_NAME: Final = Field("name", Kind.TEXT, "name of the upgrade", MAX_NAME_BYTES)
SCHEDULE: Final = MessageType(
    "stakeholders.schedule_upgrade",
    "From a height on blocks need a version of the software.",
    (
        _NAME,
        Field("height", Kind.UINT64, "first block that needs it"),
        Field("from_version", Kind.TEXT, "lowest version, as 1.2.3", MAX_VERSION_BYTES),
        Field("below_version", Kind.TEXT, "first version that will not do", MAX_VERSION_BYTES),
        Field("artefact_hash", Kind.HASH, "SHA-256 of the release"),
    ),
)
CANCEL: Final = MessageType(
    "stakeholders.cancel_upgrade", "Takes a scheduled upgrade off the plan.", (_NAME,)
)


def plan(state: State) -> Plan:
    """What was executed last and what is to come."""
    return state.get(PLAN, _ONE) or _NO_PLAN


def find(state: State, number: int) -> Upgrade | None:
    """An upgrade by number, whatever its status."""
    return state.get(UPGRADES, key(number))


def ever_scheduled(state: State) -> int:
    """How many were ever scheduled: their numbers are 1 to this."""
    return last_number(state, COUNTED)


def required_version(state: State, height: int) -> Upgrade | None:
    """The upgrade whose versions a block of `height` needs, in the state before it; None when no
    upgrade has come yet. A node whose version does not `suffice` stops before that block and says
    which release to install."""
    now = plan(state)
    for number in reversed(now.scheduled):
        row = present(find(state, number), f"upgrade {number}")
        if row.height <= height:
            return row
    return find(state, now.executed) if now.executed else None


def suffices(version: str, upgrade: Upgrade) -> bool:
    """Whether a node of `version` ("1.2.3") may execute blocks that need this upgrade."""
    own, low, high = map(_parsed, (version, upgrade.from_version, upgrade.below_version))
    return own is not None and low is not None and high is not None and low <= own < high


def execute_due(context: Context) -> None:
    """Before the transactions of its height: the upgrade is executed, once."""
    state, now = context.state, plan(context.state)
    if not now.scheduled:
        return
    if context.block.height == 1:
        _drop_carried(context)
        return
    number = now.scheduled[0]
    row = present(find(state, number), f"upgrade {number}")
    if row.height > context.block.height:
        return
    state.put(PLAN, _ONE, Plan(number, now.scheduled[1:]))
    _end(context, number, row, UpgradeStatus.EXECUTED)
    context.emit(
        "stakeholders.upgrade_executed",
        upgrade=row.name,
        height=row.height,
        from_version=row.from_version,
        below_version=row.below_version,
        artefact_hash=row.artefact_hash,
    )


def _drop_carried(context: Context) -> None:
    """In the first block nothing is scheduled but by the chain before a restart, whose heights mean
    nothing here: who restarts a chain decides anew what software it needs."""
    for number, row in _scheduled(context.state).items():
        _end(context, number, row, UpgradeStatus.CANCELLED)
        context.emit("stakeholders.upgrade_cancelled", upgrade=row.name, height=row.height)
    context.state.put(PLAN, _ONE, Plan(plan(context.state).executed, ()))


def upgrade_handlers() -> Mapping[MessageType, Handler]:
    """The messages about upgrades; each is decided by a vote."""
    return {SCHEDULE: _schedule, CANCEL: _cancel}


def _schedule(
    context: Context,
    name: str,
    height: int,
    from_version: str,
    below_version: str,
    artefact_hash: Hash,
) -> None:
    require_decided(context, "what software the chain needs")
    state = context.state
    require_text(name, "name")
    _require_versions(from_version, below_version)
    earliest = context.block.height + MIN_NOTICE_HEIGHTS
    if height < earliest:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"height: {height} is too near, nodes need notice; expected {earliest} or more",
        )
    _require_new_name(state, name)
    coming = _scheduled(state)
    if len(coming) >= MAX_SCHEDULED:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(coming)} upgrades are scheduled, at most {MAX_SCHEDULED}: cancel one first",
        )
    same = [row.name for row in coming.values() if row.height == height]
    if same:
        raise TransactionError(
            ErrorCode.CONFLICT, f"upgrade {same[0]!r} is scheduled for height {height} already"
        )
    number = next_number(state, COUNTED)
    row = Upgrade(
        name,
        height,
        from_version,
        below_version,
        artefact_hash,
        UpgradeStatus.SCHEDULED,
        context.block.time_ms,
        None,
    )
    coming[number] = row
    order = tuple(sorted(coming, key=lambda item: coming[item].height))
    state.put(UPGRADES, key(number), row)
    state.put(NAMES, name.encode(), NamedUpgrade(number))
    state.put(PLAN, _ONE, Plan(plan(state).executed, order))
    context.emit(
        "stakeholders.upgrade_scheduled",
        upgrade=name,
        height=height,
        from_version=from_version,
        below_version=below_version,
        artefact_hash=artefact_hash,
    )


def _cancel(context: Context, name: str) -> None:
    require_decided(context, "what software the chain needs")
    state = context.state
    named = state.get(NAMES, name.encode())
    if named is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"no upgrade is called {name!r:.80}")
    row = present(find(state, named.upgrade), f"upgrade {named.upgrade}")
    if row.status is not UpgradeStatus.SCHEDULED:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"upgrade {name!r} was {row.status.name.lower()} at {row.ended_ms}: it can no longer "
            "be cancelled",
        )
    now = plan(state)
    left = tuple(number for number in now.scheduled if number != named.upgrade)
    state.put(PLAN, _ONE, Plan(now.executed, left))
    _end(context, named.upgrade, row, UpgradeStatus.CANCELLED)
    context.emit("stakeholders.upgrade_cancelled", upgrade=name, height=row.height)


def _end(context: Context, number: int, row: Upgrade, status: UpgradeStatus) -> None:
    ended = replace(row, status=status, ended_ms=context.block.time_ms)
    context.state.put(UPGRADES, key(number), ended)


def _scheduled(state: State) -> dict[int, Upgrade]:
    return {
        number: present(find(state, number), f"upgrade {number}")
        for number in plan(state).scheduled
    }


def _require_new_name(state: State, name: str) -> None:
    named = state.get(NAMES, name.encode())
    row = None if named is None else find(state, named.upgrade)
    if row is not None and row.status is not UpgradeStatus.CANCELLED:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"an upgrade called {name!r} is {row.status.name.lower()} for height {row.height}: "
            "one is executed once, take another name",
        )


def _require_versions(from_version: str, below_version: str) -> None:
    low, high = _parsed(from_version), _parsed(below_version)
    if low is None or high is None or low >= high:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            "from_version, below_version: expected two versions as 1.2.3 in ascending order, "
            f"found {from_version!r:.40} and {below_version!r:.40}",
        )


def _parsed(version: str) -> tuple[int, ...] | None:
    found = _VERSION.fullmatch(version)
    return None if found is None else tuple(int(part) for part in found.groups())
