"""A bundle of a node that runs: what it answers is in it, and no secret of its town."""

import json
from pathlib import Path

import pytest

from tests.support.bundles import contents, leaked, secrets_of
from tests.support.town import answer
from tests.support.town_processes import running_town

pytestmark = pytest.mark.timeout(120)


def test_a_running_node_is_asked_and_gives_away_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    folder.mkdir()
    with running_town(folder, validators=1) as town:
        for name, node in town.nodes.items():
            out = tmp_path / f"{name}.tar.gz"
            shown = answer("diagnose", "--home", str(node.home), "--out", str(out))
            assert shown["running"] is True
            found = contents(out)
            assert leaked(found, secrets_of(folder)) == []
            assert json.loads(found["status.json"])["role"] in ("validator", "observer")
            assert json.loads(found["why-stalled.json"])["stalled"] is False
            assert b"poyong_consensus_height" in found["metrics.txt"]
            assert b"node.started" in found["log.txt"]
            assert "doctor.json" not in found
