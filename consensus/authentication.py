"""Signature checks. Every signature is verified at most once.

Callers drop identical bytes before they come here; what embeds signatures that were seen before
(certificates, justifications) is served from a bounded memory of valid ones. Only valid signatures
are remembered, so an eviction costs a verification and never a message.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from consensus.messages import Signable, SigningDomain, signed_claim
from ledger.crypto import verify_ed25519
from ledger.errors import PeerError
from ledger.registry import Phase, ValidatorSet

Verify = Callable[[bytes, bytes, bytes], bool]
"""verify(public_key, payload, signature)."""

MAX_REMEMBERED_SIGNATURES: Final = 8192


@dataclass(slots=True)
class Authenticator:
    """Checks signatures of one chain and remembers the valid ones."""

    domain: SigningDomain
    verify: Verify = verify_ed25519
    _valid: dict[tuple[bytes, bytes, bytes], None] = field(default_factory=dict)

    def require(
        self,
        validators: ValidatorSet,
        validator: int,
        signature: bytes,
        phase: Phase,
        height: int,
        view: int,
        claim: bytes,
    ) -> None:
        """Raise PeerError unless `validator` of this set signed exactly this."""
        if not 0 <= validator < len(validators):
            raise PeerError(f"validator index {validator}, expected below {len(validators)}")
        public_key = validators.validators[validator].public_key
        payload = self.domain.payload(phase, height, view, claim)
        known = (public_key, payload, signature)
        if known in self._valid:
            return
        if not self.verify(public_key, payload, signature):
            raise PeerError(
                f"{phase.name} of validator {validator} at height {height}, view {view}: "
                "the signature does not match"
            )
        if len(self._valid) >= MAX_REMEMBERED_SIGNATURES:
            del self._valid[next(iter(self._valid))]
        self._valid[known] = None

    def require_message(self, validators: ValidatorSet, message: Signable) -> None:
        """Raise PeerError unless the message's own signature is valid."""
        phase, height, view, claim, validator, signature = signed_claim(message)
        self.require(validators, validator, signature, phase, height, view, claim)

    def require_quorum(
        self,
        validators: ValidatorSet,
        signatures: Iterable[tuple[int, bytes]],
        phase: Phase,
        height: int,
        view: int,
        claim: bytes,
    ) -> None:
        """Raise PeerError unless each of the signatures is valid (the count is the caller's)."""
        for validator, signature in signatures:
            self.require(validators, validator, signature, phase, height, view, claim)
