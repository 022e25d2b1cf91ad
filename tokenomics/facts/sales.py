"""Registered arm's-length sales, by which the ratio gate measures appraisals (economy.md 1).

A registrar puts sales on the record; a vote of governance strikes a wrong one. The study of a round
compares them with what was appraised. It can only hold recognition back: no set of sales raises
it above what it would be without the gate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, takewhile
from typing import Any, Final

from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Hash
from ledger.rows import key, present, table
from ledger.state import State, Table
from tokenomics.facts import months
from tokenomics.facts.rates import index_at, rate_regions
from tokenomics.facts.ratio_study import RatioStudy, study_ratios
from tokenomics.oracle.parcels import PNU_DIGITS
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.valuation import is_unit_error
from tokenomics.oracle.zones import MAX_ZONE_ID_BYTES, Zone, find_zone, zone_value, zones
from tokenomics.params import MAX_PRICE_KRW_PER_M2, land_parameters
from tokenomics.ports import RoleBook
from tokenomics.roles import AUTHORITY, SALES_REGISTRAR

WINDOW_MONTHS: Final = 24
"""Sales of so many months up to a round's end count in its study."""
MAX_SALES: Final = 2_000
"""Kept at once, struck ones included: bounds the work of a study."""
PRUNED_A_MESSAGE: Final = 4
"""How many sales older than any coming study one registration removes."""
MAX_REASON_BYTES: Final = 200
RI_DIGITS: Final = 2
"""The end of a legal-dong code that names a village (리); zeros stand for all of them."""


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale of a parcel; key and row give parcel and month. zone: its number."""

    zone: int
    price_krw_per_m2: int
    document_hash: Hash
    transaction: Hash


@dataclass(frozen=True, slots=True)
class StruckSale:
    """A sale that no study counts any more, readable as long as its month is kept.

    transaction: the one that registered it; struck_by: the one that struck it, for `reason`.
    """

    pnu: str
    zone: int
    price_krw_per_m2: int
    document_hash: Hash
    transaction: Hash
    reason: str
    struck_by: Hash


@dataclass(frozen=True, slots=True)
class SalesBook:
    """kept: rows of SALES and STRUCK_SALES. struck: sales struck since genesis."""

    kept: int
    struck: int


SALES: Final = table("land", "sale", Sale)
"""Sale by months.ordinal of the month it was sold in, and PNU."""
STRUCK_SALES: Final = table("land", "struck_sale", StruckSale)
"""StruckSale by months.ordinal of the month, and which one of all that were struck, from 1."""
SALES_BOOK: Final = table("land", "sales_book", SalesBook)
"""One row, at the empty key; absent before the first sale."""
_KEPT: Final[tuple[Table[Any], ...]] = (SALES, STRUCK_SALES)
"""Both start their keys with the month, so that the oldest come first."""

_ZONE: Final = Field("zone", Kind.TEXT, "id of the zone", MAX_ZONE_ID_BYTES)
_PNU: Final = Field("pnu", Kind.TEXT, "the parcel, 19 digits (필지고유번호)", PNU_DIGITS)
_SOLD_MONTH: Final = Field("sold_month", Kind.UINT64, "yyyymm", months.HIGHEST_MONTH)

REGISTER_SALE: Final = MessageType(
    "land.register_sale",
    "Registers an arm's-length sale for the ratio gate; one for each parcel and month.",
    (
        _ZONE,
        _PNU,
        Field("price_krw_per_m2", Kind.UINT64, "price of the land", MAX_PRICE_KRW_PER_M2),
        _SOLD_MONTH,
        Field("document_hash", Kind.HASH, "SHA-256 of the contract or the official record"),
    ),
)
STRIKE_SALE: Final = MessageType(
    "land.strike_sale",
    "Strikes a wrong sale from the study; it stands for a vote of governance.",
    (_ZONE, _PNU, _SOLD_MONTH, Field("reason", Kind.TEXT, "why, for the record", MAX_REASON_BYTES)),
)


def sale_key(sold_month: int, pnu: str) -> bytes:
    """Key in SALES of a month (yyyymm) and a parcel."""
    return key(months.ordinal(sold_month)) + pnu.encode()


def sales_book(state: State) -> SalesBook:
    """How many sales are kept."""
    return state.get(SALES_BOOK, b"") or SalesBook(0, 0)


def sales_between(
    state: State, first_month: int, last_month: int
) -> Iterator[tuple[int, str, Sale]]:
    """(month sold, PNU, sale) of the sales from one month to another (yyyymm), oldest first."""
    lowest, highest = months.ordinal(first_month), months.ordinal(last_month)
    skip = len(key(0))
    for row_key, sale in state.iterate(SALES):
        number = int.from_bytes(row_key[:skip], "big")
        if number > highest:
            return
        if number >= lowest:
            yield months.month_of(number), row_key[skip:].decode(), sale


def struck_sales(state: State) -> Iterator[tuple[int, StruckSale]]:
    """(month sold, sale) of those that were struck, oldest month first."""
    for row_key, sale in state.iterate(STRUCK_SALES):
        yield months.month_of(int.from_bytes(row_key[: len(key(0))], "big")), sale


def window_of(first_month: int, round_number: int) -> tuple[int, int]:
    """First and last month (yyyymm) whose sales a round's study counts, on a chain whose month 1 is
    `first_month`."""
    last = months.last_month(round_number)
    return (
        months.month_at(first_month, last - WINDOW_MONTHS + 1),
        months.month_at(first_month, last),
    )


def study(state: State, round_number: int, appraised: Sequence[int]) -> RatioStudy:
    """The study of a round. appraised: each zone's raw median of it, or its accepted price, KRW/m2.

    Open, with no sales, on a chain without a calendar of months.
    """
    found = rate_regions(state)
    if found is None:
        return study_ratios(())
    town = zones(state)
    last_number = months.last_month(round_number)
    return study_ratios(
        [
            (
                max(1, appraised[sale.zone]),
                adjusted_price(
                    state,
                    town[sale.zone],
                    sale,
                    months.number_in(found.first_month, month),
                    last_number,
                ),
            )
            for month, _, sale in sales_between(state, *window_of(found.first_month, round_number))
        ]
    )


def adjusted_price(state: State, zone: Zone, sale: Sale, sold: int, until: int) -> int:
    """A sale's price moved with its zone's index from the month it was sold to month `until`, both
    as numbers of the chain's months; as it was paid where one of the two has no index."""
    before, after = (index_at(state, zone.rate_region, number) for number in (sold, until))
    if before is None or after is None:
        return sale.price_krw_per_m2
    return max(1, sale.price_krw_per_m2 * after // before)


def sale_handlers(roles: RoleBook) -> Mapping[MessageType, Handler]:
    """The registrar's message and the one that strikes a sale."""
    return {REGISTER_SALE: partial(_register, roles), STRIKE_SALE: partial(_strike, roles)}


def _register(
    roles: RoleBook,
    context: Context,
    zone: str,
    pnu: str,
    price_krw_per_m2: int,
    sold_month: int,
    document_hash: Hash,
) -> None:
    state, sender = context.state, context.require_sender()
    if not roles.holds(state, SALES_REGISTRAR, sender):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"0x{sender.hex()} does not hold the role {SALES_REGISTRAR}"
        )
    found = find_zone(state, zone)
    if found is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no zone {zone!r}")
    number, row = found
    _check_parcel(pnu, row)
    _check_month(state, sold_month)
    _check_price(state, number, price_krw_per_m2)
    if state.get(SALES, sale_key(sold_month, pnu)) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"parcel {pnu} has a sale in {sold_month} already; a wrong one is struck by governance",
        )
    _prune(state)
    book = sales_book(state)
    if book.kept >= MAX_SALES:
        raise TransactionError(
            ErrorCode.LIMIT_EXCEEDED,
            f"{book.kept} sales are kept, which is the most; there is room again when the oldest "
            "of them leave the window of a study",
        )
    state.put(
        SALES,
        sale_key(sold_month, pnu),
        Sale(
            number,
            price_krw_per_m2,
            document_hash,
            present(context.transaction_hash, "the hash of a registering transaction"),
        ),
    )
    state.put(SALES_BOOK, b"", replace(book, kept=book.kept + 1))
    context.emit(
        "land.sale_registered",
        zone=zone,
        pnu=pnu,
        price_krw_per_m2=price_krw_per_m2,
        sold_month=sold_month,
        registrar=sender,
        document_hash=document_hash,
    )


def _check_parcel(pnu: str, zone: Zone) -> None:
    if len(pnu) != PNU_DIGITS or not (pnu.isascii() and pnu.isdigit()):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE, f"pnu: expected {PNU_DIGITS} digits, found {pnu!r}"
        )
    # A town or township (읍면) has its code with zeros; the parcels in it name their village.
    code = zone.legal_dong_code.removesuffix("0" * RI_DIGITS)
    if not pnu.startswith(code):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"parcel {pnu} does not lie in zone {zone.id}: expected a PNU that begins with {code}",
        )


def _check_month(state: State, sold_month: int) -> None:
    found = rate_regions(state)
    if found is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            "this chain has no calendar of months: genesis has no land.rates",
        )
    months.require_month(sold_month, "sold_month")
    first, last = window_of(found.first_month, schedule(state).newest)
    if not first <= sold_month <= last:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"sold_month: sales of {first} to {last} are registered now, found {sold_month}",
        )


def _check_price(state: State, number: int, price_krw_per_m2: int) -> None:
    if price_krw_per_m2 == 0:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "price_krw_per_m2 is 0")
    last = zone_value(state, number).accepted_krw_per_m2
    factor = land_parameters(state).unit_error_factor
    if is_unit_error(price_krw_per_m2, (last,), factor):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"{price_krw_per_m2} KRW/m2 is {factor} times away from the zone's last accepted "
            f"{last} KRW/m2: a wrong unit?",
        )


def _prune(state: State) -> None:
    """Remove the oldest sales, PRUNED_A_MESSAGE at most, that no coming study counts: a sale a
    message can make the rows fewer, never many more."""
    found = present(rate_regions(state), "the first month of the chain")
    oldest, _ = window_of(found.first_month, schedule(state).closed + 1)
    lowest = key(months.ordinal(oldest))
    removed = 0
    for rows in _KEPT:
        outdated = takewhile(lambda item: item[0] < lowest, state.iterate(rows))
        gone = [row_key for row_key, _ in islice(outdated, PRUNED_A_MESSAGE - removed)]
        for row_key in gone:
            state.delete(rows, row_key)
        removed += len(gone)
    if removed:
        book = sales_book(state)
        state.put(SALES_BOOK, b"", replace(book, kept=book.kept - removed))


def _strike(
    roles: RoleBook, context: Context, zone: str, pnu: str, sold_month: int, reason: str
) -> None:
    state = context.state
    if not roles.holds(state, AUTHORITY, context.require_sender()):
        raise TransactionError(ErrorCode.UNAUTHORISED, "sales are struck by governance alone")
    found = find_zone(state, zone)
    if found is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no zone {zone!r}")
    months.require_month(sold_month, "sold_month")
    if not reason:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "reason: a sale is struck for a reason")
    sale = state.get(SALES, sale_key(sold_month, pnu))
    if sale is None or sale.zone != found[0]:
        raise TransactionError(
            ErrorCode.NOT_FOUND, f"zone {zone} has no sale of parcel {pnu!r} in {sold_month}"
        )
    book = sales_book(state)
    state.delete(SALES, sale_key(sold_month, pnu))
    state.put(
        STRUCK_SALES,
        key(months.ordinal(sold_month), book.struck + 1),
        StruckSale(
            pnu=pnu,
            zone=sale.zone,
            price_krw_per_m2=sale.price_krw_per_m2,
            document_hash=sale.document_hash,
            transaction=sale.transaction,
            reason=reason,
            struck_by=present(context.transaction_hash, "the hash of a striking transaction"),
        ),
    )
    state.put(SALES_BOOK, b"", replace(book, struck=book.struck + 1))
    context.emit(
        "land.sale_struck",
        zone=zone,
        pnu=pnu,
        price_krw_per_m2=sale.price_krw_per_m2,
        sold_month=sold_month,
        reason=reason,
    )
