"""A node without a chain says how far it is, stays alive meanwhile, and can be stopped."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node import config
from node.network.identities import Identities
from node.network.tls import NodeIdentity
from node.snapshots.joining import Joining, start_of
from node.snapshots.progress import JoinProgress, reason, watched
from node.snapshots.restoring import JoinFolder
from node.watch.health import HealthServer, Readiness
from node.watch.metrics import Metrics
from tests.support.applied_chain import DOCUMENT, EXECUTOR
from tests.support.running_nodes import until
from tests.support.snapshots import gathered, grown, snapshot_of

GATHERING = JoinProgress(
    peers=2, height=40_000, items=120, items_in_all=288, bytes=1_234_567, seconds_left=3
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            JoinProgress(0),
            "begins with a snapshot of its peers, and has found none yet; peers connected: 0",
        ),
        (
            GATHERING,
            "gathers the snapshot of block 40,000: 120 of 288 items, 1,234,567 bytes, about 3 s "
            "left; peers connected: 2",
        ),
        (
            replace(GATHERING, seconds_left=None, refusal="no answer for 5 s"),
            "gathers the snapshot of block 40,000: 120 of 288 items, 1,234,567 bytes; peers "
            "connected: 2; the last refusal: no answer for 5 s",
        ),
        (
            replace(GATHERING, is_installing=True, installed=7),
            "makes its database of the snapshot of block 40,000: 7 of 288 items",
        ),
    ],
)
def test_what_readyz_says(found: JoinProgress, expected: str) -> None:
    assert reason(found) == expected


async def test_probes_and_metrics_tell_of_it_until_it_is_over(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Afterwards the figures stay, and nothing of the progress is asked any more."""
    metrics = Metrics()
    health = HealthServer(metrics, lambda: Readiness(True, ""), "127.0.0.1", 0)
    said: list[Callable[[], Readiness]] = []
    monkeypatch.setattr(health, "answer_by", said.append)
    found = [GATHERING]
    with watched(health, metrics, tmp_path / "data", lambda: found[-1]):
        assert said[-1]() == Readiness(False, reason(GATHERING))
        series = metrics.render().decode()
        assert "poyong_snapshot_gathered_items 120.0" in series
        assert "poyong_disk_free_bytes 0.0" not in series, "nobody is called for a full disk"
        found.append(replace(GATHERING, is_installing=True, items=288, installed=288))
    found.append(JoinProgress(5, height=1))
    assert said[-1]() == Readiness(False, "opens its chain")
    series = metrics.render().decode()
    assert "poyong_snapshot_joining 0.0" in series
    assert "poyong_snapshot_height 40000.0" in series
    assert "poyong_snapshot_installed_items 288.0" in series


async def test_a_stop_while_the_database_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on meanwhile: the progress can be asked for. What was gathered stays."""
    data = tmp_path / "data"
    kept = gathered(snapshot_of(grown(5), tmp_path), data)
    go_on = threading.Event()
    right = JoinFolder.install

    def slow(self: JoinFolder, *given: Any) -> int:
        def waited(item: int) -> None:
            given[-1](item)
            if phase.progress().installed == 3:
                assert go_on.wait(20)

        chain, header, engine, history, _ = given
        return right(self, chain, header, engine, history, waited)

    monkeypatch.setattr(JoinFolder, "install", slow)
    settings = replace(config.Config(), home=tmp_path)
    identities = Identities(NodeIdentity.from_seed(b"s" * 32))
    phase = Joining(settings, start_of(DOCUMENT, EXECUTOR), identities)
    monkeypatch.setattr(phase, "_fetch", _found)
    running = asyncio.ensure_future(phase.run())
    await until(lambda: phase.progress().installed == 3)
    assert phase.progress().is_installing
    running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not (data / "chain").exists()
    assert kept.read(3), "what was gathered"
    # The next start makes it.
    again = Joining(settings, start_of(DOCUMENT, EXECUTOR), identities)
    monkeypatch.setattr(again, "_fetch", _found)
    assert await again.run()
    assert (data / "chain").exists()
    assert not kept.path.exists()


async def _found() -> bool:
    return True
