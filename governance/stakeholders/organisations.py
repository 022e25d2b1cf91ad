"""Organisations: who they are, in which chamber they sit, and which nodes are theirs.

Registered, changed, suspended and removed by votes; nothing is forgotten. An organisation acts by
its threshold account, whose members it rotates by its own quorum (ledger/threshold.py), so the
account never changes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from governance.admissible import STAKEHOLDERS, require_decided, require_text
from governance.chambers import CHAMBERS, INSTITUTIONAL, ChamberKind
from governance.stakeholders import membership
from ledger.crypto import ED25519_KEY_BYTES
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address
from ledger.rows import table
from ledger.state import State

MAX_ID_BYTES: Final = 32
MAX_NAME_BYTES: Final = 64
MAX_REASON_BYTES: Final = 256
MAX_OBSERVERS: Final = 8
"""Node keys of observers of one organisation."""
ID_FORM: Final = re.compile("[a-z][a-z0-9-]*")


class OrganisationStatus(IntEnum):
    """ACTIVE organisations sit in their chamber; REMOVED is the end."""

    ACTIVE = 1
    SUSPENDED = 2
    REMOVED = 3


@dataclass(frozen=True, slots=True)
class Organisation:
    """validator_key, node_key: Ed25519 keys of its validator, empty for none; observers: node keys
    of its observers, ascending. They refer to the registry of validators and do not change it.

    reason: why it was suspended or removed, empty while active.
    """

    name_ko: str
    name_en: str
    chamber: str
    validator_key: bytes
    node_key: bytes
    observers: tuple[bytes, ...]
    status: OrganisationStatus
    registered_ms: int
    changed_ms: int
    reason: str

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Every node or validator key of the organisation."""
        return tuple(name for name in (self.validator_key, self.node_key) if name) + self.observers


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The organisation that a key of a node or validator belongs to."""

    organisation: str


ORGANISATIONS: Final = table(STAKEHOLDERS, "organisation", Organisation)
"""By id."""
KEY_OWNERS: Final = table(STAKEHOLDERS, "node", KeyOwner)
"""By key; a removed organisation owns none."""

_ID_FIELD: Final = Field("id", Kind.TEXT, "short name, a-z, 0-9 and -", MAX_ID_BYTES)
_NAMES: Final = (
    Field("name_ko", Kind.TEXT, "name in Korean", MAX_NAME_BYTES),
    Field("name_en", Kind.TEXT, "name in English", MAX_NAME_BYTES),
    Field("chamber", Kind.TEXT, "one of " + ", ".join(INSTITUTIONAL), MAX_NAME_BYTES),
)
_KEYS: Final = (
    Field("validator_key", Kind.BYTES, "consensus key, empty for none", ED25519_KEY_BYTES),
    Field("node_key", Kind.BYTES, "node key of its validator, empty for none", ED25519_KEY_BYTES),
    Field(
        "observers",
        Kind.LIST,
        "node keys of its observers",
        MAX_OBSERVERS,
        (Field("node_key", Kind.BYTES, "Ed25519 key", ED25519_KEY_BYTES),),
    ),
)
_REASON: Final = Field("reason", Kind.TEXT, "why, for the record", MAX_REASON_BYTES)

REGISTER: Final = MessageType(
    "stakeholders.register_organisation",
    "Registers an organisation and seats it in its chamber.",
    (_ID_FIELD, *_NAMES, Field("account", Kind.ADDRESS, "its threshold account"), *_KEYS),
)
CHANGE: Final = MessageType(
    "stakeholders.change_organisation",
    "Changes names, chamber and node keys of an organisation.",
    (_ID_FIELD, *_NAMES, *_KEYS),
)
SUSPEND: Final = MessageType(
    "stakeholders.suspend_organisation",
    "Takes an organisation's seat until it is reinstated.",
    (_ID_FIELD, _REASON),
)
REINSTATE: Final = MessageType(
    "stakeholders.reinstate_organisation",
    "Gives a suspended organisation its seat back.",
    (_ID_FIELD,),
)
REMOVE: Final = MessageType(
    "stakeholders.remove_organisation",
    "Removes an organisation for ever; its record stays.",
    (_ID_FIELD, _REASON),
)


def find(state: State, organisation_id: str) -> Organisation | None:
    """The organisation with this id, whatever its status."""
    return state.get(ORGANISATIONS, organisation_id.encode())


def accounts_in(state: State, chamber: str) -> tuple[Address, ...]:
    """Accounts of the organisations that sit in a chamber, ascending; at most MAX_SEATS."""
    names = membership.seats(state, chamber).organisations
    members = (membership.member_of(state, name.encode()) for name in names)
    return tuple(sorted(member.account for member in members if member is not None))


def register(
    context: Context,
    organisation_id: str,
    name_ko: str,
    name_en: str,
    chamber: str,
    account: Address,
    validator_key: bytes,
    node_key: bytes,
    observers: tuple[bytes, ...],
) -> None:
    """Write a new organisation and seat it; TransactionError when that cannot be."""
    state, time_ms = context.state, context.block.time_ms
    if not ID_FORM.fullmatch(organisation_id):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"id: expected a-z, then a-z, 0-9 and -, found {organisation_id!r:.80}",
        )
    if find(state, organisation_id) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"organisation {organisation_id} is registered, or was: take another id",
        )
    row = Organisation(
        name_ko,
        name_en,
        chamber,
        validator_key,
        node_key,
        tuple(sorted(observers)),
        OrganisationStatus.ACTIVE,
        time_ms,
        time_ms,
        "",
    )
    _require_sound(row)
    member = organisation_id.encode()
    membership.create(state, member, account)
    membership.begin(state, member, chamber)
    claim(state, organisation_id, row.keys)
    state.put(ORGANISATIONS, member, row)
    context.emit(
        "stakeholders.organisation_registered",
        organisation=organisation_id,
        name_ko=name_ko,
        name_en=name_en,
        chamber=chamber,
        account=account,
    )


def organisation_handlers() -> Mapping[MessageType, Handler]:
    """The messages about organisations; each is decided by a vote."""
    return {
        REGISTER: _register,
        CHANGE: _change,
        SUSPEND: _suspend,
        REINSTATE: _reinstate,
        REMOVE: _remove,
    }


def _register(
    context: Context,
    organisation_id: str,
    name_ko: str,
    name_en: str,
    chamber: str,
    account: Address,
    validator_key: bytes,
    node_key: bytes,
    observers: tuple[bytes, ...],
) -> None:
    require_decided(context, "the registry of organisations")
    register(
        context,
        organisation_id,
        name_ko,
        name_en,
        chamber,
        account,
        validator_key,
        node_key,
        observers,
    )


def _change(
    context: Context,
    organisation_id: str,
    name_ko: str,
    name_en: str,
    chamber: str,
    validator_key: bytes,
    node_key: bytes,
    observers: tuple[bytes, ...],
) -> None:
    require_decided(context, "the registry of organisations")
    state, member = context.state, organisation_id.encode()
    before = _require(state, organisation_id)
    after = replace(
        before,
        name_ko=name_ko,
        name_en=name_en,
        chamber=chamber,
        validator_key=validator_key,
        node_key=node_key,
        observers=tuple(sorted(observers)),
        changed_ms=context.block.time_ms,
    )
    _require_sound(after)
    for name in before.keys:
        state.delete(KEY_OWNERS, name)
    claim(state, organisation_id, after.keys)
    if chamber != before.chamber and before.status is OrganisationStatus.ACTIVE:
        membership.end(state, member)
        membership.begin(state, member, chamber)
    state.put(ORGANISATIONS, member, after)
    context.emit(
        "stakeholders.organisation_changed",
        organisation=organisation_id,
        name_ko=name_ko,
        name_en=name_en,
        chamber=chamber,
        chamber_before=before.chamber,
    )


def _suspend(context: Context, organisation_id: str, reason: str) -> None:
    require_decided(context, "the registry of organisations")
    require_text(reason, "reason")
    _require_status(_require(context.state, organisation_id), OrganisationStatus.ACTIVE)
    membership.end(context.state, organisation_id.encode())
    _set_status(context, organisation_id, OrganisationStatus.SUSPENDED, reason)


def _reinstate(context: Context, organisation_id: str) -> None:
    require_decided(context, "the registry of organisations")
    row = _require(context.state, organisation_id)
    _require_status(row, OrganisationStatus.SUSPENDED)
    membership.begin(context.state, organisation_id.encode(), row.chamber)
    _set_status(context, organisation_id, OrganisationStatus.ACTIVE, "")


def _remove(context: Context, organisation_id: str, reason: str) -> None:
    require_decided(context, "the registry of organisations")
    require_text(reason, "reason")
    row = _require(context.state, organisation_id)
    if row.status is OrganisationStatus.ACTIVE:
        membership.end(context.state, organisation_id.encode())
    for name in row.keys:
        context.state.delete(KEY_OWNERS, name)
    _set_status(context, organisation_id, OrganisationStatus.REMOVED, reason)


def _set_status(
    context: Context, organisation_id: str, status: OrganisationStatus, reason: str
) -> None:
    row = _require(context.state, organisation_id)
    changed = replace(row, status=status, changed_ms=context.block.time_ms, reason=reason)
    context.state.put(ORGANISATIONS, organisation_id.encode(), changed)
    context.emit(
        "stakeholders.organisation_status",
        organisation=organisation_id,
        status=status.name.lower(),
        chamber=row.chamber,
        reason=reason,
    )


def _require(state: State, organisation_id: str) -> Organisation:
    """The organisation, which is not removed."""
    row = find(state, organisation_id)
    if row is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"no organisation is called {organisation_id!r:.80}"
        )
    if row.status is OrganisationStatus.REMOVED:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"organisation {organisation_id} was removed for ever: register it under another id",
        )
    return row


def _require_status(row: Organisation, expected: OrganisationStatus) -> None:
    if row.status is not expected:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"the organisation is {row.status.name.lower()}, expected {expected.name.lower()}",
        )


def _require_sound(row: Organisation) -> None:
    """TransactionError for what no organisation may look like."""
    require_text(row.name_ko, "name_ko")
    require_text(row.name_en, "name_en")
    chamber = CHAMBERS.get(row.chamber)
    if chamber is None or chamber.kind is not ChamberKind.INSTITUTIONAL:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"chamber: expected one of {', '.join(INSTITUTIONAL)}, found {row.chamber!r:.80}",
        )
    for name in row.keys:
        if len(name) != ED25519_KEY_BYTES:
            raise TransactionError(
                ErrorCode.INVALID_MESSAGE,
                f"a key: expected {ED25519_KEY_BYTES} bytes or none, found {len(name)}",
            )
    if bool(row.validator_key) != bool(row.node_key):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            "validator_key and node_key: a validator has both, an organisation without one neither",
        )


def claim(state: State, organisation_id: str, keys: Iterable[bytes]) -> None:
    """Make the keys the organisation's; each serves one node of one organisation."""
    for name in keys:
        owner = state.get(KEY_OWNERS, name)
        if owner is not None:
            raise TransactionError(
                ErrorCode.CONFLICT,
                f"key {name.hex()} is named twice, the other time by {owner.organisation}",
            )
        state.put(KEY_OWNERS, name, KeyOwner(organisation_id))
