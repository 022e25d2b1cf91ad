"""The one list of modules that make up a chain, in the order in which their hooks run."""

from typing import Final

from governance.deciding import DecidingModule
from governance.emergency.emergency import EmergencyCouncil
from governance.emergency.voices import ChamberVoices
from governance.proposals.proposals_module import ProposalsModule
from governance.roles import RoleNames
from governance.stakeholders.chain_roles import ChainRoles
from governance.stakeholders.enrolment import CredentialBook
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger import accounts
from ledger.accounts import AccountsModule
from ledger.executor import BlockExecutor
from ledger.routing import Router
from ledger.threshold import ThresholdModule
from ledger.transfers import TransfersModule
from ledger.validators import ValidatorsModule
from node.mandate import is_paused, mandate
from tokenomics import roles
from tokenomics.distribution.certificates import KINDS
from tokenomics.distribution.distribution import DistributionModule
from tokenomics.issuance.issuance import IssuanceModule
from tokenomics.oracle.land import LandModule
from tokenomics.oracle.panels import RegistryPanels
from tokenomics.ports import Credentials, Emergency, Panels, Token, Voices

PANELS: Panels = RegistryPanels()
EMERGENCY: Emergency = EmergencyCouncil()
CREDENTIALS: Credentials = CredentialBook()
TOKEN: Token = accounts
ROLE_BOOK: Final = ChainRoles(
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
    """An executor over every module; holds no state, so one process may have several.

    Stakeholders come before proposals, which see each change of membership, and both before the
    modules that ask for pauses: a pause ends before anything of its block is done. Nothing of the
    two is on a chain without stakeholders.
    """
    router, validators = Router(), ValidatorsModule()
    decides = mandate(router)
    voices: Voices = ChamberVoices(ROLE_BOOK, decides)
    land = LandModule(PANELS, ROLE_BOOK, EMERGENCY, voices)
    distribution = DistributionModule(ROLE_BOOK, TOKEN, CREDENTIALS)
    return BlockExecutor(
        (
            AccountsModule(),
            TransfersModule(),
            ThresholdModule(),
            validators,
            StakeholdersModule((distribution,), tuple(KINDS)),
            ProposalsModule(decides),
            DecidingModule(validators, ROLE_BOOK),
            land,
            IssuanceModule(land, TOKEN, distribution, EMERGENCY),
            distribution,
        ),
        router,
        is_paused,
    )
