"""Evidence: two claims that one validator signed for one phase, height and view (rule 11).

Provable by itself, gossiped, recorded once in a header, expired EVIDENCE_HEIGHTS blocks later.
"""

from dataclasses import dataclass, field
from typing import Final

from consensus.authentication import Authenticator
from consensus.messages import Signable, signed_claim
from ledger.errors import PeerError, ensure
from ledger.registry import MAX_EVIDENCE_ITEMS, MAX_VALIDATORS, Evidence, ValidatorSet

EVIDENCE_HEIGHTS: Final = MAX_VALIDATORS
"""Blocks during which evidence can be recorded: each validator has a turn before it expires."""
MAX_PENDING_EVIDENCE: Final = 64
MAX_PENDING_PER_VALIDATOR: Final = 2
"""One offence suspends already; more would only let an offender fill the pool."""


def build_evidence(one: Signable, other: Signable) -> Evidence:
    """Evidence of two verified messages of one validator that differ in their claim."""
    phase, height, view, claim1, validator, signature1 = signed_claim(one)
    phase2, height2, view2, claim2, validator2, signature2 = signed_claim(other)
    ensure(
        (phase, height, view, validator) == (phase2, height2, view2, validator2)
        and claim1 != claim2,
        "evidence is built from two claims of one validator for one phase, height and view",
    )
    (first, sig1), (second, sig2) = sorted(((claim1, signature1), (claim2, signature2)))
    return Evidence(phase, height, view, validator, first, sig1, second, sig2)


def require_evidence(
    authenticator: Authenticator, validators: ValidatorSet, evidence: Evidence
) -> None:
    """Raise PeerError unless both signatures are valid in the set of the evidence's height."""
    if evidence.first_claim >= evidence.second_claim:
        raise PeerError("evidence: claims must differ and be in ascending order")
    for claim, signature in (
        (evidence.first_claim, evidence.first_signature),
        (evidence.second_claim, evidence.second_signature),
    ):
        authenticator.require(
            validators,
            evidence.validator,
            signature,
            evidence.phase,
            evidence.height,
            evidence.view,
            claim,
        )


@dataclass(slots=True)
class EvidencePool:
    """Verified evidence that waits for a header."""

    _pending: dict[tuple[int, int, int, int], Evidence] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, evidence: Evidence) -> bool:
        """Keep verified evidence; False when it is known or the offender has enough here."""
        same_offender = sum(e.validator == evidence.validator for e in self._pending.values())
        if (
            evidence.key() in self._pending
            or same_offender >= MAX_PENDING_PER_VALIDATOR
            or len(self._pending) >= MAX_PENDING_EVIDENCE
        ):
            return False
        self._pending[evidence.key()] = evidence
        return True

    def holds(self, evidence: Evidence) -> bool:
        """True when this offence waits here already."""
        return evidence.key() in self._pending

    def next_items(self, height: int) -> tuple[Evidence, ...]:
        """What a block at `height` should record, oldest offences first."""
        ready = [e for e in self._pending.values() if e.height <= height]
        ready.sort(key=lambda e: (e.height, *e.key()))
        return tuple(ready[:MAX_EVIDENCE_ITEMS])

    def settle(self, recorded: tuple[Evidence, ...], height: int) -> None:
        """Forget what a block has just recorded and what expired with `height`."""
        done = {evidence.key() for evidence in recorded}
        self._pending = {
            key: evidence
            for key, evidence in self._pending.items()
            if key not in done and evidence.height > height - EVIDENCE_HEIGHTS
        }
