"""Files that say themselves what they are, by a name and a number: those of JSON in `format`, as
"poyong-key-1", those of canonical bytes in a tag, as "poyong/fence/1".

The number is looked at before the rest, which another number may have laid out otherwise.
"""

from pathlib import Path
from typing import Final

import msgspec

from ledger import codec
from ledger.crypto import sha256
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES
from node.version import other_format

PROOF_FORMAT: Final = "poyong-proof-1"
"""Of files of proofs, which are answers of a node and name no format as long as it is the first."""
TRUSTED_FORMAT: Final = "poyong-trusted-1"
"""The same of a header that somebody trusts (`poyong verify --keep`)."""
LATER_RELEASE: Final = "Use the release that wrote it, or a later one"


class _Formatted(msgspec.Struct, frozen=True):
    format: str = ""


def require_format(raw: bytes, path: Path | str, known: str, remedy: str = LATER_RELEASE) -> None:
    """LocalError when the JSON in `raw` is of the kind of `known` under another number.

    Says nothing of anything else: whoever reads the file then says what is wrong with it.
    """
    try:
        found = msgspec.json.decode(raw, type=_Formatted).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if found != known and found.rpartition("-")[0] == known.rpartition("-")[0]:
        raise other_format(path, found, known, remedy)


def require_tag(
    data: bytes, path: Path | str, known: str, max_bytes: int, remedy: str = LATER_RELEASE
) -> None:
    """The same of a canonical array that begins with a tag, and whose SHA-256 follows it.

    max_bytes: of the whole. Says nothing of what is damaged: whoever reads the file does.
    """
    body, checksum = data[:-HASH_BYTES], data[-HASH_BYTES:]
    if len(data) > max_bytes or sha256(body) != checksum:
        return
    try:
        require_known_tag(codec.decode(body, max_bytes), path, known, remedy)
    except DecodeError:
        return


def require_known_tag(
    value: object, what: Path | str, known: str, remedy: str = LATER_RELEASE
) -> None:
    """The same of the decoded array."""
    tag = value[0] if type(value) is tuple and value else ""
    if isinstance(tag, str) and tag != known and tag.rpartition("/")[0] == known.rpartition("/")[0]:
        raise other_format(what, tag, known, remedy)
