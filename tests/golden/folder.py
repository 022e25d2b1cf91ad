"""The folder of a golden chain: packing and unpacking, and the names of what is in it."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from node.localnet.layout import Town, load

ROOT: Final = Path(__file__).parent
ARCHIVE: Final = "town.tar.xz"
EXPECTED: Final = "expected.json"
MAX_BYTES: Final = 1024 * 1024
"""Of a golden chain in the repository."""
BLOCKS: Final = "blocks.bin"
"""In the town's folder: for each height from 1 its length (4 bytes) and the certified block."""
STATE: Final = "exported.state"
PROOFS: Final = ("balance", "supply", "land_index", "proposal")
"""Names of the statements that files NAME.proof.json prove."""


def numbers() -> list[int]:
    """The golden chains that there are, ascending."""
    return sorted(int(path.name) for path in ROOT.iterdir() if path.name.isdigit())


def unpack(number: int, into: Path) -> Path:
    """A copy of the town's folder; as private as it was."""
    with tarfile.open(ROOT / str(number) / ARCHIVE) as archive:
        archive.extractall(into, filter="data")
    return into


def pack(town: Path, number: int, expected: dict[str, Any]) -> Path:
    """Write the folder of a new golden chain; FileExistsError when there is one of this number."""
    folder = ROOT / str(number)
    folder.mkdir()
    with tarfile.open(folder / ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(town.rglob("*")):
            if path.name.startswith("LOG"):
                continue  # an engine's diary, which names this machine's folders
            archive.add(path, str(path.relative_to(town)), recursive=False, filter=_nobody)
    text = json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / EXPECTED).write_text(text, encoding="utf-8")
    return folder


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def expected_of(number: int) -> dict[str, Any]:
    """What the chain has to give."""
    found: dict[str, Any] = json.loads((ROOT / str(number) / EXPECTED).read_text(encoding="utf-8"))
    return found


def homes(town: Path) -> list[Path]:
    """The validators' homes, by seat."""
    found = load(town)
    assert isinstance(found, Town)
    return [town / node.name for node in found.validators]


def read_blocks(town: Path) -> Iterator[bytes]:
    """The exported certified blocks, from height 1 on."""
    data, at = (town / BLOCKS).read_bytes(), 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + length]
        at += 4 + length
