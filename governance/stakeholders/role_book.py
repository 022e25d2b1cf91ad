"""Who holds which role: a RoleBook for the rooms that ask by name.

Three roles follow from elsewhere: "authority" is what a vote decided, "chamber.X" is held by who
sits in that chamber. The others are granted and revoked by votes (role_grants.py), with history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from governance.admissible import GOVERNANCE, STAKEHOLDERS
from governance.chambers import CHAMBERS, ChamberKind
from governance.stakeholders import membership, organisations
from ledger.primitives import Address
from ledger.rows import table
from ledger.state import State

AUTHORITY: Final = "authority"
RATE_REPORTER: Final = "rate_reporter"
SALES_REGISTRAR: Final = "sales_registrar"
PERSON_REGISTRAR: Final = "person_registrar"
CERTIFIER: Final = "certifier"
MERCHANT: Final = "merchant"
GRANTED: Final = (RATE_REPORTER, SALES_REGISTRAR, PERSON_REGISTRAR, CERTIFIER, MERCHANT)
"""Roles that accounts are given and taken."""
MAX_HOLDERS: Final = 256
"""Of one granted role."""


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds a role now, ascending."""

    accounts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """The grant, by number, by which an account holds a role now."""

    grant: int


@dataclass(frozen=True, slots=True)
class CertifierLimits:
    """Points that a certifier may certify in one round, points[i] of kinds[i]; kinds ascending."""

    kinds: tuple[str, ...]
    points: tuple[int, ...]


HOLDERS: Final = table(STAKEHOLDERS, "holders", Holders)
"""By role."""
HELD: Final = table(STAKEHOLDERS, "held", Held)
"""By role, "/" and account."""
CERTIFIER_LIMITS: Final = table(STAKEHOLDERS, "limits", CertifierLimits)
"""By the certifier's account."""

_NOBODY: Final = Holders(())
_NO_LIMITS: Final = CertifierLimits((), ())


def held_key(role: str, account: Address) -> bytes:
    """Key in HELD."""
    return role.encode() + b"/" + account


class Roles:
    """Answers from the state alone."""

    def holds(self, state: State, role: str, account: Address) -> bool:
        """True when `account` holds the role now; O(1)."""
        if role == AUTHORITY:
            return account == GOVERNANCE
        if role in CHAMBERS:
            return membership.chamber_of(state, account) == role
        return state.get(HELD, held_key(role, account)) is not None

    def holders(self, state: State, role: str) -> Sequence[Address]:
        """Everybody for whom holds() is true, ascending; at most MAX_HOLDERS.

        Nobody for a persons' chamber: its members may be a hundred thousand, and a list of them is
        nobody's business; holds() and the chamber's count answer what may be asked.
        """
        if role == AUTHORITY:
            return (GOVERNANCE,)
        chamber = CHAMBERS.get(role)
        if chamber is None:
            return (state.get(HOLDERS, role.encode()) or _NOBODY).accounts
        if chamber.kind is ChamberKind.PERSONS:
            return ()
        return organisations.accounts_in(state, role)

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        """Points of a kind that a certifier may certify in one round; 0 for none."""
        return dict(self.certifier_limits(state, account)).get(kind, 0)

    def certifier_limits(self, state: State, account: Address) -> Sequence[tuple[str, int]]:
        """(kind, points) for which a certifier has a limit, by kind."""
        row = state.get(CERTIFIER_LIMITS, account) or _NO_LIMITS
        return tuple(zip(row.kinds, row.points, strict=True))
