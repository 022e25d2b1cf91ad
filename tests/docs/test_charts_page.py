"""The pictures in docs/charts are what the documented command draws today."""

from pathlib import Path

import pytest

from node import cli
from tests.docs.documents import ROOT, text

DRAWN = {"gwangju": "gwangju", "tokyo": "tokyo-bubble", "district": "district"}


@pytest.mark.parametrize(("picture", "scenario"), DRAWN.items())
def test_the_picture_is_what_the_command_draws(picture: str, scenario: str, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.svg"
    options = ["--scenario", scenario, "--chart", str(drawn), "--json"]
    assert cli.run(["issuance", "simulate", *options]) == 0
    kept = ROOT / "docs" / "charts" / f"{picture}.svg"
    again = f"poyong issuance simulate --scenario {scenario} --chart docs/charts/{picture}.svg"
    assert drawn.read_bytes() == kept.read_bytes(), f"draw it again: {again}"


def test_every_picture_is_shown_on_a_page() -> None:
    shown = {f"docs/charts/{name}.svg" for name in DRAWN}
    kept = {f"docs/charts/{path.name}" for path in (ROOT / "docs" / "charts").iterdir()}
    assert kept == shown
    assert "(docs/charts/gwangju.svg)" in text("README.md")
    assert "(charts/tokyo.svg)" in text("docs/economy.md")
    assert "(charts/district.svg)" in text("docs/economy.md")
