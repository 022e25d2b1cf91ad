"""The one list of modules that make up a chain, in the order in which their hooks run."""

from governance.deciding import DecidingModule
from governance.roles import NobodysRoles
from ledger import accounts
from ledger.accounts import AccountsModule
from ledger.executor import BlockExecutor
from ledger.threshold import ThresholdModule
from ledger.transfers import TransfersModule
from ledger.validators import ValidatorsModule
from tokenomics.issuance import IssuanceModule
from tokenomics.land import LandModule
from tokenomics.panels import RegistryPanels
from tokenomics.ports import Emergency, Panels, RoleBook, Token
from tokenomics.standins import NothingPaused, TreasuryDistribution

ROLES: RoleBook = NobodysRoles()
PANELS: Panels = RegistryPanels()
EMERGENCY: Emergency = NothingPaused()
TOKEN: Token = accounts


def build_executor() -> BlockExecutor:
    """An executor over every module; holds no state, so one process may have several."""
    validators = ValidatorsModule()
    land = LandModule(PANELS, ROLES, EMERGENCY)
    return BlockExecutor(
        (
            AccountsModule(),
            TransfersModule(),
            ThresholdModule(),
            validators,
            DecidingModule(validators),
            land,
            IssuanceModule(land, TOKEN, TreasuryDistribution(TOKEN), EMERGENCY),
        )
    )
