"""What the modules of this room need of others, as small Protocols.

The composition fills them: today `Roles` with the appraisers that genesis names, later with those
that governance appoints; `Token` with ledger.accounts; `Oracle` with LandModule.
"""

from collections.abc import Sequence
from typing import Protocol

from ledger.primitives import Address
from ledger.state import State
from tokenomics.rounds import TownRound


class Roles(Protocol):
    """Who may appraise which zone."""

    def is_appraiser(self, state: State, account: Address, zone_id: str) -> bool:
        """True when `account` may report on the zone now."""

    def appraisers(self, state: State, zone_id: str) -> Sequence[Address]:
        """Everybody for whom is_appraiser is true; at most params.MAX_APPRAISERS."""


class Token(Protocol):
    """The token's supply. The mint of a town round is the only caller of mint()."""

    def supply(self, state: State) -> int:
        """Tokens in existence, in smallest units."""

    def mint(self, state: State, to: Address, amount: int) -> None:
        """Create tokens on an account."""


class Oracle(Protocol):
    """Land value of the town, one TownRound for each closed round."""

    def closed_rounds(self, state: State) -> int:
        """Number of the last closed town round; 0 before the first."""

    def town_round(self, state: State, number: int) -> TownRound | None:
        """A closed town round."""

    def base_value_krw(self, state: State) -> int:
        """V0: worth of the town at base prices."""
