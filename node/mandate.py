"""What a vote can carry out, and how grave it is: the class of each message type of the chain.

A type that is in neither list stops the tests; one that is not in CLASS_OF cannot be proposed
(docs/governance.md, "What a vote can carry out", shows both lists).
"""

from collections.abc import Mapping
from typing import Final

from governance.chambers import CHAMBER_BUILDERS, CHAMBER_LAND
from governance.emergency.emergency import message_paused
from governance.proposals.classes import ProposalClass
from governance.proposals.mandate import Mandate
from governance.proposals.parameter_changes import OWN_CLASSES
from governance.proposals.proposal_rows import MODULE as PROPOSALS
from governance.stakeholders import legal_bases, membership
from ledger.routing import Router
from ledger.state import State
from tokenomics.loosening import loosens_supply

_A, _B, _C, _D = ProposalClass

CLASS_OF: Final[Mapping[str, ProposalClass]] = {
    "stakeholders.open_agreement": _A,
    "governance.add_validator": _B,
    "governance.remove_validator": _B,
    "governance.rotate_key": _B,
    "governance.lift_suspension": _B,
    "governance.add_observer": _B,
    "governance.remove_observer": _B,
    "stakeholders.register_organisation": _B,
    "stakeholders.change_organisation": _B,
    "stakeholders.suspend_organisation": _B,
    "stakeholders.reinstate_organisation": _B,
    "stakeholders.remove_organisation": _B,
    "stakeholders.appoint_registrar": _B,
    "stakeholders.dismiss_registrar": _B,
    "stakeholders.register_legal_basis": _B,
    "stakeholders.set_legal_basis_status": _B,
    "distribution.dividend": _B,
    "distribution.spend": _B,
    "stakeholders.grant_role": _C,
    "stakeholders.revoke_role": _C,
    "stakeholders.limit_certifier": _C,
    "land.register_appraiser": _C,
    "land.remove_appraiser": _C,
    "land.certify_event": _C,
    "land.strike_sale": _C,
    "land.correct_rate": _C,
    "land.set_parameter": _C,
    "distribution.revoke": _C,
    "distribution.set_parameter": _C,
    "issuance.set_parameter": _D,
    "stakeholders.schedule_upgrade": _D,
    "stakeholders.cancel_upgrade": _D,
    **OWN_CLASSES,
}
"""Of each type that a proposal may carry; a change that loosens supply is D whatever its type."""

_STAND_IN: Final = "the authority of a chain without stakeholders sends it"
_MEMBER: Final = "a member of a chamber sends it in its own name"
_COUNCIL: Final = "the emergency council sends it"
_APPRAISER: Final = "an appraiser of the panel sends it"
_CHAMBER: Final = (
    "who speaks for a chamber sends it: any organisation of it, of persons its council seat"
)
_REGISTRAR: Final = "a registrar answers for it, on evidence of the single case"
_OWNER: Final = "the account's owner sends it"
_PERSON: Final = "the person sends it"

NOT_BY_VOTE: Final[Mapping[str, str]] = {
    "transfer.send": _OWNER,
    "transfer.send_many": _OWNER,
    "threshold.rotate": "the account's own quorum sends it",
    "validators.probe": "a joining validator proves with it that it is synced",
    "governance.rotate_own_key": "the organisation's own account sends it",
    "governance.grant_role": _STAND_IN,
    "governance.revoke_role": _STAND_IN,
    "governance.limit_certifier": _STAND_IN,
    "stakeholders.grant_credential": _REGISTRAR,
    "stakeholders.revoke_credential": _REGISTRAR,
    "stakeholders.propose_rebinding": _REGISTRAR,
    "stakeholders.withdraw_rebinding": _REGISTRAR,
    "stakeholders.object_rebinding": "the owner of the old account objects",
    "stakeholders.sign_agreement": "each party signs for itself",
    "stakeholders.withdraw_agreement": "a party or its opener withdraws",
    "proposals.submit": _MEMBER,
    "proposals.sponsor": _MEMBER,
    "proposals.withdraw": _MEMBER,
    "proposals.petition": _PERSON,
    "proposals.sign": _PERSON,
    "proposals.recall": _PERSON,
    "proposals.petition_challenge": _PERSON,
    "proposals.sign_challenge": _PERSON,
    "proposals.vote": _MEMBER,
    "proposals.delegate": _PERSON,
    "proposals.undelegate": _PERSON,
    "proposals.name_seat": _MEMBER,
    "proposals.pause": _COUNCIL,
    "proposals.renew": _COUNCIL,
    "proposals.report": _COUNCIL,
    "proposals.prolong": "only the vote of 48 hours that the council calls carries it",
    "land.commit": _APPRAISER,
    "land.reveal": _APPRAISER,
    "land.commit_salt": _CHAMBER,
    "land.reveal_salt": _CHAMBER,
    "land.nominate": _CHAMBER,
    "land.challenge": _MEMBER,
    "land.report_rate": "two rate reporters have to agree on it",
    "land.register_sale": "a registrar of sales sends it",
    "distribution.enrol": _REGISTRAR,
    "distribution.certify": "a certifier answers for it, within its limits",
    "distribution.claim": _PERSON,
    "distribution.release": _PERSON,
    "distribution.leave": "the person or a registrar sends it",
}
"""Why a vote does not send the other types."""

_INTERESTED: Final = frozenset((CHAMBER_LAND, CHAMBER_BUILDERS))
RECUSED: Final[Mapping[str, frozenset[str]]] = {
    "land.register_appraiser": _INTERESTED,
    "land.remove_appraiser": _INTERESTED,
    "land.certify_event": _INTERESTED,
}
"""Chambers without a vote. Base values are of genesis alone: no message changes them."""

REGISTRAR_TYPES: Final = frozenset(
    ("stakeholders.appoint_registrar", "stakeholders.dismiss_registrar")
)
"""Messages that replace registrars of persons."""

NEVER_PAUSED: Final = frozenset(
    (
        "land.challenge",
        "land.reveal",
        "land.reveal_salt",
        "stakeholders.object_rebinding",
        "validators.probe",
        "governance.add_validator",
        "governance.remove_validator",
        "governance.rotate_key",
        "governance.rotate_own_key",
        "governance.lift_suspension",
        "governance.add_observer",
        "governance.remove_observer",
    )
)
"""Challenges, reveals, objections and what blocks need; votes and petitions beside them."""


def mandate(router: Router) -> Mandate:
    """What proposals may decide on this chain."""
    return Mandate(
        electorate=membership,
        router=router,
        legal_bases=legal_bases,
        class_of=CLASS_OF,
        loosens_supply=loosens_supply,
        recused=RECUSED,
        registrar_types=REGISTRAR_TYPES,
        never_paused=NEVER_PAUSED,
    )


def is_paused(state: State, message_type: str) -> bool:
    """Whether transactions of a type are refused for now; never those that no emergency stops,
    also should a record of the chain say so."""
    if message_type in NEVER_PAUSED or message_type.startswith(f"{PROPOSALS}."):
        return False
    return message_paused(state, message_type)
