"""The folder of a node's snapshots: which there are, reading them for peers, removing old ones."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from ledger.errors import DecodeError, LocalError
from node.files.disk_errors import os_error
from node.snapshots.file import OTHER_SNAPSHOT, SnapshotFile
from node.snapshots.format import (
    MANIFEST,
    VERSION,
    Manifest,
    NewerFormatError,
    decode_manifest,
)
from node.snapshots.making import SPILL_FOLDER
from node.sync.sync_wire import MAX_OFFERS, PieceAsk, SnapshotOffer
from node.version import other_format

FOLDER: Final = "snapshots"
"""Below storage.path."""
ENDING: Final = ".snapshot"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """One snapshot: what its manifest says, and its size."""

    path: Path
    manifest: Manifest
    size_bytes: int


class Shelf:
    """Snapshots in a folder, read by number of block."""

    def __init__(self, folder: Path, keep: int) -> None:
        """keep: how many of the newest stay when another one comes."""
        self.folder = folder
        self._keep = min(keep, MAX_OFFERS)
        self._known: dict[int, tuple[SnapshotOffer, SnapshotFile]] = {}

    def path_of(self, height: int) -> Path:
        """The file of a snapshot."""
        return self.folder / f"{height:012}{ENDING}"

    def tidy(self) -> None:
        """Remove what an interrupted making left, and all but the newest; open what is left.

        LocalError when the disk refuses.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self.folder / SPILL_FOLDER, ignore_errors=True)
            for unfinished in self.folder.glob(f"*{ENDING}.new"):
                unfinished.unlink()
            for old in paths_in(self.folder)[: -self._keep or None]:
                old.unlink()
        except OSError as error:
            raise os_error("tidy", self.folder, error) from error
        self._look()

    def _look(self) -> None:
        self._known.clear()
        for path in paths_in(self.folder)[-MAX_OFFERS:]:
            try:
                file = SnapshotFile(path)
                manifest = manifest_in(file)
            except LocalError as error:
                log.warning("snapshot.unreadable", path=str(path), reason=str(error))
                continue
            offer = SnapshotOffer(manifest.height, manifest.header.hash, manifest.level)
            self._known[manifest.height] = offer, file

    def offers(self) -> tuple[SnapshotOffer, ...]:
        """What peers may ask for, ascending by height."""
        return tuple(self._known[height][0] for height in sorted(self._known))

    def piece(self, question: PieceAsk, max_bytes: int) -> tuple[int, bytes]:
        """Size of an item and up to `max_bytes` of it; (0, b"") when it is not here."""
        offer, file = self._known.get(question.height, (None, None))
        if offer is None or file is None or offer.level != question.level:
            return 0, b""
        try:
            return file.length(question.item), file.read(question.item, question.offset, max_bytes)
        except LocalError as error:
            log.warning("snapshot.unreadable", path=str(file.path), reason=str(error))
            return 0, b""


def paths_in(folder: Path) -> list[Path]:
    """Files of snapshots, ascending by height."""
    return sorted(folder.glob(f"*{ENDING}"))


def listed(folder: Path) -> list[Listed]:
    """What the snapshots in a folder say of themselves. LocalError for one that is damaged."""
    found = []
    for path in paths_in(folder):
        file = SnapshotFile(path)
        found.append(Listed(path, manifest_in(file), file.size_bytes))
    return found


def manifest_in(file: SnapshotFile) -> Manifest:
    """The manifest of a file, of which nothing is proven yet; LocalError when damaged."""
    try:
        return decode_manifest(file.read(MANIFEST))
    except NewerFormatError as error:
        raise other_format(file.path, error.found, VERSION, OTHER_SNAPSHOT) from error
    except DecodeError as error:
        raise LocalError(
            f"{file.path} is damaged: {error}. Copy it again from where it was made"
        ) from error
