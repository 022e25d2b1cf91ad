"""The one list of modules that make up a chain, in the order in which their hooks run."""

from governance.deciding import DecidingModule
from ledger import accounts
from ledger.accounts import AccountsModule
from ledger.executor import BlockExecutor
from ledger.threshold import ThresholdModule
from ledger.transfers import TransfersModule
from ledger.validators import ValidatorsModule
from tokenomics.appraisers import GenesisRoles
from tokenomics.distribution import DistributionModule
from tokenomics.issuance import IssuanceModule
from tokenomics.land import LandModule
from tokenomics.ports import RoleBook, Roles, Token
from tokenomics.standins import NobodyHolds, NothingPaused

ROLES: Roles = GenesisRoles()
"""Who may appraise: named in genesis until governance appoints appraisers."""
ROLE_BOOK: RoleBook = NobodyHolds()
TOKEN: Token = accounts


def build_executor() -> BlockExecutor:
    """An executor over every module; holds no state, so one process may have several."""
    validators = ValidatorsModule()
    land = LandModule(ROLES)
    distribution = DistributionModule(ROLE_BOOK, TOKEN)
    return BlockExecutor(
        (
            AccountsModule(),
            TransfersModule(),
            ThresholdModule(),
            validators,
            DecidingModule(validators),
            land,
            IssuanceModule(land, TOKEN, distribution, NothingPaused()),
            distribution,
        )
    )
