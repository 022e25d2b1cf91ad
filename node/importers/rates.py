"""Monthly land-price change rates (지가변동률), one column a region, into reports of the rate.

Columns: `month` (or 월), then one for each region, named by its code or mapped to one. Values are
percent with up to three decimals; months follow on each other without a gap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node.importers import values
from node.importers.outcome import Findings
from node.importers.table import BadRow, Row, RowError, Table, Told, shown

MONTH_NAMES: Final = ("month", "월", "연월", "기준년월")
MAX_REGION_BYTES: Final = 16
MAX_MONTHS: Final = 12 * 200


@dataclass(frozen=True, slots=True)
class MonthRates:
    """A row: index steps (100000 + 0.001 %) by region; month as yyyymm."""

    line: int
    month: int
    steps: Mapping[str, int]


def import_rates(
    path: Path, regions: Mapping[str, str], told: Told = lambda _: None
) -> tuple[list[MonthRates], Findings]:
    """Read the table. regions: region by column; without any, each column's name is the region.

    LocalError for a file that is no such table.
    """
    table = Table(path)
    findings = Findings(path, table.encoding)
    month_column = table.header[0]
    if month_column.lower() not in MONTH_NAMES:
        expected = " or ".join(MONTH_NAMES)
        raise LocalError(f"{path}: the first column is {shown(month_column)}, expected {expected}")
    columns = regions or {name: name for name in table.header[1:]}
    _require_columns(path, columns, table.header)
    found: list[MonthRates] = []
    lines: dict[int, int] = {}
    last: int | None = None
    for row in table.rows(told):
        findings.rows += 1
        if isinstance(row, BadRow):
            findings.wrong(row.line, row.reason)
            last = None
            continue
        # A row without a readable month says nothing of the one after it.
        before, last = last, None
        try:
            month = last = values.month(month_column, row.values[month_column])
            if month in lines:
                raise RowError(f"month {month} is there twice, on line {lines[month]} and here")
            if before is not None and month != (due := values.month_after(before)):
                raise RowError(f"month {month} follows on {before}, expected {due}")
            steps = _steps(row, columns)
        except RowError as error:
            findings.wrong(row.line, str(error))
            continue
        if len(found) == MAX_MONTHS:
            raise LocalError(f"{path} has more than {MAX_MONTHS:,} months: split it")
        lines[month] = row.line
        found.append(MonthRates(row.line, month, steps))
        findings.good += 1
    return found, findings


def _require_columns(path: Path, columns: Mapping[str, str], header: tuple[str, ...]) -> None:
    if not columns:
        raise LocalError(f"{path} has no column of rates: expected one for each region")
    for column, region in columns.items():
        if column not in header[1:]:
            known = ", ".join(header[1:])
            raise LocalError(f"{path} has no column {shown(column)}; there are {known:.200}")
        if not 1 <= len(region.encode()) <= MAX_REGION_BYTES:
            raise LocalError(
                f"{path}: region {shown(region)}: expected 1 to {MAX_REGION_BYTES} bytes; "
                "name it by --region COLUMN=REGION"
            )
    if len(set(columns.values())) != len(columns):
        raise LocalError(f"{path}: two columns are of one region: name each region once")


def _steps(row: Row, columns: Mapping[str, str]) -> dict[str, int]:
    return {
        region: values.index_step(column, row.values[column]) for column, region in columns.items()
    }
