"""Official monthly land-price change rates (지가변동률) and the index of each region.

A rate is official once two organisations have reported the same value; from then on it stands,
unless a vote corrects it (rate_corrections.py). The index of a region moves month by month, in
order: I0 = 10^12 at the base date of every zone, which is round 0 (economy.md sections 1 and 2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import Amount, key, present, table
from ledger.state import State
from tokenomics.facts import months
from tokenomics.oracle import uplift
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.uplift import INDEX_SCALE, RATE_SCALE
from tokenomics.oracle.zones import zones
from tokenomics.params import GENESIS
from tokenomics.ports import RoleBook
from tokenomics.roles import RATE_REPORTER

NATION: Final = "00"
"""The whole country, whose index gives the normal growth N."""
MAX_REGION_BYTES: Final = 16
AGREEING_REPORTS: Final = 2
LOWEST_STEP: Final = 50_000
HIGHEST_STEP: Final = 200_000
"""A month in which land halves or doubles; further away is a wrong unit."""
MAX_WAITING_MONTHS: Final = 24
"""How far reports may run ahead of a region's first missing month: bounds what one message may
bring in order."""
LOWEST_INDEX: Final = INDEX_SCALE // 10**6
HIGHEST_INDEX: Final = INDEX_SCALE * 10**6
"""The index stops here, so that no series of false rates can make it 0 or without bound."""


@dataclass(frozen=True, slots=True)
class RateRegions:
    """first_month: yyyymm of the chain's month 1. regions: NATION first, then by name."""

    first_month: int
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RateReport:
    """One organisation's report. index_step: 100000 + the rate in 0.001 %."""

    index_step: int
    gazette_hash: Hash
    transaction: Hash


@dataclass(frozen=True, slots=True)
class OfficialRate:
    """A month's rate that stands until a vote corrects it, and whose two reports agreed on it (or
    on what was corrected)."""

    index_step: int
    reporters: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class RegionIndex:
    """Index of a region at the end of a month, INDEX_SCALE at the base date."""

    index: Amount


@dataclass(frozen=True, slots=True)
class RegionProgress:
    """months: up to which month the region's rates are official without a gap."""

    months: int


RATE_REGIONS: Final = table("land", "rate_regions", RateRegions)
"""One row, at the empty key; absent on a chain that takes no official rates."""
RATE_REPORTS: Final = table("land", "rate_report", RateReport)
"""RateReport by region, month and the reporter's address."""
OFFICIAL_RATES: Final = table("land", "rate", OfficialRate)
"""OfficialRate by region and month."""
REGION_INDICES: Final = table("land", "rate_index", RegionIndex)
"""RegionIndex by region and month, from month 1."""
REGION_PROGRESS: Final = table("land", "rate_progress", RegionProgress)
"""RegionProgress by region; absent before the first."""

REPORT_RATE: Final = MessageType(
    "land.report_rate",
    "Reports a region's official land-price change rate of a month; two equal reports make it "
    "official.",
    (
        Field("region", Kind.TEXT, "the region; 00 is the nation", MAX_REGION_BYTES),
        Field("month", Kind.UINT64, "yyyymm", months.HIGHEST_MONTH),
        Field("index_step", Kind.UINT64, "100000 + the rate in 0.001 %"),
        Field("gazette_hash", Kind.HASH, "SHA-256 of the gazette that carries the rate"),
    ),
)


def write_rates(state: State, given: object) -> None:
    """Write section land.rates of genesis: {"first_month": yyyymm}; zones are written before it.

    Regions are those by which zones are rolled, and the nation. LocalError names a wrong field.
    """
    fields = GENESIS.fields(given, "land.rates", ("first_month",))
    first = fields["first_month"]
    if type(first) is not int or not months.is_month(first):
        raise GENESIS.error("land.rates.first_month", "a year and a month as yyyymm", first)
    others = sorted({zone.rate_region for zone in zones(state)} - {NATION})
    for region in others:
        GENESIS.text(region, "land.zones.rate_region", MAX_REGION_BYTES)
    state.put(RATE_REGIONS, b"", RateRegions(first, (NATION, *others)))


def rate_regions(state: State) -> RateRegions | None:
    """First month and regions; None on a chain that takes no official rates."""
    return state.get(RATE_REGIONS, b"")


def official_rate(state: State, region: str, month_number: int) -> OfficialRate | None:
    """The rate of the chain's month `month_number`, or None while it is not official."""
    number = region_number(state, region)
    if number is None or not 0 < month_number < 2**32:
        return None
    return state.get(OFFICIAL_RATES, key(number, month_number))


def months_in_order(state: State, region: str) -> int:
    """Up to which month a region's rates are official without a gap; 0 for none."""
    number = region_number(state, region)
    row = None if number is None else state.get(REGION_PROGRESS, key(number))
    return 0 if row is None else row.months


def index_at(state: State, region: str, month_number: int) -> int | None:
    """Index at the end of the chain's month `month_number`, 0 being the base date; None where no
    index is there."""
    number = region_number(state, region)
    if number is None:
        return None
    if month_number == 0:
        return INDEX_SCALE
    row = state.get(REGION_INDICES, key(number, month_number)) if 0 < month_number < 2**32 else None
    return None if row is None else row.index


def quarter_factor(state: State, region: str, round_number: int) -> tuple[int, int] | None:
    """(index after, index before) the quarter of a round; None while a month is missing."""
    last = months.last_month(round_number)
    after = index_at(state, region, last)
    before = index_at(state, region, last - months.MONTHS_A_QUARTER)
    return None if after is None or before is None else (after, before)


def normal_growth_krw(
    state: State, base_values_krw: Iterable[int], round_number: int
) -> int | None:
    """N by the nation's index at the end of a round's quarter; None while it is not there."""
    index = index_at(state, NATION, months.last_month(round_number))
    return None if index is None else uplift.normal_growth_krw(base_values_krw, index)


def awaits_rates(state: State, regions: Iterable[str], round_number: int) -> bool:
    """True when the chain takes official rates, and a month up to the end of the round's quarter is
    missing for one of `regions` or for the nation."""
    if rate_regions(state) is None:
        return False
    last = months.last_month(round_number)
    return any(index_at(state, region, last) is None for region in {NATION, *regions})


def rate_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """The message of the organisations that report rates."""
    return {REPORT_RATE: partial(_report_rate, roles)}


def reports_of_month(
    state: State, region: str, month_number: int
) -> tuple[tuple[Address, RateReport], ...]:
    """(reporter, report) of a region's month, ascending by address."""
    number = region_number(state, region)
    if number is None or not 0 < month_number < 2**32:
        return ()
    prefix = key(number, month_number)
    rows = state.iterate(RATE_REPORTS, prefix)
    return tuple((Address(row_key[len(prefix) :]), report) for row_key, report in rows)


def region_number(state: State, region: str) -> int | None:
    """Position of a region in RateRegions, by which rows are kept."""
    found = rate_regions(state)
    return None if found is None or region not in found.regions else found.regions.index(region)


def month_of_region(state: State, region: str, month: int) -> tuple[int, int]:
    """(region's number, month's number); TransactionError for one that this chain does not have."""
    found = rate_regions(state)
    if found is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND, "this chain takes no official rates: genesis has no land.rates"
        )
    number = region_number(state, region)
    if number is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            f"there is no region {region!r}: this chain's are {', '.join(found.regions)}",
        )
    months.require_month(month, "month")
    month_number = months.number_in(found.first_month, month)
    if month_number < 1:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"month {month} is before {found.first_month}, the first of this chain",
        )
    return number, month_number


def require_step(index_step: int) -> None:
    """TransactionError INVALID_MESSAGE for an index step that is a wrong unit."""
    if not LOWEST_STEP <= index_step <= HIGHEST_STEP:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"index_step: expected {LOWEST_STEP}..{HIGHEST_STEP}, which is {RATE_SCALE} and the "
            f"rate in 0.001 %, found {index_step}",
        )


def _month_to_report(state: State, region: str, month: int) -> tuple[int, int]:
    """(region's number, month's number) when a report on that month may be taken now."""
    number, month_number = month_of_region(state, region, month)
    first_month = present(rate_regions(state), "the regions of official rates").first_month
    newest = schedule(state).newest
    if month_number > months.last_month(newest):
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"month {month} is past the quarter of round {newest}, the newest; it can be reported "
            f"from round {-(-month_number // months.MONTHS_A_QUARTER)} on",
        )
    missing = months_in_order(state, region) + 1
    if month_number > missing + MAX_WAITING_MONTHS:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"month {month} is more than {MAX_WAITING_MONTHS} months past "
            f"{months.month_at(first_month, missing)}, the first that is not official for "
            f"region {region}: report that one first",
        )
    return number, month_number


def _report_rate(
    roles: RoleBook,
    context: Context,
    region: str,
    month: int,
    index_step: int,
    gazette_hash: Hash,
) -> None:
    state, reporter = context.state, context.require_sender()
    if not roles.holds(state, RATE_REPORTER, reporter):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"0x{reporter.hex()} does not hold the role {RATE_REPORTER}"
        )
    number, month_number = _month_to_report(state, region, month)
    require_step(index_step)
    row_key = key(number, month_number)
    official = state.get(OFFICIAL_RATES, row_key)
    if official is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"the rate of region {region} in {month} is official: index_step {official.index_step}",
        )
    if state.get(RATE_REPORTS, row_key + reporter) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"0x{reporter.hex()} reported region {region} in {month} already; another reporter "
            "has to agree",
        )
    before = reports_of_month(state, region, month_number)
    transaction = present(context.transaction_hash, "the hash of a report's transaction")
    state.put(RATE_REPORTS, row_key + reporter, RateReport(index_step, gazette_hash, transaction))
    context.emit(
        "land.rate_reported",
        region=region,
        month=month,
        index_step=index_step,
        reporter=reporter,
        gazette_hash=gazette_hash,
        reports=len(before) + 1,
    )
    agreeing = (*(who for who, row in before if row.index_step == index_step), reporter)
    if len(agreeing) < AGREEING_REPORTS:
        return
    state.put(OFFICIAL_RATES, row_key, OfficialRate(index_step, agreeing))
    context.emit(
        "land.rate_official",
        region=region,
        month=month,
        index_step=index_step,
        reporters=b"".join(agreeing),
    )
    _advance(context, region, number)


def _advance(context: Context, region: str, number: int) -> None:
    """Move the index over every month that is official now without a gap; at most
    MAX_WAITING_MONTHS + 1, since no report is further ahead."""
    state = context.state
    first_month = present(rate_regions(state), "the regions of official rates").first_month
    done = months_in_order(state, region)
    index = present(index_at(state, region, done), f"the index of region {region}")
    while (row := state.get(OFFICIAL_RATES, key(number, done + 1))) is not None:
        done += 1
        before, index = index, advanced(index, row.index_step)
        state.put(REGION_INDICES, key(number, done), RegionIndex(index))
        state.put(REGION_PROGRESS, key(number), RegionProgress(done))
        context.emit(
            "land.index_moved",
            region=region,
            month=months.month_at(first_month, done),
            index_before=before,
            index_step=row.index_step,
            index=index,
        )


def advanced(index: int, index_step: int) -> int:
    """The index after a month, within LOWEST_INDEX..HIGHEST_INDEX."""
    return max(LOWEST_INDEX, min(HIGHEST_INDEX, uplift.next_index(index, index_step - RATE_SCALE)))
