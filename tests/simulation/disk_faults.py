"""Carries out a seed's faults of disks, and does what supervisor and operators do about them.

A node that stops is started again, as systemd does it (deploy/systemd); when it says twice in a row
that its vote record or its database is damaged, its operator follows the sentence: the folder is
moved away. Nobody but the losers of disk_plan may ever need that.
"""

import errno
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from ledger.errors import LocalError
from tests.simulation.disk import BadRead, Disk, Misread, Refusal, Tear
from tests.simulation.disk_plan import MOST_FAULTS, DiskFault
from tests.simulation.monitor import Monitor
from tests.simulation.node import SimulatedNode
from tests.simulation.violation import Violation
from tests.simulation.world import World

RESTART_MS: Final = 2_000
"""RestartSec of the unit."""
HASTE_MS: Final = 200
"""The same once everything is healed: a person is there."""
REMEDIES: Final = (
    "Check the disk",
    "Free at least",
    "move this folder away",
    "move its folder away",
    "move the folder",
    "restart the node",
)
"""Each sentence that a node stops with for its disk names one."""
PATIENCE: Final = 2
"""So often an operator reads that something is damaged before it is moved away."""
STRIKES_WITHIN_MS: Final = 2_000
"""A write in which power fails comes within so long, or power fails between two."""


class DiskFaults:
    """What is wrong with disks now. losers: who may lose database or vote record."""

    def __init__(
        self,
        faults: Sequence[DiskFault],
        losers: Sequence[int],
        world: World,
        monitor: Monitor,
        nodes: Sequence[SimulatedNode],
    ) -> None:
        self._faults = faults
        self._losers = losers
        self._world = world
        self._monitor = monitor
        self._nodes = nodes
        self._over = False
        self._said: Counter[tuple[int, str]] = Counter()
        """How often each node complained of the same damage."""
        self.stops = 0
        self.losses = 0

    @property
    def struck(self) -> set[str]:
        """Kinds of what really happened."""
        return {what for node in self._nodes for what in node.disk.struck}

    def start(self) -> None:
        """Schedule all faults."""
        if not self._faults:
            return
        for node in self._nodes:
            if node.honest:
                node.on_stopped = self._stopped
        for fault in self._faults:
            self._world.later(fault.at_ms * 1000, partial(self._begin, fault))

    def mend(self) -> None:
        """All disks are healthy from now on."""
        self._over = True
        for node in self._nodes:
            node.disk.mend()

    @property
    def settled(self) -> bool:
        """Whether no node waits for its disk any more."""
        return not any(node.process and node.process.turns.waits_for_disk for node in self._nodes)

    def _begin(self, fault: DiskFault) -> None:
        if self._over:
            return
        self._world.note("disk fault", fault)
        for index in fault.nodes:
            self._harm(self._nodes[index], fault)

    def _harm(self, node: SimulatedNode, fault: DiskFault) -> None:
        disk = node.disk
        mended = partial(self._mend, disk, fault.kind)
        match fault.kind:
            case "slow":
                disk.sync_us = fault.sync_us
                self._later(fault.for_ms, mended)
            case "failing" | "full":
                disk.refusal = _refusal(disk, fault)
                self._later(fault.for_ms, mended)
                if fault.power_ms is not None:
                    self._later(fault.power_ms, partial(self._cut_power, node, 0))
            case "torn" | "reordered":
                disk.tear = Tear.PREFIX if fault.kind == "torn" else Tear.SECTORS
                disk.power_fails_after = fault.amount
                self._later(STRIKES_WITHIN_MS, partial(self._cut_power, node, fault.for_ms))
            case "misread":
                self._misread(node, fault)

    def _misread(self, node: SimulatedNode, fault: DiskFault) -> None:
        kind = Misread.MISDIRECTED if fault.elsewhere else Misread.FLIPPED
        if fault.of_votes:
            mendable = node.endpoint not in self._losers
            node.disk.bad_record = BadRead(kind, 0, fault.lasting, mendable)
            self._cut_power(node, fault.for_ms)
        else:
            node.disk.bad_row = BadRead(kind, fault.amount, fault.lasting)

    def _mend(self, disk: Disk, kind: str) -> None:
        if kind == "slow":
            disk.sync_us = None
        else:
            disk.refusal = None

    def _later(self, delay_ms: int, act: partial[None]) -> None:
        def unless_over() -> None:
            if not self._over:
                act()

        self._world.later(delay_ms * 1000, unless_over)

    def _cut_power(self, node: SimulatedNode, for_ms: int) -> None:
        """Where it has not failed in a write; then the node comes back after a while."""
        node.disk.power_fails_after = None
        node.lose_power()
        self._later(for_ms, partial(self._start, node))

    def _start(self, node: SimulatedNode) -> None:
        if node.process is None:
            node.start()

    # Supervisor and operator

    def _stopped(self, node: SimulatedNode, error: Exception) -> None:
        if not node.disk.harmed:
            raise Violation("stopped", f"node {node.endpoint}, whose disk is healthy: {error}")
        self.stops += 1
        said = str(error)
        if isinstance(error, LocalError) and not _names_a_remedy(said):
            raise Violation("sentence", f"node {node.endpoint} names no remedy: {said}")
        delay_ms = HASTE_MS if self._over else RESTART_MS

        def come_back() -> None:
            if node.process is None:
                self._repair(node, said)
                node.start()

        self._world.later(delay_ms * 1000, come_back)

    def _repair(self, node: SimulatedNode, said: str) -> None:
        """Follow a sentence about damage. A read that was wrong once needs only a restart, so the
        operator waits for the second time; who may not lose anything has no damage that lasts."""
        if "damaged" not in said or "Input/output" in said:
            return
        self._said[node.endpoint, said] += 1
        times = self._said[node.endpoint, said]
        if node.endpoint not in self._losers:
            if times > MOST_FAULTS:
                raise Violation("damaged for good", f"node {node.endpoint}: {said}")
            return
        if times < PATIENCE:
            return
        self.losses += 1
        self._world.note("moved away", node.endpoint)
        if "vote record" in said:
            node.votes.lose()
        else:
            node.store.wipe()
            self._monitor.wiped(node.endpoint)


def _names_a_remedy(said: str) -> bool:
    return any(remedy in said for remedy in REMEDIES)


def _refusal(disk: Disk, fault: DiskFault) -> Refusal:
    if fault.kind == "full":
        # Files whose blocks are all there need no room, unless each write takes new ones.
        return Refusal(errno.ENOSPC, fault.amount, False, spares_votes=not fault.of_votes)
    return Refusal(errno.EIO, fault.amount, fault.once, at_sync=disk.rng.randrange(3) > 0)
