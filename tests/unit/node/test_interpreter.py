"""The node refuses a Python that it cannot trust."""

import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import LocalError
from node import interpreter
from node.interpreter import check_runtime

ROOT = Path(__file__).parents[3]


def test_this_python_is_accepted() -> None:
    check_runtime()


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_python_without_checks_is_refused(flag: str) -> None:
    completed = subprocess.run(
        [sys.executable, flag, "-c", "from node.interpreter import check_runtime; check_runtime()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert completed.returncode != 0
    assert "does not start under python -O" in completed.stderr


def test_an_untried_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "OLDEST", (3, 99))
    with pytest.raises(LocalError, match=r"needs Python 3\.99"):
        check_runtime()
