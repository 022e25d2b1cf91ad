"""`poyong start` as an operator meets it: it serves and stops. Why it may not start stands in
test_refused_untouched.py."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api import calls
from api.sync_client import SyncClient
from node.localnet.creation import Wish, prepare
from node.localnet.layout import TownNode
from tests.support.town import base_port

START_TIMEOUT_S = 30.0
POLL_S = 0.02


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A validator that is alone in its town and has not started yet."""
    return tmp_path / only_node(tmp_path).name


def only_node(folder: Path) -> TownNode:
    wish = Wish(validators=1, idle=True, base_port=base_port() + 900)
    return prepare(folder, wish).validators[0]


def command(home: Path) -> list[str]:
    return [sys.executable, "-m", "node.cli", "start", "--home", str(home)]


@contextmanager
def started(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(home), stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=START_TIMEOUT_S)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_until_ready(node: TownNode, process: "subprocess.Popen[str]") -> None:
    """There is no event to wait for in another process: ask until it answers."""
    url = node.metrics_url.replace("/metrics", "/readyz")
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1]
        try:
            if get(url) == (200, "ready\n"):
                return
        except urllib.error.URLError:
            pass  # it does not listen yet
        time.sleep(POLL_S)
    raise TimeoutError(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(home: Path, number: signal.Signals) -> None:
    node = only_node(home.parent)
    with started(home) as process:
        wait_until_ready(node, process)
        with SyncClient(node.rpc_url) as client:
            status = client.call(calls.status())
        assert (status["role"], status["organisation"]) == ("validator", node.organisation)
        _, metrics = get(node.metrics_url)
        assert 'poyong_build_info{version="0.1.0"} 1.0' in metrics
        assert f"poyong_consensus_height {float(status['height'])}" in metrics
        process.send_signal(number)
        _, said = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == 0, said
    assert "node.stopping" in said
    assert "Traceback" not in said


def test_a_killed_node_starts_again(home: Path) -> None:
    node = only_node(home.parent)
    for _ in range(2):
        with started(home) as process:
            wait_until_ready(node, process)
            process.kill()
