"""Commit certificates and prepared certificates: built from votes, verified by anyone.

`verify_certificate` needs a validator set and nothing else, so that a wallet can use it offline
("Light verification"). A commit certificate is a quorum of seals of ONE view: seals of different
views never add up (they fork in four views; tests name the case).
"""

from collections.abc import Iterable

from consensus.authentication import Authenticator, Verify
from consensus.messages import PreparedCertificate, SigningDomain, Vote
from consensus.quorum import is_quorum
from ledger.crypto import verify_ed25519
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.registry import Certificate, Phase, ValidatorSet


def verify_certificate(
    domain: SigningDomain,
    validators: ValidatorSet,
    certificate: Certificate,
    verify: Verify = verify_ed25519,
) -> None:
    """Raise PeerError unless a quorum of `validators` sealed this height, view and block hash.

    validators: the set of certificate.height, which the header two below it names by hash.
    """
    require_certificate(Authenticator(domain, verify), validators, certificate)


def require_certificate(
    authenticator: Authenticator, validators: ValidatorSet, certificate: Certificate
) -> None:
    """verify_certificate with a memory of signatures that were verified before."""
    _require(authenticator, validators, Phase.COMMIT, certificate.seals, certificate)


def require_prepared(
    authenticator: Authenticator, validators: ValidatorSet, certificate: PreparedCertificate
) -> None:
    """Raise PeerError unless a quorum signed Prepare for this height, view and block hash."""
    _require(authenticator, validators, Phase.PREPARE, certificate.signatures, certificate)


def _require(
    authenticator: Authenticator,
    validators: ValidatorSet,
    phase: Phase,
    signatures: tuple[tuple[int, bytes], ...],
    of: Certificate | PreparedCertificate,
) -> None:
    if not is_quorum([index for index, _ in signatures], len(validators)):
        raise PeerError(
            f"certificate of height {of.height}: {len(signatures)} {phase.name} signatures, "
            f"expected at least {validators.quorum}"
        )
    authenticator.require_quorum(validators, signatures, phase, of.height, of.view, of.block_hash)


def adds_up_with(vote: Vote) -> tuple[int, Hash]:
    """Votes count together only within one view and for one hash."""
    return (vote.view, vote.block_hash)


def commit_certificate(votes: Iterable[Vote]) -> Certificate:
    """Certificate of a quorum of Commits that add up."""
    first, signatures = _signatures(votes)
    return Certificate(first.height, first.view, first.block_hash, signatures)


def prepared_certificate(votes: Iterable[Vote]) -> PreparedCertificate:
    """Certificate of a quorum of Prepares that add up."""
    first, signatures = _signatures(votes)
    return PreparedCertificate(first.height, first.view, first.block_hash, signatures)


def _signatures(votes: Iterable[Vote]) -> tuple[Vote, tuple[tuple[int, bytes], ...]]:
    ordered = sorted(votes, key=lambda vote: vote.validator)
    return ordered[0], tuple((vote.validator, vote.signature) for vote in ordered)
