"""Rules on the source that no linter setting states."""

import ast

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT, parsed, python_files, shown


@pytest.mark.parametrize("package", PACKAGES)
def test_invariants_do_not_rest_on_assert(package: str) -> None:
    """`assert` vanishes under `python -O`; ledger.errors.ensure() stays."""
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files(package)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Assert)
    ]
    assert not found, f"use ledger.errors.ensure() instead of assert at {found}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_is(package: str) -> None:
    docstring = ast.get_docstring(parsed(ROOT / package / "__init__.py"))
    assert docstring is not None, f"{package}/__init__.py has no docstring"
    assert "\n\n" in docstring, f"{package}/__init__.py says nothing of what the room may touch"


def test_no_module_is_a_drawer_for_everything() -> None:
    """A module is named after what it holds."""
    drawers = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    found = [shown(path) for path in python_files(*PACKAGES, "tests") if path.name in drawers]
    assert not found, f"name these after what they hold: {found}"


def test_a_node_reads_every_transaction_with_the_decoder_of_its_chain() -> None:
    """A place that left the decoder out would not understand a block with a contract call."""
    found = {
        f"{shown(path)}:{node.lineno}": len(node.args) + len(node.keywords)
        for path in python_files("node")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("decode_block", "decode_transaction")
    }
    assert len(found) >= 8, "the pattern no longer finds what it is there for"
    without = [place for place, arguments in found.items() if arguments < 3]
    assert not without, f"pass executor.contracts.decode_call at {without}"
