"""What the modules of this room need of others, as small Protocols.

The composition fills them: `Panels` with panels.RegistryPanels; `RoleBook`, `Voices`, `Emergency`
and `Credentials` with governance; `Token` with ledger.accounts, `Oracle` with LandModule.
"""

from collections.abc import Sequence
from typing import Protocol

from ledger.module import Context
from ledger.primitives import Address, Hash
from ledger.state import State
from tokenomics.oracle.rounds import TownRound


class Panels(Protocol):
    """Who appraises which zone (tokenomics.oracle.panels)."""

    def panel(self, context: Context, zone: int, round_number: int) -> tuple[Address, ...]:
        """The zone's panel for a round; at most params.PANEL_SEATS."""

    def draw(
        self,
        context: Context,
        zone: int,
        round_number: int,
        purpose: str,
        mark: Hash,
        count: int,
        exclude: Sequence[Address],
    ) -> tuple[Address, ...]:
        """Others by lot, for a re-appraisal or a dispute; fewer when there are no more. mark: what
        nobody knew when it could still be chosen, so that nobody knows them earlier."""

    def note_outlier(
        self, context: Context, appraiser: Address, zone: int, round_number: int
    ) -> None:
        """A report of theirs lay far outside the others."""


class RoleBook(Protocol):
    """Who holds which role (tokenomics.roles); governance keeps it."""

    def holds(self, state: State, role: str, account: Address) -> bool:
        """True when `account` holds the role now."""

    def holders(self, state: State, role: str) -> Sequence[Address]:
        """Everybody for whom holds() is true, ascending; at most 256."""

    def certifier_limit(self, state: State, account: Address, kind: str) -> int:
        """Points of a kind that a certifier may certify in one round; 0 for none."""


class Voices(Protocol):
    """Who speaks for a chamber as a whole; governance says so."""

    def acts_for(self, state: State, chamber: str, account: Address) -> bool:
        """True when what `account` sends now is the chamber's own act."""


class Credentials(Protocol):
    """Who was found to be a person, once; governance's registrars keep it."""

    def are_needed(self, state: State) -> bool:
        """Whether only holders of a credential are enrolled on this chain."""

    def nullifier(self, state: State, account: Address) -> Hash | None:
        """The nullifier of the account's credential; None without one in force."""


class Emergency(Protocol):
    """What governance has paused for a while."""

    def minting_paused(self, state: State) -> bool:
        """True while no round mints."""

    def finalising_paused(self, state: State) -> bool:
        """True while no value becomes final; the rounds' clocks stop with it."""


class Token(Protocol):
    """The token's supply and balances. The mint of a town round is the only caller of mint()."""

    def supply(self, state: State) -> int:
        """Tokens in existence, in smallest units."""

    def balance(self, state: State, address: Address) -> int:
        """What an account holds."""

    def mint(self, state: State, to: Address, amount: int) -> None:
        """Create tokens on an account."""

    def burn(self, state: State, owner: Address, amount: int) -> None:
        """Destroy tokens of an account that holds them."""

    def transfer(self, state: State, sender: Address, to: Address, amount: int) -> None:
        """Move tokens; TransactionError INSUFFICIENT_FUNDS when there are fewer."""


class Distribution(Protocol):
    """Where a round's mint goes. Issuance calls both for each settled round, in this order."""

    def mature(self, context: Context, round_number: int, *, is_final: bool, uncovered: int) -> int:
        """Settle the reserve tranches that are due, when the round is FINAL: burn the smaller of
        them and `uncovered`, the outstanding tokens that land does not cover; the rest goes to the
        treasury. Returns what was burned."""

    def distribute(self, context: Context, round_number: int, minted: int) -> None:
        """Split a mint over the pools, then make pending shares active; also for a mint of 0."""


class Oracle(Protocol):
    """Land value of the town, one TownRound for each closed round."""

    def closed_rounds(self, state: State) -> int:
        """Number of the last closed town round; 0 before the first."""

    def town_round(self, state: State, number: int) -> TownRound | None:
        """A closed town round."""

    def base_value_krw(self, state: State) -> int:
        """V0: worth of the town at base prices."""

    def takes_rates(self, state: State) -> bool:
        """Whether official change rates are reported on this chain; N needs the nation's."""
