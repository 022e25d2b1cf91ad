"""Official tables: what counts, what is wrong and where, and what was left out and why."""

from pathlib import Path

import pytest

from ledger.errors import LocalError
from node.importers import values
from node.importers.outcome import MAX_KEPT_BAD_ROWS, Findings
from node.importers.parcels import (
    ZoneParcels,
    fragment,
    import_parcels,
    read_areas,
    read_zones,
)
from node.importers.rates import import_rates
from node.importers.sales import import_sales
from node.importers.table import RowError, Table
from tests.support.official_tables import (
    ELSEWHERE,
    HEADER,
    JINWON_VILLAGE,
    ORYONG,
    WOLCHUL,
    ZONES,
    parcel_row,
    write,
)
from tokenomics.oracle.parcels import Parcel, parcel_root

ENCODINGS = ["utf-8", "utf-8-sig", "cp949"]


@pytest.fixture
def zones(tmp_path: Path) -> list[ZoneParcels]:
    file = tmp_path / "zones.json"
    file.write_text(ZONES, encoding="utf-8")
    return read_zones(file)


def reasons(findings: Findings) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in findings.bad_rows]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_parcels_go_to_the_zone_of_their_legal_dong(
    tmp_path: Path, zones: list[ZoneParcels], encoding: str, newline: str
) -> None:
    rows = [
        parcel_row(WOLCHUL, 2),
        parcel_row(WOLCHUL, 1, "1000"),
        parcel_row(JINWON_VILLAGE, 3, ""),
        parcel_row(ELSEWHERE, 4),
    ]
    file = write(tmp_path / "prices.csv", [HEADER, *rows], encoding, newline)
    findings = import_parcels(file, zones, {})
    assert (findings.rows, findings.good, findings.bad) == (4, 3, 0)
    assert findings.left_out == {f"in legal dong {ELSEWHERE}, which is of no zone": 1}
    wolchul, oryong, jinwon = zones
    assert wolchul.root() == parcel_root(
        [Parcel(f"{WOLCHUL}100000001", 0, 1000), Parcel(f"{WOLCHUL}100000002", 0, 348_800)]
    )
    assert oryong.parcels == []
    # A zone of a town takes its villages; a parcel without a price has 0.
    assert jinwon.parcels == [Parcel(f"{JINWON_VILLAGE}100000003", 0, 0)]


def test_areas_come_from_a_second_file_or_a_column_and_fill_the_fragment(
    tmp_path: Path, zones: list[ZoneParcels]
) -> None:
    areas_file = write(
        tmp_path / "areas.csv", ["고유번호,면적", f"{WOLCHUL}100000001,1234.56"], "cp949"
    )
    findings = Findings(areas_file)
    areas = read_areas(areas_file, findings)
    assert (areas, findings.encoding) == ({f"{WOLCHUL}100000001": 12_345}, "cp949")
    file = write(
        tmp_path / "prices.csv",
        [f"{HEADER},면적", f"{parcel_row(WOLCHUL, 1)},", f"{parcel_row(ORYONG, 2)},10.5"],
    )
    import_parcels(file, zones, areas)
    found = fragment(zones)["zones"]
    assert [zone.get("area_tenth_m2") for zone in found] == [12_345, 105, None]
    assert found[0]["parcel_root"] == "0x" + zones[0].root().hex()
    assert found[2]["parcel_root"] == "0x" + "00" * 32


def test_an_area_that_is_unknown_leaves_the_zones_own_area(
    tmp_path: Path, zones: list[ZoneParcels]
) -> None:
    import_parcels(write(tmp_path / "p.csv", [HEADER, parcel_row(WOLCHUL, 1)]), zones, {})
    assert fragment(zones)["zones"][0]["area_tenth_m2"] == 7
    assert zones[0].without_area == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2", "expected 13 values, found 2"),
        (parcel_row(WOLCHUL, 1).replace("348800", "12.5"), "공시지가: expected whole KRW/m²"),
        (parcel_row(WOLCHUL, 1).replace("348800", "-5"), "공시지가: expected whole KRW/m²"),
        (parcel_row(WOLCHUL, 1).replace("348800", "9" * 30), "공시지가: expected whole KRW/m²"),
        ("2.91701E+18" + parcel_row(WOLCHUL, 1)[19:], "format the column as text"),
        (parcel_row(WOLCHUL, 1).replace(",1-1,", ',"1-1,'), "no CSV row"),
        (parcel_row(WOLCHUL, 1).replace(f",{WOLCHUL},", f",{ORYONG},"), "does not begin with"),
        (parcel_row(WOLCHUL, 1) + "\0", "NUL"),
    ],
)
def test_a_bad_row_is_named_by_line_and_reason(
    tmp_path: Path, zones: list[ZoneParcels], row: str, reason: str
) -> None:
    file = write(tmp_path / "p.csv", [HEADER, parcel_row(WOLCHUL, 7), row, parcel_row(ORYONG, 8)])
    findings = import_parcels(file, zones, {})
    ((line, said),) = reasons(findings)
    assert line == 3
    assert reason in said
    assert findings.good == 2
    with pytest.raises(LocalError, match="1 of 3 rows are wrong, so nothing counts"):
        findings.require_good(skip_bad=False)
    findings.require_good(skip_bad=True)


def test_a_parcel_listed_twice_is_named_with_both_lines(
    tmp_path: Path, zones: list[ZoneParcels]
) -> None:
    rows = [parcel_row(WOLCHUL, 1), parcel_row(ORYONG, 1), parcel_row(WOLCHUL, 1, "9")]
    findings = import_parcels(write(tmp_path / "p.csv", [HEADER, *rows]), zones, {})
    ((line, said),) = reasons(findings)
    assert line == 4
    assert f"parcel {WOLCHUL}100000001 is listed twice, on line 2 and here" in said
    assert [parcel.official_krw_per_m2 for parcel in zones[0].parcels] == [348_800]


def test_a_list_of_several_years_is_read_by_year(tmp_path: Path, zones: list[ZoneParcels]) -> None:
    rows = [parcel_row(WOLCHUL, 1, year=2022), parcel_row(WOLCHUL, 1, "9")]
    findings = import_parcels(write(tmp_path / "p.csv", [HEADER, *rows]), zones, {}, year=2023)
    assert findings.left_out == {"of 기준연도 2022": 1}
    assert [parcel.official_krw_per_m2 for parcel in zones[0].parcels] == [9]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: expected a header"),
        (HEADER.encode("utf-16"), "is UTF-16: save it as UTF-8"),
        (b"\xff\xff\n", "neither UTF-8 nor CP949: line 1"),
        (HEADER.encode() + b"\nabc\n\xed\xa0\x80\xff\n", "neither UTF-8 nor CP949: line 3"),
        (b"a,b\n1,2\n", "the column 고유번호 or pnu is missing; the header (read as UTF-8) has"),
        ("고유번호,pnu,법정동코드,공시지가\n".encode(), "고유번호 and pnu mean the same"),
        ("고유번호,고유번호\n".encode(), "twice: name each once"),
        (b'"a\n', "the header: no CSV row"),
        (b"a" * 20_000, "line 1 is longer than 16,384 bytes"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_with_a_remedy(
    tmp_path: Path, zones: list[ZoneParcels], content: bytes, sentence: str
) -> None:
    file = tmp_path / "p.csv"
    file.write_bytes(content)
    with pytest.raises(LocalError) as caught:
        import_parcels(file, zones, {})
    assert sentence in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"cannot read .*nothing\.csv"):
        Table(tmp_path / "nothing.csv")


def test_bad_rows_are_kept_up_to_a_bound_and_all_counted(
    tmp_path: Path, zones: list[ZoneParcels]
) -> None:
    findings = import_parcels(write(tmp_path / "p.csv", [HEADER] + ["x"] * 500), zones, {})
    assert (findings.bad, len(findings.bad_rows)) == (500, MAX_KEPT_BAD_ROWS)
    assert "and 480 more bad rows" in "\n".join(findings.lines())


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("[]", "1 to 64 zones"),
        ("{}", "a list"),
        ("[1]", "an object"),
        ('[{"id":"a","legal_dong_code":"29"}]', "ten digits"),
        (
            '[{"id":"a","legal_dong_code":"2917013900"},{"id":"b","legal_dong_code":"2917013900"}]',
            "a code of its own",
        ),
        ("[", "zones.json"),
    ],
)
def test_a_wrong_zones_file_is_refused_by_place(tmp_path: Path, document: str, named: str) -> None:
    file = tmp_path / "zones.json"
    file.write_text(document, encoding="utf-8")
    with pytest.raises(LocalError, match=named):
        read_zones(file)


def test_zones_are_found_in_a_genesis_too(tmp_path: Path) -> None:
    file = tmp_path / "genesis.json"
    file.write_text(f'{{"chain_id":1,"modules":{{"land":{{"zones":{ZONES}}}}}}}', encoding="utf-8")
    assert [zone.id for zone in read_zones(file)] == ["wolchul-dong", "oryong-dong", "jinwon-myeon"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rates_become_index_steps_by_region(tmp_path: Path, encoding: str) -> None:
    lines = ["월,광주,전국", "2012-01,0.057,0.087", "201202,-0.5,+1"]
    file = write(tmp_path / "rates.csv", lines, encoding)
    rows, findings = import_rates(file, {"광주": "29", "전국": "00"})
    assert [(row.line, row.month, dict(row.steps)) for row in rows] == [
        (2, 201201, {"29": 100_057, "00": 100_087}),
        (3, 201202, {"29": 99_500, "00": 101_000}),
    ]
    assert findings.good == 2


def test_bad_months_are_named_and_do_not_spoil_the_ones_after(tmp_path: Path) -> None:
    lines = ["month,29", "2012-01,0.1", "2012-03,0.1", "2012-04,x", "2012-05,0.1", "2012-05,0.1"]
    lines += ["2012-13,0.1", "2013-01,0.1234", "2013-02,0.1"]
    rows, findings = import_rates(write(tmp_path / "rates.csv", lines), {})
    assert [row.month for row in rows] == [201201, 201205, 201302]
    assert [line for line, _ in reasons(findings)] == [3, 4, 6, 7, 8]
    said = [reason for _, reason in reasons(findings)]
    assert said[0] == "month 201203 follows on 201201, expected 201202"
    assert "29: expected percent" in said[1]
    assert said[2] == "month 201205 is there twice, on line 5 and here"
    assert "expected a month such as 2012-01" in said[3]


@pytest.mark.parametrize(
    ("header", "regions", "named"),
    [
        ("region,29", {}, "the first column is 'region'"),
        ("month", {}, "no column of rates"),
        ("month,29", {"30": "30"}, "no column '30'"),
        ("month,a,b", {"a": "29", "b": "29"}, "two columns are of one region"),
        ("month,a", {"a": "x" * 17}, "1 to 16 bytes"),
    ],
)
def test_a_table_of_rates_without_the_columns_is_refused(
    tmp_path: Path, header: str, regions: dict[str, str], named: str
) -> None:
    with pytest.raises(LocalError, match=named):
        import_rates(write(tmp_path / "rates.csv", [header]), regions)


def test_sales_take_their_zone_from_the_row_or_the_legal_dong(
    tmp_path: Path, zones: list[ZoneParcels]
) -> None:
    pnu = f"{JINWON_VILLAGE}100000001"
    lines = [
        "고유번호,단가,계약년월",
        f'{pnu},"350,000",2024-05',
        f"{ELSEWHERE}100000001,1,2024-05",
    ]
    lines.append(f"{pnu},350000,202405")
    sales, findings = import_sales(write(tmp_path / "s.csv", lines, "cp949"), zones)
    assert [(sale.zone, sale.pnu, sale.price_krw_per_m2, sale.sold_month) for sale in sales] == [
        ("jinwon-myeon", pnu, 350_000, 202_405)
    ]
    assert findings.left_out.total() == 1
    ((line, said),) = reasons(findings)
    assert line == 4
    assert "on line 2 and here" in said
    named = ["pnu,price_krw_per_m2,sold_month,zone", f"{pnu},1,2024.05,oryong-dong"]
    sales, _ = import_sales(write(tmp_path / "n.csv", named), [])
    assert sales[0].zone == "oryong-dong"
    with pytest.raises(LocalError, match="give --zones"):
        import_sales(write(tmp_path / "s.csv", lines), [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.1", 1), ("10", 100), ("1,234.59", 12_345), ("0.19", 1)],
)
def test_areas_are_floored_to_a_tenth(text: str, expected: int) -> None:
    assert values.area_tenth_m2("면적", text) == expected


@pytest.mark.parametrize("text", ["", "0", "0.09", "-1", "1e3", "1.x", ".5", "9" * 30, "nan", "²"])
def test_anything_else_is_no_area(text: str) -> None:
    with pytest.raises(RowError, match="면적"):
        values.area_tenth_m2("면적", text)


def test_an_import_without_any_good_row_says_so(tmp_path: Path, zones: list[ZoneParcels]) -> None:
    file = write(tmp_path / "p.csv", [HEADER, parcel_row(ELSEWHERE, 1)])
    with pytest.raises(LocalError, match="none of 1 rows counts"):
        import_parcels(file, zones, {}).require_good(skip_bad=True)
