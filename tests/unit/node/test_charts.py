"""Charts: an SVG that any reader takes, with every series, the same bytes each time."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from ledger.errors import LocalError
from node import charts
from node.charts import chart
from node.scenarios.catalogue import scenario
from node.scenarios.figures import RoundFigures, round_figures
from node.scenarios.offline import play_scenario

SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str) -> bytes:
    made = scenario(name)
    rounds = round_figures(made, play_scenario(made))
    return chart(rounds, made.title, title_ko=made.title_ko, assumption=made.assumption)


def ids(document: bytes) -> set[str]:
    return {element.get("id", "") for element in ElementTree.fromstring(document).iter()}


def words(document: bytes) -> str:
    tree = ElementTree.fromstring(document)
    return "\n".join("".join(element.itertext()) for element in tree.iter(f"{SVG}text"))


def points(document: bytes, name: str) -> int:
    """Places that the line of a series goes through."""
    tree = ElementTree.fromstring(document)
    (group,) = [element for element in tree.iter(f"{SVG}g") if element.get("id") == name]
    path = group.find(f"{SVG}path")
    assert path is not None
    return path.get("d", "").count("L") + 1


def test_every_series_is_there_with_captions_in_both_languages() -> None:
    document = drawn("tokyo-bubble")
    series = {"raw", "accepted", "ceiling", "issued", "outstanding", "cover"}
    assert series <= ids(document)
    assert points(document, "raw") > 60
    text = words(document)
    for caption in (
        "Land index",
        "지가지수",
        "Million tokens",
        "백만 토큰",
        "issued 100.9",
        "발행량",
    ):
        assert caption in text
    assert "shaded below 100 %" in text


def test_quarters_without_full_cover_are_marked_and_no_others() -> None:
    made = scenario("tokyo-bubble")
    rounds = round_figures(made, play_scenario(made))
    short = {
        f"short-{row.round}"
        for row in rounds
        if row.coverage_bps is not None and row.coverage_bps < 10_000
    }
    assert {name for name in ids(drawn("tokyo-bubble")) if name.startswith("short-")} == short
    assert not {name for name in ids(drawn("gwangju")) if name.startswith("short-")}


def test_an_assumption_is_printed_on_the_chart_and_a_fact_has_none() -> None:
    assert "ASSUMPTION, not data" in words(drawn("district"))
    assert "assumed" not in ids(drawn("gwangju"))


def test_the_same_figures_give_the_same_bytes_that_name_no_day() -> None:
    first = drawn("gwangju")
    assert first == drawn("gwangju")
    assert b"<dc:date>" not in first


def test_text_stays_text_in_fonts_that_have_korean() -> None:
    document = drawn("gwangju")
    assert charts.FONTS.encode() in document
    assert f": '{charts.MEASURED_FONT}'".encode() not in document


def test_another_outcome_can_be_drawn_beside() -> None:
    made = scenario("gwangju")
    rounds = round_figures(made, play_scenario(made))
    document = chart(rounds, "Two outcomes", beside=rounds, beside_label="now in force")
    assert "beside" in ids(document)
    assert "now in force 71.0" in words(document)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_chart_of_few_rounds_is_drawn_too(count: int) -> None:
    made = scenario("gwangju")
    rounds = round_figures(made, play_scenario(made))[:count]
    assert {"raw", "issued"} <= ids(chart(rounds, "Few"))


def test_no_rounds_and_no_library_are_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalError, match="no round to draw"):
        chart([], "Nothing")
    rounds: list[RoundFigures] = round_figures(
        scenario("gwangju"), play_scenario(scenario("gwangju"))[:1]
    )
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(LocalError, match=r"pip install 'poyong\[charts\]'"):
        chart(rounds, "Without matplotlib")


def test_a_node_and_its_commands_load_no_charts() -> None:
    code = (
        "import sys, node.assembly, node.cli.simulate, node.cli.town; "
        "sys.exit('matplotlib' in sys.modules or 'node.charts' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
