"""The import contracts of pyproject.toml hold, and each of them catches a breach planted for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT

LINT_TIMEOUT_S = 60

# module planted in a copy -> what it imports against the rule
BREACHES = {
    "ledger/planted_up.py": "consensus",
    "ledger/planted_clock.py": "time",
    "ledger/planted_disk.py": "plyvel",
    "consensus/planted_loop.py": "asyncio",
    "consensus/planted_sibling.py": "tokenomics",
    "consensus/planted_ledger.py": "ledger.planted_clock",
    "tokenomics/planted_sibling.py": "governance",
    "tokenomics/planted_chance.py": "random",
    "governance/planted_path.py": "pathlib",
    "api/planted_up.py": "node",
}


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts over the packages in `tree`, which must hold pyproject.toml."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=LINT_TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def report_of_breaches(tmp_path_factory: pytest.TempPathFactory) -> str:
    tree = tmp_path_factory.mktemp("breached")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for planted, imported in BREACHES.items():
        (tree / planted).write_text(f"import {imported}\n", encoding="utf-8")
    completed = lint_imports(tree)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    return completed.stdout


def test_the_tree_keeps_every_contract() -> None:
    completed = lint_imports(ROOT)
    assert completed.returncode == 0, completed.stdout + completed.stderr


@pytest.mark.parametrize(("planted", "imported"), BREACHES.items())
def test_a_planted_breach_is_caught(planted: str, imported: str, report_of_breaches: str) -> None:
    importer = planted.removesuffix(".py").replace("/", ".")
    assert f"{importer} -> {imported} (l.1)" in report_of_breaches
