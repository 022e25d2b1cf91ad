"""What peers say of the blocks that they hold: up to which, and from which on. Nothing of it is
trusted: it decides whom to ask, and what an operator reads."""

from typing import Final, NamedTuple

MAX_KNOWN_HEADS: Final = 1024
UNHELD_REMEDY: Final = (
    "every peer that is ahead has removed these blocks: begin again from a snapshot, or add a peer "
    "that keeps all blocks to network.peers"
)


class Unheld(NamedTuple):
    """The block that this node needs next, and the lowest that any peer ahead of it holds."""

    wanted: int
    lowest: int

    @property
    def sentence(self) -> str:
        """What is wrong, and what to do."""
        return (
            f"block {self.wanted} is needed next and peers hold blocks from {self.lowest} on: "
            f"{UNHELD_REMEDY}"
        )


class PeerHeads:
    """Claims by node key, of MAX_KNOWN_HEADS peers."""

    def __init__(self) -> None:
        self.heads: Final[dict[bytes, int]] = {}
        self._lowest: dict[bytes, int] = {}

    def seen(self, node_key: bytes, height: int) -> bool:
        """A claim to hold blocks up to a height; False when there is no room for one more peer."""
        if node_key not in self.heads and len(self.heads) >= MAX_KNOWN_HEADS:
            return False
        self.heads[node_key] = height
        return True

    def holds_from(self, node_key: bytes, lowest: int) -> None:
        """It says that it holds no block below `lowest`."""
        if node_key in self.heads:
            self._lowest[node_key] = lowest

    def forget(self, node_key: bytes) -> None:
        """It is gone, or believed no longer."""
        self.heads.pop(node_key, None)
        self._lowest.pop(node_key, None)

    def lowest(self, node_key: bytes) -> int:
        """The lowest block that it may hold."""
        return self._lowest.get(node_key, 1)

    def highest(self, wanted: int) -> int:
        """The highest claim of those that may hold the block `wanted`."""
        able = (height for key, height in self.heads.items() if self.lowest(key) <= wanted)
        return max(able, default=0)

    def unheld(self, wanted: int) -> Unheld | None:
        """That nobody holds the block `wanted` though some are ahead of it; None otherwise."""
        lowest = [self.lowest(key) for key, height in self.heads.items() if height >= wanted]
        return Unheld(wanted, min(lowest)) if lowest and min(lowest) > wanted else None
