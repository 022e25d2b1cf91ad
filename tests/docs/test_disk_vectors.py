"""The test vectors of docs/formats.md on what lies on disk are what the code gives, and the key
file there opens. Run `python -m tests.docs.test_disk_vectors` to print them."""

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from consensus import wal_records
from consensus.messages import NewView, PreparedCertificate, ViewChange
from consensus.wal_records import (
    PreparedRecord,
    PrepareRecord,
    ProposalRecord,
    Record,
    ViewChangeRecord,
    ViewEntryRecord,
)
from ledger.block import decode_block
from ledger.concerned import HOOKS, POSITION_BYTES
from ledger.crypto import Ed25519Signer
from ledger.kv import MemoryStore
from ledger.primitives import Address, Hash
from node.keys.keystore import KeyKind, open_seed
from node.signing.fence import Fence, encode_fence, encode_token, released, token_of
from node.store.block_store import BlockParts, BlockStore
from node.votes.wal_format import (
    PAGE_BYTES,
    Marker,
    encode_frame,
    file_header,
    read_file_header,
    scan,
)
from tests.docs.documents import vectors
from tests.docs.test_wire_vectors import CHAIN_ID, SEED, SIGNATURES, block

IDENTITY = bytes(range(16))
PASSWORD = "correct horse"


def records() -> dict[str, Record]:
    """One record of each kind."""
    example = block()
    prepared = PreparedCertificate(1, 0, example.hash, SIGNATURES)
    claims = tuple(
        ViewChange(1, 2, 0, example.hash, index, bytes((index + 1,)) * 64) for index in (0, 2, 3)
    )
    return {
        "proposal": ProposalRecord(1, 0, True, example),
        "prepared": PreparedRecord(prepared),
        "view_change": ViewChangeRecord(ViewChange(1, 2, 0, example.hash, 3), prepared),
        "view_entry": ViewEntryRecord(1, 2, NewView(1, 2, claims, prepared)),
        "prepare": PrepareRecord(1, 2, example.hash, False),
    }


def frame() -> tuple[bytes, int]:
    """Generation 2, sequence 0, after a generation of three frames, with the prepare record and the
    three bytes `abc`."""
    body = [wal_records.encode(records()["prepare"]), b"abc"]
    return encode_frame(2, 0, 3, PAGE_BYTES, body, crc32(IDENTITY))


def record_vectors() -> dict[str, Any]:
    pages, checksum = frame()
    return {
        "records": {name: wal_records.encode(item).hex() for name, item in records().items()},
        "identity": IDENTITY.hex(),
        "file_header_of_slot_0": file_header(IDENTITY, 0).hex(),
        "frame": pages.rstrip(b"\0").hex(),
        "frame_bytes_with_padding": len(pages),
        "marker": Marker(IDENTITY, 2, 1, checksum).encode().hex(),
    }


def positions(*found: int) -> bytes:
    return b"".join(position.to_bytes(POSITION_BYTES, "big") for position in found)


def store_vectors() -> dict[str, Any]:
    store = BlockStore(MemoryStore(), "memory")
    marker = Marker(IDENTITY, 1, 1, 7)
    genesis = BlockParts(height=0, block_hash=Hash(b"\x50" * 32), block=b"genesis")
    store.commit(store.batch_for(genesis, marker))
    parts = BlockParts(
        height=1,
        block_hash=Hash(b"\x51" * 32),
        block=b"block",
        certificate=b"certificate",
        receipts=b"receipts",
        transactions=(Hash(b"\x0a" * 32), Hash(b"\x0b" * 32)),
        state=((b"accounts/supply/", b"value"),),
        set_change=b"set change",
        concerned={
            Address(b"\x0d" * 20): positions(0, 1),
            Address(b"\x0c" * 20): positions(1, HOOKS),
        },
    )
    batch = store.batch_for(parts, marker, vote_record_lost=True)
    return {"rows": {key.hex(): (value or b"").hex() for key, value in batch.operations}}


def fence_vectors() -> dict[str, Any]:
    key, place, other = b"k" * 32, b"h" * 16, b"t" * 16
    given_up = released(Fence(place, (key,)), key, other, 8)
    return {
        "place": place.hex(),
        "public_key": key.hex(),
        "given_to": other.hex(),
        "number": given_up.number,
        "signs_from": given_up.signs_from,
        "fence": encode_fence(given_up).hex(),
        "token": encode_token(token_of(given_up, key)),
    }


SECTIONS = {"Vote record": record_vectors, "Fence": fence_vectors, "Store": store_vectors}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_gives_the_vectors_of_the_code(section: str) -> None:
    assert vectors(section) == SECTIONS[section]()


def test_the_documented_records_decode() -> None:
    for name, encoded in vectors("Vote record")["records"].items():
        found = wal_records.decode(bytes.fromhex(encoded), lambda raw: decode_block(raw, CHAIN_ID))
        assert found == records()[name]


@pytest.mark.parametrize("copies", [{0}, {1}, {0, 1}])
def test_the_documented_frame_is_found_in_a_file_by_either_copy(copies: set[int]) -> None:
    page = vectors("Vote record")
    header, written = (bytes.fromhex(page[name]) for name in ("file_header_of_slot_0", "frame"))
    first_page = header.ljust(PAGE_BYTES, b"\0")
    assert read_file_header(first_page, 0) == IDENTITY
    size = page["frame_bytes_with_padding"]
    both = b"".join((written if copy in copies else b"").ljust(size, b"\0") for copy in (0, 1))
    (found,) = scan(first_page + both, crc32(IDENTITY))
    assert found.records == (wal_records.encode(records()["prepare"]), b"abc")
    assert (found.generation, found.sequence, found.before) == (2, 0, 3)
    assert (found.offset, set(found.intact)) == (PAGE_BYTES, copies)


def test_the_documented_key_file_opens_with_its_password(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(vectors("Key files")))
    file.chmod(0o600)
    assert open_seed(file, PASSWORD, KeyKind.VALIDATOR) == SEED
    assert vectors("Key files")["public_key"] == Ed25519Signer(SEED).public_key.hex()


if __name__ == "__main__":
    for title, vectors_of in SECTIONS.items():
        print(f"## {title}\n{json.dumps(vectors_of(), indent=2, ensure_ascii=False)}")
