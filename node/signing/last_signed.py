"""What a signer signed last, durable before a signature leaves it.

One small file, replaced whole: written beside, synced, renamed, the folder synced. A crash leaves
the old content or the new, never a mixture, so a file that cannot be read was damaged afterwards,
and a signer must not start from less than what it signed. A process that dies before the last sync,
or that is told that it failed, leaves content that power still takes away: who opens the file
writes it once more before it believes it.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from consensus.messages import SigningDomain
from ledger import codec
from ledger.crypto import sha256
from ledger.errors import DecodeError, LocalError
from ledger.primitives import HASH_BYTES, Hash
from ledger.registry import MAX_VIEW, Phase
from node.files.disk_errors import os_error
from node.files.file_formats import require_tag
from node.files.file_locks import hold_file
from node.files.private_files import replace_private
from node.signing.fence import MAX_NUMBER, PLACE_BYTES
from node.signing.payload import VotePayload
from node.signing.wire import Holder

STATE_TAG: Final = "poyong/last-signed/2"
MAX_STATE_BYTES: Final = 1_024
_ORDER: Final = (Phase.VIEW_CHANGE, Phase.PRE_PREPARE, Phase.PREPARE, Phase.COMMIT)
"""In which an honest replica signs them in one view: it asks for a view before it votes in it."""


@dataclass(frozen=True, slots=True)
class LastSigned:
    """The highest (height, view) signed for, and the digest of the vote of each phase there.

    holder: the node that may ask, None before the first asked. signs_from: its first height: at
    those below another one has asked, and what it knew there this one does not know.
    """

    height: int = 0
    view: int = 0
    votes: Mapping[Phase, Hash] = field(default_factory=lambda: MappingProxyType({}))
    holder: Holder | None = None
    signs_from: int = 0

    def asked_by(self, holder: Holder) -> "LastSigned":
        """The same, held by who asks now, when it has a higher token or nobody has asked yet."""
        if self.holder is None:
            return replace(self, holder=holder)
        if holder.number > self.holder.number:
            return replace(self, holder=holder, signs_from=self.height + 1)
        return self

    def holder_problem(self, holder: Holder) -> str | None:
        """Why this node may not ask, a sentence; None when it holds the right."""
        if holder == self.holder or self.holder is None:
            return None
        return (
            f"the node of the folder {self.holder.place.hex()} holds the right to sign, by number "
            f"{self.holder.number}; this one comes from {holder.place.hex()} by number "
            f"{holder.number}: stop one of the two; `poyong fence take --without-token --number "
            f"{self.holder.number + 1}` gives the right to another"
        )

    def problem(self, vote: VotePayload) -> str | None:
        """Why this vote must not be signed, a sentence; None when it may be."""
        place = f"height {vote.height}, view {vote.view}, {vote.phase.name}"
        if vote.height < self.signs_from:
            return f"{place}: another node asked for votes up to height {self.signs_from - 1}"
        if (vote.height, vote.view) < (self.height, self.view):
            return f"{place} is below height {self.height}, view {self.view}, signed for already"
        if (vote.height, vote.view) > (self.height, self.view):
            return None
        signed = self.votes.get(vote.phase)
        if signed is not None:
            if signed == vote.digest:
                return None
            return f"another vote was signed for {place} already: this one would contradict it"
        later = [phase.name for phase in self.votes if _rank(phase) > _rank(vote.phase)]
        return f"{place} comes after {', '.join(later)} of that view was signed" if later else None

    def with_vote(self, vote: VotePayload) -> "LastSigned":
        """What is known once this vote, which has no problem, is signed."""
        same = (vote.height, vote.view) == (self.height, self.view)
        votes = {**(self.votes if same else {}), vote.phase: vote.digest}
        return replace(self, height=vote.height, view=vote.view, votes=MappingProxyType(votes))


def _rank(phase: Phase) -> int:
    return _ORDER.index(phase)


def encode_state(state: LastSigned, domain: SigningDomain) -> bytes:
    """Content of the file: canonical bytes, and their SHA-256 after them."""
    votes = tuple((int(phase), state.votes[phase]) for phase in sorted(state.votes))
    holder = None if state.holder is None else (state.holder.number, state.holder.place)
    body = codec.encode(
        (
            STATE_TAG,
            domain.chain_id,
            domain.genesis_hash,
            state.height,
            state.view,
            votes,
            holder,
            state.signs_from,
        )
    )
    return body + sha256(body)


def decode_state(data: bytes, domain: SigningDomain) -> LastSigned:
    """Inverse of encode_state; DecodeError for any other bytes, and for another chain's state."""
    body, checksum = data[:-HASH_BYTES], data[-HASH_BYTES:]
    if sha256(body) != checksum:
        raise DecodeError("last signed state: the checksum does not hold")
    value = codec.decode(body, MAX_STATE_BYTES)
    tag, chain_id, genesis_hash, height, view, votes, holder, signs_from = codec.as_array(
        value, "last_signed", 8
    )
    if (tag, chain_id, genesis_hash) != (STATE_TAG, domain.chain_id, domain.genesis_hash):
        raise DecodeError(f"last signed state: of another chain (id {chain_id!r:.40})")
    read: dict[Phase, Hash] = {}
    for item in codec.as_list(votes, "last_signed.votes", len(Phase)):
        phase, digest = codec.as_array(item, "last_signed.vote", 2)
        number = codec.as_uint(phase, "last_signed.phase", max(Phase))
        if number == 0 or (read and number <= max(read)):
            raise DecodeError(f"last_signed.phase: expected ascending phases, found {number}")
        read[Phase(number)] = Hash(codec.as_bytes(digest, "last_signed.digest", HASH_BYTES))
    return LastSigned(
        codec.as_uint(height, "last_signed.height"),
        codec.as_uint(view, "last_signed.view", MAX_VIEW),
        MappingProxyType(read),
        None if holder is None else _holder(holder),
        codec.as_uint(signs_from, "last_signed.signs_from"),
    )


def _holder(value: object) -> Holder:
    number, place = codec.as_array(value, "last_signed.holder", 2)
    return Holder(
        codec.as_uint(number, "last_signed.holder.number", MAX_NUMBER),
        codec.as_bytes(place, "last_signed.holder.place", PLACE_BYTES),
    )


class SignedRecord:
    """The state of one signer on disk; held by one process at a time."""

    def __init__(self, path: Path, domain: SigningDomain) -> None:
        """Open it. LocalError when it is missing, damaged, of another chain or held already, and
        when the disk refuses what it holds."""
        self._path, self._domain = path, domain
        _read(path, domain)  # what is refused stays as it is, without a file of the lock
        self._lock = _lock(path)
        try:
            self.state = _read(path, domain)
            replace_private(path, encode_state(self.state, domain))
        except LocalError:
            self.close()
            raise

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    def approve(self, votes: Iterable[tuple[VotePayload, Holder]]) -> list[str | None]:
        """For each vote, and the node that asks for it, the reason why it must not be signed, or
        None; what may be signed, and who may ask, is durable when this returns, by one write."""
        state, found = self.state, list[str | None]()
        for vote, holder in votes:
            state = state.asked_by(holder)
            problem = state.holder_problem(holder) or state.problem(vote)
            found.append(problem)
            if problem is None:
                state = state.with_vote(vote)
        if state != self.state:
            replace_private(self._path, encode_state(state, self._domain))
            self.state = state
        return found


def _read(path: Path, domain: SigningDomain) -> LastSigned:
    """LocalError when it is missing, damaged, of another release or of another chain."""
    try:
        data = path.read_bytes()
        remedy = "Start the release that wrote it or a later one: nothing is signed without it"
        require_tag(data, path, STATE_TAG, MAX_STATE_BYTES, remedy)
        _require_chain(path, data, domain)
        return decode_state(data[: MAX_STATE_BYTES + 1], domain)
    except FileNotFoundError as error:
        raise LocalError(
            f"there is no {path}, which says what was signed last: bring it back, or make a "
            "new one with `poyong signer init` only for a key that has never voted"
        ) from error
    except OSError as error:
        raise os_error("read", path, error) from error
    except DecodeError as error:
        raise LocalError(
            f"{path} cannot be trusted ({error}): nothing is signed without it. Take a new "
            'validator key (docs/operating.md, "New keys of a validator")'
        ) from error


def _require_chain(path: Path, data: bytes, domain: SigningDomain) -> None:
    """LocalError when the file is of another chain than signer.toml names. Says nothing of what is
    damaged: decode_state does."""
    body, checksum = data[:-HASH_BYTES], data[-HASH_BYTES:]
    if len(data) > MAX_STATE_BYTES or sha256(body) != checksum:
        return
    try:
        value = codec.decode(body, MAX_STATE_BYTES)
    except DecodeError:
        return
    found = value[1:3] if type(value) is tuple and value[:1] == (STATE_TAG,) else None
    if found is not None and found != (domain.chain_id, domain.genesis_hash):
        known = [each.hex() if isinstance(each, bytes) else each for each in found]
        raise LocalError(
            f"{path} is of another chain: its (chain_id, genesis_hash) are {known!r:.160}, "
            f"signer.toml names {[domain.chain_id, domain.genesis_hash.hex()]}: put those of the "
            "file back; a signer for another chain has a folder of its own"
        )


def create_record(path: Path, domain: SigningDomain) -> None:
    """The state of a key that has signed nothing yet. LocalError when there is a file already."""
    if path.exists():
        raise LocalError(f"{path} exists and is not replaced: it says what was signed last")
    replace_private(path, encode_state(LastSigned(), domain))


def _lock(path: Path) -> int:
    lock = path.with_suffix(".lock")
    try:
        handle = hold_file(lock)
    except OSError as error:
        raise os_error("open", lock, error) from error
    if handle is None:
        raise LocalError(f"another process holds {lock}: one signer runs on a folder at a time")
    return handle
