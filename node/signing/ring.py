"""The keys with which this node signs votes: one, and while it is replaced two.

Each height is signed with the key that its validator set names. A key is in this process (a file)
or elsewhere (a signer process, a hardware module): what is asked of the ring is the same.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from consensus.events import Event
from ledger.crypto import Signer
from ledger.errors import InvariantViolation
from node.signing.waiting import Signed, VoteSigner


class KeyRing:
    """Signers in files, or a VoteSigner; the present key first, then the one that comes."""

    def __init__(
        self,
        files: Sequence[Signer] = (),
        elsewhere: VoteSigner | None = None,
        *,
        silent: Sequence[bytes] | None = None,
    ) -> None:
        """silent: in place of both, public keys of a folder that waits for the right to sign
        (node.signing.fence): they have names, and no signer is in this process."""
        self._files = {signer.public_key: signer for signer in files}
        self._elsewhere = elsewhere
        self._silent = None if silent is None else tuple(silent)

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """Ed25519 public keys, the present one first; none for an observer."""
        others = () if self._elsewhere is None else self._elsewhere.public_keys
        return (*self._files, *others, *(self._silent or ()))

    @property
    def waits(self) -> bool:
        """Whether it signs nothing as long as this process runs."""
        return self._silent is not None

    @property
    def files(self) -> tuple[Signer, ...]:
        """The signers in files."""
        return tuple(self._files.values())

    @property
    def elsewhere(self) -> VoteSigner | None:
        """What holds the keys that are not in files."""
        return self._elsewhere

    def problem(self, public_key: bytes) -> str | None:
        """Why nothing is signed with this key now, a sentence; None while it is."""
        if self._elsewhere is None or public_key in self._files:
            return None
        return self._elsewhere.problem(public_key)

    def sign(self, public_key: bytes, height: int, payload: bytes, signed: Signed) -> Event | None:
        """Sign with this key and call `signed`: at once, and give what it gave, or later. height:
        the running one; what an older one asked for and waits still is dropped."""
        signer = self._files.get(public_key)
        if signer is not None:
            return signed(signer.sign(payload))
        if self._elsewhere is None or public_key not in self._elsewhere.public_keys:
            raise InvariantViolation(f"asked to sign with {public_key.hex()}, which is not here")
        self._elsewhere.request(public_key, height, payload, signed)
        return None

    def work(self, deliver: Callable[[Event], None]) -> Coroutine[Any, Any, None] | None:
        """What has to run beside the replica, for keys that are elsewhere."""
        return None if self._elsewhere is None else self._elsewhere.run(deliver)

    def replace_files(self, files: Sequence[Signer]) -> None:
        """Other keys in files from now on."""
        self._files = {signer.public_key: signer for signer in files}

    def replace_silent(self, public_keys: Sequence[bytes]) -> None:
        """Other names from now on, of a ring that waits."""
        self._silent = tuple(public_keys)
