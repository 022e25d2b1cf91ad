"""The emergency council: each seated chamber names one seat.

A seat is held by the account that more than half of an institutional chamber's members name, or
that most persons of a persons' chamber name, at least as many as the quorum of class B. Naming
stands until it is changed, so nobody has to call an election; counts are kept as names come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from governance.chambers import ALL_CHAMBERS, CHAMBERS, ChamberKind
from governance.proposals.classes import ProposalClass, governance_parameters
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import CHAMBER_INDEX, MODULE
from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError, ensure
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import BPS, ZERO_ADDRESS, Address
from ledger.rows import table
from ledger.state import State

NAME_SEAT: Final = MessageType(
    "proposals.name_seat",
    "Names who should hold one's chamber's seat in the emergency council.",
    (Field("account", Kind.ADDRESS, "the account; the zero address names nobody"),),
)


@dataclass(frozen=True, slots=True)
class Naming:
    """Whom a member names; the zero address for nobody. chamber: position in ALL_CHAMBERS."""

    chamber: int
    account: Address


@dataclass(frozen=True, slots=True)
class Support:
    """Members of a chamber that name an account."""

    members: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Who took a chamber's seat last; in force while enough members name them."""

    account: Address
    since_ms: int


NAMINGS: Final = table(MODULE, "naming", Naming)
"""By member identity."""
SUPPORTS: Final = table(MODULE, "support", Support)
"""By position of the chamber and account."""
SEATS: Final = table(MODULE, "seat", Seat)
"""By position of the chamber."""


def council_handlers(mandate: Mandate) -> Mapping[MessageType, Handler]:
    """The message of this file."""
    return {NAME_SEAT: partial(_name_seat, mandate)}


def support(state: State, chamber: int, account: Address) -> int:
    """Members of a chamber that name an account."""
    row = state.get(SUPPORTS, bytes((chamber,)) + account)
    return 0 if row is None else row.members


def _is_enough(mandate: Mandate, state: State, chamber: int, members: int) -> bool:
    """Whether so many names give a chamber's seat, if nobody has more."""
    row = ALL_CHAMBERS[chamber]
    seated = mandate.electorate.seated(state, row.name)
    if seated < row.min_members:
        return False
    if row.kind is ChamberKind.INSTITUTIONAL:
        return 2 * members > seated
    quorum_bps = governance_parameters(state).persons_quorum_bps[ProposalClass.B - 1]
    return members * BPS >= seated * quorum_bps


def holder(mandate: Mandate, state: State, chamber: int) -> Address | None:
    """Who holds a chamber's seat now; None while the chamber is vacant or has named nobody."""
    row = state.get(SEATS, bytes((chamber,)))
    if row is None:
        return None
    members = support(state, chamber, row.account)
    return row.account if _is_enough(mandate, state, chamber, members) else None


def holders(mandate: Mandate, state: State) -> dict[int, Address | None]:
    """The council: holder, or None for an empty seat, by position of each seated chamber."""
    return {
        index: holder(mandate, state, index)
        for index, chamber in enumerate(ALL_CHAMBERS)
        if mandate.electorate.seated(state, chamber.name) >= chamber.min_members
    }


def seat_of(mandate: Mandate, state: State, account: Address) -> int:
    """The seat that an account holds; TransactionError when it holds none."""
    for chamber, held_by in holders(mandate, state).items():
        if held_by == account:
            return chamber
    raise TransactionError(
        ErrorCode.UNAUTHORISED,
        f"{checksum_address(account)} holds no seat in the emergency council",
    )


def _change_support(state: State, naming: Naming, change: int) -> None:
    if naming.account != ZERO_ADDRESS:
        members = support(state, naming.chamber, naming.account) + change
        ensure(members >= 0, f"{members} members of chamber {naming.chamber} name an account")
        state.put(SUPPORTS, bytes((naming.chamber,)) + naming.account, Support(members))


def drop_naming(state: State, member: bytes) -> None:
    """A member has left: whom they named has one name less."""
    row = state.get(NAMINGS, member)
    if row is not None:
        _change_support(state, row, -1)
        state.put(NAMINGS, member, Naming(row.chamber, ZERO_ADDRESS))


def _name_seat(mandate: Mandate, context: Context, account: Address) -> None:
    state, sender = context.state, context.require_sender()
    name = mandate.electorate.chamber_of(state, sender)
    member = mandate.electorate.member_id(state, sender)
    if name not in CHAMBERS or member is None:
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} is no member of a chamber and names no seat",
        )
    chamber = CHAMBER_INDEX[name]
    taken = [index for index, held in holders(mandate, state).items() if held == account]
    if any(index != chamber for index in taken):
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{checksum_address(account)} holds the seat of {ALL_CHAMBERS[taken[0]].name}: each "
            "seat needs a person of its own",
        )
    before, after = state.get(NAMINGS, member), Naming(chamber, account)
    if before == after:
        raise TransactionError(
            ErrorCode.CONFLICT, f"this member already names {checksum_address(account)}"
        )
    if before is not None:
        _change_support(state, before, -1)
    _change_support(state, after, 1)
    state.put(NAMINGS, member, after)
    context.emit("proposals.seat_named", chamber=name, by=sender, account=account)
    if account != ZERO_ADDRESS:
        _take_seat(mandate, context, chamber, account)


def _take_seat(mandate: Mandate, context: Context, chamber: int, account: Address) -> None:
    """Give the seat to an account that has enough names, and more than who holds it now."""
    state = context.state
    members = support(state, chamber, account)
    now = holder(mandate, state, chamber)
    if now == account or not _is_enough(mandate, state, chamber, members):
        return
    if now is not None and members <= support(state, chamber, now):
        return
    state.put(SEATS, bytes((chamber,)), Seat(account, context.block.time_ms))
    context.emit(
        "proposals.seat_taken",
        chamber=ALL_CHAMBERS[chamber].name,
        account=account,
        members=members,
    )
