"""Carries out a plan's faults, and mends everything when the liveness phase begins."""

from functools import partial
from random import Random
from typing import Final

from tests.simulation.network import Network
from tests.simulation.node import SimulatedNode
from tests.simulation.plan import Fault, Plan
from tests.simulation.world import World

FUSE_LASTS_MS: Final = 1_000
"""A process that did not use up its fuse by then dies between two events."""
RECONNECT_MS: Final = 2_000
"""Peers reconnect with a backoff of at most so long (rule 3)."""


class Faults:
    """What is broken now."""

    def __init__(
        self,
        plan: Plan,
        world: World,
        network: Network,
        nodes: list[SimulatedNode],
        rng: Random,
    ) -> None:
        self._plan = plan
        self._world = world
        self._network = network
        self._nodes = nodes
        self._rng = rng
        self._forget = set(plan.forgetful)
        self._begun = self._over = False

    def final(self, node: int, height: int) -> None:
        """Monitor.on_final: the moment at which a fork would be easiest."""
        for at_height, for_ms in self._plan.blackouts:
            if at_height == height and self._begun and not self._over:
                self._world.note("blackout", node, height)
                self._network.lose_everything()
                self._begin(Fault("cut", 0, for_ms, (node,)))

    def start(self) -> None:
        """Schedule all faults of the plan; blackouts of lower heights do not happen."""
        self._begun = True
        for fault in self._plan.faults:
            self._world.later(fault.at_ms * 1000, partial(self._begin, fault))

    def heal(self) -> None:
        """Faults stop: links come back within RECONNECT_MS, who is down is started now."""
        self._over = True
        self._network.conditions = self._plan.healed
        for link in [link for link, cuts in self._network.cut.items() if cuts]:
            delay_us = self._rng.randrange(RECONNECT_MS * 1000)
            self._world.later(delay_us, partial(self._network.restore, link))
        for node, skew_ms in zip(self._nodes, self._plan.skew_ms, strict=True):
            node.skew_ms = skew_ms
            node.fuse.left = None
            if node.process is None:
                self._restart(node)
            else:
                node.process.turns.wake()

    def _begin(self, fault: Fault) -> None:
        if self._over:
            return
        self._world.note("fault", fault)
        nodes = [self._nodes[index] for index in fault.nodes]
        match fault.kind:
            case "cut" | "deaf" | "mute":
                links = self._links(fault)
                self._network.block(links)
                self._world.later(fault.for_ms * 1000, lambda: self._mend_links(links))
            case "pause":
                for node in nodes:
                    if node.process is not None:
                        node.process.turns.pause(fault.for_ms * 1000)
            case "crash":
                for node in nodes:
                    self._light(node, fault)
            case "clock":
                for node in nodes:
                    node.skew_ms = fault.amount
            case "weather":
                self._network.conditions = self._plan.storm
                self._world.later(fault.for_ms * 1000, self._calm)

    def _links(self, fault: Fault) -> list[tuple[int, int]]:
        inside = set(fault.nodes)
        crossing = [
            (one, other)
            for one in self._network.endpoints()
            for other in self._network.endpoints()
            if one != other
        ]
        if fault.kind == "cut":
            return [(one, other) for one, other in crossing if (one in inside) != (other in inside)]
        end = 1 if fault.kind == "deaf" else 0
        return [link for link in crossing if link[end] in inside]

    def _mend_links(self, links: list[tuple[int, int]]) -> None:
        if not self._over:
            self._network.unblock(links)

    def _calm(self) -> None:
        if not self._over:
            self._network.conditions = self._plan.weather

    def _light(self, node: SimulatedNode, fault: Fault) -> None:
        """The process dies after so many operations, at the latest after FUSE_LASTS_MS."""
        process = node.process
        if process is None:
            return
        node.fuse.left = fault.amount

        def die() -> None:
            if node.process is process and not self._over:
                node.crash()

        def come_back() -> None:
            if node.process is None and not self._over:
                self._restart(node)

        self._world.later(FUSE_LASTS_MS * 1000, die)
        self._world.later((FUSE_LASTS_MS + fault.for_ms) * 1000 + 1, come_back)

    def _restart(self, node: SimulatedNode) -> None:
        if node.endpoint in self._forget:
            self._forget.discard(node.endpoint)
            node.votes.lose()
        node.start()
