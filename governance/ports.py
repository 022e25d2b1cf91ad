"""What governance needs of other rooms; the node's assembly hands it in."""

from typing import Protocol

from ledger.module import Context
from ledger.primitives import Address
from ledger.registry import Validator


class Rebound(Protocol):
    """Follows a person to another account after a lost key: shares, vesting."""

    def rebound(self, context: Context, old: Address, new: Address) -> None:
        """Move what `old` holds in a module to `new`, which may hold something already.

        TransactionError when that cannot be: then the person stays where they are.
        """


class ValidatorAdmission(Protocol):
    """Carries out what was decided about validators; refuses with TransactionError what would
    stop the chain (consensus.md rule 10)."""

    def add_validator(self, context: Context, validator: Validator) -> None:
        """Add a validator at height + 2."""

    def remove_validator(self, context: Context, organisation: str) -> None:
        """Remove an organisation's validator at height + 2."""

    def rotate_key(self, context: Context, validator: Validator) -> None:
        """Give an organisation's validator new keys at height + 2."""

    def lift_suspension(self, context: Context, organisation: str) -> None:
        """Let a validator that was suspended for evidence propose again."""

    def add_observer(self, context: Context, node_key: bytes, name: str) -> None:
        """Admit an observer's node key to the peer network."""

    def remove_observer(self, context: Context, node_key: bytes) -> None:
        """Admit an observer's node key no longer."""
