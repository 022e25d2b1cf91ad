"""The appraisers that genesis names, authorised for every zone: Roles until governance appoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.primitives import ADDRESS_BYTES, Address
from ledger.state import State
from tokenomics.params import MAX_APPRAISERS
from tokenomics.rows import table


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
    """Write the panel of genesis: a list of 0x addresses, enough of them for a value."""
    if not isinstance(given, list) or not min_reports <= len(given) <= MAX_APPRAISERS:
        raise LocalError(
            f"genesis: land.appraisers must be a list of {min_reports}..{MAX_APPRAISERS} addresses"
        )
    members = sorted(_address(item, f"land.appraisers[{i}]") for i, item in enumerate(given))
    if len(set(members)) != len(members):
        raise LocalError("genesis: land.appraisers names one address twice")
    state.put(PANEL, b"", Panel(tuple(members)))


def _address(value: object, name: str) -> Address:
    """0x hex in lower case or with the EIP-55 checksum."""
    if isinstance(value, str) and value.startswith("0x") and len(value) == 2 + 2 * ADDRESS_BYTES:
        try:
            address = Address(bytes.fromhex(value[2:]))
        except ValueError:
            address = Address(b"")
        if address and value in (value.lower(), checksum_address(address)):
            return address
    raise LocalError(f"genesis: {name} is {value!r:.80}, expected a 0x address of 40 hex digits")
