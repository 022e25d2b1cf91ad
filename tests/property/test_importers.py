"""Whatever a table holds, its importer gives rows, row-numbered errors, or one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import LocalError
from ledger.primitives import UNIT
from node.importers.outcome import Findings
from node.importers.parcels import ZoneParcels, import_parcels, read_areas
from node.importers.rates import import_rates
from node.importers.sales import import_sales
from node.importers.series import read_series
from tests.support.official_tables import HEADER, ORYONG, WOLCHUL, parcel_row
from tokenomics.params import IssuanceParameters

PARCELS = "\n".join([HEADER, *(parcel_row(WOLCHUL, n) for n in range(4)), parcel_row(ORYONG, 9)])
RATES = "month,29,00\n2012-01,0.1,0.2\n2012-02,-0.1,0.2\n2012-03,0.057,0\n2012-04,1,1\n"
PRICES = "quarter,a,b\n2012 Q1,100000,200000\n2012 Q2,110000,200000\n2012 Q3,120000,190000\n"
SALES = (
    "zone,고유번호,단가,계약년월\n"
    f"a,{WOLCHUL}100000001,1000,2024-01\nb,{ORYONG}100000002,5,202402\n"
)
AREAS = f"고유번호,면적\n{WOLCHUL}100000001,10.5\n{ORYONG}100000002,7\n"

T = TypeVar("T")

SOME = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """The table in one of its encodings, with a few stretches replaced, removed or repeated."""
    data = bytearray(text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "cp949"]))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 12)))
        junk = draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"-", b"9" * 25, b""]),
                st.just(bytes(data[at:end]) * 2),
            )
        )
        data[at:end] = junk
    return bytes(data)


def tried(read: Callable[[], T], file: Path) -> T | None:
    """What reading gives; None for a file that is refused, by a sentence that names it."""
    try:
        return read()
    except LocalError as error:
        refusal = str(error)
    assert str(file) in refusal
    return None


def accounted(findings: Findings, data: bytes) -> None:
    """Every row is good, bad or left out, and every bad one has a line of the file."""
    assert findings.rows == findings.good + findings.bad + findings.left_out.total()
    lines = data.count(b"\n") + 1
    assert all(2 <= row.line <= lines and row.reason for row in findings.bad_rows)


def zones() -> list[ZoneParcels]:
    return [
        ZoneParcels({"id": "a", "legal_dong_code": WOLCHUL}),
        ZoneParcels({"id": "b", "legal_dong_code": ORYONG}),
    ]


@SOME
@given(mutated(PARCELS))
def test_parcels(tmp_path: Path, data: bytes) -> None:
    file, town = tmp_path / "p.csv", zones()
    file.write_bytes(data)
    read = tried(lambda: import_parcels(file, town, {}), file)
    if read is None:
        return
    findings = read
    accounted(findings, data)
    assert findings.good == sum(len(zone.parcels) for zone in town)
    assert all(len(zone.root()) == 32 for zone in town)  # also: no parcel twice


@SOME
@given(mutated(AREAS))
def test_areas(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(data)
    findings = Findings(file)
    read = tried(lambda: read_areas(file, findings), file)
    if read is None:
        return
    areas = read
    accounted(findings, data)
    assert len(areas) == findings.good


@SOME
@given(mutated(RATES))
def test_rates(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "r.csv"
    file.write_bytes(data)
    read = tried(lambda: import_rates(file, {}), file)
    if read is None:
        return
    rows, findings = read
    accounted(findings, data)
    assert len(rows) == len({row.month for row in rows}) == findings.good
    assert all(0 < step < 200_000 for row in rows for step in row.steps.values())


@SOME
@given(mutated(SALES))
def test_sales(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "s.csv"
    file.write_bytes(data)
    read = tried(lambda: import_sales(file, zones()), file)
    if read is None:
        return
    sales, findings = read
    accounted(findings, data)
    assert len(sales) == findings.good


@SOME
@given(st.sampled_from([RATES, PRICES]).flatmap(mutated))
def test_series(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "series.csv"
    file.write_bytes(data)
    read = tried(lambda: read_series(file, IssuanceParameters()), file)
    if read is None:
        return
    made = read
    assert 1 <= made.rounds <= 3
    assert all(price > 0 for prices in made.prices for price in prices)


@pytest.mark.parametrize("text", [RATES, PRICES])
def test_the_unchanged_series_are_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "series.csv"
    file.write_text(text, encoding="utf-8")
    made = read_series(file, IssuanceParameters(hard_cap=UNIT))
    assert made.quarter(1) == ("2012 Q1" if text is RATES else "2012 Q2")
