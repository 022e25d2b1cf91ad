"""Certified land-use events: what lets a zone rise past the clip, and what it cost.

Site works, completion and change of use, one of each for a zone, certified by a vote of governance.
The part of a rise that only an event lets through is the certified room; the cost is taken off the
uplift as C (economy.md sections 1 and 2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import BPS, Hash
from ledger.rows import Amount, key, present, table
from ledger.state import State
from ledger.strict_json import nearest
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.zones import MAX_ZONE_ID_BYTES, find_zone, zone_value
from tokenomics.ports import RoleBook
from tokenomics.roles import AUTHORITY

STAGES: Final = ("site works", "completion", "change of use")
"""One event of each for a zone, so at most three; rows name a stage by its position here."""
MAX_STAGE_BYTES: Final = 32
LOWEST_FACTOR_BPS: Final = BPS + 1
HIGHEST_FACTOR_BPS: Final = 3 * BPS
ROUNDS_IN_FORCE: Final = 4
MAX_COST_KRW: Final = 10**18
"""Of one event: a million trillion won; what is dearer is a wrong unit."""


@dataclass(frozen=True, slots=True)
class LandEvent:
    """A certified event. accepted_krw_per_m2: the zone's accepted price when it was certified.

    limit_krw_per_m2: accepted * factor_bps // 10000, up to which the zone may rise from round
    from_round on, ROUNDS_IN_FORCE of them. cost_krw counts in C from from_round on, for good.
    """

    factor_bps: int
    cost_krw: Amount
    document_hash: Hash
    accepted_krw_per_m2: int
    limit_krw_per_m2: int
    from_round: int
    transaction: Hash

    @property
    def last_round(self) -> int:
        """The last round in which the zone may rise by it."""
        return self.from_round + ROUNDS_IN_FORCE - 1


LAND_EVENTS: Final = table("land", "event", LandEvent)
"""LandEvent by number of the zone and position of the stage in STAGES."""

CERTIFY_EVENT: Final = MessageType(
    "land.certify_event",
    "Certifies a land-use event of a zone, one for each stage; stands for a vote of governance.",
    (
        Field("zone", Kind.TEXT, "id of the zone", MAX_ZONE_ID_BYTES),
        Field("stage", Kind.TEXT, ", ".join(STAGES), MAX_STAGE_BYTES),
        Field(
            "factor_bps", Kind.UINT64, "how far the accepted price may rise, 10001..30000", 2**32
        ),
        Field("cost_krw", Kind.AMOUNT, "approved or planned development cost, KRW", MAX_COST_KRW),
        Field("document_hash", Kind.HASH, "SHA-256 of the approval"),
    ),
)


def events_of(state: State, zone_number: int) -> Iterator[tuple[str, LandEvent]]:
    """(stage, event) of a zone, in the order of STAGES."""
    for position, stage in enumerate(STAGES):
        row = state.get(LAND_EVENTS, key(zone_number, position))
        if row is not None:
            yield stage, row


def certified_limit(state: State, zone_number: int, round_number: int) -> int:
    """KRW/m2 up to which certified events let a zone rise in a round; the highest counts, 0 for
    none."""
    return max(
        (
            row.limit_krw_per_m2
            for _, row in events_of(state, zone_number)
            if row.from_round <= round_number <= row.last_round
        ),
        default=0,
    )


def costs_krw(state: State, round_number: int) -> int:
    """C: costs of the events that were certified for a round or an earlier one."""
    rows = state.iterate(LAND_EVENTS)
    return sum(row.cost_krw for _, row in rows if row.from_round <= round_number)


def event_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """The message that certifies; its sender stands for a vote of governance."""
    return {CERTIFY_EVENT: partial(_certify, roles)}


def _certify(
    roles: RoleBook,
    context: Context,
    zone: str,
    stage: str,
    factor_bps: int,
    cost_krw: int,
    document_hash: Hash,
) -> None:
    state = context.state
    if not roles.holds(state, AUTHORITY, context.require_sender()):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, "land-use events are certified by governance alone"
        )
    found = find_zone(state, zone)
    if found is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no zone {zone!r}")
    if stage not in STAGES:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"there is no stage {stage!r}{nearest(stage, set(STAGES))}"
        )
    if not LOWEST_FACTOR_BPS <= factor_bps <= HIGHEST_FACTOR_BPS:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"factor_bps: expected {LOWEST_FACTOR_BPS}..{HIGHEST_FACTOR_BPS}, {BPS} being no rise, "
            f"found {factor_bps}",
        )
    row_key = key(found[0], STAGES.index(stage))
    earlier = state.get(LAND_EVENTS, row_key)
    if earlier is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{stage} of zone {zone} was certified from round {earlier.from_round} on already; "
            "each stage counts once",
        )
    accepted = zone_value(state, found[0]).accepted_krw_per_m2
    event = LandEvent(
        factor_bps=factor_bps,
        cost_krw=cost_krw,
        document_hash=document_hash,
        accepted_krw_per_m2=accepted,
        limit_krw_per_m2=accepted * factor_bps // BPS,
        from_round=schedule(state).newest,
        transaction=present(context.transaction_hash, "the hash of a certifying transaction"),
    )
    state.put(LAND_EVENTS, row_key, event)
    context.emit(
        "land.event_certified",
        zone=zone,
        stage=stage,
        factor_bps=factor_bps,
        cost_krw=cost_krw,
        document_hash=document_hash,
        accepted_krw_per_m2=accepted,
        limit_krw_per_m2=event.limit_krw_per_m2,
        from_round=event.from_round,
        last_round=event.last_round,
    )
