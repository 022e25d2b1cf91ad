"""Nodes as processes, one by one: killed, restarted and compared; everything ends with the test.

tests/support/town.py runs a whole town as an operator does; here each node is on its own.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Final

from api import calls, results
from api.client import ClientError, NodeError
from api.sync_client import SyncClient
from ledger.errors import ensure
from ledger.local_accounts import ed25519_accounts
from node.audit import StoreAudit, audit
from node.localnet import layout
from node.localnet.creation import Wish, prepare
from node.localnet.layout import TownNode
from node.localnet.ports import LOOPBACK
from tests.support.transfers import payments

FIRST_PORT: Final = 26_000
PORT_RANGES: Final = 100
PORTS_A_RANGE: Final = 60
POLL_S: Final = 0.05
READY_S: Final = 40.0
WAIT_S: Final = 40.0
END_S: Final = 15.0
CALL_S: Final = 5.0
LOG_TAIL_LINES: Final = 12
VALID_HEIGHTS: Final = 5_000


def base_port() -> int:
    """Where a town looks for ports: elsewhere in each test process, so that two that run at once
    do not find the same ones free. Below them are those of tests/support/town.py."""
    return FIRST_PORT + PORTS_A_RANGE * (os.getpid() % PORT_RANGES)


@dataclass
class NodeProcess:
    """One node of the town: its folder, and its process while it runs. host: where its JSON-RPC and
    metrics are reached."""

    plan: TownNode
    home: Path
    process: subprocess.Popen[bytes] | None = None
    host: str = LOOPBACK

    @property
    def log(self) -> Path:
        """Everything that it printed."""
        return self.home / layout.LOG_FILE

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def last_lines(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def resident_mib(self) -> float:
        """Resident memory now."""
        ensure(self.process is not None, f"{self.plan.name} does not run")
        pid = self.process.pid if self.process else 0
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def start_command(home: Path) -> list[str]:
    """`poyong start`, tied to this process."""
    return [
        *(sys.executable, "-m", "node.cli", "start"),
        *("--home", str(home), "--parent", str(os.getpid())),
    ]


@dataclass
class ProcessTown:
    """A town in a folder; nodes by name, validators first, the observer last."""

    folder: Path
    nodes: dict[str, NodeProcess] = field(default_factory=dict)

    @property
    def validators(self) -> list[str]:
        """Names of the validators by index."""
        return [name for name, node in self.nodes.items() if node.plan.is_validator]

    @property
    def running(self) -> list[str]:
        """Names of the nodes that run."""
        return [name for name, node in self.nodes.items() if node.running]

    def rpc(self, name: str) -> str:
        """JSON-RPC address of a node."""
        node = self.nodes[name]
        return f"http://{node.host}:{node.plan.rpc_port}"

    # Life

    def start(self, *names: str, wrapper: Sequence[str] = ()) -> None:
        """Start nodes that do not run; wrapper: a command to start them by."""
        for name in names:
            node = self.nodes[name]
            ensure(not node.running, f"{name} runs already")
            with node.log.open("ab") as output:
                node.process = subprocess.Popen(
                    [*wrapper, *start_command(node.home)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )

    def kill(self, *names: str) -> None:
        """SIGKILL to all of them, then wait until they are gone."""
        processes = [self.nodes[name].process for name in names]
        for process in processes:
            if process is not None:
                process.kill()
        for process in processes:
            if process is not None:
                process.wait(END_S)

    def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM to all of them; their exit codes."""
        processes = {name: self.nodes[name].process for name in names}
        for process in processes.values():
            if process is not None:
                process.send_signal(signal.SIGTERM)
        return {n: p.wait(END_S) for n, p in processes.items() if p is not None}

    def ended(self, name: str, within_s: float = READY_S) -> tuple[int, str]:
        """Wait until a node ends by itself: exit code and the last line that it printed."""
        node = self.nodes[name]
        ensure(node.process is not None, f"{name} was not started")
        code = node.process.wait(within_s) if node.process else 0
        lines = node.last_lines().splitlines()
        return code, lines[-1] if lines else ""

    # Waiting

    def until(self, condition: Callable[[], bool], what: str, within_s: float = WAIT_S) -> float:
        """Seconds until the condition holds; TimeoutError with the ends of all logs."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > within_s:
                logs = "\n".join(f"-- {n}\n{node.last_lines()}" for n, node in self.nodes.items())
                raise TimeoutError(f"{what}: not within {within_s:g} s\n{logs}")
            time.sleep(POLL_S)
        return time.monotonic() - started

    def wait_ready(self, *names: str, within_s: float = READY_S) -> float:
        """Seconds until nodes say that they are synced with a quorum."""
        return self.until(
            lambda: all(self.is_ready(name) for name in names), f"{names} ready", within_s
        )

    def is_ready(self, name: str) -> bool:
        """What /readyz says; False too when the node does not answer."""
        node = self.nodes[name]
        ensure(node.running, f"{name} has ended: {node.last_lines()}")
        connection = HTTPConnection(node.host, node.plan.metrics_port, timeout=CALL_S)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def height(self, name: str) -> int:
        """Committed height of a node; -1 when it does not answer."""
        with SyncClient(self.rpc(name), timeout_s=CALL_S) as client:
            try:
                return client.call(calls.status())["height"]
            except ClientError:
                return -1

    def lowest_height(self, name: str) -> int:
        """The first block that a node holds: above 1 when it began with a snapshot."""
        with SyncClient(self.rpc(name), timeout_s=CALL_S) as client:
            return client.call(calls.status())["lowest_height"]

    def signs(self, name: str) -> bool:
        """Whether a node votes at the running height; False when it does not answer."""
        with SyncClient(self.rpc(name), timeout_s=CALL_S) as client:
            try:
                return client.call(calls.consensus_state())["signing"]
            except ClientError:
                return False

    def wait_for_height(self, height: int, *names: str, within_s: float = WAIT_S) -> float:
        """Seconds until each of these nodes has committed the height."""
        return self.until(
            lambda: all(self.height(name) >= height for name in names),
            f"{names} at height {height}",
            within_s,
        )

    def wait_until_equal(self, *names: str) -> int:
        """Wait until these nodes have one height, with no load; that height."""
        self.until(
            lambda: len({self.height(name) for name in names} | {-1}) == 2, f"{names} at one height"
        )
        return self.height(names[0])

    # Looking

    def hashes(self, name: str, first: int, last: int) -> list[str]:
        """Block hashes of a node for heights first..last."""
        with SyncClient(self.rpc(name), timeout_s=CALL_S) as client:
            blocks = [client.call(calls.get_block(height)) for height in range(first, last + 1)]
        return [block["hash"] if block else "" for block in blocks]

    def assert_one_chain(self, *names: str) -> int:
        """Every block of the first node, which holds all, is the same on the others as far as they
        hold it; the height."""
        height = min(self.height(name) for name in names)
        first = self.hashes(names[0], 1, height)
        assert "" not in first
        for name in names[1:]:
            lowest = self.lowest_height(name)
            hashes = self.hashes(name, lowest, height)
            assert hashes == first[lowest - 1 :], f"{name} has other blocks than {names[0]}"
        return height

    def assert_receipts(self, name: str, receipts: Mapping[str, results.Receipt]) -> None:
        """What clients saw as final is still so, in the same blocks, as far as the node holds
        them."""
        lowest = self.lowest_height(name)
        held = {key: item for key, item in receipts.items() if item["height"] >= lowest}
        with SyncClient(self.rpc(name), timeout_s=30) as client:
            found = client.batch([calls.get_receipt(item) for item in held])
        assert found == list(held.values()), f"{name} gives other receipts"

    def audit(self, name: str) -> StoreAudit:
        """The store of a node that does not run: state root, certificate, all invariants."""
        ensure(not self.nodes[name].running, f"{name} runs")
        return audit(self.nodes[name].home)


@contextmanager
def process_town(
    folder: Path, validators: int = 4, *, observer: bool = True
) -> Iterator[ProcessTown]:
    """A new idle town with nothing started; whatever runs at the end is killed."""
    plan = prepare(folder, Wish(validators=validators, idle=True, base_port=base_port()))
    chosen = plan.nodes if observer else plan.validators
    town = ProcessTown(
        folder, {node.name: NodeProcess(node, folder / node.name) for node in chosen}
    )
    try:
        yield town
    finally:
        town.kill(*town.running)


@contextmanager
def running_town(
    folder: Path, validators: int = 4, *, observer: bool = True
) -> Iterator[ProcessTown]:
    """A new idle town whose nodes are all ready."""
    with process_town(folder, validators, observer=observer) as town:
        town.start(*town.nodes)
        town.wait_ready(*town.nodes)
        yield town


class Load(threading.Thread):
    """Transfers of one account, batch after batch, each awaited, through the first node that
    answers; what was seen as final is kept."""

    def __init__(self, urls: Sequence[str], *, account: int = 5, batch: int = 20) -> None:
        super().__init__(daemon=True)
        self._urls = list(urls)
        self._sender = ed25519_accounts()[account]
        self._batch = batch
        self._stopped = threading.Event()
        self.receipts: dict[str, results.Receipt] = {}
        self.final_at: list[float] = []
        """Time at which each batch was final."""
        self.problems: list[str] = []

    def run(self) -> None:
        """Send until stopped; who does not answer is left for the next one."""
        at = 0
        while not self._stopped.is_set():
            try:
                with SyncClient(self._urls[at % len(self._urls)], timeout_s=CALL_S) as client:
                    while not self._stopped.is_set():
                        self._one_batch(client)
            except ClientError as error:
                self.problems.append(str(error))
                at += 1
                self._stopped.wait(POLL_S)

    def _one_batch(self, client: SyncClient) -> None:
        account = client.call(calls.get_account(self._sender.address))
        batch = payments(
            self._sender.signer,
            ed25519_accounts()[6].address,
            self._batch,
            nonce=account["pending_nonce"],
            valid_until=account["height"] + VALID_HEIGHTS,
        )
        found = client.send_and_wait([item.raw for item in batch], timeout_s=CALL_S)
        for receipt in found:
            if isinstance(receipt, NodeError):
                raise receipt
            self.receipts[receipt["transaction_hash"]] = receipt
        self.final_at.append(time.monotonic())

    def wait_for_batches(self, count: int, within_s: float = WAIT_S) -> None:
        """Until so many more batches are final."""
        wanted = len(self.final_at) + count
        end = time.monotonic() + within_s
        while len(self.final_at) < wanted:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{count} batches: not within {within_s:g} s, {self.problems[-3:]}"
                )
            time.sleep(POLL_S)

    def longest_pause_s(self, since: float, until: float) -> float:
        """The longest time without a final batch between two moments."""
        moments = [since, *(at for at in self.final_at if since < at < until), until]
        return max(after - before for before, after in pairwise(moments))

    def stop(self) -> None:
        """End after the batch under way."""
        self._stopped.set()
        self.join(2 * CALL_S + END_S)
        ensure(not self.is_alive(), "the load has not ended")


@contextmanager
def load(town: ProcessTown, *names: str, account: int = 5, batch: int = 20) -> Iterator[Load]:
    """Load through these nodes until the end of the block."""
    sending = Load([town.rpc(name) for name in names], account=account, batch=batch)
    sending.start()
    try:
        yield sending
    finally:
        sending.stop()
