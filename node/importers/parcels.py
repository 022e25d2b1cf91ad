"""The official list of individual land prices (개별공시지가) into zones and their parcel roots.

A parcel belongs to the zone of its legal dong; a zone whose code ends in 00 in place of a village
(리) takes every village of its town. The list has no areas: they come from a column 면적, from a
second file, or stay unknown (0).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ledger import merkle
from ledger.errors import LocalError
from ledger.primitives import Hash
from ledger.strict_json import JsonReader, read_json
from node.files.disk_errors import os_error
from node.files.whole_files import replace_whole
from node.importers import values
from node.importers.outcome import Findings
from node.importers.table import BadRow, RowError, Table, Told
from tokenomics.oracle.parcels import Parcel, parcel_root
from tokenomics.params import MAX_ZONES

PNU: Final = "고유번호"
DONG: Final = "법정동코드"
PRICE: Final = "공시지가"
AREA: Final = "면적"
YEAR: Final = "기준연도"
MAX_ZONES_FILE_BYTES: Final = 4 * 1024 * 1024
MAX_PARCELS: Final = merkle.MAX_LEAVES
"""In one zone, and in a file of areas."""
TOWN_DIGITS: Final = 8
"""Of a legal dong's code without the village."""


@dataclass(slots=True)
class ZoneParcels:
    """A zone of the zones file and what the list has of it."""

    fields: dict[str, Any]
    parcels: list[Parcel] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.fields["id"])

    @property
    def area_tenth_m2(self) -> int:
        """Sum of the known areas."""
        return sum(parcel.area_tenth_m2 for parcel in self.parcels)

    @property
    def without_area(self) -> int:
        """Parcels whose area is unknown."""
        return sum(parcel.area_tenth_m2 == 0 for parcel in self.parcels)

    def root(self) -> Hash:
        """Merkle root of its parcels."""
        return parcel_root(self.parcels)


@dataclass(slots=True)
class ParcelImport:
    """Zones in the order of their file, and the findings of both lists."""

    zones: list[ZoneParcels]
    findings: Findings
    areas: Findings | None = None


def read_zones(path: Path) -> list[ZoneParcels]:
    """Zones of a JSON list, of an object with "zones", or of a genesis document.

    Each needs an id and a ten-digit legal_dong_code of its own; other fields are carried through.
    """
    try:
        document = read_json(path.read_bytes(), str(path), MAX_ZONES_FILE_BYTES)
    except OSError as error:
        raise os_error("read", path, error) from error
    reader = JsonReader(str(path))
    found = document
    for name in ("modules", "land", "zones"):
        if isinstance(found, dict):
            found = found.get(name, found)
    items = reader.items(found, "zones")
    if not 1 <= len(items) <= MAX_ZONES:
        raise reader.error("zones", f"1 to {MAX_ZONES} zones", len(items))
    zones, codes = [], set[str]()
    for at, item in enumerate(items):
        place = f"zones[{at}]"
        if not isinstance(item, dict):
            raise reader.error(place, "an object", item)
        reader.text(item.get("id"), f"{place}.id", 64)
        code = item.get("legal_dong_code")
        if not (isinstance(code, str) and len(code) == 10 and values.is_digits(code)):
            raise reader.error(f"{place}.legal_dong_code", "ten digits", code)
        if code in codes:
            raise reader.error(f"{place}.legal_dong_code", "a code of its own for each zone", code)
        codes.add(code)
        zones.append(ZoneParcels(dict(item)))
    return zones


def read_areas(path: Path, findings: Findings, told: Told = lambda _: None) -> dict[str, int]:
    """Area by PNU from a CSV with the columns 고유번호 and 면적 (m2)."""
    table = Table(path, ((PNU, "pnu"), (AREA, "area_m2")))
    findings.encoding = table.encoding
    areas: dict[str, int] = {}
    lines: dict[str, int] = {}
    for row in table.rows(told):
        findings.rows += 1
        if isinstance(row, BadRow):
            findings.wrong(row.line, row.reason)
            continue
        try:
            pnu = values.pnu(PNU, row.values[PNU])
            area = values.area_tenth_m2(AREA, row.values[AREA])
            _require_new(pnu, lines)
        except RowError as error:
            findings.wrong(row.line, str(error))
            continue
        if len(areas) == MAX_PARCELS:
            raise LocalError(f"{path} has more than {MAX_PARCELS:,} areas: split it by zone")
        areas[pnu], lines[pnu] = area, row.line
        findings.good += 1
    return areas


def import_parcels(
    path: Path,
    zones: Sequence[ZoneParcels],
    areas: Mapping[str, int],
    *,
    year: int | None = None,
    told: Told = lambda _: None,
) -> Findings:
    """Read the list into the zones. year: only rows of this 기준연도.

    Rows of other legal dongs or years are left out and counted; LocalError for a file that is no
    such list.
    """
    optional = ((AREA, "area_m2"), (YEAR, "base_year"))
    table = Table(path, ((PNU, "pnu"), (DONG, "legal_dong_code"), (PRICE, "price")), optional)
    if year is not None and YEAR not in table.columns:
        raise LocalError(f"{path} has no column {YEAR}, so --year cannot choose rows by it")
    findings = Findings(path, table.encoding)
    by_code = {zone.fields["legal_dong_code"]: zone for zone in zones}
    lines: dict[str, int] = {}
    for row in table.rows(told):
        findings.rows += 1
        if isinstance(row, BadRow):
            findings.wrong(row.line, row.reason)
            continue
        try:
            zone, parcel = _parcel(row.values, by_code, areas, year, findings)
            if zone is None or parcel is None:
                continue
            _require_new(parcel.pnu, lines)
        except RowError as error:
            findings.wrong(row.line, str(error))
            continue
        if len(zone.parcels) == MAX_PARCELS:
            raise LocalError(f"zone {zone.id} has more than {MAX_PARCELS:,} parcels: divide it")
        lines[parcel.pnu] = row.line
        zone.parcels.append(parcel)
        findings.good += 1
    return findings


def _parcel(
    row: Mapping[str, str],
    by_code: Mapping[str, ZoneParcels],
    areas: Mapping[str, int],
    year: int | None,
    findings: Findings,
) -> tuple[ZoneParcels | None, Parcel | None]:
    """The parcel of a row and its zone, None for one that is left out."""
    pnu = values.pnu(PNU, row[PNU])
    code = values.digits(DONG, row[DONG], values.LEGAL_DONG_DIGITS)
    if not pnu.startswith(code):
        raise RowError(f"{PNU} {pnu} does not begin with the {DONG} {code}")
    price = values.price(PRICE, row[PRICE], 0) if row[PRICE] else 0
    area = areas.get(pnu, 0)
    if row.get(AREA):
        area = values.area_tenth_m2(AREA, row[AREA])
    if year is not None and (found := values.year(YEAR, row[YEAR])) != year:
        findings.leave_out(f"of {YEAR} {found}")
        return None, None
    zone = by_code.get(code) or by_code.get(code[:TOWN_DIGITS] + "00")
    if zone is None:
        findings.leave_out(f"in legal dong {code}, which is of no zone")
        return None, None
    return zone, Parcel(pnu, area, price)


def _require_new(pnu: str, lines: Mapping[str, int]) -> None:
    if pnu in lines:
        raise RowError(
            f"parcel {pnu} is listed twice, on line {lines[pnu]} and here: keep one (a list of "
            f"several years needs --year)"
        )


def fragment(zones: Sequence[ZoneParcels]) -> dict[str, Any]:
    """The zones for the section `land` of a genesis: their fields with parcel_root, and with the
    sum of areas where every parcel's is known."""
    found = []
    for zone in zones:
        fields = {**zone.fields, "parcel_root": "0x" + zone.root().hex()}
        if zone.parcels and not zone.without_area:
            fields["area_tenth_m2"] = zone.area_tenth_m2
        found.append(fields)
    return {"zones": found}


def write_fragment(zones: Sequence[ZoneParcels], path: Path) -> None:
    """Write fragment() whole, or not at all."""
    text = json.dumps(fragment(zones), ensure_ascii=False, indent=2) + "\n"
    replace_whole(path, text.encode())
