"""`poyong issuance simulate`: both outcomes side by side, from a file or a built-in series."""

import json
from importlib.resources import as_file, files
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ledger.primitives import UNIT
from node.scenarios.catalogue import scenario
from node.scenarios.sections import genesis_sections
from tests.support.shell import Shell

MILLION = 10**6 * UNIT
RUN = ("issuance", "simulate")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def issued(outcome: dict[str, str]) -> float:
    return round(int(outcome["issued"]) / MILLION, 1)


def test_the_parameters_in_force_and_the_changed_ones_are_shown_side_by_side(shell: Shell) -> None:
    found = shell.json(*RUN, "--set", "lambda=2000", "--set", "window=12")
    before, after = found["outcomes"]
    assert (before["label"], after["label"]) == ("in force", "changed")
    assert (before["parameters"]["lambda_bps"], after["parameters"]["lambda_bps"]) == (2500, 2000)
    assert after["parameters"]["window_anchors"] == 12
    assert issued(before) == 71.0
    assert issued(after) < 71.0
    assert [len(outcome["rounds"]) for outcome in (before, after)] == [56, 56]
    assert {
        "land_index",
        "live",
        "sustained",
        "recognised",
        "entitlement",
        "ceiling",
        "mint",
    } < set(after["rounds"][0])
    code, table, _ = shell(*RUN, "--set", "lambda=2000", "--set", "window=12")
    assert code == 0
    assert "in force" in table
    assert "changed" in table
    assert "71,030,471" in table


def test_a_series_of_monthly_changes_gives_what_the_scenario_gives(shell: Shell) -> None:
    name = "gwangju_land_price_change_monthly.csv"
    with as_file(files("node.data") / name) as path:
        gross = shell.json(*RUN, "--series", str(path))
        net = shell.json(*RUN, "--series", str(path), "--mode", "NET")
    assert issued(gross["outcomes"][0]) == 71.0
    assert issued(net["outcomes"][0]) == 3.6


def test_a_series_of_prices_is_a_town_of_its_zones(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    rows = [f"{2000 + n // 4} Q{n % 4 + 1},{100_000 + 1_000 * n},50000" for n in range(14)]
    file.write_text("\n".join(["quarter,east,west", *rows]), encoding="utf-8")
    (outcome,) = shell.json(*RUN, "--series", str(file))["outcomes"]
    assert len(outcome["rounds"]) == 13
    assert outcome["rounds"][0]["quarter"] == "2000 Q2"
    # East rose by 13 %, west stood; both weigh the same.
    assert outcome["land_index"] == 106_499
    assert int(outcome["issued"]) > 0


def test_the_chart_shows_the_changed_outcome_beside_the_one_in_force(
    shell: Shell, tmp_path: Path
) -> None:
    chart = tmp_path / "chart.svg"
    shell.json(*RUN, "--scenario", "district", "--set", "lambda=2000", "--chart", str(chart))
    found = {element.get("id") for element in ElementTree.parse(chart).iter()}
    assert {"issued", "beside", "assumed"} <= found


def test_an_assumption_is_said_wherever_its_figures_are(shell: Shell) -> None:
    assert "ASSUMPTION" in shell(*RUN, "--scenario", "district")[1]
    assert "ASSUMPTION" in shell.json(*RUN, "--scenario", "district")["assumption"]


def test_a_genesis_can_say_which_parameters_are_in_force(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "genesis.json"
    assert shell("genesis", "new", str(file), "--chain-id", "7", "--name", "x")[0] == 0
    seat = ("--organisation", "x", "--public-key", "11" * 32, "--node-key", "12" * 32)
    assert shell("genesis", "add-validator", str(file), *seat)[0] == 0
    document = json.loads(file.read_text(encoding="utf-8"))
    document["modules"]["issuance"] = genesis_sections(scenario("gwangju"), [])["issuance"]
    document["modules"]["issuance"]["parameters"]["lambda_bps"] = 1_000
    file.write_text(json.dumps(document), encoding="utf-8")
    (outcome,) = shell.json(*RUN, "--genesis", str(file))["outcomes"]
    assert outcome["parameters"]["lambda_bps"] == 1_000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--set", "lamda=1"), "there is no parameter 'lamda'; did you mean 'lambda'"),
        (("--set", "windw_anchors=1"), "did you mean 'window_anchors'"),
        (("--set", "lambda=0"), "parameter lambda_bps is 0, expected 1..10000"),
        (("--set", "window=65"), "parameter window_anchors is 65, expected 1..64"),
        (("--set", "lambda"), "expected NAME=VALUE"),
        (("--set", "lambda=x"), "--set lambda_bps: expected an integer"),
        (("--set", "lambda=1", "--set", "lambda_bps=2"), "lambda_bps is set twice"),
        (("--set", "mode=net"), "--set mode: expected one of"),
        (("--scenario", "tokio-bubble"), "did you mean 'tokyo-bubble'"),
        (("--scenario", "tokyo-bubble", "--mode", "NET"), "mode NET needs the nation's rates"),
        (("--scenario", "district", "--series", "x.csv"), "one of --series and --scenario"),
        (("--series", "nothing.csv"), "cannot read nothing.csv"),
    ],
)
def test_a_wrong_request_is_refused_with_the_nearest_or_the_bounds(
    shell: Shell, options: tuple[str, ...], sentence: str
) -> None:
    assert sentence in shell.refusal(*RUN, *options)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("year,29\n", "the first column is 'year', expected month"),
        ("month,29\n2012-01,x\n", "line 2: 29: expected percent"),
        ("month,29\n2012-01,0.1\n", "has 0 whole quarters"),
        ("month\n2012-01\n", "a column of monthly changes"),
        ("quarter,a\n2012 Q1,5\n2012 Q3,5\n", "line 3: quarter 2012 Q3 follows on 2012 Q1"),
        ("quarter,a\n2012-01,5\n", "line 2: quarter: expected a quarter such as 2012 Q1"),
        ("quarter,a\n2012Q1,0\n", "line 2: a: expected whole KRW/m²"),
        ("quarter\n2012Q1\n", "expected a price for one zone or more"),
        ("quarter,a\n2012Q1,5\n", "has 0 whole quarters"),
    ],
)
def test_a_wrong_series_is_refused_by_row(
    shell: Shell, tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "series.csv"
    file.write_text(content, encoding="utf-8")
    assert sentence in shell.refusal(*RUN, "--series", str(file))
