"""The appraisers that genesis names, authorised for every zone: Roles until governance appoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.primitives import Address
from ledger.rows import table
from ledger.state import State
from tokenomics.params import GENESIS, MAX_APPRAISERS


@dataclass(frozen=True, slots=True)
class Panel:
    """Accounts in ascending order."""

    members: tuple[Address, ...]


PANEL: Final = table("land", "appraisers", Panel)
"""One row, at the empty key."""


class GenesisRoles:
    """Roles by the panel that genesis wrote; every member reports on every zone."""

    def is_appraiser(self, state: State, account: Address, zone_id: str) -> bool:
        """True when genesis names `account`."""
        return account in self.appraisers(state, zone_id)

    def appraisers(self, state: State, zone_id: str) -> Sequence[Address]:
        """The panel."""
        del zone_id
        row = state.get(PANEL, b"")
        return () if row is None else row.members


def write_panel(state: State, given: object, min_reports: int) -> None:
    """Write the panel of genesis: a list of 0x addresses, enough of them for a value.

    Raises LocalError that names the wrong one.
    """
    items = GENESIS.items(given, "land.appraisers")
    if not min_reports <= len(items) <= MAX_APPRAISERS:
        expected = f"{min_reports} to {MAX_APPRAISERS} addresses"
        raise GENESIS.error("land.appraisers", expected, len(items))
    members = sorted(GENESIS.address(item, f"land.appraisers[{i}]") for i, item in enumerate(items))
    if len(set(members)) != len(members):
        raise GENESIS.error("land.appraisers", "distinct addresses", items)
    state.put(PANEL, b"", Panel(tuple(members)))
