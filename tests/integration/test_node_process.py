"""`poyong start` as an operator meets it: it serves, stops, or says in one sentence why not."""

import json
import os
import signal
import socket
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


def command(home: Path, *python_options: str) -> list[str]:
    return [sys.executable, *python_options, "-m", "node.cli", "start", "--home", str(home)]


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


def refusal(home: Path, *python_options: str, code: int = 1) -> str:
    """The sentence with which a node that cannot start ends."""
    ended = subprocess.run(
        command(home, *python_options),
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    # What precedes it are lines of the log.
    *_, last = ended.stderr.splitlines()
    assert ended.stderr.count("poyong: ") == 1, ended.stderr
    return last.removeprefix("poyong: ")


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


def test_a_wrong_password_is_named_and_not_shown(home: Path) -> None:
    (home / "keys" / "password").write_text("not the password\n")
    said = refusal(home)
    assert "password" in said
    assert "not the password" not in said


def test_another_genesis_than_the_databases_is_named(home: Path) -> None:
    node = only_node(home.parent)
    with started(home) as process:
        wait_until_ready(node, process)
    path = home / "genesis.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"name": "another town"}), encoding="utf-8")
    said = refusal(home)
    assert "holds the chain of genesis document" in said
    assert "storage.path" in said


def test_a_missing_genesis_is_named(home: Path) -> None:
    (home / "genesis.json").unlink()
    assert "cannot read the genesis file" in refusal(home)


@pytest.mark.parametrize(
    ("section", "option"),
    [("p2p", "[network]"), ("rpc", "rpc"), ("metrics", "metrics.port")],
)
def test_a_port_that_is_taken_is_named_with_its_option(
    home: Path, section: str, option: str
) -> None:
    port = getattr(only_node(home.parent), f"{section}_port")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        said = refusal(home)
    assert str(port) in said
    assert option in said


def test_two_processes_do_not_share_a_folder(home: Path) -> None:
    node = only_node(home.parent)
    with started(home) as process:
        wait_until_ready(node, process)
        assert "another process" in refusal(home)
        assert process.poll() is None


def test_a_key_file_that_others_may_read_is_refused(home: Path) -> None:
    os.chmod(home / "keys" / "validator.json", 0o644)
    assert "validator.json" in refusal(home)


def test_an_unknown_option_is_named_with_the_nearest_known(home: Path) -> None:
    path = home / "config.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n[mempol]\nmax_count = 3\n", "utf-8")
    assert "mempool" in refusal(home)


def test_it_does_not_run_without_its_checks(home: Path) -> None:
    assert "python -O" in refusal(home, "-O")
