"""What a replica remembers of finished heights: hashes, sets, seals, and what was recorded.

Bounded: RECENT_HEIGHTS heights of small facts, RETAINED_BLOCKS blocks for peers one behind, one
late seal for each recent height and validator.
"""

from dataclasses import dataclass, field
from typing import Final

from consensus.authentication import Authenticator
from consensus.events import BlockApplied
from consensus.evidence import EVIDENCE_HEIGHTS
from consensus.messages import CertifiedBlock, Proposal, Vote
from ledger.errors import ensure
from ledger.primitives import Hash
from ledger.registry import (
    LATE_SEAL_HEIGHTS,
    Certificate,
    LateSeal,
    Participation,
    Phase,
    ValidatorSet,
)

RECENT_HEIGHTS: Final = max(EVIDENCE_HEIGHTS, LATE_SEAL_HEIGHTS)
"""Finished heights whose facts are needed to check a header; a node hands in so many at start."""
RETAINED_BLOCKS: Final = 4
"""Committed blocks kept in memory for a peer that lacks just the last few."""


@dataclass(frozen=True, slots=True)
class FinishedHeight:
    """Facts of one applied height: its certificate, its set, and what its block embedded."""

    certificate: Certificate
    validators: ValidatorSet
    participation: Participation

    @property
    def height(self) -> int:
        """The finished height."""
        return self.certificate.height

    @property
    def block_hash(self) -> Hash:
        """Hash of the only block of this height."""
        return self.certificate.block_hash


@dataclass(slots=True)
class Chain:
    """Applied head, recent heights and late seals."""

    head: BlockApplied
    _recent: dict[int, FinishedHeight] = field(default_factory=dict)
    _blocks: dict[int, CertifiedBlock] = field(default_factory=dict)
    _late_seals: dict[tuple[int, int], LateSeal] = field(default_factory=dict)

    def finish(self, fact: FinishedHeight, block: Proposal | None) -> None:
        """Remember a final height; the oldest ones and their late seals are forgotten."""
        self._recent[fact.height] = fact
        if block is not None:
            self._blocks[fact.height] = CertifiedBlock(fact.certificate, block)
        for table, kept in ((self._recent, RECENT_HEIGHTS), (self._blocks, RETAINED_BLOCKS)):
            for old in [h for h in table if h <= fact.height - kept]:
                del table[old]
        embedded = {(seal.height, seal.validator) for seal in fact.participation.late_seals}
        self._late_seals = {
            key: seal
            for key, seal in self._late_seals.items()
            if key not in embedded and seal.height > fact.height - LATE_SEAL_HEIGHTS
        }

    def apply(self, head: BlockApplied) -> None:
        """The finished height is durable; its state says what the next ones need."""
        known = self._recent.get(head.height)
        ensure(
            known is not None and known.block_hash == head.block_hash,
            f"applied block {head.block_hash.hex()} of height {head.height} is not the final one",
        )
        self.head = head

    def fact(self, height: int) -> FinishedHeight | None:
        """Facts of a recent final height."""
        return self._recent.get(height)

    def block(self, height: int) -> CertifiedBlock | None:
        """One of the last few certified blocks."""
        return self._blocks.get(height)

    def validators_at(self, height: int) -> ValidatorSet | None:
        """The set of a recent height, of the running one or of the one after it."""
        if height == self.head.height + 1:
            return self.head.validators
        if height == self.head.height + 2:
            return self.head.validators_next
        known = self._recent.get(height)
        return None if known is None else known.validators

    def embedded_seals(self, height: int) -> set[int]:
        """Validators whose seal of `height` some finished block holds already."""
        found: set[int] = set()
        for later in range(height + 1, height + 1 + LATE_SEAL_HEIGHTS):
            fact = self._recent.get(later)
            if fact is None:
                continue
            certificate = fact.participation.certificate
            if certificate is not None and certificate.height == height:
                found.update(index for index, _ in certificate.seals)
            found.update(s.validator for s in fact.participation.late_seals if s.height == height)
        return found

    def recorded_evidence(self) -> set[tuple[int, int, int, int]]:
        """Keys of the evidence that recent blocks recorded."""
        return {
            evidence.key()
            for fact in self._recent.values()
            for evidence in fact.participation.evidence
        }

    def add_late_seal(self, authenticator: Authenticator, seal: LateSeal) -> bool:
        """Keep a seal of a recent final block that no header holds yet; the first one wins.

        False when it adds nothing; PeerError when its signature is wrong.
        """
        fact = self._recent.get(seal.height)
        newest = max(self._recent, default=0)
        key = (seal.height, seal.validator)
        if (
            fact is None
            or seal.height <= newest - LATE_SEAL_HEIGHTS
            or seal.block_hash != fact.block_hash
            or key in self._late_seals
            or any(index == seal.validator for index, _ in fact.certificate.seals)
            or seal.validator in self.embedded_seals(seal.height)
        ):
            return False
        authenticator.require(
            fact.validators,
            seal.validator,
            seal.signature,
            Phase.COMMIT,
            seal.height,
            seal.view,
            seal.block_hash,
        )
        self._late_seals[key] = seal
        return True

    def parent_certificate(self) -> Certificate | None:
        """The head's certificate with all later seals of its view; None at genesis."""
        fact = self._recent.get(self.head.height)
        if fact is None:
            return None
        own = fact.certificate
        more = {
            seal.validator: seal.signature
            for seal in self._late_seals.values()
            if seal.height == own.height and seal.view == own.view
        }
        seals = tuple(sorted({**dict(own.seals), **more}.items()))
        return Certificate(own.height, own.view, own.block_hash, seals)

    def late_seals(self) -> tuple[LateSeal, ...]:
        """Late seals for the block above the head: those that its parent certificate lacks."""
        own = self.parent_certificate()
        in_parent = set() if own is None else {index for index, _ in own.seals}
        height = self.head.height + 1
        return tuple(
            seal
            for _, seal in sorted(self._late_seals.items())
            if height - LATE_SEAL_HEIGHTS <= seal.height < height
            and not (seal.height == self.head.height and seal.validator in in_parent)
            and seal.validator not in self.embedded_seals(seal.height)
        )


def late_seal_of(vote: Vote) -> LateSeal:
    """A Commit that came after its height was final."""
    return LateSeal(vote.height, vote.view, vote.block_hash, vote.validator, vote.signature)
