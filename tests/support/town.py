"""A town as an operator starts it: `poyong town up` as a process, and commands beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api import calls
from api.client import UnreachableError
from api.sync_client import SyncClient
from ledger.errors import ensure
from node.localnet import layout
from node.localnet.layout import Town

POLL_S: Final = 0.1
READY_TIMEOUT_S: Final = 60.0
END_TIMEOUT_S: Final = 60.0
BASE_PORT: Final = 10_000
PORTS_A_WORKER: Final = 2_000


def base_port() -> int:
    """A range for each test worker, so that two towns never probe the same ports at once."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return BASE_PORT + PORTS_A_WORKER * (int(worker) % 8)


def poyong(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "node.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=END_TIMEOUT_S,
        check=False,
    )


def answer(*arguments: str, stdin: str | None = None) -> Any:
    """The JSON that a command prints; it has to succeed."""
    completed = poyong(*arguments, "--json", stdin=stdin)
    ensure(completed.returncode == 0, f"{arguments}: {completed.stderr}")
    return json.loads(completed.stdout)


def plan_of(folder: Path) -> Town:
    """Nodes and ports of the town in a folder."""
    town = layout.load(folder)
    if town is None:
        raise FileNotFoundError(folder / layout.TOWN_FILE)
    return town


@dataclass
class RunningTown:
    """`poyong town up` under way."""

    folder: Path
    process: subprocess.Popen[str]

    def heights(self) -> dict[str, int]:
        """Height of each node that answers."""
        found: dict[str, int] = {}
        for node in plan_of(self.folder).nodes:
            with SyncClient(node.rpc_url, timeout_s=5) as client:
                try:
                    found[node.name] = client.call(calls.status())["height"]
                except UnreachableError:
                    continue
        return found

    def wait_for_height(self, height: int, *, within_s: float = READY_TIMEOUT_S) -> float:
        """Seconds until some node has committed `height`; fails after `within_s`."""
        return self.wait_until(lambda: max(self.heights().values(), default=0) >= height, within_s)

    def wait_until(self, condition: Callable[[], bool], within_s: float) -> float:
        """Seconds until `condition` holds; fails after `within_s`, or when the town has ended."""
        started = time.monotonic()
        while time.monotonic() - started < within_s:
            if self.process.poll() is not None:
                raise AssertionError(f"the town ended: {self.end()[1]}")
            if (self.folder / layout.TOWN_FILE).exists() and condition():
                return time.monotonic() - started
            time.sleep(POLL_S)
        raise TimeoutError(f"not within {within_s:g} s")

    def pid_of(self, name: str) -> int:
        """Process id of a node."""
        (node,) = [node for node in plan_of(self.folder).nodes if node.name == name]
        pid = layout.node_pid(self.folder, node)
        ensure(pid is not None, f"{name} does not run")
        return pid or 0

    def kill(self, names: Sequence[str]) -> None:
        """SIGKILL to nodes, as close together as this process can."""
        pids = [self.pid_of(name) for name in names]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[str, str, int]:
        """Wait until it has ended: stdout, stderr, exit code."""
        out, err = self.process.communicate(timeout=END_TIMEOUT_S)
        return out, err, self.process.returncode


@contextmanager
def running(folder: Path, *options: str) -> Iterator[RunningTown]:
    """`poyong town up --dir FOLDER --json OPTIONS`; stopped at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "node.cli", "town", "up", "--dir", str(folder), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    town = RunningTown(folder, process)
    try:
        yield town
    finally:
        if process.poll() is None:
            process.terminate()
            town.end()
