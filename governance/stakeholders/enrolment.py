"""What other rooms ask of credentials before they enrol somebody: a person, once."""

from governance.stakeholders import membership
from governance.stakeholders.credentials import find
from governance.stakeholders.stakeholder_genesis import has_stakeholders
from ledger.primitives import Address, Hash
from ledger.state import State


class CredentialBook:
    """tokenomics.ports.Credentials; answers from the state alone."""

    def are_needed(self, state: State) -> bool:
        """Whether only holders of a credential are enrolled: on every chain with stakeholders."""
        return has_stakeholders(state)

    def nullifier(self, state: State, account: Address) -> Hash | None:
        """The nullifier of the credential that the account holds; None without one in force."""
        member = membership.member_id(state, account)
        row = None if member is None else find(state, member)
        return None if row is None or row.revoked_ms is not None else row.nullifier
