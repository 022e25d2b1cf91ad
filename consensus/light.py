"""Light verification of headers: from the genesis set to any certified header, offline.

A header of height h is final when a quorum of the set of h sealed its hash in one view; it names
the set of h + 2 (consensus.md, "Light verification"). So whoever knows genesis can follow the
changes of the set through certified headers, and needs nobody's word.

From genesis this cannot show that a former set, whose keys were stolen long after it was replaced,
did not seal another history. Whoever fears that keeps an Anchor: a header that was verified once.
From then on nothing older is believed again, whoever sealed it.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from consensus.authentication import Verify
from consensus.certificate import verify_certificate
from consensus.messages import SigningDomain
from ledger.crypto import verify_ed25519
from ledger.errors import PeerError
from ledger.primitives import Hash
from ledger.registry import Certificate, ValidatorSet

SET_DELAY_HEIGHTS: Final = 2
"""The header of h names the set of h + 2 (consensus.md rule 10)."""


class Header(Protocol):
    """What light verification reads of a header."""

    @property
    def height(self) -> int:
        """1 for the first block after genesis."""

    @property
    def hash(self) -> Hash:
        """Hash of its canonical bytes, computed by the reader of those bytes."""

    @property
    def parent_hash(self) -> Hash:
        """Hash of the header before it."""

    @property
    def validators_hash(self) -> Hash:
        """Hash of the set of height + 2."""


class CertifiedHeader(NamedTuple):
    """A header and the certificate that made it final."""

    header: Header
    certificate: Certificate


class SetChange(NamedTuple):
    """A certified header that names a new set, and that set."""

    certified: CertifiedHeader
    validators: ValidatorSet


class Anchor(NamedTuple):
    """A header that was verified before, where trust starts instead of at genesis.

    sets: (first height, set), ascending: those of this height and the ones that were known to
    follow. parent_hash: of the header before, which may name the set of height + 1.
    """

    height: int
    block_hash: Hash
    parent_hash: Hash
    sets: tuple[tuple[int, ValidatorSet], ...]


class SetHistory:
    """Validator sets by height, each proven by a header that the set before it sealed."""

    def __init__(
        self,
        domain: SigningDomain,
        start: ValidatorSet | Anchor,
        verify: Verify = verify_ed25519,
    ) -> None:
        """start: the set of genesis, or an anchor."""
        self._domain = domain
        self._verify = verify
        self._anchor = start if isinstance(start, Anchor) else None
        sets = start.sets if isinstance(start, Anchor) else ((1, start),)
        self._from_height: list[tuple[int, ValidatorSet]] = list(sets)

    def at(self, height: int) -> ValidatorSet:
        """The set that votes on `height`, as far as the changes seen say."""
        return next(s for first, s in reversed(self._from_height) if first <= max(height, 1))

    def accept(self, change: SetChange) -> None:
        """Follow one change of the set, or pass over one that the anchor has behind it; PeerError
        when it is not proven or out of order."""
        header = change.certified.header
        effective = header.height + SET_DELAY_HEIGHTS
        if self._anchor and (
            header.height < self._anchor.height - 1 or effective in dict(self._from_height)
        ):
            return
        if effective <= self._from_height[-1][0]:
            raise PeerError(
                f"set change at height {header.height}: expected one above height "
                f"{self._from_height[-1][0] - SET_DELAY_HEIGHTS}, in ascending order"
            )
        self.require_final(change.certified)
        found = change.validators.hash()
        if found != header.validators_hash:
            raise PeerError(
                f"set change at height {header.height}: the header names the set "
                f"{header.validators_hash.hex()}, the proof holds {found.hex()}"
            )
        self._from_height.append((effective, change.validators))

    def require_final(self, certified: CertifiedHeader) -> None:
        """Raise PeerError unless a quorum of the set of its height sealed exactly this header."""
        header, certificate = certified
        if (certificate.height, certificate.block_hash) != (header.height, header.hash):
            raise PeerError(
                f"certificate of block {certificate.block_hash.hex()} at height "
                f"{certificate.height}, expected block {header.hash.hex()} at {header.height}"
            )
        self._require_not_before_anchor(header)
        verify_certificate(self._domain, self.at(header.height), certificate, self._verify)

    def anchor_at(self, header: Header) -> Anchor:
        """Where a later verification may start: at a header that is final."""
        last = [first for first, _ in self._from_height if first <= header.height][-1]
        sets = tuple(item for item in self._from_height if item[0] >= last)
        return Anchor(header.height, header.hash, header.parent_hash, sets)

    def _require_not_before_anchor(self, header: Header) -> None:
        if self._anchor is None or header.height > self._anchor.height:
            return
        known = {
            self._anchor.height: self._anchor.block_hash,
            self._anchor.height - 1: self._anchor.parent_hash,
        }
        expected = known.get(header.height)
        if expected is None:
            raise PeerError(
                f"block {header.height} is before the trusted block {self._anchor.height}, and who "
                "sealed it then vouches for nothing now: ask for a proof at a newer block"
            )
        if expected != header.hash:
            raise PeerError(
                f"block {header.height}: the trusted history has {expected.hex()}, the proof holds "
                f"{header.hash.hex()}"
            )


def verify_final(
    history: SetHistory, changes: Iterable[SetChange], certified: CertifiedHeader
) -> ValidatorSet:
    """The set that made a header final; PeerError when anything is not proven."""
    for change in changes:
        history.accept(change)
    history.require_final(certified)
    return history.at(certified.header.height)
