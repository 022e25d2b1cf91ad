"""Who sits in which chamber, now and at every past moment; an Electorate for those who count votes.

A member is an organisation or the holder of a credential, under an identity that outlives its
account. Each membership keeps the snapshot numbers at which it began and ended, so that an
electorate is frozen by remembering one number. Every question and change costs a few rows.
"""

from dataclasses import dataclass, replace
from typing import Final

from governance.admissible import STAKEHOLDERS
from governance.chambers import CHAMBERS, ChamberKind
from governance.departures import membership_ended
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError, ensure
from ledger.primitives import Address
from ledger.rows import key, present, table
from ledger.state import State

MAX_SEATS: Final = 64
"""Organisations seated in one institutional chamber."""
MAX_MEMBERSHIPS: Final = 64
"""Of one member, one after the other: the longest history that a question has to go through."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Of one chamber. members: how many sit there now. organisations: their identities ascending,
    at most MAX_SEATS; empty in a persons' chamber, where nobody lists the members."""

    members: int
    organisations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """account: who votes for the member now. memberships: how many it has had."""

    account: Address
    memberships: int


@dataclass(frozen=True, slots=True)
class Membership:
    """In `chamber` for the snapshots began <= number < ended; ended is None while it lasts."""

    chamber: str
    began: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class Binding:
    """The member that an account belongs to, belonged to, or is meant for."""

    member: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """number: how many times a membership has begun or ended."""

    number: int


SEATS: Final = table(STAKEHOLDERS, "seats", Seats)
"""By the chamber's name."""
MEMBERS: Final = table(STAKEHOLDERS, "member", Member)
"""By member id."""
MEMBERSHIPS: Final = table(STAKEHOLDERS, "membership", Membership)
"""By member id and position from 0, in the order of time."""
BINDINGS: Final = table(STAKEHOLDERS, "account", Binding)
"""By account; kept after a re-binding, so that an account never serves two members."""
SNAPSHOT: Final = table(STAKEHOLDERS, "snapshot", Snapshot)
"""One row at the empty key."""

_NO_SEATS: Final = Seats(0, ())
_ONE: Final = b""


def seats(state: State, chamber: str) -> Seats:
    """Who sits in a chamber now."""
    return state.get(SEATS, chamber.encode()) or _NO_SEATS


def seated(state: State, chamber: str) -> int:
    """Members of a chamber now: organisations, or persons with a credential in force."""
    return seats(state, chamber).members


def is_vacant(state: State, chamber: str) -> bool:
    """True while a chamber has too few members for its weight to count."""
    return seated(state, chamber) < CHAMBERS[chamber].min_members


def snapshot(state: State) -> int:
    """Running number of the electorate: goes up with each membership that begins or ends."""
    row = state.get(SNAPSHOT, _ONE)
    return 0 if row is None else row.number


def member_of(state: State, member: bytes) -> Member | None:
    """The member with this identity."""
    return state.get(MEMBERS, member)


def member_id(state: State, account: Address) -> bytes | None:
    """Identity of the member that `account` votes for: an organisation's id in UTF-8, or the
    number of a credential (8 bytes). It stays when the member gets another account, and when its
    membership ends. None for an account that is bound to nobody, or no longer."""
    binding = state.get(BINDINGS, account)
    if binding is None:
        return None
    row = present(member_of(state, binding.member), f"member {binding.member!r}")
    return binding.member if row.account == account else None


def membership(state: State, member: bytes, position: int) -> Membership:
    """One membership of a member, counted from 0."""
    row = state.get(MEMBERSHIPS, member + key(position))
    return present(row, f"membership {position} of {member!r}")


def history(state: State, member: bytes) -> tuple[Membership, ...]:
    """Every membership of a member, at most MAX_MEMBERSHIPS, in the order of time."""
    row = member_of(state, member)
    count = 0 if row is None else row.memberships
    return tuple(membership(state, member, position) for position in range(count))


def current(state: State, member: bytes) -> Membership | None:
    """The membership that a member has now."""
    row = member_of(state, member)
    if row is None or row.memberships == 0:
        return None
    last = membership(state, member, row.memberships - 1)
    return last if last.ended is None else None


def chamber_of(state: State, account: Address) -> str | None:
    """Where the account votes now, or None."""
    member = member_id(state, account)
    found = None if member is None else current(state, member)
    return None if found is None else found.chamber


def was_member(state: State, account: Address, chamber: str, at: int) -> bool:
    """Whether `account` votes for somebody who sat in `chamber` at snapshot number `at`.

    Also after that membership ended: an electorate is frozen. An account whose member is bound to
    another one has no vote, and the other one has it.
    """
    member = member_id(state, account)
    if member is None:
        return False
    row = present(member_of(state, member), f"member {member!r}")
    for position in reversed(range(row.memberships)):
        found = membership(state, member, position)
        if found.began <= at:
            return found.chamber == chamber and (found.ended is None or at < found.ended)
    return False


def require_free(state: State, account: Address) -> None:
    """TransactionError CONFLICT for an account that belongs, or belonged, to some member."""
    if state.get(BINDINGS, account) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{checksum_address(account)} belongs to another member, or did, or is meant for one: "
            "one account serves one member for ever, take a new one",
        )


def create(state: State, member: bytes, account: Address) -> None:
    """A new member without a membership; the account must be free."""
    require_free(state, account)
    ensure(member_of(state, member) is None, f"member {member!r} is there already")
    state.put(MEMBERS, member, Member(account, 0))
    state.put(BINDINGS, account, Binding(member))


def begin(state: State, member: bytes, chamber: str) -> None:
    """The member sits in `chamber` from the next snapshot number on.

    TransactionError LIMIT_EXCEEDED when no seat is free or the member's history is full.
    """
    row = present(member_of(state, member), f"member {member!r}")
    ensure(current(state, member) is None, f"member {member!r} sits in a chamber already")
    if row.memberships >= MAX_MEMBERSHIPS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"this member has sat {row.memberships} times in a chamber, the most there may be: "
            "register it anew under another id and account",
        )
    now = seats(state, chamber)
    organisations = now.organisations
    if CHAMBERS[chamber].kind is ChamberKind.INSTITUTIONAL:
        if len(organisations) >= MAX_SEATS:
            raise TransactionError(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(organisations)} organisations sit in {chamber}, at most {MAX_SEATS}: "
                "remove one first",
            )
        organisations = tuple(sorted((*organisations, member.decode())))
    number = _next_snapshot(state)
    state.put(SEATS, chamber.encode(), Seats(now.members + 1, organisations))
    state.put(MEMBERSHIPS, member + key(row.memberships), Membership(chamber, number, None))
    state.put(MEMBERS, member, replace(row, memberships=row.memberships + 1))


def end(state: State, member: bytes) -> None:
    """The member's membership ends with the next snapshot number, and with it what the member
    delegated or named in votes that start later."""
    row = present(member_of(state, member), f"member {member!r}")
    last = present(current(state, member), f"a membership of {member!r}")
    now = seats(state, last.chamber)
    # A credential's number is no text; it is in no list either.
    left = tuple(name for name in now.organisations if name.encode() != member)
    membership_ended(state, member)
    number = _next_snapshot(state)
    state.put(SEATS, last.chamber.encode(), Seats(now.members - 1, left))
    state.put(MEMBERSHIPS, member + key(row.memberships - 1), replace(last, ended=number))


def reserve(state: State, member: bytes, account: Address) -> None:
    """Keep a free account for a member that is to move there."""
    require_free(state, account)
    state.put(BINDINGS, account, Binding(member))


def release(state: State, account: Address) -> None:
    """Set a reserved account free."""
    state.delete(BINDINGS, account)


def move(state: State, member: bytes, account: Address) -> None:
    """The member votes with the account reserved for it from now on; the old one has no vote."""
    binding = present(state.get(BINDINGS, account), f"the account reserved for {member!r}")
    ensure(binding.member == member, f"account 0x{account.hex()} is reserved for another member")
    row = present(member_of(state, member), f"member {member!r}")
    state.put(MEMBERS, member, replace(row, account=account))


def _next_snapshot(state: State) -> int:
    number = snapshot(state) + 1
    state.put(SNAPSHOT, _ONE, Snapshot(number))
    return number
