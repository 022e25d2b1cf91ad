"""The snapshot of docs/formats.md is what the code writes and reads.
Run `python -m tests.docs.test_snapshot_vectors` to print the vectors."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ledger.crypto import sha256
from ledger.primitives import Hash
from ledger.registry import Certificate
from ledger.state_parts import in_part_order, part_hash, part_of, root_of_parts
from node.snapshots.file import SnapshotFile, SnapshotWriter
from node.snapshots.format import (
    MAX_PART_BYTES,
    MAX_TAIL,
    PART_BYTES,
    BlockItem,
    Manifest,
    decode_block_item,
    decode_manifest,
    decode_part,
    encode_part,
)
from tests.docs.documents import section, vectors
from tests.docs.test_state_file_vectors import HEADER, ROWS

BUCKETS = 16
LEVEL = 1
ITEM = BlockItem(b"block", b"certificate", b"receipts")


def manifest() -> Manifest:
    rows = in_part_order(ROWS)
    parts = [
        [row for row in rows if part_of(sha256(row[0]), LEVEL) == index]
        for index in range(16**LEVEL)
    ]
    hashes = [part_hash(part, BUCKETS, LEVEL, index) for index, part in enumerate(parts)]
    nodes = b"".join(hashes)
    header = replace(HEADER, state_root=root_of_parts(BUCKETS, LEVEL, nodes))
    certificate = Certificate(header.height, 0, header.hash, ((0, b"\x01" * 64),))
    genesis_hash = Hash(b"\x15" * 32)
    return Manifest(82062, genesis_hash, BUCKETS, (header,), certificate, (), LEVEL, nodes)


def expected() -> dict[str, Any]:
    rows = in_part_order(ROWS)
    found = manifest()
    with TemporaryDirectory() as folder:
        writer = SnapshotWriter(Path(folder) / "file")
        for item in (b"first", b"second", b"manifest"):
            writer.add(item)
        writer.finish()
        file = (Path(folder) / "file").read_bytes()
    return {
        "rows": [[key.hex(), value.hex()] for key, value in rows],
        "part_0_of_level_0": encode_part(rows).hex(),
        "hash_of_part_0_of_level_0": part_hash(rows, BUCKETS, 0, 0).hex(),
        "state_root": found.header.state_root.hex(),
        "manifest_of_level_1": found.encode().hex(),
        "block_item": ITEM.encode().hex(),
        "file_of_three_items": file.hex(),
    }


@pytest.mark.parametrize("name", expected())
def test_every_vector_is_what_the_code_gives(name: str) -> None:
    assert vectors("Snapshots")[name] == expected()[name]


def test_the_documented_bytes_decode(tmp_path: Path) -> None:
    page = {
        name: bytes.fromhex(found)
        for name, found in vectors("Snapshots").items()
        if isinstance(found, str)
    }
    assert list(vectors("Snapshots")) == list(expected())
    assert decode_manifest(page["manifest_of_level_1"]) == manifest()
    assert list(decode_part(page["part_0_of_level_0"])) == in_part_order(ROWS)
    assert decode_block_item(page["block_item"]) == ITEM
    assert root_of_parts(BUCKETS, 0, page["hash_of_part_0_of_level_0"]) == page["state_root"]
    (tmp_path / "file").write_bytes(page["file_of_three_items"])
    file = SnapshotFile(tmp_path / "file")
    assert [file.read(item) for item in range(3)] == [b"manifest", b"first", b"second"]


@pytest.mark.parametrize("bound", [PART_BYTES, MAX_PART_BYTES, MAX_TAIL])
def test_the_page_names_the_bounds(bound: int) -> None:
    assert f"{bound:,} " in section("Snapshots")


if __name__ == "__main__":
    print(json.dumps(expected(), indent=2, ensure_ascii=False))
