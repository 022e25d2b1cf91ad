"""What the lines between nodes are like. A drill changes it; what carries their bytes reads it."""

import random
from collections.abc import Iterable
from typing import Final, Protocol

from node.localnet.layout import TownNode

SEED: Final = 82062


class Weather:
    """Of all lines alike. loss: of each packet, 0 to 1. delay_s: one way.

    Read by the thread of the wires while the drill's writes: each value is replaced as a whole.
    """

    def __init__(self) -> None:
        self.loss = 0.0
        self.delay_s = 0.0
        self._side_of: dict[str, int] = {}
        self._random = random.Random(SEED)

    def cut(self, *sides: Iterable[str]) -> None:
        """Only nodes of one side hear each other; a node that no side names hears nobody."""
        self._side_of = {name: number for number, side in enumerate(sides) for name in side}

    def heal(self) -> None:
        """Fine weather everywhere."""
        self.loss, self.delay_s, self._side_of = 0.0, 0.0, {}

    def reaches(self, one: str, other: str) -> bool:
        """Whether the line between two nodes is whole."""
        sides = self._side_of
        return not sides or (one in sides and sides.get(one) == sides.get(other))

    def loses(self) -> bool:
        """Whether the next packet is lost."""
        return self.loss > 0.0 and self._random.random() < self.loss


class Wires(Protocol):
    """What carries the bytes between the nodes of a town, under some weather."""

    kind: str
    """Shown with the results: what they were measured over."""

    def listen_host(self, name: str) -> str:
        """Where a node listens for peers."""

    def users_host(self, name: str) -> str:
        """Where users reach a node's JSON-RPC; never under the weather."""

    def address(self, of: str, to: TownNode) -> str:
        """HOST:PORT under which a node finds another one."""

    def command(self, name: str) -> list[str]:
        """What a node's command starts with."""

    def close(self) -> None:
        """End, and remove what was made."""
