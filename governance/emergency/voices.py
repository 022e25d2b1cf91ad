"""Who speaks for a chamber as a whole: names appraisers for panels, and salts the lots.

In a chamber of organisations each member does, as each answers in its own name and there are few. A
chamber of persons speaks by who holds its seat in the emergency council, whom its members choose;
one of a hundred thousand must not name for all. While nobody holds the seat, nobody speaks.
"""

from typing import Final

from governance.chambers import PERSONS
from governance.emergency.council import holder
from governance.proposals.classes import has_proposals
from governance.proposals.mandate import Mandate
from governance.proposals.proposal_rows import CHAMBER_INDEX
from governance.roles import RoleBook
from governance.stakeholders.stakeholder_genesis import has_stakeholders
from ledger.primitives import Address
from ledger.state import State


class ChamberVoices:
    """tokenomics.ports.Voices. On a chain without stakeholders whoever holds a chamber's role
    speaks for it, since genesis or its authority chose them one by one."""

    def __init__(self, roles: RoleBook, mandate: Mandate) -> None:
        self._roles: Final = roles
        self._mandate: Final = mandate

    def acts_for(self, state: State, chamber: str, account: Address) -> bool:
        """True when what the account sends now is the chamber's own act."""
        if chamber not in PERSONS or not has_stakeholders(state):
            return self._roles.holds(state, chamber, account)
        if not has_proposals(state):
            return False  # no seats there
        return holder(self._mandate, state, CHAMBER_INDEX[chamber]) == account
