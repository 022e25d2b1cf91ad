"""A bundle of a node that runs: what it answers is in it, and no secret of its town."""

import json
from pathlib import Path

import pytest

from tests.support.bundles import contents, leaked, secrets_of
from tests.support.town import answer, poyong
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
            assert found["backup.txt"] == b"none was ever proved (poyong backup)\n"
            assert "doctor.json" not in found


def test_status_fits_one_screen(tmp_path: Path) -> None:
    """24 lines of 100 characters, for a person who has no window but this one."""
    folder = tmp_path / "town"
    folder.mkdir()
    with running_town(folder, validators=1, observer=False) as town:
        (node,) = town.nodes.values()
        shown = poyong("status", "--home", str(node.home))
        assert answer("status", "--home", str(node.home))["last_backup_ms"] is None
        assert "last_backup_ms" not in answer("status", "--rpc", town.rpc(node.plan.name))
    assert "backup      none was ever proved" in shown.stdout
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert 8 <= len(lines) <= 24
    assert max(len(line) for line in lines) <= 100
