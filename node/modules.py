"""The one list of modules that make up a chain, in the order in which their hooks run."""

from typing import Final

from governance.deciding import DecidingModule
from governance.roles import RoleBook, RoleNames
from ledger import accounts
from ledger.accounts import AccountsModule
from ledger.executor import BlockExecutor
from ledger.threshold import ThresholdModule
from ledger.transfers import TransfersModule
from ledger.validators import ValidatorsModule
from tokenomics import roles
from tokenomics.certificates import KINDS
from tokenomics.distribution import DistributionModule
from tokenomics.issuance import IssuanceModule
from tokenomics.land import LandModule
from tokenomics.panels import RegistryPanels
from tokenomics.ports import Emergency, Panels, Token
from tokenomics.standins import NothingPaused

PANELS: Panels = RegistryPanels()
EMERGENCY: Emergency = NothingPaused()
TOKEN: Token = accounts
ROLE_BOOK: Final = RoleBook(
    RoleNames(
        authority=roles.AUTHORITY,
        certifier=roles.CERTIFIER,
        others=(
            *roles.CHAMBERS,
            roles.RATE_REPORTER,
            roles.SALES_REGISTRAR,
            roles.PERSON_REGISTRAR,
        ),
        kinds=tuple(KINDS),
    )
)
"""Who holds which role: governance keeps it, and takes the names from those who ask."""


def build_executor() -> BlockExecutor:
    """An executor over every module; holds no state, so one process may have several."""
    validators = ValidatorsModule()
    land = LandModule(PANELS, ROLE_BOOK, EMERGENCY)
    distribution = DistributionModule(ROLE_BOOK, TOKEN)
    return BlockExecutor(
        (
            AccountsModule(),
            TransfersModule(),
            ThresholdModule(),
            validators,
            DecidingModule(validators, ROLE_BOOK),
            land,
            IssuanceModule(land, TOKEN, distribution, EMERGENCY),
            distribution,
        )
    )
