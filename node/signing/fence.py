"""Which machine signs with a validator's key: the fence of a data folder, and the tokens that move
the right to sign from one folder to another.

Two folders with one key contradict each other sooner or later, and neither can see the other. So
each data folder says in a file of its own, `fence`, whether it may sign. The right moves by a
token: the folder that gives it up writes that down first and says from which height on it has
signed nothing; the token is good for one folder and counts upwards. ADR 0028 says what this can
keep from happening, and what only a signer process can.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Final

from ledger import codec
from ledger.crypto import ED25519_KEY_BYTES, sha256
from ledger.errors import DecodeError, LocalError
from ledger.primitives import HASH_BYTES
from node.files.disk_errors import os_error
from node.files.file_formats import require_known_tag, require_tag
from node.files.private_files import replace_private

FILE: Final = "fence"
PLACE_BYTES: Final = 16
MAX_NUMBER: Final = 2**32 - 1
MAX_KEYS: Final = 8
"""Keys that one folder remembers to have signed with; the oldest is forgotten first."""
MAX_FENCE_BYTES: Final = 1_024
MAX_TOKEN_BYTES: Final = 256
FENCE_TAG: Final = "poyong/fence/1"
TOKEN_TAG: Final = "poyong/fence-token/1"
_CHECK_BYTES: Final = 4


class Standing(IntEnum):
    """What a folder may do with its keys."""

    HELD = 1
    """Sign."""
    WAITING = 2
    """Follow the chain and sign nothing: it came out of a backup, or its key signs elsewhere."""
    TAKEN = 3
    """The right was taken, and no start has acted on it yet."""
    RELEASED = 4
    """Given up for good: a node with a validator's key does not start."""


class Use(IntEnum):
    """What the own chain shows of a key that is new to a folder."""

    NONE = 0
    """It has no seat at the head nor right after it, so it has not voted."""
    SEATED = 1
    """It has a seat, and none of the newest blocks has its seal."""
    SIGNING = 2
    """It has sealed one of the newest blocks: somebody votes with it."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What the file says.

    place: names this folder, at random. keys: public keys of validators that it signs with, newest
    last; empty for an observer. number: of the token by which it holds the right, 0 without any.
    signs_from: the first height that it may sign (HELD, TAKEN) or that it has not signed
    (RELEASED); None where nobody knows, which the rule of a lost vote record answers.
    given_to: place that a release names, else empty.
    """

    place: bytes
    keys: tuple[bytes, ...] = ()
    standing: Standing = Standing.HELD
    number: int = 0
    signs_from: int | None = 0
    given_to: bytes = b""

    def with_keys(self, keys: Sequence[bytes]) -> "Fence":
        """The folder signs with these as well."""
        new = tuple(key for key in keys if key not in self.keys)
        return replace(self, keys=(*self.keys, *new)[-MAX_KEYS:])


@dataclass(frozen=True, slots=True)
class Token:
    """The right to sign by a key, for the folder `place` alone.

    number: above that of the folder which gave it up. signs_from: as in Fence.
    """

    public_key: bytes
    place: bytes
    number: int
    signs_from: int | None


def new_place() -> bytes:
    """A name for a folder that has none yet."""
    return secrets.token_bytes(PLACE_BYTES)


def encode_fence(fence: Fence) -> bytes:
    """Content of the file: canonical bytes, and their SHA-256 after them."""
    body = codec.encode(
        (
            FENCE_TAG,
            fence.place,
            fence.keys,
            int(fence.standing),
            fence.number,
            fence.signs_from,
            fence.given_to,
        )
    )
    return body + sha256(body)


def decode_fence(data: bytes) -> Fence:
    """Inverse of encode_fence; DecodeError for any other bytes."""
    body, checksum = data[:-HASH_BYTES], data[-HASH_BYTES:]
    if sha256(body) != checksum:
        raise DecodeError("fence: the checksum does not hold")
    tag, place, keys, standing, number, signs_from, given_to = codec.as_array(
        codec.decode(body, MAX_FENCE_BYTES), "fence", 7
    )
    if tag != FENCE_TAG:
        raise DecodeError(f"fence.tag: expected {FENCE_TAG!r}, found {tag!r:.40}")
    found = codec.as_uint(standing, "fence.standing", max(Standing))
    if found == 0:
        raise DecodeError("fence.standing: expected 1 to 4, found 0")
    read = tuple(
        codec.as_bytes(key, "fence.key", ED25519_KEY_BYTES)
        for key in codec.as_list(keys, "fence.keys", MAX_KEYS)
    )
    if len(set(read)) != len(read):
        raise DecodeError("fence.keys: a key is there twice")
    if len(codec.as_bytes_up_to(given_to, "fence.given_to", PLACE_BYTES)) not in (0, PLACE_BYTES):
        raise DecodeError(f"fence.given_to: expected 0 or {PLACE_BYTES} bytes")
    return Fence(
        codec.as_bytes(place, "fence.place", PLACE_BYTES),
        read,
        Standing(found),
        codec.as_uint(number, "fence.number", MAX_NUMBER),
        None if signs_from is None else codec.as_uint(signs_from, "fence.signs_from"),
        given_to,
    )


def encode_token(token: Token) -> str:
    """A token as people copy it: hex of its canonical bytes and the start of their SHA-256."""
    body = codec.encode((TOKEN_TAG, token.public_key, token.place, token.number, token.signs_from))
    return (body + sha256(body)[:_CHECK_BYTES]).hex()


def decode_token(text: str) -> Token:
    """Inverse of encode_token; LocalError for any other text."""
    try:
        if not text.isascii() or len(text) > 2 * MAX_TOKEN_BYTES:
            raise DecodeError("token: expected at most 512 hex digits")
        data = bytes.fromhex(text)
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if sha256(body)[:_CHECK_BYTES] != check:
            raise DecodeError("token: its check digits do not fit")
        value = codec.decode(body, MAX_TOKEN_BYTES)
        require_known_tag(value, "the fencing token", TOKEN_TAG)
        tag, key, place, number, signs_from = codec.as_array(value, "token", 5)
        if tag != TOKEN_TAG:
            raise DecodeError(f"token.tag: expected {TOKEN_TAG!r}, found {tag!r:.40}")
        return Token(
            codec.as_bytes(key, "token.public_key", ED25519_KEY_BYTES),
            codec.as_bytes(place, "token.place", PLACE_BYTES),
            codec.as_uint(number, "token.number", MAX_NUMBER),
            None if signs_from is None else codec.as_uint(signs_from, "token.signs_from"),
        )
    except (DecodeError, ValueError) as error:
        raise LocalError(
            f"this is no whole fencing token ({error}): copy again the line that `poyong fence "
            "release` printed"
        ) from error


def read_fence(folder: Path) -> Fence | None:
    """The fence of a data folder, None when it has none yet.

    LocalError when the file cannot be read or trusted: then nothing may be signed.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FENCE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise os_error("read", path, error) from error
    remedy = "Start the release that wrote it or a later one: nothing is signed without it"
    require_tag(data, path, FENCE_TAG, MAX_FENCE_BYTES, remedy)
    try:
        return decode_fence(data)
    except DecodeError as error:
        raise LocalError(
            f"{path}, which says whether this folder may sign, cannot be trusted ({error}): move "
            "it away; then, if no other machine signs with this key, run `poyong fence take "
            "--without-token`"
        ) from error


def write_fence(folder: Path, fence: Fence) -> None:
    """Replace the file whole, on disk when this returns. LocalError when the disk refuses."""
    replace_private(folder / FILE, encode_fence(fence))


def admit(found: Fence | None, keys: Sequence[bytes], used: Callable[[bytes], Use]) -> Fence:
    """The fence of a folder that is started with these validator keys (none for an observer).

    A folder without a fence is at its first start. A key that is new to one is no other machine's
    as long as the chain has given it no seat; one that signs elsewhere needs a token; of one in
    between nobody knows what it signed.
    """
    if found is None:
        return Fence(new_place()).with_keys(keys)
    new = [key for key in keys if key not in found.keys]
    kept = found.with_keys(new)
    if found.standing is not Standing.HELD or not new:
        return kept
    use = max(used(key) for key in new)
    if use is Use.SIGNING:
        return replace(kept, standing=Standing.WAITING)
    if use is Use.SEATED:
        return replace(kept, standing=Standing.TAKEN, signs_from=None)
    return kept


def released(fence: Fence, public_key: bytes, to: bytes, signs_from: int | None) -> Fence:
    """The fence of a folder that gives the right to sign up, for good and to the folder `to`.

    signs_from: first height that it has not signed. LocalError when it has no right to give.
    """
    if fence.standing is Standing.RELEASED and fence.given_to == to:
        return fence
    if fence.standing in (Standing.RELEASED, Standing.WAITING):
        raise LocalError(
            f"this folder does not hold the right to sign ({described(fence)}): release it where "
            "it is held"
        )
    if to == fence.place:
        raise LocalError("--to names this very folder: name the place of the other one")
    if fence.number >= MAX_NUMBER:
        raise LocalError(f"the fencing tokens are used up at {MAX_NUMBER}: take a new key")
    return replace(
        fence.with_keys([public_key]),
        standing=Standing.RELEASED,
        number=fence.number + 1,
        signs_from=signs_from,
        given_to=to,
    )


def token_of(fence: Fence, public_key: bytes) -> Token:
    """What a folder that gave the right up hands to the other one."""
    return Token(public_key, fence.given_to, fence.number, fence.signs_from)


def taken(fence: Fence, token: Token, public_key: bytes) -> Fence:
    """The fence of a folder that takes the right by a token; LocalError when it is another's."""
    if token.public_key != public_key:
        raise LocalError(
            f"the token is for the key {token.public_key.hex()}, this folder has "
            f"{public_key.hex()}: install the key that moves"
        )
    if token.place != fence.place:
        raise LocalError(
            f"the token is for the folder {token.place.hex()}, this one is {fence.place.hex()}: "
            "a token is good for one folder, the one that `poyong fence release --to` named"
        )
    if token.number <= fence.number:
        raise LocalError(
            f"the token has the number {token.number}, this folder has seen {fence.number}: it was "
            "used already; ask who holds the right for a new one"
        )
    return replace(
        fence.with_keys([public_key]),
        standing=Standing.TAKEN,
        number=token.number,
        signs_from=token.signs_from,
        given_to=b"",
    )


def claimed(fence: Fence, public_key: bytes, number: int | None) -> Fence:
    """The fence of a folder that takes the right without a token: what was signed elsewhere is not
    known, so it signs only past what others certify. number: of the right, by default the next."""
    wanted = fence.number + 1 if number is None else number
    if not fence.number < wanted <= MAX_NUMBER:
        raise LocalError(
            f"--number is {wanted}, expected {fence.number + 1} to {MAX_NUMBER}: each right to "
            "sign has a higher number than the one before"
        )
    return replace(
        fence.with_keys([public_key]),
        standing=Standing.TAKEN,
        number=wanted,
        signs_from=None,
        given_to=b"",
    )


def described(fence: Fence) -> str:
    """Where a folder stands, for people."""
    from_height = "" if not fence.signs_from else f" from height {fence.signs_from}"
    match fence.standing:
        case Standing.HELD:
            return f"it signs{from_height}, by number {fence.number}"
        case Standing.WAITING:
            return "it follows the chain and signs nothing"
        case Standing.TAKEN:
            silent = " once others have certified enough" if fence.signs_from is None else ""
            return f"it signs{from_height}{silent} after the next start, by number {fence.number}"
        case Standing.RELEASED:
            return f"it gave the right to {fence.given_to.hex()} by token {fence.number}"
