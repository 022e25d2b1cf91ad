"""The town of a drill: four validators and an observer as processes, wires with weather, users."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ledger.errors import ensure
from node import config
from node.localnet import creation
from node.localnet.creation import Wish
from node.snapshots.shelf import FOLDER as SNAPSHOTS_FOLDER
from node.snapshots.shelf import paths_in
from tests.drills import namespaces
from tests.drills.disks import Disk, own_disk
from tests.drills.namespaces import NamespaceWires
from tests.drills.proxies import ProxyWires
from tests.drills.shifted_clock import write_shift
from tests.drills.users import Seen, Users
from tests.drills.weather import Weather, Wires
from tests.support.town_processes import (
    NodeProcess,
    ProcessTown,
    base_port,
    start_command,
)

BLOCKS_AGAIN_S: Final = 10.0
"""Promised once a fault is over (consensus.md rule 3)."""
WHOLE_AGAIN_S: Final = 120.0
CLOCK_FILE: Final = "clock-shift"


@dataclass(frozen=True, slots=True)
class Measured:
    """A fault as it was seen. seconds: how long it lasted. blocks_again_s: from its end to the next
    block; whole_again_s: until every node is ready again at one height with the others."""

    seconds: float
    seen: Seen
    blocks_again_s: float
    whole_again_s: float


@dataclass
class DrillTown(ProcessTown):
    """Nodes that run are suspended, moved in time or cut off only through this class, so that
    close() can undo it."""

    weather: Weather = field(default_factory=Weather)
    wires: Wires | None = None
    users: Users | None = None
    fault_s: tuple[float, float] = (0.0, 0.0)
    _disks: dict[str, Disk] = field(default_factory=dict)
    _at_end: ExitStack = field(default_factory=ExitStack)
    _shifted: set[str] = field(default_factory=set)
    _suspended: set[str] = field(default_factory=set)

    # Life

    def begin(self, before_s: float) -> None:
        """Everybody runs and is ready, and users have been at work for so long."""
        missing = [name for name, node in self.nodes.items() if not node.running]
        self.start(*missing)
        self.wait_ready(*self.nodes)
        if self.users is None:
            self.users = Users({name: self.rpc(name) for name in self.nodes})
            self.users.start()
        self.stay(before_s)

    def start(self, *names: str, wrapper: Sequence[str] = ()) -> None:
        """Start nodes where their wires, their disk and their clock are."""
        ensure(not wrapper and self.wires is not None, "a drill's nodes know their wrapper")
        for name in names:
            node = self.nodes[name]
            ensure(not node.running, f"{name} runs already")
            command = start_command(node.home)
            if name in self._shifted:
                at = command.index("-m")
                module = ("-m", "tests.drills.shifted_clock", str(node.home / CLOCK_FILE))
                command[at : at + 2] = module
            network = self.wires.command(name) if self.wires else []
            with node.log.open("ab") as output:
                node.process = subprocess.Popen(
                    [*self._inside(name), *network, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )

    def stay(self, seconds: float) -> None:
        """Let time pass; the length of a fault is the input of a drill."""
        time.sleep(seconds)

    # Faults

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Something is wrong until the end of the block."""
        began = time.monotonic()
        yield
        self.fault_s = (began, time.monotonic())

    def suspend(self, name: str) -> None:
        """SIGSTOP: the process stands still, its connections stay."""
        self._signal(name, signal.SIGSTOP)
        self._suspended.add(name)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self._signal(name, signal.SIGCONT)
        self._suspended.discard(name)

    def shift_clock(self, name: str, shift_ms: int) -> None:
        """Move the wall clock of a node that was started with one that can be moved."""
        ensure(name in self._shifted, f"{name} was started by the true clock")
        write_shift(self.nodes[name].home / CLOCK_FILE, shift_ms)

    def give_clock(self, name: str) -> None:
        """Restart a node, if it runs, with a clock that can be moved."""
        write_shift(self.nodes[name].home / CLOCK_FILE, 0)
        self._shifted.add(name)
        if self.nodes[name].running:
            self.stop(name)
            self.start(name)
            self.wait_ready(name)

    def make_snapshots(self, name: str, every_blocks: int) -> None:
        """Let a node make a snapshot every so many blocks from its next start on; one that runs
        is restarted."""
        self._change(name, every_blocks=every_blocks)
        if self.nodes[name].running:
            self.stop(name)
            self.start(name)
            self.wait_ready(name)

    def has_snapshot(self, name: str, above: int) -> bool:
        """Whether a node has a snapshot of a block above this height."""
        listed = paths_in(self.nodes[name].home / "data" / SNAPSHOTS_FOLDER)
        return any(int(path.stem) > above for path in listed)

    def replace_machine(self, name: str) -> None:
        """What an operator does on a new machine with keys, configuration and genesis document of
        one that is lost: take the right to sign, and ask for a snapshot of the peers."""
        shutil.rmtree(self.nodes[name].home / "data")
        self._change(name, join=True)
        take = ("fence", "take", "--without-token", "--home", str(self.nodes[name].home))
        subprocess.run(
            [sys.executable, "-m", "node.cli", *take], check=True, stdout=subprocess.DEVNULL
        )

    def _change(self, name: str, **snapshots: Any) -> None:
        file = self.nodes[name].home / config.CONFIG_FILE
        before = config.load(file, {})
        after = replace(before, snapshots=replace(before.snapshots, **snapshots))
        file.write_text(config.render(after), encoding="utf-8")

    def give_disk(self, name: str) -> Disk:
        """A file system of its own for the data of a node that never ran; NotHereError where the
        machine does not allow it."""
        data, image = self.nodes[name].home / "data", self.folder / f"{name}.img"
        self._disks[name] = disk = self._at_end.enter_context(own_disk(data, image))
        return disk

    def _inside(self, name: str) -> Sequence[str]:
        """What a command that shall see a node's files starts with."""
        disk = self._disks.get(name)
        return () if disk is None else disk.inside

    def _signal(self, name: str, number: signal.Signals) -> None:
        process = self.nodes[name].process
        if process is not None:
            process.send_signal(number)

    # What is seen

    def recovered(self) -> Measured:
        """After fault(): wait until blocks come again and everybody is whole, and measure."""
        users = self.users
        ensure(users is not None, "nobody looks: begin() first")
        assert users is not None
        began, ended = self.fault_s
        self.until(
            lambda: users.first_block_after(ended) is not None, "the next block", WHOLE_AGAIN_S
        )
        block_s = users.first_block_after(ended) or ended
        self.until(self._whole, "all ready at one height", WHOLE_AGAIN_S)
        now = time.monotonic()
        return Measured(
            seconds=ended - began,
            seen=users.seen(began, now),
            blocks_again_s=block_s - ended,
            whole_again_s=now - ended,
        )

    def _whole(self) -> bool:
        """Under load heights move on between two questions: one block of difference is none."""
        if not all(self.is_ready(name) for name in self.nodes):
            return False
        heights = [self.height(name) for name in self.nodes]
        return min(heights) >= 0 and max(heights) - min(heights) <= 1

    def conclude(self) -> int:
        """Users rest; every node has the same blocks and every receipt that was seen, from the
        first block on that it holds, and the first node holds all. How many transfers users saw as
        final."""
        users = self.users
        ensure(users is not None, "nobody looked: begin() first")
        assert users is not None
        self.users = None
        users.stop()
        names = list(self.nodes)
        self.wait_until_equal(*names)
        self.assert_one_chain(*names)
        for name in names:
            self.assert_receipts(name, users.receipts)
        assert len(users.receipts) == len(users.transfers), "a transfer was left without receipt"
        return len(users.receipts)

    def assert_sound(self) -> None:
        """Stop all; `poyong doctor` finds nothing wrong with any of them: head, certificate, state
        root, and every invariant, that balances sum to supply among them."""
        codes = self.stop(*self.nodes)
        assert set(codes.values()) == {0}, codes
        for name, node in self.nodes.items():
            command = [sys.executable, "-m", "node.cli", "doctor", "--json"]
            done = subprocess.run(
                [*self._inside(name), *command, "--home", str(node.home)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{name}: {done.stdout} {done.stderr}"
            assert json.loads(done.stdout)["ok"] is True

    def close(self) -> None:
        """End everything that was started, whatever happened to it."""
        self.weather.heal()
        for name in tuple(self._suspended):
            self.resume(name)
        self.kill(*self.running)
        if self.users is not None:
            users, self.users = self.users, None
            users.stop(patience_s=0.0)  # who did not conclude has failed already
        self._at_end.close()
        if self.wires is not None:
            self.wires.close()


@contextmanager
def drill_town(folder: Path, *, packets: bool | None = None) -> Iterator[DrillTown]:
    """A new town with nothing started. packets: wires in network namespaces, which need root;
    None: where the machine allows them, else proxies."""
    plan = creation.prepare(folder, Wish(idle=True, base_port=base_port()))
    town = DrillTown(folder)
    real = namespaces.allowed() if packets is None else packets
    made = NamespaceWires if real else ProxyWires
    wires = made(plan.nodes, town.weather)
    town.wires = wires
    try:
        keys = {node.name: creation.read_keys(folder, node) for node in plan.nodes}
        for node in plan.nodes:
            home = folder / node.name
            town.nodes[node.name] = NodeProcess(node, home, host=wires.users_host(node.name))
            usual = creation.configuration(plan, node, keys)
            peers = tuple(
                f"{keys[other.name].node.hex()}@{wires.address(node.name, other)}"
                for other in plan.nodes
                if other.name != node.name
            )
            users = wires.users_host(node.name)
            changed = replace(
                usual,
                network=replace(usual.network, host=wires.listen_host(node.name), peers=peers),
                rpc=replace(usual.rpc, host=users),
                metrics=replace(usual.metrics, host=users),
            )
            (home / config.CONFIG_FILE).write_text(config.render(changed), encoding="utf-8")
        yield town
    finally:
        town.close()
