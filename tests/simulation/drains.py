"""Operators who drain a validator, and some who resume it: it signs nothing more, and tells the
others when its turn to propose comes (consensus.md, "Choices that the rules leave open").

One seed in DRAINS_ONE_IN, from a random stream of its own. Only validators that the set can spare
are drained; half of the operators leave theirs drained to the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from tests.simulation.disk_plan import may_lose
from tests.simulation.node import SimulatedNode
from tests.simulation.plan import Plan, stream
from tests.simulation.world import World

DRAINS_ONE_IN: Final = 6
DRAINS_SEEDS: Final = 5
"""Seeds that leave this rest have drained validators."""


@dataclass(frozen=True, slots=True)
class Drain:
    """A validator is drained `at_ms` after the faults began, and resumed for_ms later; None:
    never. Whoever starts it anew ends the drain."""

    endpoint: int
    at_ms: int
    for_ms: int | None


def with_drains(plan: Plan, wanted: bool | None) -> tuple[Plan, tuple[Drain, ...]]:
    """The plan, in most of these seeds without liars, so that the set can spare some; and the
    drains. wanted: None: by the seed."""
    if not (plan.seed % DRAINS_ONE_IN == DRAINS_SEEDS if wanted is None else wanted):
        return plan, ()
    rng = stream(plan.seed, plan.n, "drains")
    if not plan.twins and rng.randrange(4):
        plan = replace(plan, byzantine={})
    drains = []
    for index in may_lose(plan):
        for_ms = rng.choice((None, rng.randint(100, plan.safety_ms)))
        drains.append(Drain(index, rng.randrange(plan.safety_ms // 2), for_ms))
    return plan, tuple(drains)


class Drains:
    """Carries them out."""

    def __init__(
        self, drains: Sequence[Drain], world: World, nodes: Sequence[SimulatedNode]
    ) -> None:
        self._drains = drains
        self._world = world
        self._nodes = nodes
        self.drained = 0
        """How often a running validator was drained."""

    def start(self) -> None:
        """Schedule all."""
        for drain in self._drains:
            self._world.later(drain.at_ms * 1000, partial(self._drain, drain))

    def _drain(self, drain: Drain) -> None:
        node = self._nodes[drain.endpoint]
        if node.process is None:
            return
        self._world.note("drain", drain)
        self.drained += 1
        node.process.sit_out()
        if drain.for_ms is not None:
            self._world.later(drain.for_ms * 1000, partial(self._resume, node))

    def _resume(self, node: SimulatedNode) -> None:
        if node.process is not None:
            self._world.note("resume", node.endpoint)
            node.process.resume()
