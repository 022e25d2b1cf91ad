"""The project's Python files as parsed trees, and a report of the long ones.

Run `python -m tests.architecture.source_tree` to list every file over the line at which one should
ask whether it still holds one idea (`make check` does).
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("node", "consensus", "ledger", "tokenomics", "governance", "api")

FILE_LINES_ASK = 400
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 80

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the named folders, in a stable order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function or method of a file as (name, lines from `def` to its end)."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, FunctionNode) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    long = [(line_count(path), shown(path)) for path in python_files(*PACKAGES, "tests")]
    for lines, name in sorted(long, reverse=True):
        if lines > FILE_LINES_ASK:
            print(f"{lines} lines: {name} (does it still hold one idea?)")
