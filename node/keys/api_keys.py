"""The file of API keys: read by the node, changed by `poyong keys api-key`."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from api import keys
from api.keys import ApiKey
from ledger.errors import LocalError
from node.files.disk_errors import os_error
from node.files.private_files import read_private
from node.files.whole_files import replace_whole

_FILE_MODE = 0o600


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """Entries of the file; LocalError when there is none, when others may change it, or when it
    says anything else."""
    content = read_private(
        path, keys.MAX_FILE_BYTES, "file of API keys", "make it with `poyong keys api-key new`"
    )
    return keys.parse(content, str(path))


def add_key(path: Path, name: str, calls_per_second: int, burst_calls: int) -> str:
    """Make a key and put its entry into the file, which is made when there is none; what the
    client sends, which nothing keeps."""
    known = read_keys(path) if path.exists() else ()
    if any(key.name == name for key in known):
        raise LocalError(f"{path} has a key {name} already: take another name, or remove it first")
    if len(known) >= keys.MAX_KEYS:
        raise LocalError(f"{path} has {keys.MAX_KEYS} keys, the most allowed: remove one first")
    secret = secrets.token_bytes(keys.SECRET_BYTES)
    _write(path, (*known, ApiKey(name, keys.hash_of(secret), calls_per_second, burst_calls)))
    return keys.text_of(name, secret)


def remove_key(path: Path, name: str) -> None:
    """Take a key's entry out of the file; LocalError when it has none of this name."""
    known = read_keys(path)
    left = [key for key in known if key.name != name]
    if len(left) == len(known):
        raise LocalError(f"{path} has no key {name!r:.80}: `poyong keys api-key list` shows them")
    _write(path, left)


def _write(path: Path, entries: Iterable[ApiKey]) -> None:
    """Replace the file as a whole, on disk when this returns."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_error("write the API keys", path, error) from error
    replace_whole(path, keys.encode(entries), what="the API keys", mode=_FILE_MODE)
