"""Links between nodes: they delay, lose, duplicate and reorder frames, and can be cut one way."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from zlib import crc32

from node.network.wire import FrameKind
from tests.simulation.world import World

Receive = Callable[[int, FrameKind, bytes], None]
"""(endpoint it came from, kind, payload)."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What every link does to a frame; probabilities in ppm, one-way delays in microseconds."""

    least_us: int
    most_us: int
    lost_ppm: int = 0
    doubled_ppm: int = 0
    slow_ppm: int = 0
    slow_us: int = 0


class Network:
    """Endpoints by number and the links between them. A validator may have two (twins)."""

    def __init__(self, world: World, rng: Random, conditions: Conditions) -> None:
        self._world = world
        self._rng = rng
        self.conditions = conditions
        self.cut: dict[tuple[int, int], int] = {}
        """(from, to) -> how many faults cut this direction now."""
        self.deliveries = 0
        self._lost_before = 0
        self._sent = 0
        self._receivers: dict[int, Receive] = {}

    def join(self, endpoint: int, receive: Receive) -> None:
        """Connect an endpoint."""
        self._receivers[endpoint] = receive

    def endpoints(self) -> tuple[int, ...]:
        """All endpoints in order of joining."""
        return tuple(self._receivers)

    def send(self, source: int, target: int, kind: FrameKind, payload: bytes) -> None:
        """Put a frame on the link; it arrives never, once, or twice."""
        if self.cut.get((source, target)):
            return
        rng, conditions = self._rng, self.conditions
        copies = 1
        if conditions.lost_ppm and rng.randrange(1_000_000) < conditions.lost_ppm:
            return
        if conditions.doubled_ppm and rng.randrange(1_000_000) < conditions.doubled_ppm:
            copies = 2
        for _ in range(copies):
            delay_us = rng.randint(conditions.least_us, conditions.most_us)
            if conditions.slow_ppm and rng.randrange(1_000_000) < conditions.slow_ppm:
                delay_us += rng.randrange(conditions.slow_us)
            self._sent += 1
            self._world.later(
                delay_us, partial(self._arrive, self._sent, source, target, kind, payload)
            )

    def block(self, links: list[tuple[int, int]]) -> None:
        """Cut these directions; cuts add up."""
        for link in links:
            self.cut[link] = self.cut.get(link, 0) + 1

    def unblock(self, links: list[tuple[int, int]]) -> None:
        """Take one cut off each of these directions."""
        for link in links:
            self.cut[link] = max(0, self.cut.get(link, 0) - 1)

    def restore(self, link: tuple[int, int]) -> None:
        """Take all cuts off a direction."""
        self.cut.pop(link, None)

    def lose_everything(self) -> None:
        """All frames that are under way now arrive never."""
        self._lost_before = self._sent

    def _arrive(
        self, number: int, source: int, target: int, kind: FrameKind, payload: bytes
    ) -> None:
        if number <= self._lost_before or self.cut.get((source, target)):
            return
        self.deliveries += 1
        self._world.note("frame", source, target, int(kind), len(payload), crc32(payload))
        self._receivers[target](source, kind, payload)
