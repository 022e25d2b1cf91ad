"""What serves where a chain has no distribution, no emergency council or no roles."""

from collections.abc import Sequence
from typing import Final

from ledger.accounts import module_address
from ledger.module import Context
from ledger.primitives import Address, Hash
from ledger.state import State
from tokenomics.issuance.issuance import MINT_ACCOUNT
from tokenomics.ports import RoleBook, Token

TREASURY_POOL: Final = module_address("pool.treasury")
"""An account without a key; governance will decide what it pays for."""


class TreasuryDistribution:
    """ports.Distribution to TREASURY_POOL alone, of a chain without a distribution section."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def mature(self, context: Context, round_number: int, *, is_final: bool, uncovered: int) -> int:
        """There is no reserve: nothing burned."""
        del context, round_number, is_final, uncovered
        return 0

    def distribute(self, context: Context, round_number: int, minted: int) -> None:
        """All of it to the treasury."""
        self._token.transfer(context.state, MINT_ACCOUNT, TREASURY_POOL, minted)
        if minted:
            context.emit("pool.received", pool="treasury", round=round_number, amount=minted)


class NothingPaused:
    """ports.Emergency without a council: nobody can pause anything."""

    def minting_paused(self, state: State) -> bool:
        """False."""
        del state
        return False

    def finalising_paused(self, state: State) -> bool:
        """False."""
        del state
        return False


class EveryHolder:
    """ports.Voices where nobody is chosen to speak: whoever holds a chamber's role does."""

    def __init__(self, roles: RoleBook) -> None:
        self._roles = roles

    def acts_for(self, state: State, chamber: str, account: Address) -> bool:
        """Whether the account holds the role."""
        return self._roles.holds(state, chamber, account)


class NoCredentials:
    """ports.Credentials without credentials: a registrar's word enrols, with any nullifier."""

    def are_needed(self, state: State) -> bool:
        """False."""
        del state
        return False

    def nullifier(self, state: State, account: Address) -> Hash | None:
        """None."""
        del state, account
        return None


class NobodyHolds:
    """ports.RoleBook without holders: every message that needs a role is refused."""

    def holds(self, state: State, role: str, account: Address) -> bool:
        """False."""
        del state, role, account
        return False

    def holders(self, state: State, role: str) -> Sequence[Address]:
        """Nobody."""
        del state, role
        return ()

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        """Nothing."""
        del state, account, kind
        return 0
