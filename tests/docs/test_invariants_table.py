"""The table of invariants in docs/economy.md names what is registered, and tests that are there."""

import ast
import re

from node.modules import build_executor
from tests.docs.documents import ROOT, section

NUMBERS = range(1, 19)
"""Those of the design."""
MODULES = ("accounts", "land", "issuance", "distribution")


def table() -> dict[int, tuple[set[str], set[str]]]:
    """(registered names, tests) by number."""
    found = {}
    for line in section("Invariants", "docs/economy.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdigit():
            number, _, registered, tests = cells
            assert int(number) not in found, f"number {number} is there twice"
            found[int(number)] = tuple(set(re.findall("`([^`]+)`", c)) for c in (registered, tests))
    return found  # type: ignore[return-value]  # two cells each


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_number_of_the_design_has_an_invariant_or_a_test() -> None:
    found = table()
    assert sorted(found) == list(NUMBERS)
    for number, (registered, tests) in found.items():
        assert registered or tests, number


def test_every_registered_name_is_in_the_nodes_executor_and_none_is_left_out() -> None:
    named = set().union(*(registered for registered, _ in table().values()))
    registered = set(build_executor().invariants)
    assert named <= registered
    ours = {name for name in registered if name.partition(".")[0] in MODULES}
    assert named == ours


def test_every_named_test_is_there() -> None:
    for number, (_, tests) in table().items():
        for name in tests:
            path, _, function = name.partition("::")
            assert function.startswith("test_"), name
            assert function in functions(path), f"{number}: {name}"
