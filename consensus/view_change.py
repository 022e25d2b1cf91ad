"""ViewChanges and the NewView justification that proves itself (consensus.md, "Messages")."""

from collections.abc import Sequence

from consensus.authentication import Authenticator
from consensus.certificate import require_prepared
from consensus.messages import NewView, PreparedCertificate, ViewChange, ViewChangeMessage
from consensus.quorum import is_quorum
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.registry import Phase, ValidatorSet


def require_view_change(
    authenticator: Authenticator, validators: ValidatorSet, message: ViewChangeMessage
) -> None:
    """Raise PeerError unless the ViewChange is signed and its claim is proved."""
    authenticator.require_message(validators, message)
    require_claim(authenticator, validators, message.vote, message.certificate)


def require_claim(
    authenticator: Authenticator,
    validators: ValidatorSet,
    vote: ViewChange,
    certificate: PreparedCertificate | None,
) -> None:
    """Raise PeerError unless the prepared certificate proves exactly what the vote claims.

    An unproved claim would let one validator choose what the next proposer must propose.
    """
    claimed = None if vote.prepared_view is None else (vote.prepared_view, vote.prepared_hash)
    proved = None if certificate is None else (certificate.view, certificate.block_hash)
    if claimed != proved:
        raise PeerError(f"ViewChange of {vote.validator}: the certificate is not of its claim")
    if certificate is None:
        return
    if certificate.height != vote.height or certificate.view >= vote.new_view:
        raise PeerError(
            f"ViewChange of {vote.validator} for height {vote.height}, view {vote.new_view}: "
            f"certificate of height {certificate.height}, view {certificate.view}"
        )
    require_prepared(authenticator, validators, certificate)


def require_new_view(
    authenticator: Authenticator, validators: ValidatorSet, justification: NewView
) -> None:
    """Raise PeerError unless a quorum of distinct validators asked for this view, and the one
    prepared certificate is that of the highest claim among them."""
    votes = justification.view_changes
    if justification.view == 0:
        raise PeerError("NewView: view 0 needs no justification")
    if not is_quorum([vote.validator for vote in votes], len(validators)):
        raise PeerError(
            f"NewView of view {justification.view}: {len(votes)} ViewChanges, expected "
            f"{validators.quorum} of distinct validators"
        )
    for vote in votes:
        if (vote.height, vote.new_view) != (justification.height, justification.view):
            raise PeerError(f"NewView of view {justification.view}: ViewChange of another view")
        authenticator.require(
            validators,
            vote.validator,
            vote.signature,
            Phase.VIEW_CHANGE,
            vote.height,
            vote.new_view,
            vote.claim,
        )
    require_highest(votes, justification.certificate)
    if justification.certificate is not None:
        if justification.certificate.height != justification.height:
            raise PeerError("NewView: the prepared certificate is of another height")
        require_prepared(authenticator, validators, justification.certificate)


def require_highest(votes: Sequence[ViewChange], certificate: PreparedCertificate | None) -> None:
    """Raise PeerError unless `certificate` is that of the highest claim among the votes."""
    highest = max((v.prepared_view for v in votes if v.prepared_view is not None), default=None)
    if highest is None:
        if certificate is not None:
            raise PeerError("NewView: a prepared certificate that no ViewChange claims")
        return
    if certificate is None or certificate.view != highest:
        raise PeerError(f"NewView: expected the prepared certificate of view {highest}")
    if not any(
        (vote.prepared_view, vote.prepared_hash) == (highest, certificate.block_hash)
        for vote in votes
    ):
        raise PeerError("NewView: no ViewChange claims the block of its prepared certificate")


def build_new_view(height: int, view: int, messages: Sequence[ViewChangeMessage]) -> NewView:
    """Justification of `view` from a quorum of verified ViewChanges, ascending by validator."""
    certificates = [m.certificate for m in messages if m.certificate is not None]
    highest = max(certificates, key=lambda certificate: certificate.view, default=None)
    return NewView(height, view, tuple(message.vote for message in messages), highest)


def must_propose(justification: NewView | None) -> Hash | None:
    """The block that a proposer has to propose again; None leaves the choice free."""
    if justification is None or justification.certificate is None:
        return None
    return justification.certificate.block_hash


def require_proposed(justification: NewView | None, block_hash: Hash) -> None:
    """Raise PeerError when the justification binds the proposer to another block."""
    required = must_propose(justification)
    if required is not None and required != block_hash:
        raise PeerError(
            f"PrePrepare of {block_hash.hex()}, expected {required.hex()}: the highest claim binds"
        )
