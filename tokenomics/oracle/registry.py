"""The registry of appraisers: who may be seated on a panel, by whom nominated, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import MAX_UINT64, ZERO_HASH, Address, Hash
from ledger.rows import table
from ledger.state import State
from tokenomics.params import GENESIS, MAX_APPRAISERS
from tokenomics.ports import RoleBook
from tokenomics.roles import AUTHORITY, CHAMBER_LAND, CHAMBER_LANDOWNERS, CHAMBER_PUBLIC

NOMINATORS: Final = (CHAMBER_LAND, CHAMBER_PUBLIC, CHAMBER_LANDOWNERS)
"""Chambers with a seat of their own on each panel, in the order of seats."""
OUTLIER_ROUNDS: Final = 4
MAX_OUTLIERS: Final = 1
"""An appraiser who is an outlier in more of the last OUTLIER_ROUNDS rounds is suspended."""


@dataclass(frozen=True, slots=True)
class Appraiser:
    """nominator: one of NOMINATORS. valid_until_ms: block time at which the licence expires.

    outliers: rounds in which a report lay far outside the others, of the last OUTLIER_ROUNDS.
    """

    nominator: str
    licence_hash: Hash
    valid_until_ms: int
    suspended: bool
    outliers: tuple[int, ...]


APPRAISERS: Final = table("land", "registered", Appraiser)
"""Appraiser by address."""

REGISTER: Final = MessageType(
    "land.register_appraiser",
    "Registers an appraiser, or renews a licence; a suspension ends with it.",
    (
        Field("account", Kind.ADDRESS, "the appraiser's account"),
        Field("nominator", Kind.TEXT, "the chamber that nominates: " + ", ".join(NOMINATORS), 32),
        Field("licence_hash", Kind.HASH, "SHA-256 of the licence document"),
        Field("valid_until_ms", Kind.UINT64, "when the licence expires, ms since 1970"),
    ),
)
REMOVE: Final = MessageType(
    "land.remove_appraiser",
    "Takes an appraiser off the registry; seats of theirs are drawn anew from the next round on.",
    (
        Field("account", Kind.ADDRESS, "the appraiser's account"),
        Field("reason", Kind.TEXT, "why, for the record", 256),
    ),
)


def find(state: State, account: Address) -> Appraiser | None:
    """The registered appraiser with this account, or None."""
    return state.get(APPRAISERS, account)


def registered(state: State) -> dict[Address, Appraiser]:
    """Everybody on the registry by account, ascending; at most MAX_APPRAISERS."""
    return {Address(account): row for account, row in state.iterate(APPRAISERS)}


def is_eligible(row: Appraiser | None, time_ms: int) -> bool:
    """Whether somebody with this row may be seated or drawn at a block time."""
    return row is not None and not row.suspended and time_ms <= row.valid_until_ms


def why_not(row: Appraiser | None, time_ms: int) -> str:
    """For a refusal: what keeps somebody who is not eligible from appraising."""
    if row is None:
        return "is not on the registry of appraisers"
    if row.suspended:
        return f"is suspended for outliers in rounds {list(row.outliers)}"
    return f"holds a licence that expired at {row.valid_until_ms}, the block's time is {time_ms}"


def note_outlier(context: Context, account: Address, round_number: int) -> None:
    """Remember a report far outside the others; two in four rounds suspend the appraiser."""
    row = find(context.state, account)
    if row is None:
        return  # removed since the report
    recent = {number for number in row.outliers if number > round_number - OUTLIER_ROUNDS}
    outliers = tuple(sorted(recent | {round_number}))
    suspended = row.suspended or len(outliers) > MAX_OUTLIERS
    context.state.put(APPRAISERS, account, replace(row, suspended=suspended, outliers=outliers))
    context.emit("land.outlier", appraiser=account, round=round_number, recent=len(outliers))
    if suspended and not row.suspended:
        context.emit("land.appraiser_suspended", appraiser=account, round=round_number)


def write_registry(state: State, given: object, min_reports: int) -> None:
    """Write the appraisers of genesis: objects of account, nominator and, when it is limited,
    valid_until_ms. LocalError that names the wrong field."""
    items = GENESIS.items(given, "land.appraisers")
    if not min_reports <= len(items) <= MAX_APPRAISERS:
        expected = f"{min_reports} to {MAX_APPRAISERS} appraisers"
        raise GENESIS.error("land.appraisers", expected, len(items))
    for index, item in enumerate(items):
        place = f"land.appraisers[{index}]"
        fields = GENESIS.fields(item, place, ("account", "nominator"), ("valid_until_ms",))
        account = GENESIS.address(fields["account"], f"{place}.account")
        if find(state, account) is not None:
            raise GENESIS.error(f"{place}.account", "an account once", fields["account"])
        if fields["nominator"] not in NOMINATORS:
            raise GENESIS.error(f"{place}.nominator", f"one of {NOMINATORS}", fields["nominator"])
        until_ms = GENESIS.integer(
            fields.get("valid_until_ms", MAX_UINT64), f"{place}.valid_until_ms", 1, MAX_UINT64
        )
        row = Appraiser(fields["nominator"], ZERO_HASH, until_ms, suspended=False, outliers=())
        state.put(APPRAISERS, account, row)


def registry_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """The messages that keep the registry; their sender stands for a vote of governance."""
    return {REGISTER: partial(_register, roles), REMOVE: partial(_remove, roles)}


def _require_authority(roles: RoleBook, context: Context) -> None:
    if not roles.holds(context.state, AUTHORITY, context.require_sender()):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, "the registry of appraisers changes by governance alone"
        )


def _register(
    roles: RoleBook,
    context: Context,
    account: Address,
    nominator: str,
    licence_hash: Hash,
    valid_until_ms: int,
) -> None:
    _require_authority(roles, context)
    state, time_ms = context.state, context.block.time_ms
    if nominator not in NOMINATORS:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"nominator: expected one of {', '.join(NOMINATORS)}, found {nominator!r}",
        )
    if valid_until_ms <= time_ms:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"valid_until_ms: {valid_until_ms} is not after the block's time {time_ms}",
        )
    known = registered(state)
    if account not in known and len(known) >= MAX_APPRAISERS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(known)} appraisers are registered, at most {MAX_APPRAISERS}: remove one",
        )
    state.put(APPRAISERS, account, Appraiser(nominator, licence_hash, valid_until_ms, False, ()))
    context.emit(
        "land.appraiser_registered",
        appraiser=account,
        nominator=nominator,
        licence_hash=licence_hash,
        valid_until_ms=valid_until_ms,
    )


def _remove(roles: RoleBook, context: Context, account: Address, reason: str) -> None:
    _require_authority(roles, context)
    if find(context.state, account) is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"{checksum_address(account)} is not on the registry"
        )
    context.state.delete(APPRAISERS, account)
    context.emit("land.appraiser_removed", appraiser=account, reason=reason)
