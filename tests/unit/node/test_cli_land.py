"""`poyong land import-…`: tables of offices on the command line."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger import codec
from ledger.crypto import sha256
from ledger.message_registry import Field, Kind, MessageRegistry, MessageType
from node.cli import import_messages
from tests.support.official_tables import (
    ELSEWHERE,
    HEADER,
    ORYONG,
    WOLCHUL,
    ZONES,
    parcel_row,
    write,
)
from tests.support.shell import Shell

RATE = MessageType(
    "land.report_rate",
    "A month's official change rate of a region.",
    (
        Field("region", Kind.TEXT, "the region"),
        Field("month", Kind.UINT64, "yyyymm"),
        Field("index_step", Kind.UINT64, "100000 + 0.001 %"),
        Field("gazette_hash", Kind.HASH, "SHA-256"),
    ),
)
SALE = MessageType(
    "land.register_sale",
    "An arm's-length sale.",
    (
        Field("zone", Kind.TEXT, "the zone"),
        Field("pnu", Kind.TEXT, "the parcel"),
        Field("price_krw_per_m2", Kind.UINT64, "the price"),
        Field("sold_month", Kind.UINT64, "yyyymm"),
        Field("document_hash", Kind.HASH, "SHA-256"),
    ),
)
OFFLINE = ("--nonce", "5", "--chain-id", "82062", "--valid-until", "100")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def zones(tmp_path: Path) -> str:
    file = tmp_path / "zones.json"
    file.write_text(ZONES, encoding="utf-8")
    return str(file)


@pytest.fixture
def _known_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that has both messages."""
    executor = SimpleNamespace(registry=MessageRegistry((RATE, SALE)))
    monkeypatch.setattr(import_messages, "build_executor", lambda: executor)


def test_parcels_are_summed_up_and_written_for_a_genesis(
    shell: Shell, tmp_path: Path, zones: str
) -> None:
    rows = [parcel_row(WOLCHUL, 1), parcel_row(ORYONG, 2), parcel_row(ELSEWHERE, 3)]
    file = str(write(tmp_path / "p.csv", [HEADER, *rows], "cp949"))
    out = tmp_path / "fragment.json"
    found = shell.json("land", "import-parcels", file, "--zones", zones, "--out", str(out))
    assert [(zone["id"], zone["parcels"]) for zone in found["zones"]] == [
        ("wolchul-dong", 1),
        ("oryong-dong", 1),
        ("jinwon-myeon", 0),
    ]
    (summary,) = found["files"]
    assert (summary["encoding"], summary["counted"]) == ("cp949", 2)
    assert summary["left_out"] == {f"in legal dong {ELSEWHERE}, which is of no zone": 1}
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written == found["fragment"]
    assert written["zones"][0]["parcel_root"] == found["zones"][0]["root"]


def test_a_dry_run_writes_nothing(shell: Shell, tmp_path: Path, zones: str) -> None:
    file = str(write(tmp_path / "p.csv", [HEADER, parcel_row(WOLCHUL, 1)]))
    out = tmp_path / "fragment.json"
    options = ("--zones", zones, "--out", str(out), "--dry-run")
    code, printed, said = shell("land", "import-parcels", file, *options)
    assert (code, out.exists()) == (0, False)
    assert "wolchul-dong" in printed
    assert "Nothing was written" in said


def test_a_bad_row_stops_the_import_unless_the_operator_goes_on_without_it(
    shell: Shell, tmp_path: Path, zones: str
) -> None:
    rows = [parcel_row(WOLCHUL, 1), "broken", parcel_row(WOLCHUL, 1)]
    file = str(write(tmp_path / "p.csv", [HEADER, *rows]))
    out = tmp_path / "fragment.json"
    options = ("--zones", zones, "--out", str(out))
    code, printed, said = shell("land", "import-parcels", file, *options)
    assert (code, printed, out.exists()) == (1, "", False)
    assert "line 3: expected 13 values, found 1" in said
    assert "on line 2 and here" in said
    assert "--skip-bad" in said
    code, printed, _ = shell("land", "import-parcels", file, *options, "--json")
    assert code == 1
    assert [row["line"] for row in json.loads(printed)["files"][0]["bad_rows"]] == [3, 4]
    found = shell.json("land", "import-parcels", file, *options, "--skip-bad")
    assert found["zones"][0]["parcels"] == 1
    assert out.exists()


def test_areas_of_a_second_file_are_checked_too(shell: Shell, tmp_path: Path, zones: str) -> None:
    file = str(write(tmp_path / "p.csv", [HEADER, parcel_row(WOLCHUL, 1)]))
    areas = str(write(tmp_path / "a.csv", ["고유번호,면적", f"{WOLCHUL}100000001,x"]))
    code, _, said = shell("land", "import-parcels", file, "--zones", zones, "--areas", areas)
    assert code == 1
    assert "line 2: 면적: expected m² from 0.1" in said


@pytest.mark.usefixtures("_known_messages")
def test_rates_become_unsigned_drafts_with_the_gazettes_hash(shell: Shell, tmp_path: Path) -> None:
    file = str(write(tmp_path / "r.csv", ["month,gw,kr", "2012-01,0.057,0.087", "2012-02,-0.1,0"]))
    gazette = tmp_path / "gazette.pdf"
    gazette.write_bytes(b"gazette")
    options = ("--region", "gw=29", "--region", "kr=00", "--gazette", str(gazette), *OFFLINE)
    found = shell.json("land", "import-rates", file, *options)
    drafts = found["drafts"]
    assert [draft["nonce"] for draft in drafts] == [5, 6, 7, 8]
    assert {draft["type"] for draft in drafts} == {"land.report_rate"}
    bodies = [RATE.decode(codec.decode(bytes.fromhex(d["body"][2:]))) for d in drafts]
    assert [body[:3] for body in bodies] == [
        ("00", 201201, 100_087),
        ("29", 201201, 100_057),
        ("00", 201202, 100_000),
        ("29", 201202, 99_900),
    ]
    assert {body[3] for body in bodies} == {sha256(b"gazette")}
    code, printed, said = shell("land", "import-rates", file, *options)
    assert (code, len(printed.splitlines())) == (0, 4)
    assert "4 unsigned drafts" in said
    assert json.loads(printed.splitlines()[0]) == drafts[0]


@pytest.mark.usefixtures("_known_messages")
def test_sales_become_unsigned_drafts_in_a_file(shell: Shell, tmp_path: Path, zones: str) -> None:
    lines = ["고유번호,단가,계약년월", f"{WOLCHUL}100000001,500000,2024-05"]
    file = str(write(tmp_path / "s.csv", lines, "cp949"))
    out = tmp_path / "drafts.jsonl"
    options = ("--zones", zones, "--document", file, "--out", str(out), *OFFLINE)
    found = shell.json("land", "import-sales", file, *options)
    assert (found["messages"], found["drafts"]) == (1, [])
    (draft,) = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    body = SALE.decode(codec.decode(bytes.fromhex(draft["body"][2:])))
    assert body[:4] == ("wolchul-dong", f"{WOLCHUL}100000001", 500_000, 202_405)


@pytest.mark.parametrize("command", ["import-rates", "import-sales"])
def test_a_dry_run_needs_neither_node_nor_key(
    shell: Shell, tmp_path: Path, command: str, zones: str
) -> None:
    if command == "import-rates":
        lines, options = ["month,29", "2012-01,0.1"], ["--gazette", zones]
    else:
        lines = ["고유번호,단가,계약년월", f"{WOLCHUL}100000001,5,2024-05"]
        options = ["--zones", zones, "--document", zones]
    file = str(write(tmp_path / "t.csv", lines))
    assert shell.json("land", command, file, *options, "--dry-run")["messages"] == 1


@pytest.mark.usefixtures("_known_messages")
def test_what_cannot_be_sent_is_said_in_a_sentence(shell: Shell, tmp_path: Path) -> None:
    file = str(write(tmp_path / "r.csv", ["month,29", "2012-01,0.1"]))
    run = ("land", "import-rates", file, "--gazette", file)
    assert "--dry-run only checks" in shell(*run)[2]
    nowhere = ("--local", "4", "--rpc", "http://127.0.0.1:9")
    assert "no node answers" in shell(*run, *nowhere)[2]
    assert "expected COLUMN=REGION" in shell(*run, "--region", "29")[2]
    assert "cannot read" in shell("land", "import-rates", file, "--gazette", "nothing.pdf")[2]


def test_a_chain_without_the_message_is_named(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = SimpleNamespace(registry=MessageRegistry(()))
    monkeypatch.setattr(import_messages, "build_executor", lambda: executor)
    file = str(write(tmp_path / "r.csv", ["month,29", "2012-01,0.1"]))
    _, _, said = shell("land", "import-rates", file, "--gazette", file, *OFFLINE)
    assert "knows no message land.report_rate" in said
