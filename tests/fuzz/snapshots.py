"""Decoders of snapshots: their items, the file that holds them, the word of their progress."""

import json
import tempfile
from functools import cache
from pathlib import Path

from ledger.errors import DecodeError, LocalError, PeerError
from node.snapshots.checking import CheckedManifest
from node.snapshots.format import (
    MANIFEST,
    decode_block_item,
    decode_manifest,
    decode_part,
    encode_part,
)
from node.snapshots.restoring import FOLDER, PROGRESS_FILE, read_progress
from tests.fuzz.checking import Decoder
from tests.fuzz.mutation import Shape
from tests.support.snapshots import RULES, grown, items_of, snapshot_of

PROGRESS = ("height", "items", "items_in_all", "bytes", "bytes_per_second", "seconds_left")


def decoders() -> list[Decoder]:
    """Everything that a joining node reads of a snapshot."""
    file, items = _sample()
    tail = len(decode_manifest(items[MANIFEST]).headers)
    return [
        Decoder(
            "manifest of a snapshot",
            decode_manifest,
            [items[MANIFEST]],
            (DecodeError,),
            ("format.decode_manifest", "format._change_from_wire"),
            lambda found: found.encode(),
        ),
        Decoder(
            "manifest against genesis",
            lambda raw: CheckedManifest(RULES, raw).raw,
            [items[MANIFEST]],
            (PeerError,),
            ("format.decode_manifest",),
            lambda raw: raw,
        ),
        Decoder(
            "block of a snapshot",
            decode_block_item,
            items[1 : 1 + tail],
            (DecodeError,),
            ("format.decode_block_item",),
            lambda found: found.encode(),
        ),
        Decoder(
            "part of a state",
            decode_part,
            items[1 + tail :],
            (DecodeError,),
            ("format.decode_part",),
            encode_part,
        ),
        Decoder(
            "file of a snapshot",
            _read_file,
            [file],
            (LocalError,),
            ("shelf.manifest_in",),
            None,
            Shape.BYTES,
        ),
        Decoder(
            "progress of a snapshot",
            _read_progress,
            [json.dumps(dict.fromkeys(PROGRESS, 7)).encode()],
            (),
            ("restoring.read_progress",),
            None,
            Shape.JSON,
        ),
    ]


@cache
def _sample() -> tuple[bytes, list[bytes]]:
    """The file of a snapshot, and its items."""
    with tempfile.TemporaryDirectory() as folder:
        path = snapshot_of(grown(2), Path(folder))
        return path.read_bytes(), items_of(path)


def _read_file(raw: bytes) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.snapshot"
        path.write_bytes(raw)
        return items_of(path)


def _read_progress(raw: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FOLDER).mkdir()
        (Path(folder) / FOLDER / PROGRESS_FILE).write_bytes(raw)
        return read_progress(Path(folder))
