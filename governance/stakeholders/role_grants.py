"""Roles given and taken by votes. Registrars of persons have messages of their own, because their
replacement belongs to another class of proposals than the other roles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from governance.admissible import STAKEHOLDERS, require_decided, require_text
from governance.stakeholders.numbering import next_number
from governance.stakeholders.role_book import (
    CERTIFIER,
    CERTIFIER_LIMITS,
    GRANTED,
    HELD,
    HOLDERS,
    MAX_HOLDERS,
    PERSON_REGISTRAR,
    CertifierLimits,
    Held,
    Holders,
    Roles,
    held_key,
)
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address
from ledger.rows import key, present, table
from ledger.state import State
from ledger.strict_json import nearest

MAX_ROLE_BYTES: Final = 32
MAX_REASON_BYTES: Final = 256
MAX_KIND_BYTES: Final = 32
MAX_KINDS: Final = 32
"""For which one certifier has limits."""
COUNTED: Final = "grant"
BY_GRANT_ROLE: Final = tuple(role for role in GRANTED if role != PERSON_REGISTRAR)


@dataclass(frozen=True, slots=True)
class Grant:
    """revoked_ms: block time, None while the account holds the role; reason: why it ended."""

    role: str
    account: Address
    granted_ms: int
    revoked_ms: int | None
    reason: str


GRANTS: Final = table(STAKEHOLDERS, "grant", Grant)
"""By number from 1, in the order of time; never deleted."""

_ROLE: Final = Field("role", Kind.TEXT, "one of " + ", ".join(BY_GRANT_ROLE), MAX_ROLE_BYTES)
_ACCOUNT: Final = Field("account", Kind.ADDRESS, "who holds it")
_REASON: Final = Field("reason", Kind.TEXT, "why, for the record", MAX_REASON_BYTES)
_REGISTRAR: Final = Field("account", Kind.ADDRESS, "the registrar's account")

GRANT_ROLE: Final = MessageType(
    "stakeholders.grant_role", "Gives an account a role.", (_ROLE, _ACCOUNT)
)
REVOKE_ROLE: Final = MessageType(
    "stakeholders.revoke_role",
    "Takes a role from an account; a certifier's limits end with it.",
    (_ROLE, _ACCOUNT, _REASON),
)
APPOINT_REGISTRAR: Final = MessageType(
    "stakeholders.appoint_registrar", "Makes an account a registrar of persons.", (_REGISTRAR,)
)
DISMISS_REGISTRAR: Final = MessageType(
    "stakeholders.dismiss_registrar",
    "Ends the office of a registrar of persons; credentials that were granted stand.",
    (_REGISTRAR, _REASON),
)
LIMIT_CERTIFIER: Final = MessageType(
    "stakeholders.limit_certifier",
    "Sets how many points of a kind a certifier may certify in one round; 0 for none.",
    (
        Field("account", Kind.ADDRESS, "the certifier"),
        Field("kind", Kind.TEXT, "kind of contribution", MAX_KIND_BYTES),
        Field("points", Kind.UINT64, "at most in one round"),
    ),
)


def grant(context: Context, role: str, account: Address) -> None:
    """Give one of the granted roles; TransactionError when that cannot be."""
    state, who = context.state, checksum_address(account)
    holders = _holders(state, role)
    if account in holders:
        raise TransactionError(ErrorCode.CONFLICT, f"{who} holds the role {role} already")
    if len(holders) >= MAX_HOLDERS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(holders)} accounts hold the role {role}, at most {MAX_HOLDERS}: revoke one",
        )
    number = next_number(state, COUNTED)
    state.put(GRANTS, key(number), Grant(role, account, context.block.time_ms, None, ""))
    state.put(HELD, held_key(role, account), Held(number))
    state.put(HOLDERS, role.encode(), Holders(tuple(sorted((*holders, account)))))
    context.emit(
        "stakeholders.role_granted",
        grant=number,
        role=role,
        account=account,
        holders=len(holders) + 1,
    )


def limit(context: Context, kinds: tuple[str, ...], account: Address, kind: str, n: int) -> None:
    """Set a certifier's limit of `n` points a round; kinds: those there are, empty for any."""
    state, who = context.state, checksum_address(account)
    if state.get(HELD, held_key(CERTIFIER, account)) is None:
        raise TransactionError(
            ErrorCode.CONFLICT, f"{who} does not hold the role {CERTIFIER}: grant it first"
        )
    require_text(kind, "kind")
    if kinds and kind not in kinds:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"there is no kind {kind!r}{nearest(kind, set(kinds))}"
        )
    before = dict(Roles().certifier_limits(state, account))
    after = {name: points for name, points in before.items() if name != kind}
    if n:
        after[kind] = n
    if len(after) > MAX_KINDS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{who} has limits for {MAX_KINDS} kinds, the most there may be: set one of them to 0",
        )
    if after:
        names = tuple(sorted(after))
        row = CertifierLimits(names, tuple(after[name] for name in names))
        state.put(CERTIFIER_LIMITS, account, row)
    else:
        state.delete(CERTIFIER_LIMITS, account)
    context.emit(
        "stakeholders.certifier_limited",
        account=account,
        kind=kind,
        points_before=before.get(kind, 0),
        points=n,
    )


def role_handlers(kinds: tuple[str, ...]) -> Mapping[MessageType, Handler]:
    """The messages about roles; each is decided by a vote."""
    return {
        GRANT_ROLE: _grant_role,
        REVOKE_ROLE: _revoke_role,
        APPOINT_REGISTRAR: _appoint_registrar,
        DISMISS_REGISTRAR: _dismiss_registrar,
        LIMIT_CERTIFIER: partial(_limit_certifier, kinds),
    }


def _grant_role(context: Context, role: str, account: Address) -> None:
    require_decided(context, "who holds a role")
    _require_grantable(role)
    grant(context, role, account)


def _revoke_role(context: Context, role: str, account: Address, reason: str) -> None:
    require_decided(context, "who holds a role")
    _require_grantable(role)
    _revoke(context, role, account, reason)


def _appoint_registrar(context: Context, account: Address) -> None:
    require_decided(context, "who registers persons")
    grant(context, PERSON_REGISTRAR, account)


def _dismiss_registrar(context: Context, account: Address, reason: str) -> None:
    require_decided(context, "who registers persons")
    _revoke(context, PERSON_REGISTRAR, account, reason)


def _limit_certifier(
    kinds: tuple[str, ...], context: Context, account: Address, kind: str, points: int
) -> None:
    require_decided(context, "what a certifier may certify")
    limit(context, kinds, account, kind, points)


def _revoke(context: Context, role: str, account: Address, reason: str) -> None:
    require_text(reason, "reason")
    state = context.state
    held = state.get(HELD, held_key(role, account))
    if held is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"{checksum_address(account)} does not hold the role {role}"
        )
    row = present(state.get(GRANTS, key(held.grant)), f"grant {held.grant}")
    left = tuple(holder for holder in _holders(state, role) if holder != account)
    state.put(
        GRANTS, key(held.grant), replace(row, revoked_ms=context.block.time_ms, reason=reason)
    )
    state.delete(HELD, held_key(role, account))
    state.put(HOLDERS, role.encode(), Holders(left))
    if role == CERTIFIER:
        state.delete(CERTIFIER_LIMITS, account)
    context.emit(
        "stakeholders.role_revoked",
        grant=held.grant,
        role=role,
        account=account,
        holders=len(left),
        reason=reason,
    )


def _holders(state: State, role: str) -> tuple[Address, ...]:
    row = state.get(HOLDERS, role.encode())
    return () if row is None else row.accounts


def _require_grantable(role: str) -> None:
    if role == PERSON_REGISTRAR:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"role {role} is given by {APPOINT_REGISTRAR.name} and taken by "
            f"{DISMISS_REGISTRAR.name}",
        )
    if role not in BY_GRANT_ROLE:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"nobody can be given a role {role!r:.80}{nearest(role, set(BY_GRANT_ROLE))}",
        )
