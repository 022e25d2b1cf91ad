"""Names of the roles that this room asks for; governance says who holds them."""

from typing import Final

from ledger.accounts import module_address
from ledger.primitives import Address

AUTHORITY: Final = "authority"
"""Stands for a vote of governance: appraisers, certified events, dividends."""
VOTE: Final = module_address("governance")
"""Sender of what a vote decided; nobody has its key. On a chain with stakeholders it alone holds
AUTHORITY."""
CHAMBER_PUBLIC: Final = "chamber.public"
CHAMBER_ACADEMIA: Final = "chamber.academia"
CHAMBER_LAND: Final = "chamber.land"
CHAMBER_BUILDERS: Final = "chamber.builders"
CHAMBER_PARTICIPANTS: Final = "chamber.participants"
CHAMBER_LANDOWNERS: Final = "chamber.landowners"
CHAMBERS: Final = (
    CHAMBER_PUBLIC,
    CHAMBER_ACADEMIA,
    CHAMBER_LAND,
    CHAMBER_BUILDERS,
    CHAMBER_PARTICIPANTS,
    CHAMBER_LANDOWNERS,
)
"""The six chambers; who sits in one may challenge a value."""


def petitioner(chamber: str) -> Address:
    """The account that challenges a value for a chamber whose persons petitioned; no key of it."""
    return module_address(f"petition.{chamber}")


RATE_REPORTER: Final = "rate_reporter"
"""Reports the official monthly land-price change rates; two have to agree."""
SALES_REGISTRAR: Final = "sales_registrar"
"""Registers arm's-length sales for the ratio gate."""
PERSON_REGISTRAR: Final = "person_registrar"
"""Enrols persons, and records leaving and hardship."""
CERTIFIER: Final = "certifier"
"""Certifies contributions; each within its limits by kind."""
ROLES: Final = (
    AUTHORITY,
    *CHAMBERS,
    RATE_REPORTER,
    SALES_REGISTRAR,
    PERSON_REGISTRAR,
    CERTIFIER,
)
"""Every role that this room asks for, in the order in which they are shown."""
