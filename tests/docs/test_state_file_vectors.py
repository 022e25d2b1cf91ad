"""The exported state of docs/formats.md is what the code writes and reads, and so is a genesis that
carries it over. Run `python -m tests.docs.test_state_file_vectors` to print the vectors."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ledger import genesis
from ledger.block import Header
from ledger.genesis import Genesis
from ledger.primitives import ZERO_HASH, Hash
from ledger.registry import Validator, ValidatorSet
from ledger.restart import Restart
from node.modules import build_executor
from node.state_files.state_file import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    MAX_DESCRIPTION_BYTES,
    Description,
    file_hash,
    read_rows,
    writing,
)
from tests.docs.documents import section, vectors

ROWS = [
    (b"accounts/account/" + bytes([n]) * 20, bytes.fromhex("9200c4080de0b6b3a7640000"))
    for n in (1, 2)
] + [(b"accounts/supply/", bytes.fromhex("c4081bc16d674ec80000"))]
HEADER = Header(
    4711, ZERO_HASH, 1_700_000_001_000, 1,
    *(Hash(bytes([n]) * 32) for n in (0x10, 0x11, 0x12, 0x13, 0x14)),
)  # fmt: skip
DESCRIPTION = Description(
    82062, "포용", Hash(b"\x15" * 32), False, 16, genesis.Parameters(), HEADER
)


def restart_document(path: Path) -> Genesis:
    restart = Restart(
        DESCRIPTION.chain_id, DESCRIPTION.genesis_hash, HEADER.height, HEADER.hash,
        HEADER.time_ms, file_hash(path), ZERO_HASH,
    )  # fmt: skip
    draft = Genesis(
        chain_id=82063,
        name="포용",
        time_ms=1_700_000_002_000,
        validators=ValidatorSet((Validator("city hall", b"\x01" * 32, b"\x02" * 32),)),
        observers={},
        sections={},
        bucket_count=16,
        restart=restart,
        carried_rows=lambda: read_rows(path),
    )
    root = genesis.build_carried_state(draft, build_executor()).commitment.root
    return replace(draft, restart=replace(restart, state_root=root))


def expected() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        with writing(path, DESCRIPTION) as writer:
            assert list(writer.through(ROWS)) == ROWS
        document = restart_document(path)
        assert document.restart is not None
        return {
            "rows": {key.hex(): value.hex() for key, value in ROWS},
            "second_line": DESCRIPTION.line().decode().rstrip("\n"),
            "after_second_line": path.read_bytes().split(b"\n", 2)[2].hex(),
            "file_hash": file_hash(path).hex(),
            "restart": document.restart.document(),
            "canonical_document": document.canonical().decode(),
            "document_hash": document.document_hash().hex(),
            "genesis_hash": genesis.build(document, build_executor()).block.hash.hex(),
        }


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return expected()


@pytest.mark.parametrize("name", expected())
def test_every_vector_is_what_the_code_gives(made: dict[str, Any], name: str) -> None:
    assert vectors("Exported state")[name] == made[name]


def test_no_vector_is_left_over(made: dict[str, Any]) -> None:
    assert list(vectors("Exported state")) == list(made)


@pytest.mark.parametrize("bound", [CHUNK_ROWS, CHUNK_BYTES, MAX_DESCRIPTION_BYTES])
def test_the_page_names_the_bounds(bound: int) -> None:
    assert f"{bound:,} " in section("Exported state")


def test_the_page_names_every_option_of_a_restart() -> None:
    restart = section("Genesis").split("### Restart")[1].split("### ")[0]
    for name in expected()["restart"]:
        assert f"`{name}`" in restart


if __name__ == "__main__":
    print(json.dumps(expected(), indent=2, ensure_ascii=False))
