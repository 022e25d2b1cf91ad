"""What governance needs of other rooms; the node's assembly hands it in."""

from collections.abc import Collection
from typing import Protocol

from ledger.module import Context
from ledger.primitives import Address
from ledger.registry import Validator
from ledger.state import State


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

    def coming_seat(self, context: Context, public_key: bytes) -> Validator | None:
        """The seat of a consensus key in the set that is decided last."""

    def rotate_key(self, context: Context, validator: Validator) -> None:
        """Give an organisation's validator new keys at height + 2."""

    def lift_suspension(self, context: Context, organisation: str) -> None:
        """Let a validator that was suspended for evidence propose again."""

    def add_observer(self, context: Context, node_key: bytes, name: str) -> None:
        """Admit an observer's node key to the peer network."""

    def remove_observer(self, context: Context, node_key: bytes) -> None:
        """Admit an observer's node key no longer."""


class Electorate(Protocol):
    """Who sits in which chamber, now and at an earlier moment; the stakeholders' registry.

    Chambers are named as in governance/chambers.py. Every answer costs a bounded number of reads.
    """

    def seated(self, state: State, chamber: str) -> int:
        """Members now: organisations, or persons with a credential in force."""

    def was_member(self, state: State, account: Address, chamber: str, at: int) -> bool:
        """Whether the account was a member at snapshot number `at` and is not bound elsewhere."""

    def snapshot(self, state: State) -> int:
        """A running number that goes up with every change of membership."""

    def chamber_of(self, state: State, account: Address) -> str | None:
        """Where the account votes now, or None."""

    def member_id(self, state: State, account: Address) -> bytes | None:
        """Identity that survives re-binding to another account: organisation or credential."""


class Router(Protocol):
    """The executor's side: what a proposal carries is executed like a transaction's message."""

    def types(self) -> Collection[str]:
        """Names of the message types that are known."""

    def check(self, message_type: str, body: object) -> None:
        """TransactionError unless the type is known and the body decodes."""

    def execute(self, context: Context, message_type: str, body: object, sender: Address) -> None:
        """Execute in the overlay that the caller opened; TransactionError refuses."""


class LegalBases(Protocol):
    """The registry of acts, ordinances and special provisions."""

    def in_force(self, state: State, basis_id: int) -> bool:
        """Whether the basis is registered and neither revoked nor suspended."""
