"""StateModule "stakeholders": who is who. Organisations, persons, roles, legal bases, agreements,
upgrades.

Others ask it through small ports: the module `governance.stakeholders.membership` is an Electorate,
`governance.stakeholders.legal_bases` says what is in force, role_book.Roles is the book of roles.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from governance.admissible import STAKEHOLDERS
from governance.ports import Rebound
from governance.stakeholders.agreements import agreement_handlers
from governance.stakeholders.credentials import credential_handlers
from governance.stakeholders.legal_bases import legal_basis_handlers
from governance.stakeholders.organisations import organisation_handlers
from governance.stakeholders.rebinding import next_due_ms, rebinding_handlers, settle_due
from governance.stakeholders.role_book import Roles
from governance.stakeholders.role_grants import role_handlers
from governance.stakeholders.stakeholder_genesis import has_stakeholders, write_genesis
from governance.stakeholders.stakeholder_invariants import INVARIANTS
from governance.stakeholders.upgrades import execute_due, upgrade_handlers
from ledger.message_registry import MessageType
from ledger.module import Context, Handler, Invariant
from ledger.state import State


class StakeholdersModule:
    """Composes the parts; each of them keeps its own tables and messages."""

    name: Final = STAKEHOLDERS
    invariants: Final[Mapping[str, Invariant]] = INVARIANTS

    def __init__(self, followers: Sequence[Rebound] = (), kinds: tuple[str, ...] = ()) -> None:
        """followers: modules that move with a person to another account, in this order. kinds: of
        contributions that certifiers may have limits for; empty when any name will do."""
        self._followers = tuple(followers)
        self._kinds = kinds
        self.roles: Final = Roles()

    @property
    def handlers(self) -> Mapping[MessageType, Handler]:
        """Every message about stakeholders."""
        return {
            **organisation_handlers(),
            **credential_handlers(self.roles),
            **rebinding_handlers(self.roles),
            **role_handlers(self._kinds),
            **legal_basis_handlers(),
            **agreement_handlers(),
            **upgrade_handlers(),
        }

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        """Write the first organisations, registrars, roles and legal bases."""
        write_genesis(context, section, self._kinds)

    def begin_block(self, context: Context) -> None:
        """Execute the upgrade of this height, if there is one."""
        execute_due(context)

    def end_block(self, context: Context) -> None:
        """Move members whose time for objections is over, a bounded number."""
        # Looking for what is due costs an iteration of the store, which other chains are spared.
        if has_stakeholders(context.state):
            settle_due(context, self._followers)

    def next_deadline_ms(self, state: State) -> int | None:
        """When the next re-binding takes effect."""
        return next_due_ms(state) if has_stakeholders(state) else None
