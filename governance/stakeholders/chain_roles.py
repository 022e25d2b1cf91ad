"""The book of roles of whichever chain it is asked about: that of stakeholders, or the stand-in."""

from collections.abc import Sequence
from typing import Final

from governance.roles import RoleBook, RoleNames
from governance.stakeholders.role_book import Roles
from governance.stakeholders.stakeholder_genesis import has_stakeholders
from ledger.primitives import Address
from ledger.state import State


class ChainRoles(RoleBook):
    """On a chain with stakeholders who sits in a chamber, and what votes granted; on any other the
    roles that genesis names and its authority grants. Keeps nothing itself."""

    def __init__(self, names: RoleNames) -> None:
        super().__init__(names)
        self._of_stakeholders: Final = Roles()

    def holds(self, state: State, role: str, account: Address) -> bool:
        """True when `account` holds the role now."""
        if has_stakeholders(state):
            return self._of_stakeholders.holds(state, role, account)
        return super().holds(state, role, account)

    def holders(self, state: State, role: str) -> Sequence[Address]:
        """Everybody for whom holds() is true, ascending, at most 256; nobody for the chambers of
        persons on a chain with stakeholders (role_book.Roles.holders)."""
        if has_stakeholders(state):
            return self._of_stakeholders.holders(state, role)
        return super().holders(state, role)

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        """Points of a kind that a certifier may certify in one round; 0 for none."""
        if has_stakeholders(state):
            return self._of_stakeholders.certifier_limit(state, account, kind)
        return super().certifier_limit(state, account, kind)

    def certifier_limits(self, state: State, account: Address) -> Sequence[tuple[str, int]]:
        """(kind, points) for which a certifier has a limit, by kind."""
        if has_stakeholders(state):
            return self._of_stakeholders.certifier_limits(state, account)
        return super().certifier_limits(state, account)
