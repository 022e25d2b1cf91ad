"""Statements about the chain that a file proves offline: a balance, the supply, the ceiling, the
land index with its reports, what became of a proposal. Pure.

A statement is a function of the state that reads named rows and never lists a table. A node runs it
on the state of its head and notes which rows it read; the file carries these rows, each with its
proof against one certified header. A verifier runs the same function on the proven rows alone: it
computes the answer itself, and a file that leaves out a row that the answer depends on proves
nothing. So a reader trusts neither the node nor the figures that it shows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.encoding import address as address_text
from api.encoding import from_hex, hex_of
from governance.proposals import proposal_views
from governance.proposals.proposal_rows import BOOK
from ledger import accounts, codec
from ledger.errors import DecodeError, InvariantViolation, PeerError
from ledger.kv import KeyValueReader
from ledger.primitives import ADDRESS_BYTES, MAX_UINT64, Address
from ledger.state import State
from tokenomics.issuance import views
from tokenomics.oracle import land_views
from tokenomics.oracle.appraisals import find_appraisal
from tokenomics.oracle.reports import REPORTS, report_key
from tokenomics.oracle.rounds import schedule, town_round
from tokenomics.oracle.zone_rounds import zone_round
from tokenomics.oracle.zones import base_value_krw, zones
from tokenomics.ports import Token

View = dict[str, Any]
Arguments = Mapping[str, object]

MAX_ROWS: Final = 4_096
"""Rows that one statement reads: the reports of a round with 256 zones are about 3,000."""

_TOKEN: Final[Token] = accounts


class UnprovenRowError(PeerError):
    """A statement needs a row that its file does not prove."""


class ReadRows:
    """Rows of a state, which remembers every key that was asked for."""

    def __init__(self, base: KeyValueReader) -> None:
        self._base = base
        self.rows: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`; PeerError above MAX_ROWS."""
        if key not in self.rows:
            if len(self.rows) == MAX_ROWS:
                raise PeerError(f"the statement reads more than {MAX_ROWS} rows: ask for less")
            self.rows[key] = self._base.get(key)
        return self.rows[key]

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Never: nobody can prove that a list of rows is complete."""
        raise InvariantViolation(f"a statement lists the rows from {start!r} to {stop!r}")


class ProvenRows:
    """The rows that a file proves, None for an absent one, and nothing else."""

    def __init__(self, rows: Mapping[bytes, bytes | None]) -> None:
        self._rows = rows
        self.used: set[bytes] = set()

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`; UnprovenRowError when the file says nothing of it."""
        if key not in self._rows:
            raise UnprovenRowError(f"row {hex_of(key)} is not proven, and the answer hangs on it")
        self.used.add(key)
        return self._rows[key]

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Never, as in ReadRows."""
        raise InvariantViolation(f"a statement lists the rows from {start!r} to {stop!r}")


@dataclass(frozen=True, slots=True)
class Statement:
    """What can be stated: `read` gives it of a state, None when there is no such thing.

    argument: "account" (0x hex), "number" (None: the newest), or "" for none.
    """

    name: str
    doc: str
    argument: str
    read: Callable[[State, Any], View | None]


def _balance(state: State, account: Address) -> View:
    found = accounts.get(state, account)
    return {
        "account": address_text(account),
        "balance": str(found.balance),
        "nonce": found.nonce,
    }


def _supply(state: State, _: None) -> View:
    return {"supply": str(accounts.supply(state))}


def _issuance(state: State, number: int | None) -> View | None:
    return views.issuance(state, _TOKEN, number)


def _land_index(state: State, number: int | None) -> View | None:
    last = schedule(state).closed
    row = town_round(state, last if number is None else number)
    if row is None:
        return None
    base = base_value_krw(state)
    return {
        "round": row.number,
        "closed_ms": row.closed_ms,
        "land_index": land_views.index(row.value_krw, base),
        "value_krw": str(row.value_krw),
        "base_value_krw": str(base),
        "reports": row.reports,
        "reports_hash": hex_of(row.reports_hash),
        "zones": [
            {
                "zone": zone.id,
                "name_ko": zone.name_ko,
                "name_en": zone.name_en,
                "area_tenth_m2": zone.area_tenth_m2,
                "base_krw_per_m2": zone.base_krw_per_m2,
                **_zone_round(state, row.number, position),
            }
            for position, zone in enumerate(zones(state))
        ],
    }


def _zone_round(state: State, round_number: int, zone_number: int) -> View:
    """How a zone's round ended and what everybody who was seated reported; None for no report."""
    settled = zone_round(state, round_number, zone_number)
    appraisal = find_appraisal(state, round_number, zone_number)
    seats = () if appraisal is None else appraisal.everybody
    reports = [
        (who, state.get(REPORTS, report_key(round_number, zone_number, who))) for who in seats
    ]
    return {
        "outcome": None if settled is None else settled.outcome.name,
        "median_krw_per_m2": None if settled is None else settled.median_krw_per_m2,
        "accepted_krw_per_m2": None if settled is None else settled.accepted_krw_per_m2,
        "counted_krw_per_m2": None if settled is None else settled.counted_krw_per_m2,
        "reports": [
            {
                "appraiser": address_text(who),
                "price_krw_per_m2": None if report is None else report.price_krw_per_m2,
            }
            for who, report in reports
        ],
    }


def _proposal(state: State, number: int | None) -> View | None:
    book = state.get(BOOK, b"")
    if book is None:
        return None
    return proposal_views.proposal(state, book.proposals if number is None else number)


STATEMENTS: Final[Mapping[str, Statement]] = {
    item.name: item
    for item in (
        Statement("balance", "what an account holds, and its nonce", "account", _balance),
        Statement("supply", "tokens in existence", "", _supply),
        Statement(
            "issuance",
            "the ceiling, what is issued, and every input of a round's mint (newest: none given)",
            "number",
            _issuance,
        ),
        Statement(
            "land_index",
            "the land index of a closed round (newest: none given), its zones and their reports",
            "number",
            _land_index,
        ),
        Statement(
            "proposal",
            "a proposal (newest: none given): frozen rules, votes of each chamber, what became "
            "of it",
            "number",
            _proposal,
        ),
    )
}


def argument_of(statement: Statement, arguments: Arguments) -> Address | int | None:
    """The argument that a file or a caller names; DecodeError for any other than it takes."""
    unknown = sorted(set(arguments) - {statement.argument})
    if unknown:
        takes = statement.argument or "no argument"
        raise DecodeError(f"{statement.name}: expected {takes}, found {', '.join(unknown):.80}")
    value = arguments.get(statement.argument)
    if statement.argument == "account":
        try:
            return Address(codec.as_bytes(from_hex(value), "account", ADDRESS_BYTES))
        except DecodeError as error:
            raise DecodeError(
                f"{statement.name}: expected the account as 0x and {2 * ADDRESS_BYTES} hex digits, "
                f"found {value!r:.60}"
            ) from error
    return None if value is None else codec.as_uint(value, "number", MAX_UINT64)


def statement_named(name: object) -> Statement:
    """DecodeError names those there are."""
    found = STATEMENTS.get(name) if isinstance(name, str) else None
    if found is None:
        raise DecodeError(f"statement: expected one of {', '.join(STATEMENTS)}, found {name!r:.40}")
    return found


def rows_read(
    statement: Statement, base: KeyValueReader, arguments: Arguments
) -> Mapping[bytes, bytes | None]:
    """Every row of `base` that the statement depends on; None for one that is absent."""
    reader = ReadRows(base)
    statement.read(State(reader), argument_of(statement, arguments))
    return reader.rows


def stated(
    statement: Statement, rows: Mapping[bytes, bytes | None], arguments: Arguments
) -> View | None:
    """What proven rows say; PeerError when a row is missing, is not needed, or does not decode."""
    reader = ProvenRows(rows)
    try:
        found = statement.read(State(reader), argument_of(statement, arguments))
    except InvariantViolation as error:
        raise PeerError(f"the proven rows do not read as {statement.name}: {error}") from error
    if len(reader.used) != len(rows):
        raise PeerError(
            f"{statement.name} depends on {len(reader.used)} rows, the file proves {len(rows)}"
        )
    return found
