"""The node keys of this node: one, and while it is replaced two (ADR 0022).

Peers know a node by its key, and each peer goes by the registry of its own head: who is behind
knows the present key alone, who is ahead the coming one alone. So a node answers under the key that
a caller asks for, and calls under the one that its own registry names, then under the other.
"""

from collections.abc import Collection

from ledger.errors import LocalError
from node.network.tls import NodeIdentity


class Identities:
    """The present identity and, while it is replaced, the coming one."""

    def __init__(self, present: NodeIdentity, coming: NodeIdentity | None = None) -> None:
        if coming is not None and coming.node_key == present.node_key:
            raise LocalError(
                f"the next node key is the present one, {present.node_key.hex()}: make another, or "
                "leave next_node_key empty to keep it"
            )
        self.present = present
        self._all = {each.node_key: each for each in (present, coming) if each is not None}

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Node keys, the present one first."""
        return tuple(self._all)

    def get(self, node_key: bytes) -> NodeIdentity | None:
        """The identity with this key."""
        return self._all.get(node_key)

    def by_preference(self, registry: Collection[bytes]) -> tuple[NodeIdentity, ...]:
        """First the one to call under: the coming one once the registry names it."""
        ordered = tuple(self._all.values())
        return ordered[::-1] if ordered[-1].node_key in registry else ordered
