"""A later release than this one: its source copied elsewhere with another version, one more version
of the protocol between nodes, and something that only this version sends.

So two trees of code run in one town, as they do while organisations upgrade one after another. What
the later release changes is written here as replacements, each of which has to find its place.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from node.version import VERSION

PACKAGES: Final = ("api", "consensus", "governance", "ledger", "node", "tokenomics")
LATER: Final = "0.2.0"
ROOT: Final = Path(__file__).parents[2]

_EDITS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "node/version.py": ((f'VERSION: Final = "{VERSION}"', f'VERSION: Final = "{LATER}"'),),
    "node/network/wire.py": (
        ("NEWEST_PROTOCOL: Final = 1", "NEWEST_PROTOCOL: Final = 2"),
        # Version 2 may say how it is in a PING, which version 1 refuses as too long.
        ("FrameKind.PING: 0,", "FrameKind.PING: 8,"),
        ("later: tuple[object, ...] = ()", 'later: tuple[object, ...] = ("a field of version 2",)'),
        ("if later and newest <= NEWEST_PROTOCOL:", "if later and newest < 2:"),
    ),
    "node/network/connection.py": (
        (
            '_write_one(FrameKind.PING, b"")',
            '_write_one(FrameKind.PING, b"version2" if self.protocol == 2 else b"")',
        ),
    ),
}


def later_release(folder: Path, edits: Mapping[str, tuple[tuple[str, str], ...]] = _EDITS) -> Path:
    """Write the source of the later release into a folder; a node of it runs with this folder as
    the first of its path."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for name, replacements in edits.items():
        path = folder / name
        text = path.read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text, (name, old)
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")
    return folder


def command(folder: Path, *arguments: str) -> list[str]:
    """`poyong` of that release. The folder comes before everything that is installed."""
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from node.cli import main; main()"
    return [sys.executable, "-c", start, str(folder), *arguments]
