"""What to do with two claims that exclude each other (rule 11)."""

from consensus.core import Core
from consensus.evidence import build_evidence, require_evidence
from consensus.messages import EvidenceMessage, Signable
from ledger.registry import Evidence


def conflict(core: Core, held: Signable, other: Signable) -> None:
    """Two verified messages of one slot differ in their claim: keep the proof and tell others."""
    _keep(core, build_evidence(held, other))


def on_evidence(core: Core, evidence: Evidence) -> None:
    """Evidence from a peer: verified with the set of its height, passed on once."""
    if core.evidence.holds(evidence) or evidence.key() in core.chain.recorded_evidence():
        return
    validators = core.chain.validators_at(evidence.height)
    if validators is None:
        return  # expired here, or of a height that an honest peer runs already
    require_evidence(core.authenticator, validators, evidence)
    _keep(core, evidence)


def _keep(core: Core, evidence: Evidence) -> None:
    if evidence.key() not in core.chain.recorded_evidence() and core.evidence.add(evidence):
        core.send(EvidenceMessage(evidence), core.others())
