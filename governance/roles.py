"""Who holds which role: nobody yet."""

from collections.abc import Sequence

from ledger.primitives import Address
from ledger.state import State


class NobodysRoles:
    """A role book without an entry (structurally tokenomics.ports.RoleBook)."""

    def holds(self, state: State, role: str, account: Address) -> bool:
        """False."""
        del state, role, account
        return False

    def holders(self, state: State, role: str) -> Sequence[Address]:
        """Nobody."""
        del state, role
        return ()

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        """0."""
        del state, account, kind
        return 0
