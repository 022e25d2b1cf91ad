"""The scenario constitution whole: real processes, a fast calendar, every step read back by RPC."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.constitution.record import STEPS
from tests.support.town import base_port, plan_of

pytestmark = pytest.mark.timeout(300)
DAY_MS = 300
"""The longest wait, 137 days of class D, is 41 seconds."""


def test_a_town_is_governed_from_day_one(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    command = [
        *(sys.executable, "-m", "node.cli", "town", "scenario", "constitution"),
        *("--dir", str(folder), "--day-ms", str(DAY_MS)),
        *("--base-port", str(base_port()), "--json"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert (found["scenario"], found["invariants"]) == ("constitution", "ok")
    assert (found["missing"], found["failures"], found["validators"]) == ([], [], 5)
    steps = {step["name"]: step for step in found["steps"]}
    assert list(steps) == list(STEPS)
    assert all(step["seen"] and 0 < step["height"] <= found["height"] for step in steps.values())
    assert int(found["issued"]) <= int(found["ceiling"])
    assert int(found["minted"]) > 0
    # Each was told as it was seen.
    assert {line.partition("  ")[0] for line in ended.stderr.splitlines()} >= {
        f"seen={name}" for name in STEPS
    }

    weights = {
        name: (step["tally"]["outcome"], step["tally"]["weight"])
        for name, step in steps.items()
        if step["tally"] is not None
    }
    assert weights.pop("recall") == ("REJECTED", 100)
    assert weights.pop("recusal") == ("PASSED", 68), "two chambers are recused"
    assert set(weights.values()) == {("PASSED", 100)}
    assert steps["recall"]["tally"]["persons_yes"] == 0
    assert steps["lambda_lowered"]["tally"]["vote"] == steps["upgrade"]["tally"]["vote"] == 2
    order = ("persons_seated", "fifth_admitted", "fifth_ready", "fifth_votes", "signed_twice")
    heights = [steps[name]["height"] for name in (*order, "suspension_decided")]
    assert heights == sorted(heights)
    assert [node.name for node in plan_of(folder).validators][-1] == "district-office"
