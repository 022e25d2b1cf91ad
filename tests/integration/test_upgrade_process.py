"""A validator whose chain has decided an upgrade: it stops before the height, or goes on.

A real process on a real folder. What each test waits for is said by the node: its end, or a height.
"""

import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from node import audit, cli
from node.localnet.layout import TownNode
from node.version import VERSION
from tests.integration.test_node_process import (
    POLL_S,
    START_TIMEOUT_S,
    started,
    wait_until_ready,
)
from tests.support.refusals import refusal
from tests.support.shell import Shell
from tests.support.town import base_port
from tests.support.upgrade_town import RELEASE, decide_upgrade, governed_node

NEXT = "0.2.0"
LAST = "1.0.0"
NOTICE = 5


@pytest.fixture
def node(tmp_path: Path) -> TownNode:
    return governed_node(tmp_path, base_port() + 1600)


def head_of(home: Path) -> int:
    height, _ = audit.head_of(home)
    return height


def said_at_the_end(process: "subprocess.Popen[str]") -> str:
    _, log = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == cli.EXIT_UPGRADE, log
    assert "Traceback" not in log
    return log.splitlines()[-1]


def test_it_stops_before_the_height_and_says_what_to_install(
    tmp_path: Path, node: TownNode, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / node.name
    height = decide_upgrade(home, notice=NOTICE, from_version=NEXT, below_version=LAST)
    with started(home) as process:
        sentence = said_at_the_end(process)
    for part in (f"block {height}:", NEXT, LAST, "'named'", VERSION, RELEASE.hex()):
        assert part in sentence
    # Everything up to the height is there and holds; nothing of it was executed or signed.
    found = audit.audit(home)
    assert (found.height, found.invariants) == (height - 1, audit.OK)
    # At the start too, before it listens; as often as one tries.
    again = refusal(["start", "--home", str(home)], code=cli.EXIT_UPGRADE)
    assert again.removeprefix("poyong: ") == sentence.removeprefix("poyong: ")
    assert head_of(home) == height - 1
    checks = Shell(capsys)("doctor", "--home", str(home))
    assert checks[0] == cli.EXIT_FAILED
    assert "software" in checks[1]
    assert RELEASE.hex() in checks[1].replace("\n", "")


def test_before_the_height_it_warns_whoever_asks(tmp_path: Path) -> None:
    node = governed_node(tmp_path, base_port() + 1600, heartbeat_ms=600_000)
    height = decide_upgrade(
        tmp_path / node.name, notice=NOTICE, from_version=NEXT, below_version=LAST
    )
    with started(tmp_path / node.name) as process:
        wait_until_ready(node, process)
        with SyncClient(node.rpc_url) as client:
            planned = client.call(calls.status())["upgrade"]
        with urllib.request.urlopen(node.metrics_url, timeout=5) as answer:
            metrics = answer.read().decode()
    assert planned == {
        "name": "named",
        "height": height,
        "from_version": NEXT,
        "below_version": LAST,
        "artefact_hash": f"0x{RELEASE.hex()}",
        "suffices": False,
    }
    assert f"poyong_upgrade_height {float(height)}" in metrics
    assert "poyong_upgrade_ready 0.0" in metrics


def test_a_node_with_the_version_goes_on(tmp_path: Path, node: TownNode) -> None:
    height = decide_upgrade(
        tmp_path / node.name, notice=NOTICE, from_version=VERSION, below_version=NEXT
    )
    with started(tmp_path / node.name) as process:
        wait_until_ready(node, process)
        with SyncClient(node.rpc_url) as client:
            reached(process, lambda: client.call(calls.status())["height"] >= height + 2)
            status = client.call(calls.status())
    assert status["upgrade"] is None


def reached(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    """There is no event to wait for in another process: ask until it is so."""
    until = time.monotonic() + START_TIMEOUT_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(POLL_S)
