"""Documents that a message names by their SHA-256."""

from pathlib import Path
from typing import Final

from api.encoding import from_hex
from ledger.crypto import sha256
from ledger.errors import DecodeError, LocalError
from ledger.primitives import HASH_BYTES, Hash
from node.files.disk_errors import os_error

MAX_DOCUMENT_BYTES: Final = 256 * 1024 * 1024


def document_digest(path: Path) -> Hash:
    """SHA-256 of a file; LocalError when it cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise LocalError(
                f"{path} is larger than {MAX_DOCUMENT_BYTES:,} bytes: name a smaller one"
            )
        return sha256(path.read_bytes())
    except OSError as error:
        raise os_error("read", path, error) from error


def document_hash(text: str, option: str) -> Hash:
    """Of a FILE, or the HASH itself as 0x and 64 hex digits; LocalError names the option."""
    if not text.startswith("0x") or Path(text).is_file():
        return document_digest(Path(text))
    try:
        found = from_hex(text)
    except DecodeError:
        found = b""
    if len(found) != HASH_BYTES:
        raise LocalError(
            f"{option}: expected a file, or its SHA-256 as 0x and 64 hex digits, found {text!r:.80}"
        )
    return Hash(found)
