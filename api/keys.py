"""API keys: who may call more than an address may, or call at all where a node asks for one. Pure.

A key is the text NAME.SECRET. A node knows the SHA-256 of SECRET and never the secret; the secret
is 32 random bytes, so that a plain hash of it cannot be tried out. The name in front finds the
entry, and the hashes are compared in constant time.
"""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from ledger.errors import LocalError

SECRET_BYTES: Final = 32
MAX_KEYS: Final = 1_024
MAX_FILE_BYTES: Final = 512 * 1024
MAX_NAME_CHARACTERS: Final = 32
MAX_RATE: Final = 1_000_000
MAX_BURST: Final = 10_000_000
_BEARER: Final = "bearer "
_KEY: Final = re.compile(r"([a-z0-9-]{1,32})\.([0-9a-f]{64})")

_Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,32}$")]
_Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the file. hash: SHA-256 of the secret, hex. Calls are counted as for an address:
    calls_per_second on average, burst_calls saved up."""

    name: _Name
    hash: _Hash
    calls_per_second: Annotated[int, msgspec.Meta(ge=1, le=MAX_RATE)]
    burst_calls: Annotated[int, msgspec.Meta(ge=1, le=MAX_BURST)]


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that rpc.api_keys names."""

    keys: Annotated[list[ApiKey], msgspec.Meta(max_length=MAX_KEYS)]


def parse(content: bytes, source: str) -> tuple[ApiKey, ...]:
    """Entries of a file; LocalError that names what is wrong in it."""
    try:
        keys = msgspec.json.decode(content, type=KeyFile).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LocalError(
            f"{source} is no file of API keys: {error!s:.200}. `poyong keys api-key new` makes one"
        ) from error
    names = [key.name for key in keys]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise LocalError(f"{source}: the API key {twice} is there twice: remove one")
    return tuple(keys)


def encode(keys: Iterable[ApiKey]) -> bytes:
    """The file that parse() reads."""
    return msgspec.json.format(msgspec.json.encode(KeyFile(list(keys))), indent=2) + b"\n"


def text_of(name: str, secret: bytes) -> str:
    """What a client sends."""
    return f"{name}.{secret.hex()}"


def hash_of(secret: bytes) -> str:
    """What a node keeps of it."""
    return sha256(secret).hexdigest()


def given(authorization: Sequence[str], x_api_key: Sequence[str]) -> str | None:
    """The key in the headers Authorization (Bearer) or X-API-Key, None without one. Credentials of
    another scheme are some proxy's, not a key."""
    if x_api_key:
        return x_api_key[0].strip()
    for value in authorization:
        if value[: len(_BEARER)].lower() == _BEARER:
            return value[len(_BEARER) :].strip()
    return None


def find(keys: Mapping[str, ApiKey], text: str) -> ApiKey | None:
    """The entry of a key, None for an unknown name, a wrong secret, or what is no key."""
    form = _KEY.fullmatch(text)
    if form is None:
        return None
    entry = keys.get(form[1])
    expected = bytes(sha256().digest_size).hex() if entry is None else entry.hash
    same = hmac.compare_digest(hash_of(bytes.fromhex(form[2])), expected)
    return entry if same else None
