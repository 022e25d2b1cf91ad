"""Appraisers' reports: first a salted commitment, then the report that it binds.

A commitment is bound to chain, zone, round and appraiser, so a copied one opens nothing. Reports of
the panel, of further and of blind appraisers stand in one table, each with its seat.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from ledger import codec
from ledger.crypto import checksum_address, sha256
from ledger.errors import ErrorCode, TransactionError
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import Context, Handler
from ledger.primitives import Address, Hash
from ledger.rows import key, present, table
from ledger.state import State
from tokenomics.oracle.appraisals import APPRAISALS, appraisal_for_message, require_seat
from tokenomics.oracle.land_rules import parameters_of
from tokenomics.oracle.phases import COMMITTING, REVEALING, Phase
from tokenomics.oracle.registry import find, is_eligible, why_not
from tokenomics.oracle.rounds import Round
from tokenomics.oracle.valuation import is_unit_error
from tokenomics.oracle.zones import MAX_ZONE_ID_BYTES, zone_value
from tokenomics.params import MAX_PRICE_KRW_PER_M2

MAX_METHOD_BYTES: Final = 32
MAX_COMPARABLES: Final = 1_000
_TAG: Final = b"poyong/appraisal/1"

_ZONE: Final = Field("zone", Kind.TEXT, "id of the zone", MAX_ZONE_ID_BYTES)
_ROUND: Final = Field("round", Kind.UINT64, "number of the town round, from 1")

COMMIT: Final = MessageType(
    "land.commit",
    "Binds an appraiser to a report of a zone that is revealed later; one for each zone and round.",
    (
        _ZONE,
        _ROUND,
        Field(
            "commitment",
            Kind.HASH,
            "commitment_of (tokenomics.oracle.reports) the report and a salt",
        ),
    ),
)
REVEAL: Final = MessageType(
    "land.reveal",
    "Opens the report that an appraiser committed to.",
    (
        _ZONE,
        _ROUND,
        Field("price_krw_per_m2", Kind.UINT64, "appraised land price", MAX_PRICE_KRW_PER_M2),
        Field("valuation_date_ms", Kind.UINT64, "block time within the round that the value is of"),
        Field("method", Kind.TEXT, "appraisal method, for example comparison", MAX_METHOD_BYTES),
        Field("comparables", Kind.UINT64, "number of comparable sales used", MAX_COMPARABLES),
        Field("document_hash", Kind.HASH, "SHA-256 of the appraisal document"),
        Field("salt", Kind.HASH, "the 32 bytes that the commitment was salted with"),
    ),
)


class Seat(IntEnum):
    """As what somebody reported. The numbers are in stored rows."""

    PANEL = 1
    FURTHER = 2
    BLIND = 3


_SEATS: Final[Mapping[Phase, Seat]] = {
    Phase.REVEAL: Seat.PANEL,
    Phase.REAPPRAISE_REVEAL: Seat.FURTHER,
    Phase.DISPUTE_REVEAL: Seat.BLIND,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What an appraiser says of a zone in a round. Price in KRW/m2, date in block time."""

    price_krw_per_m2: int
    valuation_date_ms: int
    method: str
    comparables: int
    document_hash: Hash


@dataclass(frozen=True, slots=True)
class Commitment:
    """Of a report that is not public yet. `transaction` is the hash of the one that brought it."""

    commitment: Hash
    transaction: Hash


@dataclass(frozen=True, slots=True)
class Report:
    """A revealed report. `transaction` is the hash of the transaction that revealed it."""

    seat: Seat
    price_krw_per_m2: int
    valuation_date_ms: int
    method: str
    comparables: int
    document_hash: Hash
    transaction: Hash


COMMITMENTS: Final = table("land", "commitment", Commitment)
"""Commitment by round, number of the zone, and appraiser's address."""
REPORTS: Final = table("land", "report", Report)
"""Report by round, number of the zone, and appraiser's address."""

Reports = tuple[tuple[Address, Report], ...]


def report_key(round_number: int, zone_number: int, appraiser: Address) -> bytes:
    """Key in COMMITMENTS and REPORTS."""
    return key(round_number, zone_number) + appraiser


def reports_of(state: State, round_number: int, zone_number: int) -> Reports:
    """(appraiser, report) of a zone's round, ascending by address; of every seat."""
    prefix = key(round_number, zone_number)
    rows = state.iterate(REPORTS, prefix)
    return tuple((Address(row_key[len(prefix) :]), report) for row_key, report in rows)


def has_committed(state: State, round_number: int, zone_number: int, appraiser: Address) -> bool:
    """Whether a commitment of this appraiser is on record."""
    return state.get(COMMITMENTS, report_key(round_number, zone_number, appraiser)) is not None


def has_revealed(state: State, round_number: int, zone_number: int, appraiser: Address) -> bool:
    """Whether a report of this appraiser is on record."""
    return state.get(REPORTS, report_key(round_number, zone_number, appraiser)) is not None


def reports_digest(reports: Iterable[tuple[Address, Report]]) -> Hash:
    """SHA-256 of [[appraiser, seat, price, date, method, comparables, document, transaction]].

    In ascending order of address, canonical encoding: a mint names its reports by it.
    """
    return sha256(
        codec.encode(
            tuple(
                (
                    appraiser,
                    int(report.seat),
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


def statements_digest(reports: Iterable[tuple[Address, Report]]) -> Hash:
    """SHA-256 of [[appraiser, price, date, method, comparables, document]], in ascending order of
    address, canonical encoding: only what commitments bind, so that nobody can vary it when
    revealing but by not revealing at all."""
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
                )
                for appraiser, report in reports
            )
        )
    )


def commitment_of(
    chain_id: int,
    zone_id: str,
    round_number: int,
    appraiser: Address,
    statement: Statement,
    salt: bytes,
) -> Hash:
    """SHA-256 of the tag "poyong/appraisal/1" and the canonical array [chain id, zone, round,
    appraiser, price, valuation date, method, comparables, document hash, salt].

    The salt is 32 random bytes that nobody else knows before the reveal.
    """
    return sha256(
        _TAG
        + codec.encode(
            (
                chain_id,
                zone_id,
                round_number,
                appraiser,
                statement.price_krw_per_m2,
                statement.valuation_date_ms,
                statement.method,
                statement.comparables,
                statement.document_hash,
                salt,
            )
        )
    )


def report_handlers() -> Mapping[MessageType, Handler]:
    """Commitments and reveals."""
    return {COMMIT: _commit, REVEAL: _reveal}


def _commit(context: Context, zone: str, round_number: int, commitment: Hash) -> None:
    state, sender = context.state, context.require_sender()
    number, _, _, appraisal = appraisal_for_message(state, zone, round_number, COMMITTING)
    require_seat(appraisal, sender, zone, round_number)
    registered = find(state, sender)
    if not is_eligible(registered, context.block.time_ms):
        raise TransactionError(
            ErrorCode.UNAUTHORISED,
            f"{checksum_address(sender)} {why_not(registered, context.block.time_ms)}",
        )
    if has_committed(state, round_number, number, sender):
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{checksum_address(sender)} has committed to a report of zone {zone} in round "
            f"{round_number} already",
        )
    transaction = present(context.transaction_hash, "the hash of a commitment's transaction")
    row = Commitment(commitment, transaction)
    state.put(COMMITMENTS, report_key(round_number, number, sender), row)
    counted = replace(appraisal, committed=appraisal.committed + 1)
    state.put(APPRAISALS, key(round_number, number), counted)
    context.emit(
        "land.committed",
        zone=zone,
        round=round_number,
        appraiser=sender,
        seat=appraisal.phase.name,
        commitment=commitment,
    )


def _reveal(
    context: Context,
    zone: str,
    round_number: int,
    price_krw_per_m2: int,
    valuation_date_ms: int,
    method: str,
    comparables: int,
    document_hash: Hash,
    salt: bytes,
) -> None:
    state, sender = context.state, context.require_sender()
    number, _, row, appraisal = appraisal_for_message(state, zone, round_number, REVEALING)
    require_seat(appraisal, sender, zone, round_number)
    statement = Statement(price_krw_per_m2, valuation_date_ms, method, comparables, document_hash)
    _check_commitment(context, number, zone, round_number, statement, salt)
    _check_statement(state, number, row, statement)
    seat = _SEATS[appraisal.phase]
    transaction = present(context.transaction_hash, "the hash of a report's transaction")
    report = Report(
        seat, price_krw_per_m2, valuation_date_ms, method, comparables, document_hash, transaction
    )
    state.put(REPORTS, report_key(round_number, number, sender), report)
    counted = replace(appraisal, revealed=appraisal.revealed + 1)
    state.put(APPRAISALS, key(round_number, number), counted)
    context.emit(
        "land.revealed",
        zone=zone,
        round=round_number,
        appraiser=sender,
        seat=seat.name,
        price_krw_per_m2=price_krw_per_m2,
        valuation_date_ms=valuation_date_ms,
        method=method,
        comparables=comparables,
        document_hash=document_hash,
    )


def _check_commitment(
    context: Context, number: int, zone: str, round_number: int, statement: Statement, salt: bytes
) -> None:
    """That the sender committed to exactly this, and did not open it before."""
    state, sender = context.state, context.require_sender()
    who = checksum_address(sender)
    committed = state.get(COMMITMENTS, report_key(round_number, number, sender))
    if committed is None:
        raise TransactionError(
            ErrorCode.NOT_FOUND,
            f"{who} committed to no report of zone {zone} in round {round_number}",
        )
    if has_revealed(state, round_number, number, sender):
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"{who} revealed its report of zone {zone} in round {round_number} already",
        )
    found = commitment_of(context.block.chain_id, zone, round_number, sender, statement, salt)
    if found != committed.commitment:
        raise TransactionError(
            ErrorCode.CONFLICT,
            f"the report does not match its commitment: expected "
            f"{committed.commitment.hex()}, found {found.hex()}; every field and the salt count",
        )


def _check_statement(state: State, number: int, row: Round, statement: Statement) -> None:
    price, date_ms = statement.price_krw_per_m2, statement.valuation_date_ms
    if price == 0:
        raise TransactionError(ErrorCode.INVALID_MESSAGE, "price_krw_per_m2 is 0")
    if not row.opened_ms <= date_ms <= row.end_ms:
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"valuation_date_ms {date_ms} is outside round {row.number}, which lasted from "
            f"{row.opened_ms} to {row.end_ms}",
        )
    recent = zone_value(state, number).recent
    factor = parameters_of(state, row.number).unit_error_factor
    if is_unit_error(price, recent, factor):
        raise TransactionError(
            ErrorCode.INVALID_MESSAGE,
            f"{price} KRW/m2 is {factor} times away from the last accepted {recent[-1]} KRW/m2 and "
            f"from those of the last {len(recent)} anchors: a wrong unit?",
        )
