"""A land-price series in a CSV file as a scenario for simulations.

Two shapes, told apart by the first column. `month`: monthly changes in percent, the region's in the
second column and, for mode NET, the nation's in a third; they move the six zones of the sample
town. `quarter`: each zone's price at the end of a quarter, one column a zone; the first row is the
base and no round, and zones weigh the same, together what the sample town is worth.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ledger.errors import LocalError
from node.importers import values
from node.importers.outcome import Findings
from node.importers.rates import MONTH_NAMES, import_rates
from node.importers.table import BadRow, Row, RowError, Table, shown
from node.scenarios.gwangju import ZONES
from node.scenarios.model import (
    MAX_ROUNDS,
    MONTHS_A_QUARTER,
    QUARTERS_A_YEAR,
    Scenario,
)
from node.scenarios.real_gwangju import prices_of
from node.scenarios.tokyo import TOWN_VALUE_KRW
from tokenomics.facts.rates import NATION
from tokenomics.oracle.uplift import RATE_SCALE
from tokenomics.oracle.zones import Zone
from tokenomics.params import IssuanceParameters

QUARTER_NAMES: Final = ("quarter", "분기")
MAX_SHOWN: Final = 3


def read_series(path: Path, parameters: IssuanceParameters) -> Scenario:
    """The file as a scenario; LocalError names the first wrong rows."""
    first = Table(path).header[0].lower()
    if first in QUARTER_NAMES:
        return _of_prices(path, parameters)
    if first in MONTH_NAMES:
        return _of_rates(path, parameters)
    raise LocalError(
        f"{path}: the first column is {shown(first)}, expected month (monthly changes) or quarter "
        "(prices of zones)"
    )


def _of_rates(path: Path, parameters: IssuanceParameters) -> Scenario:
    names = Table(path).header[1:3]
    if not names:
        raise LocalError(f"{path}: expected a column of monthly changes after the month")
    zones = ZONES
    regions = dict(zip(names, (zones[0].rate_region, NATION), strict=False))
    rows, findings = import_rates(path, regions)
    _require_good(findings)
    rounds = len(rows) // MONTHS_A_QUARTER
    _require_rounds(path, rounds)
    used = rows[: rounds * MONTHS_A_QUARTER]
    if len(names) == 1:
        rates = MappingProxyType[str, tuple[int, ...]]({})
    else:
        rates = MappingProxyType(
            {region: tuple(row.steps[region] for row in used) for region in regions.values()}
        )
    return _scenario(
        path,
        zones,
        used[0].month,
        prices_of([row.steps[zones[0].rate_region] - RATE_SCALE for row in used]),
        parameters,
        rates,
    )


def _of_prices(path: Path, parameters: IssuanceParameters) -> Scenario:
    table = Table(path)
    findings = Findings(path, table.encoding)
    rows: list[tuple[int, tuple[int, ...]]] = []
    before: int | None = None
    for row in table.rows():
        findings.rows += 1
        if isinstance(row, BadRow):
            findings.wrong(row.line, row.reason)
            continue
        try:
            number, prices = _quarter(table.header[0], row), _prices(table.header, row)
            if before is not None and number != before + 1:
                raise RowError(
                    f"quarter {_name(number)} follows on {_name(before)}, expected "
                    f"{_name(before + 1)}"
                )
        except RowError as error:
            findings.wrong(row.line, str(error))
            continue
        before = number
        if len(rows) <= MAX_ROUNDS:
            rows.append((number, prices))
        findings.good += 1
    _require_good(findings)
    _require_rounds(path, findings.good - 1)
    base = rows[0][1]
    areas = [TOWN_VALUE_KRW * 10 // (len(base) * price) for price in base]
    year, quarter = divmod(rows[0][0] + 1, QUARTERS_A_YEAR)
    return _scenario(
        path,
        tuple(
            Zone(name, "0" * 10, name, name, area, price, NATION)
            for name, area, price in zip(table.header[1:], areas, base, strict=True)
        ),
        year * 100 + quarter * MONTHS_A_QUARTER + 1,
        tuple(prices for _, prices in rows[1:]),
        parameters,
        MappingProxyType({}),
    )


def _scenario(
    path: Path,
    zones: tuple[Zone, ...],
    first_month: int,
    prices: tuple[tuple[int, ...], ...],
    parameters: IssuanceParameters,
    rates: "MappingProxyType[str, tuple[int, ...]]",
) -> Scenario:
    return Scenario(
        name=str(path),
        title=f"Series {path.name}",
        title_ko="사용자가 준 시계열",
        assumption="",
        currency="KRW",
        zones=zones,
        first_month=first_month,
        prices=prices,
        parameters=parameters,
        rates=rates,
    )


def _quarter(column: str, row: Row) -> int:
    """Quarters since year 0, of text such as 2012Q1 or 2012 Q1."""
    text = row.values[column].upper().replace(" ", "").replace("-", "")
    year, mark, quarter = text.partition("Q")
    if mark and len(year) == 4 and values.is_digits(year) and quarter in ("1", "2", "3", "4"):
        return int(year) * QUARTERS_A_YEAR + int(quarter) - 1
    raise RowError(f"{column}: expected a quarter such as 2012 Q1, found {shown(text)}")


def _name(number: int) -> str:
    year, quarter = divmod(number, QUARTERS_A_YEAR)
    return f"{year} Q{quarter + 1}"


def _prices(header: Sequence[str], row: Row) -> tuple[int, ...]:
    if len(header) == 1:
        raise RowError("expected a price for one zone or more after the quarter")
    return tuple(values.price(name, row.values[name]) for name in header[1:])


def _require_good(findings: Findings) -> None:
    if findings.bad:
        named = "; ".join(f"line {row.line}: {row.reason}" for row in findings.bad_rows[:MAX_SHOWN])
        raise LocalError(f"{findings.path}: {findings.bad:,} wrong rows: {named}")


def _require_rounds(path: Path, rounds: int) -> None:
    if not 1 <= rounds <= MAX_ROUNDS:
        raise LocalError(
            f"{path} has {max(0, rounds):,} whole quarters, expected 1 to {MAX_ROUNDS}"
        )
