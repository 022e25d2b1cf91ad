"""Who holds the roles of a local town: development accounts, for which a scenario can sign."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.local_accounts import LocalAccount, official_accounts
from tokenomics import roles

_HOLDERS: Final = (
    *roles.CHAMBERS,
    roles.RATE_REPORTER,
    roles.RATE_REPORTER,
    roles.SALES_REGISTRAR,
    roles.PERSON_REGISTRAR,
    roles.CERTIFIER,
    roles.CERTIFIER,
)
"""Role of each account of official_accounts(), in their order."""
CERTIFIER_POINTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "work": 1_000_000,
        "residence": 1_000_000,
        "research": 1_000_000,
        "mission": 1_000_000,
        "founding": 1_000_000,
        "expropriation": 10**12,
    }
)
"""Points a round of each certifier, by kind of contribution; for owners the KRW they gave up."""


def holders(role: str) -> tuple[LocalAccount, ...]:
    """The accounts that hold a role in a local town."""
    return tuple(
        account for held, account in zip(_HOLDERS, official_accounts(), strict=True) if held == role
    )


def genesis_section() -> dict[str, Any]:
    """`roles` and `certifiers` of section governance."""
    return {
        "roles": {
            role: [checksum_address(account.address) for account in holders(role)]
            for role in dict.fromkeys(_HOLDERS)
        },
        "certifiers": [
            {
                "account": checksum_address(account.address),
                "kind": kind,
                "points_a_round": points,
            }
            for account in holders(roles.CERTIFIER)
            for kind, points in CERTIFIER_POINTS.items()
        ],
    }
