"""Who holds which role: named in genesis, granted by the authority, until chambers vote.

Other rooms ask for roles by name through Protocols of their own; which names there are is handed in
by the composition, so that a mistyped one is refused instead of kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from governance.authority import GENESIS, authority, require_authority
from ledger import codec
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import MAX_UINT64, Address
from ledger.state import State, Table
from ledger.strict_json import nearest

MAX_ROLE_BYTES: Final = 32
MAX_HOLDERS: Final = 256
"""Of one role."""
MAX_KIND_BYTES: Final = 32
MAX_KINDS: Final = 32
"""For which one certifier has limits."""


@dataclass(frozen=True, slots=True)
class RoleNames:
    """Roles of a chain. authority: the one that the account of governance/authority.py holds, and
    that nobody grants. certifier: the role whose holders have limits. others: the rest.

    kinds: what certifiers may have limits for; empty when any name will do.
    """

    authority: str
    certifier: str
    others: tuple[str, ...]
    kinds: tuple[str, ...] = ()

    @property
    def grantable(self) -> set[str]:
        """Every role but the authority's."""
        return {self.certifier, *self.others}


@dataclass(frozen=True, slots=True)
class Limits:
    """Points that a certifier may certify in one round, by kind; kinds ascending."""

    points: tuple[tuple[str, int], ...]


def _encode_limits(value: Limits) -> bytes:
    return codec.encode(value.points)


def _decode_limits(raw: bytes) -> Limits:
    return Limits(
        tuple(
            (codec.as_text(kind, "kind", MAX_KIND_BYTES), codec.as_uint(points, "points"))
            for kind, points in (
                codec.as_array(item, "limit", 2)
                for item in codec.as_list(codec.decode(raw), "limits", MAX_KINDS)
            )
        )
    )


def _decode_since(raw: bytes) -> int:
    return codec.as_uint(codec.decode(raw), "since_ms")


HOLDERS: Final[Table[int]] = Table("governance", "role", codec.encode, _decode_since)
"""Block time at which a role was granted, by role, "/" and account."""
LIMITS: Final[Table[Limits]] = Table("governance", "certifier", _encode_limits, _decode_limits)
"""Limits by the certifier's account."""

_ROLE: Final = Field("role", Kind.TEXT, "name of the role", MAX_ROLE_BYTES)
_ACCOUNT: Final = Field("account", Kind.ADDRESS, "who holds it")

GRANT_ROLE: Final = MessageType(
    "governance.grant_role", "Gives an account a role.", (_ROLE, _ACCOUNT)
)
REVOKE_ROLE: Final = MessageType(
    "governance.revoke_role",
    "Takes a role from an account; a certifier's limits end with it.",
    (_ROLE, _ACCOUNT),
)
LIMIT_CERTIFIER: Final = MessageType(
    "governance.limit_certifier",
    "Sets how many points of a kind a certifier may certify in one round; 0 for none.",
    (
        Field("account", Kind.ADDRESS, "the certifier"),
        Field("kind", Kind.TEXT, "kind of contribution", MAX_KIND_BYTES),
        Field("points", Kind.UINT64, "at most in one round"),
    ),
)


def _prefix(role: str) -> bytes:
    return role.encode() + b"/"


class RoleBook:
    """Who holds the roles `names`. Keeps nothing itself: every answer is read from the state."""

    def __init__(self, names: RoleNames) -> None:
        self.names: Final = names

    def holds(self, state: State, role: str, account: Address) -> bool:
        """True when `account` holds the role now."""
        if role == self.names.authority:
            return authority(state) == account
        return state.get(HOLDERS, _prefix(role) + account) is not None

    def holders(self, state: State, role: str) -> Sequence[Address]:
        """Everybody for whom holds() is true, ascending; at most MAX_HOLDERS."""
        if role == self.names.authority:
            decides = authority(state)
            return () if decides is None else (decides,)
        prefix = _prefix(role)
        return tuple(
            Address(row_key[len(prefix) :]) for row_key, _ in state.iterate(HOLDERS, prefix)
        )

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        """Points of a kind that a certifier may certify in one round; 0 for none."""
        return dict(_points(state, account)).get(kind, 0)

    def certifier_limits(self, state: State, account: Address) -> Sequence[tuple[str, int]]:
        """(kind, points) for which a certifier has a limit, by kind."""
        return _points(state, account)

    @property
    def handlers(self) -> Mapping[MessageType, Handler]:
        """The decisions on roles; the authority sends them."""
        return {
            GRANT_ROLE: partial(_grant, self.names),
            REVOKE_ROLE: partial(_revoke, self.names),
            LIMIT_CERTIFIER: partial(_limit, self),
        }

    def write_genesis(self, context: Context, roles: object, certifiers: object) -> None:
        """Write `governance.roles`, {role: [0x...]}, and `governance.certifiers`, a list of objects
        of account, kind and points_a_round. LocalError names a wrong field."""
        state = context.state
        for role, account in self._holders_of_genesis(roles):
            state.put(HOLDERS, _prefix(role) + account, context.block.time_ms)
        limits: dict[Address, dict[str, int]] = {}
        for index, item in enumerate(GENESIS.items(certifiers, "governance.certifiers")):
            self._take_limit(state, item, f"governance.certifiers[{index}]", limits)
        for account, points in limits.items():
            state.put(LIMITS, account, Limits(tuple(sorted(points.items()))))

    def _holders_of_genesis(self, roles: object) -> Iterator[tuple[str, Address]]:
        known = tuple(sorted(self.names.grantable))
        for role, accounts in GENESIS.fields(roles, "governance.roles", optional=known).items():
            place = f"governance.roles.{role}"
            items = GENESIS.items(accounts, place)
            found = [GENESIS.address(item, f"{place}[{i}]") for i, item in enumerate(items)]
            if len(found) > MAX_HOLDERS:
                raise GENESIS.error(place, f"at most {MAX_HOLDERS} accounts", len(found))
            if len(set(found)) != len(found):
                raise GENESIS.error(place, "distinct accounts", items)
            yield from ((role, account) for account in found)

    def _take_limit(
        self, state: State, item: object, place: str, limits: dict[Address, dict[str, int]]
    ) -> None:
        """Add one object of `governance.certifiers` to the limits by account and kind."""
        fields = GENESIS.fields(item, place, ("account", "kind", "points_a_round"))
        account = GENESIS.address(fields["account"], f"{place}.account")
        kind = GENESIS.text(fields["kind"], f"{place}.kind", MAX_KIND_BYTES)
        points = GENESIS.integer(fields["points_a_round"], f"{place}.points_a_round", 1, MAX_UINT64)
        if not self.holds(state, self.names.certifier, account):
            expected = f"an account listed in governance.roles.{self.names.certifier}"
            raise GENESIS.error(f"{place}.account", expected, fields["account"])
        if self.names.kinds and kind not in self.names.kinds:
            raise GENESIS.error(f"{place}.kind", f"one of {list(self.names.kinds)}", kind)
        known = limits.setdefault(account, {})
        if kind in known:
            raise GENESIS.error(f"{place}.kind", "a kind once for each certifier", kind)
        if len(known) >= MAX_KINDS:
            raise GENESIS.error(place, f"at most {MAX_KINDS} kinds for each certifier", kind)
        known[kind] = points


def _points(state: State, account: Address) -> tuple[tuple[str, int], ...]:
    row = state.get(LIMITS, account)
    return () if row is None else row.points


def _require_grantable(names: RoleNames, role: str) -> None:
    if role == names.authority:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"role {role} is that of the account that genesis names, and cannot be given or taken",
        )
    if role not in names.grantable:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"there is no role {role!r}{nearest(role, names.grantable)}"
        )


def _grant(names: RoleNames, context: Context, role: str, account: Address) -> None:
    require_authority(context)
    _require_grantable(names, role)
    state, who = context.state, checksum_address(account)
    if state.get(HOLDERS, _prefix(role) + account) is not None:
        raise TransactionError(ErrorCode.CONFLICT, f"{who} holds the role {role} already")
    count = sum(1 for _ in state.iterate(HOLDERS, _prefix(role)))
    if count >= MAX_HOLDERS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{count} accounts hold the role {role}, at most {MAX_HOLDERS}: revoke one first",
        )
    state.put(HOLDERS, _prefix(role) + account, context.block.time_ms)
    context.emit("governance.role_granted", role=role, account=account, holders=count + 1)


def _revoke(names: RoleNames, context: Context, role: str, account: Address) -> None:
    require_authority(context)
    _require_grantable(names, role)
    state = context.state
    if state.get(HOLDERS, _prefix(role) + account) is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"{checksum_address(account)} does not hold the role {role}"
        )
    state.delete(HOLDERS, _prefix(role) + account)
    if role == names.certifier:
        state.delete(LIMITS, account)
    context.emit("governance.role_revoked", role=role, account=account)


def _limit(book: RoleBook, context: Context, account: Address, kind: str, points: int) -> None:
    require_authority(context)
    state, names = context.state, book.names
    if not book.holds(state, names.certifier, account):
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{checksum_address(account)} does not hold the role {names.certifier}: grant it first",
        )
    if not kind or (names.kinds and kind not in names.kinds):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"there is no kind {kind!r}{nearest(kind, set(names.kinds)) if names.kinds else ''}",
        )
    before = dict(_points(state, account))
    after = {known: limit for known, limit in before.items() if known != kind}
    if points:
        after[kind] = points
    if len(after) > MAX_KINDS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{checksum_address(account)} has limits for {MAX_KINDS} kinds, the most there may be: "
            "set one of them to 0 first",
        )
    if after:
        state.put(LIMITS, account, Limits(tuple(sorted(after.items()))))
    else:
        state.delete(LIMITS, account)
    context.emit(
        "governance.certifier_limited",
        account=account,
        kind=kind,
        points_before=before.get(kind, 0),
        points=points,
    )
