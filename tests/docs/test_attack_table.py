"""docs/economy.md has a row for each attack that is played, and no other; each test of an attack
holds its row's figures (tests/scenarios/economy/conftest.py)."""

import ast
import re

from tests.docs.documents import ROOT
from tests.support.attack_table import AttackRow, attack_rows, percent

FOLDER = ROOT / "tests" / "scenarios" / "economy"


def attacks() -> dict[str, set[str]]:
    """What each test of an attack takes, by its name."""
    return {
        node.name: {argument.arg for argument in node.args.args}
        for path in sorted(FOLDER.glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_attack_has_a_row_and_every_row_a_test() -> None:
    named = [row.test for row in attack_rows()]
    assert len(named) == len(set(named))
    assert {re.sub(r"\[.*", "", name) for name in named} == set(attacks())


def test_every_attack_tells_what_it_measured() -> None:
    assert [name for name, taken in attacks().items() if "told" not in taken] == []


def test_every_row_says_what_is_gained_and_what_bounds_it() -> None:
    assert all(row.attack and row.gain and row.rule for row in attack_rows())


def test_a_row_that_differs_from_what_was_measured_is_noticed() -> None:
    row = AttackRow("a lie", "2.00 % in 20 days, 1,000 tokens of E0", "clip", "test_a_lie")
    figures = ["2.00 %", "20 days", "1,000 tokens"]
    assert row.lacks(figures) == row.unmeasured(figures) == []
    assert row.lacks(["0 days", "12.00 %", "000 tokens"]) == ["0 days", "12.00 %", "000 tokens"]
    assert row.unmeasured(["2.00 %", "20 days"]) == ["1,000"]
    assert (percent(1, 3), percent(-1, 8), percent(2, 3)) == ("33.33 %", "12.50 %", "66.67 %")
