"""Registered arm's-length sales into the register of the ratio gate.

Columns: 고유번호 (pnu), 단가 (price_krw_per_m2) and 계약년월 (sold_month); and `zone`, or else the
zones of a file by the parcel's legal dong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node.importers import values
from node.importers.outcome import Findings
from node.importers.parcels import TOWN_DIGITS, ZoneParcels
from node.importers.table import BadRow, RowError, Table, Told, shown
from tokenomics.oracle.zones import MAX_ZONE_ID_BYTES

ZONE: Final = "zone"
PNU: Final = "고유번호"
PRICE: Final = "단가"
SOLD: Final = "계약년월"
MAX_SALES: Final = 100_000


@dataclass(frozen=True, slots=True)
class ImportedSale:
    """A row; sold_month as yyyymm."""

    line: int
    zone: str
    pnu: str
    price_krw_per_m2: int
    sold_month: int


def import_sales(
    path: Path, zones: Sequence[ZoneParcels], told: Told = lambda _: None
) -> tuple[list[ImportedSale], Findings]:
    """Read the table. zones: where a parcel belongs when the table has no column `zone`.

    LocalError for a file that is no such table.
    """
    required = ((PNU, "pnu"), (PRICE, "price_krw_per_m2"), (SOLD, "sold_month"))
    table = Table(path, required, ((ZONE, "구역"),))
    if not zones and ZONE not in table.columns:
        raise LocalError(f"{path} has no column {ZONE}: add one, or give --zones")
    by_code = {zone.fields["legal_dong_code"]: zone.id for zone in zones}
    findings = Findings(path, table.encoding)
    found: list[ImportedSale] = []
    lines: dict[tuple[str, int], int] = {}
    for row in table.rows(told):
        findings.rows += 1
        if isinstance(row, BadRow):
            findings.wrong(row.line, row.reason)
            continue
        try:
            sale = _sale(row.line, row.values, by_code, findings)
            if sale is None:
                continue
            key = (sale.pnu, sale.sold_month)
            if key in lines:
                raise RowError(
                    f"parcel {sale.pnu} was sold twice in {sale.sold_month}, on line {lines[key]} "
                    "and here: one sale of a parcel and month is registered, keep one"
                )
        except RowError as error:
            findings.wrong(row.line, str(error))
            continue
        if len(found) == MAX_SALES:
            raise LocalError(f"{path} has more than {MAX_SALES:,} sales: split it")
        lines[key] = row.line
        found.append(sale)
        findings.good += 1
    return found, findings


def _sale(
    line: int, row: Mapping[str, str], by_code: Mapping[str, str], findings: Findings
) -> ImportedSale | None:
    pnu = values.pnu(PNU, row[PNU])
    price = values.price(PRICE, row[PRICE])
    sold = values.month(SOLD, row[SOLD])
    code = pnu[: values.LEGAL_DONG_DIGITS]
    zone = row.get(ZONE) or by_code.get(code) or by_code.get(code[:TOWN_DIGITS] + "00")
    if zone is None:
        findings.leave_out(f"in legal dong {code}, which is of no zone")
        return None
    if len(zone.encode()) > MAX_ZONE_ID_BYTES:
        raise RowError(f"{ZONE}: expected at most {MAX_ZONE_ID_BYTES} bytes, found {shown(zone)}")
    return ImportedSale(line, zone, pnu, price, sold)
