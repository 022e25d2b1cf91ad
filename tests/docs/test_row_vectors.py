"""docs/formats.md lists every table of the state with the fields of its rows, and the vectors there
are what the code gives. Run `python -m tests.docs.test_row_vectors` to print them."""

import dataclasses
import importlib
import json
import pkgutil
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import governance
import ledger
import tokenomics
from governance import deciding
from ledger import rows, validator_tables
from ledger.participation import BlockRecord, History, Member
from ledger.primitives import UNIT, Address, Hash
from ledger.registry import Evidence, Phase, Validator, ValidatorSet
from ledger.state import Table
from ledger.validator_tables import SetChange, evidence_key, root_key
from tests.docs.documents import section, text, vectors
from tokenomics import appraisers, closing, derivation, params, reports, rounds, zones

ADDRESS = Address(b"\x11" * 20)
KEY, NODE_KEY = b"\x01" * 32, b"\x02" * 32
SET = ValidatorSet((Validator("city hall", KEY, NODE_KEY),))
EVIDENCE = Evidence(Phase.COMMIT, 5, 1, 0, b"a", b"\x01" * 64, b"b", b"\x02" * 64)
HISTORY = History(7, (Member(1, 7, 0, 0, 0),), (BlockRecord(0, 0, 1, 0),), 0, 0)
DOCUMENT, TRANSACTION = Hash(b"\x07" * 32), Hash(b"\x08" * 32)

Row = tuple[Table[Any], bytes, Any]
"""Table, key below its prefix, and a value."""

OF_VALIDATORS: list[Row] = [
    (validator_tables.TIMELINE, b"", (SetChange(0, SET),)),
    (validator_tables.HISTORY, b"", HISTORY),
    (validator_tables.ROOTS, root_key(300), (300, b"\x0a" * 32)),
    (validator_tables.PROBES, KEY, (290, 295)),
    (validator_tables.OBSERVERS, NODE_KEY, "library"),
    (validator_tables.EVIDENCE, evidence_key(EVIDENCE), 9),
    (deciding._AUTHORITY, b"", ADDRESS),
]
OF_LAND: list[Row] = [
    (params.LAND_PARAMETERS, b"", params.LandParameters()),
    (appraisers.PANEL, b"", appraisers.Panel((ADDRESS,))),
    (zones.ZONES, rows.key(0), zones.Zone("a", "2917013900", "월출동", "Wolchul", 1000, 250_000)),
    (zones.ZONE_VALUES, rows.key(0), zones.ZoneValue(250_550, 1, 5, 6, (250_000, 250_550))),
    (rounds.SCHEDULE, b"", rounds.Schedule(1, 2, 1, 3)),
    (rounds.ROUNDS, rows.key(2), rounds.Round(2, 10, 20, 30, 10, 11, 12)),
    (
        reports.REPORTS,
        reports.report_key(2, 0, ADDRESS),
        reports.Report(250_550, 15, "comparison", 3, DOCUMENT, TRANSACTION),
    ),
    (
        closing.ZONE_ROUNDS,
        rows.key(2, 0),
        closing.ZoneRound(closing.Outcome.FINAL, 5, 1, 2, 3, 4, 5, DOCUMENT),
    ),
    (
        rounds.TOWN_ROUNDS,
        rows.key(2),
        rounds.TownRound(2, 20, 10, 10, 2**70, 6, 30, DOCUMENT, True, 7, 2**70, None, False),
    ),
    (params.ISSUANCE_PARAMETERS, b"", params.IssuanceParameters()),
    (derivation.TOTALS, b"", derivation.IssuanceState(2, 1, UNIT, 0, 0, 0, UNIT, 0)),
    (
        derivation.ISSUANCE_ROUNDS,
        rows.key(2),
        derivation.IssuanceRound(
            2,
            params.Mode.NET,
            True,
            10,
            10,
            5,
            4,
            0,
            3,
            1,
            0,
            True,
            None,
            None,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            False,
            0,
            0,
            0,
        ),
    ),
]
SECTIONS = {"Validators": OF_VALIDATORS, "Land and issuance": OF_LAND}


def row_vectors(found: list[Row]) -> dict[str, Any]:
    return {
        "rows": {
            (table.prefix + key).hex(): table.encode(value).hex() for table, key, value in found
        }
    }


def every_table() -> set[bytes]:
    """The prefix of each table that a module of the pure rooms defines."""
    found = set()
    for room in (ledger, tokenomics, governance):
        for item in pkgutil.iter_modules(room.__path__):
            module: ModuleType = importlib.import_module(f"{room.__name__}.{item.name}")
            found |= {value.prefix for value in vars(module).values() if isinstance(value, Table)}
    return found


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_gives_the_vectors_of_the_code(title: str) -> None:
    assert vectors(title) == row_vectors(SECTIONS[title])


@pytest.mark.parametrize("title", SECTIONS)
def test_the_documented_rows_decode(title: str) -> None:
    for table, _, value in SECTIONS[title]:
        assert table.decode(table.encode(value)) == value


def test_every_table_is_listed() -> None:
    page = text("docs/formats.md")
    missing = [prefix for prefix in sorted(every_table()) if f"| `{prefix.decode()}`" not in page]
    assert not missing, f"docs/formats.md lists no row for {missing}"


@pytest.mark.parametrize(
    ("table", "value"), [(row[0], row[2]) for row in OF_LAND], ids=lambda item: type(item).__name__
)
def test_the_fields_of_land_and_issuance_rows_are_listed(table: Table[Any], value: Any) -> None:
    """In their order; an amount is marked by a star."""
    hints = get_type_hints(type(value), include_extras=True)
    names = ", ".join(
        field.name + ("*" if "amount" in repr(hints[field.name]) else "")
        for field in dataclasses.fields(value)
    )
    (line,) = [
        line
        for line in section("Land and issuance").splitlines()
        if line.startswith(f"| `{table.prefix.decode()}`")
    ]
    assert f"| `[{names}]`" in line


if __name__ == "__main__":
    for heading, found_rows in SECTIONS.items():
        print(f"## {heading}\n{json.dumps(row_vectors(found_rows), indent=2)}")
        for table, _, value in found_rows:
            if dataclasses.is_dataclass(value):
                hints = get_type_hints(type(value), include_extras=True)
                names = ", ".join(
                    f.name + ("*" if "amount" in repr(hints[f.name]) else "")
                    for f in dataclasses.fields(value)
                )
                print(f"| `{table.prefix.decode()}` | `[{names}]` |")
