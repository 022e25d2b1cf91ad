"""`poyong status` fits one screen and says what an operator looks for."""

from typing import Any

from api import examples, results, views
from node.cli.status import COLUMNS, screen

LINES = 24
KEY = "0x" + "ab" * 32


def shown(**changes: Any) -> list[str]:
    status: Any = views.status(examples.STATUS)
    members = views.validators(examples.VALIDATORS)
    assert members is not None
    stall: results.StallReport = {"stalled": False, "last_commit_ms": 1, "causes": []}
    return screen(
        status | changes,
        views.consensus_state(examples.CONSENSUS_STATE),
        members,
        views.peers([examples.PEER]),
        changes.pop("stall", stall),
        now_ms=examples.TIME_MS + 90_000,
        backup=changes.get("backup", "proved 14 h ago"),
    )


def test_a_healthy_node_is_told_in_few_lines() -> None:
    lines = shown(signing_key=KEY)
    assert len(lines) <= LINES
    assert all(len(line) <= COLUMNS for line in lines)
    text = "\n".join(lines)
    for expected in (
        "blocks come as they should",
        f"signs with  {KEY}",
        "a quorum is 3",
        " s ago",
        "backup      proved 14 h ago",
        "at the head",
    ):
        assert expected in text


def test_the_worst_that_there_is_still_fits() -> None:
    upgrade = {
        "name": "n" * 64,
        "height": 10**15,
        "from_version": "1" * 20,
        "below_version": "2" * 20,
        "artefact_hash": KEY,
        "suffices": False,
    }
    rotation = {
        "stage": "missing",
        "next_validator_key": KEY,
        "next_node_key": KEY,
        "since": 1,
        "advice": "word " * 200,
    }
    report = {
        "stalled": True,
        "last_commit_ms": 1,
        "causes": [
            views.stall_report(examples.STALL_REPORT)["causes"][0] | {"finding": "word " * 200}
        ],
    }
    lines = shown(
        organisation="o" * 64, upgrade=upgrade, rotation=rotation, signing_key=None, stall=report
    )
    assert len(lines) <= LINES
    assert all(len(line) <= COLUMNS for line in lines)
    text = "\n".join(lines)
    for expected in ("STALLED: word", "keys        missing: word", "nothing: no vote", "upgrade"):
        assert expected in text


def test_a_node_that_catches_up_says_how_far() -> None:
    text = "\n".join(shown(syncing=True, target_height=12_345))
    assert ", syncing to 12,345" in text


def test_a_node_elsewhere_tells_nothing_of_backups() -> None:
    assert not any(line.startswith("backup") for line in shown(backup=None))
