"""Challenges of a proposed value by a member of a chamber or a petition of its persons.

One challenge a zone and round, while the value stands for it. Whoever loses two is barred for a
calendar year, and then starts anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.oracle.appraisals import appraisal_for_message
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.rounds import calendar_now
from tokenomics.oracle.zones import MAX_ZONE_ID_BYTES
from tokenomics.params import DAY_MS, YEAR_MS
from tokenomics.ports import RoleBook
from tokenomics.roles import CHAMBERS, petitioner

GROUNDS: Final = ("comparables", "parcel_data", "method", "clerical_error", "conflict_of_interest")
"""Why a value may be challenged: wrong comparable sales, wrong areas or uses of parcels, a method
that does not fit, an error of writing or computing, an appraiser with an interest of his own."""
MAX_CODE_BYTES: Final = 32
LOST_BEFORE_BAR: Final = 2

CHALLENGE: Final = MessageType(
    "land.challenge",
    "Challenges the value of a zone that stands for it; three blind appraisers then decide.",
    (
        Field("zone", Kind.TEXT, "id of the zone", MAX_ZONE_ID_BYTES),
        Field("round", Kind.UINT64, "number of the town round"),
        Field("chamber", Kind.TEXT, "the chamber that the sender acts for", MAX_CODE_BYTES),
        Field("ground", Kind.TEXT, "one of " + ", ".join(GROUNDS), MAX_CODE_BYTES),
        Field("evidence_hash", Kind.HASH, "SHA-256 of the evidence"),
    ),
)


class Verdict(IntEnum):
    """What became of a challenge. The numbers are in stored rows."""

    OPEN = 1
    WON = 2
    LOST = 3
    UNDECIDED = 4


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge on the record."""

    challenger: Address
    chamber: str
    ground: str
    evidence_hash: Hash
    transaction: Hash
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Challenger:
    """lost: challenges since the last bar. barred_until_calendar_ms: 0 for never."""

    lost: int
    barred_until_calendar_ms: int


CHALLENGES: Final = table("land", "challenge", Challenge)
"""Challenge by round and number of the zone."""
CHALLENGERS: Final = table("land", "challenger", Challenger)
"""Challenger by address; only who has lost a challenge."""


def challenge_of(state: State, round_number: int, zone_number: int) -> Challenge | None:
    """The challenge of a zone's value in a round."""
    return state.get(CHALLENGES, key(round_number, zone_number))


def settle_challenge(
    context: Context, round_number: int, zone_number: int, verdict: Verdict
) -> None:
    """Write down how the challenge of a zone's value ended."""
    state = context.state
    row = present(challenge_of(state, round_number, zone_number), "the challenge of a dispute")
    state.put(CHALLENGES, key(round_number, zone_number), replace(row, verdict=verdict))
    if verdict is not Verdict.LOST:
        return
    record = state.get(CHALLENGERS, row.challenger) or Challenger(0, 0)
    lost = record.lost + 1
    if lost < LOST_BEFORE_BAR:
        state.put(CHALLENGERS, row.challenger, replace(record, lost=lost))
        return
    until_ms = calendar_now(state, context.block.time_ms) + YEAR_MS
    state.put(CHALLENGERS, row.challenger, Challenger(0, until_ms))
    context.emit(
        "land.challenger_barred", challenger=row.challenger, until_calendar_ms=until_ms, lost=lost
    )


def challenge_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """Who sends a challenge holds the chamber's role."""
    return {CHALLENGE: partial(_challenge, roles)}


def _challenge(
    roles: RoleBook,
    context: Context,
    zone: str,
    round_number: int,
    chamber: str,
    ground: str,
    evidence_hash: Hash,
) -> None:
    state, sender = context.state, context.require_sender()
    for name, found, known in (("chamber", chamber, CHAMBERS), ("ground", ground, GROUNDS)):
        if found not in known:
            raise TransactionError(
                ErrorCode.INVALID_MESSAGE,
                f"{name}: expected one of {', '.join(known)}, found {found!r}",
            )
    if sender != petitioner(chamber) and not roles.holds(state, chamber, sender):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"{checksum_address(sender)} does not act for {chamber}"
        )
    number, _, _, appraisal = appraisal_for_message(state, zone, round_number, (Phase.CHALLENGE,))
    record = state.get(CHALLENGERS, sender)
    now_ms = calendar_now(state, context.block.time_ms)
    if record is not None and now_ms < record.barred_until_calendar_ms:
        left_days = -(-(record.barred_until_calendar_ms - now_ms) // DAY_MS)
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} lost {LOST_BEFORE_BAR} challenges and is barred for "
            f"{left_days} more days of the calendar",
        )
    if challenge_of(state, round_number, number) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"the value of zone {zone} in round {round_number} is challenged already",
        )
    transaction = present(context.transaction_hash, "the hash of a challenge's transaction")
    row = Challenge(sender, chamber, ground, evidence_hash, transaction, Verdict.OPEN)
    state.put(CHALLENGES, key(round_number, number), row)
    context.emit(
        "land.challenged",
        zone=zone,
        round=round_number,
        challenger=sender,
        chamber=chamber,
        ground=ground,
        evidence_hash=evidence_hash,
        median_krw_per_m2=appraisal.median_krw_per_m2,
    )
