"""docs/consensus.md names modules, checks and tests that exist."""

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "consensus.md").read_text(encoding="utf-8")


def test_every_module_of_the_room_is_named() -> None:
    present = {path.stem for path in (ROOT / "consensus").glob("*.py")} - {"__init__"}
    table = PAGE.split("## Modules")[1].split("## Rules")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == present


def test_every_decisive_check_exists_and_its_script_patches_it() -> None:
    """A rename must not turn a script into an empty proof."""
    scripts = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "tests" / "scenarios" / "consensus").glob("test_*.py"))
    )
    rows = re.findall(r"^\| .+ \| `(\w+)\.(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 11
    for module, check, tests in rows:
        assert callable(getattr(importlib.import_module(f"consensus.{module}"), check))
        for name in re.findall(r"`(test_\w+)`", tests):
            body = scripts.split(f"def {name}(")[1].split("\ndef ")[0]
            assert f".{check}" in body, f"{name} does not take {module}.{check} out"
