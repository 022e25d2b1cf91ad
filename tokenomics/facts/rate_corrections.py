"""A vote corrects an official rate: what two reporters agreed on falsely, or the gazette amended.

The index of the region is computed anew from that month on, so that every round that closes later
has the right N and rolls by the right rates. Closed rounds stay as they were: each correction keeps
the indices that it replaced, so that their derivations can be read as they were made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Hash
from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.facts import months
from tokenomics.facts.rates import (
    MAX_REGION_BYTES,
    OFFICIAL_RATES,
    REGION_INDICES,
    OfficialRate,
    RegionIndex,
    advanced,
    index_at,
    month_of_region,
    months_in_order,
    region_number,
    require_step,
)
from tokenomics.ports import RoleBook
from tokenomics.roles import AUTHORITY

MAX_CORRECTED_MONTHS: Final = 240
"""From the corrected month to the newest in order: bounds what one message computes anew."""
MAX_CORRECTIONS: Final = 1_000
"""On a chain; bounds what reading a closed round costs."""

CORRECT_RATE: Final = MessageType(
    "land.correct_rate",
    "Corrects an official rate, and the index from its month on; it stands for a vote of "
    "governance.",
    (
        Field("region", Kind.TEXT, "the region; 00 is the nation", MAX_REGION_BYTES),
        Field("month", Kind.UINT64, "yyyymm", months.HIGHEST_MONTH),
        Field("index_step", Kind.UINT64, "the right one: 100000 + the rate in 0.001 %"),
        Field("gazette_hash", Kind.HASH, "SHA-256 of the gazette that carries the right rate"),
    ),
)


@dataclass(frozen=True, slots=True)
class RateCorrection:
    """before, after: index steps. cause: hash of the transaction or of the proposal's content."""

    region: int
    month: int
    before: int
    after: int
    gazette_hash: Hash
    corrected_ms: int
    cause: Hash


@dataclass(frozen=True, slots=True)
class RateCorrections:
    """How many there were."""

    count: int


CORRECTIONS: Final = table("land", "rate_correction", RateCorrection)
"""By number from 1; the month counts from the chain's first."""
CORRECTION_COUNT: Final = table("land", "rate_corrections", RateCorrections)
"""One row, at the empty key."""
REPLACED_INDICES: Final = table("land", "replaced_index", RegionIndex)
"""What a correction replaced, by its number and month."""


def corrections(state: State) -> Iterator[tuple[int, RateCorrection]]:
    """(number, correction), the oldest first; at most MAX_CORRECTIONS."""
    for number in range(1, _count(state) + 1):
        yield number, present(state.get(CORRECTIONS, key(number)), f"rate correction {number}")


def corrections_of(state: State, region: str, month_number: int) -> list[RateCorrection]:
    """Corrections of a region's month, the oldest first."""
    found = region_number(state, region)
    return [
        row for _, row in corrections(state) if (row.region, row.month) == (found, month_number)
    ]


def index_until(state: State, region: str, month_number: int, time_ms: int) -> int | None:
    """The index of a region's month as it stood at the end of the block of time_ms, whatever was
    corrected later."""
    found = region_number(state, region)
    for number, row in corrections(state):
        if row.corrected_ms > time_ms and row.region == found:
            replaced = state.get(REPLACED_INDICES, key(number, month_number))
            if replaced is not None:
                return replaced.index
    return index_at(state, region, month_number)


def correction_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """The message that corrects; its sender stands for a vote of governance."""
    return {CORRECT_RATE: partial(_correct, roles)}


def _count(state: State) -> int:
    row = state.get(CORRECTION_COUNT, b"")
    return 0 if row is None else row.count


def _correct(
    roles: RoleBook,
    context: Context,
    region: str,
    month: int,
    index_step: int,
    gazette_hash: Hash,
) -> None:
    state = context.state
    if not roles.holds(state, AUTHORITY, context.require_sender()):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, "official rates are corrected by governance alone: propose it"
        )
    number, month_number = month_of_region(state, region, month)
    require_step(index_step)
    official = state.get(OFFICIAL_RATES, key(number, month_number))
    if official is None:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"no rate of region {region} in {month} is official yet: two reporters have to agree",
        )
    if official.index_step == index_step:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"the rate of region {region} in {month} is {index_step} already",
        )
    newest = months_in_order(state, region)
    if newest - month_number >= MAX_CORRECTED_MONTHS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{month} is {newest - month_number} months before the newest rate, a correction "
            f"reaches back less than {MAX_CORRECTED_MONTHS}",
        )
    order = _count(state) + 1
    if order > MAX_CORRECTIONS:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED, f"{MAX_CORRECTIONS} rates were corrected on this chain"
        )
    cause = present(context.transaction_hash, "the hash of a correction's transaction")
    row = RateCorrection(
        number,
        month_number,
        official.index_step,
        index_step,
        gazette_hash,
        context.block.time_ms,
        cause,
    )
    state.put(CORRECTION_COUNT, b"", RateCorrections(order))
    state.put(CORRECTIONS, key(order), row)
    state.put(
        OFFICIAL_RATES, key(number, month_number), OfficialRate(index_step, official.reporters)
    )
    before = index_at(state, region, newest)
    _compute_anew(state, region, number, range(month_number, newest + 1), order)
    context.emit(
        "land.rate_corrected",
        region=region,
        month=month,
        index_step_before=official.index_step,
        index_step=index_step,
        gazette_hash=gazette_hash,
        months=max(0, newest + 1 - month_number),
        index_before=present(before, "the newest index"),
        index=present(index_at(state, region, newest), "the newest index"),
    )


def _compute_anew(state: State, region: str, number: int, wrong: range, order: int) -> None:
    """The index of the months `wrong`, none when the corrected one is ahead of a missing month."""
    if not wrong:
        return
    index = present(index_at(state, region, wrong.start - 1), "the index before a month in order")
    for month_number in wrong:
        at = key(number, month_number)
        step = present(state.get(OFFICIAL_RATES, at), "the rate of a month in order").index_step
        index = advanced(index, step)
        replaced = present(state.get(REGION_INDICES, at), "the index of a month in order")
        state.put(REPLACED_INDICES, key(order, month_number), replaced)
        state.put(REGION_INDICES, at, RegionIndex(index))
