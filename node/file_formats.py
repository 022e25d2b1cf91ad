"""Files of JSON that say in `format` what they are, as "poyong-key-1": a name and a number.

The number is looked at before the rest, which another number may have laid out otherwise.
"""

from pathlib import Path
from typing import Final

import msgspec

from node.version import other_format

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
