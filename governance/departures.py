"""What ends with a membership: delegations that the member gave, and whom it named for the council.

Votes that have started stay as they are, because their electorate is frozen.
"""

from governance.emergency.council import drop_naming
from governance.proposals.delegation import drop_delegations
from ledger.state import State


def membership_ended(state: State, member: bytes) -> None:
    """Called by whoever ends a membership, at that moment; a few rows."""
    drop_delegations(state, member)
    drop_naming(state, member)
