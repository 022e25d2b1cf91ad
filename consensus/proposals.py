"""What a header must hold before its block is worth executing (rules 4, 8, 9, 10, 11).

Two kinds of check. Deterministic ones hold for every proposal and raise PeerError. Judgements by
the own clock, and whether a block may be empty, apply only on free choice: a re-proposal of a
prepared block was judged by a quorum already, and judging it again would refuse it for ever.
"""

from consensus.authentication import Authenticator
from consensus.certificate import require_certificate
from consensus.chain import Chain
from consensus.events import BlockApplied
from consensus.evidence import EVIDENCE_HEIGHTS, require_evidence
from consensus.messages import Proposal
from ledger.errors import PeerError, ensure
from ledger.registry import LATE_SEAL_HEIGHTS, Participation, Phase


def judged(free_choice: bool) -> bool:
    """Clock and emptiness are judged only on free choice (rules 4 and 8)."""
    return free_choice


def require_header(
    chain: Chain, authenticator: Authenticator, proposal: Proposal, min_interval_ms: int = 0
) -> None:
    """Raise PeerError unless the header fits the applied head and its participation is valid."""
    head = chain.head
    if proposal.height != head.height + 1:
        raise PeerError(f"block of height {proposal.height}, expected {head.height + 1}")
    if proposal.parent_hash != head.block_hash:
        raise PeerError(
            f"block {proposal.height}: parent {proposal.parent_hash.hex()}, "
            f"expected {head.block_hash.hex()}"
        )
    if proposal.time_ms < head.time_ms + max(1, min_interval_ms):
        raise PeerError(
            f"block {proposal.height}: time {proposal.time_ms} ms, expected at least "
            f"{head.time_ms + max(1, min_interval_ms)} ms"
        )
    if not 0 <= proposal.proposer < len(head.validators):
        raise PeerError(f"block {proposal.height}: proposer {proposal.proposer} is no validator")
    require_participation(chain, authenticator, proposal.participation)


def require_participation(
    chain: Chain, authenticator: Authenticator, participation: Participation
) -> None:
    """Raise PeerError unless parent certificate, late seals and evidence are valid and new."""
    height = chain.head.height + 1
    certificate = participation.certificate
    if certificate is None:
        if height != 1:
            raise PeerError(f"block {height}: the parent certificate is missing")
    else:
        _require_parent_certificate(chain, authenticator, participation)
    seen: set[tuple[int, int]] = set()
    for seal in participation.late_seals:
        fact = chain.fact(seal.height)
        key = (seal.height, seal.validator)
        if fact is None or not height - LATE_SEAL_HEIGHTS <= seal.height < height:
            raise PeerError(f"block {height}: late seal of height {seal.height} is out of range")
        if seal.block_hash != fact.block_hash:
            raise PeerError(f"block {height}: late seal of another block than the final one")
        in_parent = (
            certificate is not None
            and certificate.height == seal.height
            and any(index == seal.validator for index, _ in certificate.seals)
        )
        if key in seen or in_parent or seal.validator in chain.embedded_seals(seal.height):
            raise PeerError(f"block {height}: seal {key} is recorded twice")
        seen.add(key)
        authenticator.require(
            fact.validators,
            seal.validator,
            seal.signature,
            Phase.COMMIT,
            seal.height,
            seal.view,
            seal.block_hash,
        )
    _require_evidence_items(chain, authenticator, participation, height)


def _require_parent_certificate(
    chain: Chain, authenticator: Authenticator, participation: Participation
) -> None:
    certificate, head = participation.certificate, chain.head
    ensure(certificate is not None, "called with a parent certificate")
    if certificate is None:
        return
    if (certificate.height, certificate.block_hash) != (head.height, head.block_hash):
        raise PeerError(f"block {head.height + 1}: the parent certificate is of another block")
    validators = chain.validators_at(head.height)
    if validators is None:
        raise PeerError(f"block {head.height + 1}: genesis has no certificate")
    # The set of h - 1 judges the certificate that h embeds (rule 10).
    require_certificate(authenticator, validators, certificate)


def _require_evidence_items(
    chain: Chain, authenticator: Authenticator, participation: Participation, height: int
) -> None:
    recorded = chain.recorded_evidence()
    for evidence in participation.evidence:
        validators = chain.validators_at(evidence.height)
        if validators is None or not height - EVIDENCE_HEIGHTS <= evidence.height <= height:
            raise PeerError(f"block {height}: evidence of height {evidence.height} is out of range")
        if evidence.key() in recorded:
            raise PeerError(f"block {height}: evidence {evidence.key()} is recorded twice")
        recorded.add(evidence.key())
        require_evidence(authenticator, validators, evidence)


def clock_accepts(head: BlockApplied, time_ms: int, now_ms: int, max_drift_ms: int) -> bool:
    """True when a freely chosen time is near the own clock (rule 8).

    The least legal time, parent + 1, is never too far ahead: no proposer can do better.
    """
    latest = max(now_ms + max_drift_ms, head.time_ms + 1)
    return now_ms - max_drift_ms <= time_ms <= latest


def may_be_empty(
    head: BlockApplied, time_ms: int, view: int, has_evidence: bool, heartbeat_interval_ms: int
) -> bool:
    """True when an empty block is valid on free choice (rule 4)."""
    return (
        view > 0
        or has_evidence
        or head.set_change_pending
        or time_ms >= due_ms(head, heartbeat_interval_ms)
    )


def due_ms(head: BlockApplied, heartbeat_interval_ms: int) -> int:
    """Block time from which a block is due without any transaction: heartbeat or deadline."""
    heartbeat_ms = head.time_ms + heartbeat_interval_ms
    return heartbeat_ms if head.deadline_ms is None else min(heartbeat_ms, head.deadline_ms)
