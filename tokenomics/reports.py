"""Appraisers' reports: the message, the check of each, and the stored row.

Reports are open for now; a later version takes salted commitments first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger import codec
from ledger.crypto import sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context
from ledger.primitives import Address, Hash
from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.params import MAX_PRICE_KRW_PER_M2, LandParameters
from tokenomics.ports import Roles
from tokenomics.rounds import Round, find_round, schedule
from tokenomics.valuation import is_unit_error
from tokenomics.zones import MAX_ZONE_ID_BYTES, find_zone, zone_value

MAX_METHOD_BYTES: Final = 32
MAX_COMPARABLES: Final = 1_000

REPORT: Final = MessageType(
    "land.report",
    "An appraiser's value of a zone for a town round; one for each appraiser, zone and round.",
    (
        Field("zone", Kind.TEXT, "id of the zone", MAX_ZONE_ID_BYTES),
        Field("round", Kind.UINT64, "number of the town round, from 1"),
        Field("price_krw_per_m2", Kind.UINT64, "appraised land price", MAX_PRICE_KRW_PER_M2),
        Field("valuation_date_ms", Kind.UINT64, "block time that the value is for"),
        Field("method", Kind.TEXT, "appraisal method, for example comparison", MAX_METHOD_BYTES),
        Field("comparables", Kind.UINT64, "number of comparable sales used", MAX_COMPARABLES),
        Field("document_hash", Kind.HASH, "SHA-256 of the appraisal document"),
    ),
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report on the record. `transaction` is the hash of the transaction that brought it."""

    price_krw_per_m2: int
    valuation_date_ms: int
    method: str
    comparables: int
    document_hash: Hash
    transaction: Hash


REPORTS: Final = table("land", "report", Report)
"""Report by round, number of the zone, and appraiser's address."""


def report_key(round_number: int, zone_number: int, appraiser: Address) -> bytes:
    """Key in REPORTS."""
    return key(round_number, zone_number) + appraiser


def reports_of(
    state: State, round_number: int, zone_number: int
) -> tuple[tuple[Address, Report], ...]:
    """(appraiser, report) of a zone's round, ascending by address."""
    prefix = key(round_number, zone_number)
    rows = state.iterate(REPORTS, prefix)
    return tuple((Address(row_key[len(prefix) :]), report) for row_key, report in rows)


def reports_digest(reports: Iterable[tuple[Address, Report]]) -> Hash:
    """SHA-256 of [[appraiser, price, valuation date, method, comparables, document, transaction]].

    In ascending order of address, canonical encoding: a mint names its reports by it.
    """
    return sha256(
        codec.encode(
            tuple(
                (
                    appraiser,
                    report.price_krw_per_m2,
                    report.valuation_date_ms,
                    report.method,
                    report.comparables,
                    report.document_hash,
                    report.transaction,
                )
                for appraiser, report in reports
            )
        )
    )


def _round_for_report(context: Context, number: int) -> Round:
    """The open round `number`; TransactionError NOT_NOW when it is not open."""
    now = schedule(context.state)
    row = find_round(context.state, number)
    if row is None or number > now.newest:
        raise TransactionError(
            ErrorCode.NOT_NOW, f"round {number} is not open: the newest round is {now.newest}"
        )
    if number <= now.closed or context.block.time_ms > row.deadline_ms:
        raise TransactionError(
            ErrorCode.NOT_NOW,
            f"round {number} took reports until {row.deadline_ms} ms, the block is of "
            f"{context.block.time_ms} ms; the newest round is {now.newest}",
        )
    return row


def take_report(
    context: Context,
    roles: Roles,
    parameters: LandParameters,
    zone_id: str,
    round_number: int,
    report: Report,
) -> None:
    """Check a report and put it on the record; TransactionError says what is wrong with it."""
    state = context.state
    appraiser = present(context.sender, "the sender of a report")
    found = find_zone(state, zone_id)
    if found is None:
        raise TransactionError(ErrorCode.NOT_FOUND, f"there is no zone {zone_id!r}")
    number = found[0]
    if not roles.is_appraiser(state, appraiser, zone_id):
        raise TransactionError(
            ErrorCode.UNAUTHORISED, f"0x{appraiser.hex()} is no appraiser of zone {zone_id}"
        )
    row = _round_for_report(context, round_number)
    row_key = report_key(round_number, number, appraiser)
    if state.get(REPORTS, row_key) is not None:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"0x{appraiser.hex()} reported on zone {zone_id} in round {round_number} already",
        )
    _check_value(report, row, context.block.time_ms)
    last = zone_value(state, number).accepted_krw_per_m2
    if is_unit_error(report.price_krw_per_m2, last, parameters.unit_error_factor):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"{report.price_krw_per_m2} KRW/m2 is {parameters.unit_error_factor} times away from "
            f"the last accepted {last} KRW/m2: a wrong unit?",
        )
    state.put(REPORTS, row_key, report)
    context.emit(
        "land.reported",
        zone=zone_id,
        round=round_number,
        appraiser=appraiser,
        price_krw_per_m2=report.price_krw_per_m2,
        valuation_date_ms=report.valuation_date_ms,
        method=report.method,
        comparables=report.comparables,
        document_hash=report.document_hash,
    )


def _check_value(report: Report, row: Round, time_ms: int) -> None:
    if report.price_krw_per_m2 == 0:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "price_krw_per_m2 is 0")
    if not row.opened_ms <= report.valuation_date_ms <= time_ms:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"valuation_date_ms {report.valuation_date_ms} is outside round {row.number}, which "
            f"began at {row.opened_ms}, and the block is of {time_ms}",
        )
