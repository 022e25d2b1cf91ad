"""A snapshot is made beside a chain that goes on, and a store that begins with it goes on too."""

import errno
import os
from pathlib import Path

import pytest

from api.light import verify_chain
from consensus.chain import RECENT_HEIGHTS
from governance.deciding import ADD_VALIDATOR
from ledger import codec
from ledger.commitment import bucket_of
from ledger.crypto import sha256
from ledger.errors import DecodeError, LocalError, PeerError
from ledger.state_parts import highest_level, in_part_order, part_hash, root_of_parts
from ledger.validator_tables import set_at
from node.reads.chain_proofs import chain_proof
from node.snapshots import making
from node.snapshots.checking import CheckedManifest, OtherChainError
from node.snapshots.file import MAGIC, SnapshotFile
from node.snapshots.format import MANIFEST, NewerFormatError, decode_manifest
from node.snapshots.making import SPILL_FOLDER, make_at_once
from node.snapshots.restoring import JoinFolder
from node.snapshots.shelf import Shelf, listed, paths_in
from node.store.account_index import HistoryRules
from node.store.block_store import BlockStore
from node.store.storage import STATE_START, STATE_STOP, OpenedChain, open_chain
from node.store.stores import open_store
from node.sync.sync_wire import PieceAsk
from tests.support.applied_chain import DOCUMENT, EXECUTOR, AppliedChain
from tests.support.ledger_chain import AUTHORITY, validator
from tests.support.snapshots import (
    GENESIS,
    RULES,
    gathered,
    grown,
    items_of,
    maker_of,
    snapshot_of,
)

BLOCKS = RECENT_HEIGHTS + 20


def opened_again(chain: AppliedChain) -> OpenedChain:
    return open_chain(BlockStore(chain.store, "again"), DOCUMENT, EXECUTOR)


def installed(path: Path, data: Path) -> AppliedChain:
    gathered(path, data).install(data / "chain", GENESIS, "auto", HistoryRules())
    return AppliedChain(open_store(data / "chain"))


def test_a_chain_that_begins_with_a_snapshot_goes_on(tmp_path: Path) -> None:
    chain = AppliedChain()
    for _ in range(BLOCKS):
        chain.grow(chain.signed())
    joined = installed(snapshot_of(chain, tmp_path), tmp_path / "data")
    assert joined.chain.head == chain.chain.head
    assert joined.opened.vote_record_lost, "who signed with this key before is not known"
    assert joined.opened.marker is None
    assert joined.opened.recent == opened_again(chain).recent
    for _ in range(3):
        joined.take(chain.grow(chain.signed()))
    assert joined.chain.commitment.root == chain.chain.commitment.root
    blocks = joined.chain.blocks
    assert blocks.lowest_height == BLOCKS - RECENT_HEIGHTS + 1
    assert blocks.block_bytes(blocks.lowest_height - 1) is None
    assert blocks.index.first(joined.chain.head.height) == blocks.lowest_height
    for height in range(blocks.lowest_height, BLOCKS + 4):
        for read in ("block_bytes", "certificate_bytes", "receipts_bytes"):
            assert getattr(blocks, read)(height) == getattr(chain.chain.blocks, read)(height)
    assert not (tmp_path / "data" / "joining").exists()
    joined.store.close()


def test_a_short_chain_is_whole_in_its_snapshot(tmp_path: Path) -> None:
    joined = installed(snapshot_of(grown(3), tmp_path), tmp_path / "data")
    assert joined.chain.blocks.lowest_height == 1
    assert joined.chain.head.height == 3
    # It can be what another node begins with.
    again = installed(snapshot_of(joined, tmp_path / "second"), tmp_path / "data 2")
    assert again.chain.head == joined.chain.head
    joined.store.close()
    again.store.close()


def test_blocks_go_on_while_a_snapshot_is_made(tmp_path: Path) -> None:
    """The snapshot is that of the block at which it began, whatever comes while it is made."""
    chain = AppliedChain()
    for _ in range(4):
        chain.grow(chain.signed())
    before = items_of(snapshot_of(chain, tmp_path))
    maker = maker_of(chain, tmp_path / "slow.snapshot")
    for _ in maker.steps():
        chain.grow(chain.signed())
    maker.finish()
    assert chain.chain.head.height > 4 + 4, "a block between any two steps"
    assert items_of(tmp_path / "slow.snapshot") == before
    assert not (tmp_path / SPILL_FOLDER).exists()


def test_a_part_is_what_the_commitment_has(tmp_path: Path) -> None:
    """On every level: the parts of a state give its root, and no other rows do."""
    chain = grown(3)
    rows = list(chain.chain.blocks.live_state().iterate(STATE_START, STATE_STOP))
    buckets = DOCUMENT.bucket_count
    for level in range(highest_level(buckets) + 1):
        parts: list[list[tuple[bytes, bytes]]] = [[] for _ in range(16**level)]
        for row in in_part_order(rows):
            parts[bucket_of(sha256(row[0]), level)].append(row)
        hashes = [part_hash(part, buckets, level, at) for at, part in enumerate(parts)]
        assert root_of_parts(buckets, level, b"".join(hashes)) == chain.chain.head.state_root
    with pytest.raises(DecodeError, match="not in its place"):
        part_hash(in_part_order(rows)[::-1], buckets, 0, 0)
    with pytest.raises(DecodeError, match="expected 16 hashes"):
        root_of_parts(buckets, 1, b"")


def test_a_large_state_is_cut_into_small_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With smaller bounds the same rows come in more parts, spilled in between."""
    monkeypatch.setattr(making, "PART_BYTES", 300)
    monkeypatch.setattr(making, "SPILLED_BYTES", 200)
    monkeypatch.setattr(making, "ROWS_A_STEP", 2)
    path = snapshot_of(grown(3), tmp_path)
    manifest = decode_manifest(items_of(path)[MANIFEST])
    assert manifest.level >= 1
    joined = installed(path, tmp_path / "data")
    assert joined.chain.commitment.root == grown(3).chain.commitment.root
    joined.store.close()


def test_a_disk_that_fails_to_read_what_was_spilled_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("msgpack.Unpacker", fails)
    with pytest.raises(LocalError, match=r"cannot read .*Input/output error"):
        make_at_once(maker_of(grown(3), tmp_path / "1.snapshot"))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_making_leaves_nothing(tmp_path: Path) -> None:
    maker = maker_of(grown(3), tmp_path / "1.snapshot")
    next(iter(maker.steps()))
    maker.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_state_gives_no_snapshot(tmp_path: Path) -> None:
    chain = AppliedChain()
    chain.grow(chain.signed())
    key = next(chain.store.iterate(b"Saccounts/account/", b"Saccounts/b"))[0]
    chain.store._rows[key] = b"\x92\x00\xc0"  # type: ignore[attr-defined]  # a memory store's rows
    with pytest.raises(LocalError, match="run poyong doctor"):
        make_at_once(maker_of(chain, tmp_path / "1.snapshot"))
    assert list(tmp_path.iterdir()) == []


def test_the_shelf_keeps_the_newest(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "snapshots", keep=2)
    for blocks in (1, 2, 3):
        snapshot_of(grown(blocks), shelf.folder)
    (shelf.folder / "4.snapshot.new").write_bytes(b"interrupted")
    shelf.tidy()
    assert [offer.height for offer in shelf.offers()] == [2, 3]
    assert [item.manifest.height for item in listed(shelf.folder)] == [2, 3]
    assert len(paths_in(shelf.folder)) == len(list(shelf.folder.iterdir())) == 2
    items = items_of(shelf.path_of(3))
    offer = shelf.offers()[1]
    for number, item in enumerate(items):
        question = PieceAsk(1, 3, offer.level, number, 5)
        assert shelf.piece(question, 10) == (len(item), item[5:15])
    for question in (
        PieceAsk(1, 3, offer.level, len(items), 0),
        PieceAsk(1, 3, offer.level + 1, 0, 0),
        PieceAsk(1, 9, offer.level, 0, 0),
    ):
        assert shelf.piece(question, 10) == (0, b"")


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    whole = snapshot_of(grown(1), tmp_path).read_bytes()
    cut = tmp_path / "cut"
    for length in (0, 5, len(MAGIC), len(MAGIC) + 20, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(LocalError, match=r"cut short|is no snapshot"):
            SnapshotFile(cut)
    cut.write_bytes(whole + b"\0")
    with pytest.raises(LocalError, match="cut short"):
        SnapshotFile(cut)
    cut.write_bytes(whole.replace(b"snapshot-1", b"snapshot-2", 1))
    with pytest.raises(LocalError, match="has format 2, this"):
        SnapshotFile(cut)


def test_a_manifest_of_another_chain_or_a_later_release_is_named_so(tmp_path: Path) -> None:
    raw = items_of(snapshot_of(grown(2), tmp_path))[MANIFEST]
    version, chain_id, *rest = codec.decode(raw)
    with pytest.raises(OtherChainError, match="chain id is 7"):
        CheckedManifest(RULES, codec.encode((version, 7, *rest)))
    with pytest.raises(OtherChainError, match="genesis hash"):
        CheckedManifest(RULES, codec.encode((version, chain_id, bytes(32), *rest[1:])))
    with pytest.raises(NewerFormatError):
        CheckedManifest(RULES, codec.encode((version + 1, "whatever")))


def test_what_was_gathered_is_found_again_and_what_changed_is_not(tmp_path: Path) -> None:
    folder = gathered(snapshot_of(grown(3), tmp_path), tmp_path)
    count = folder.kept_items
    broken = sorted((tmp_path / "joining").glob("item-*"))[2]
    data = bytearray(broken.read_bytes())
    data[10] ^= 1
    broken.write_bytes(data)
    again = JoinFolder(tmp_path, RULES)
    assert len(list(again.recheck())) == count
    assert again.missing() == [2]


def test_nothing_is_installed_of_items_that_changed_on_the_disk(tmp_path: Path) -> None:
    folder = gathered(snapshot_of(grown(3), tmp_path), tmp_path)
    broken = sorted((tmp_path / "joining").glob("item-*"))[-1]
    broken.write_bytes(b"\x90")
    with pytest.raises(LocalError, match="changed on the disk"):
        folder.install(tmp_path / "chain", GENESIS, "auto", HistoryRules())
    assert not (tmp_path / "chain").exists()


def test_an_item_for_another_is_refused(tmp_path: Path) -> None:
    """Each item is right by itself, and in no other's place."""
    items = items_of(snapshot_of(grown(3), tmp_path))
    manifest = CheckedManifest(RULES, items[MANIFEST])
    for item in range(1, len(items)):
        manifest.check(item, items[item])
        for other in range(1, len(items)):
            if items[other] != items[item]:
                with pytest.raises(PeerError):
                    manifest.check(item, items[other])


def test_a_changed_validator_set_is_followed_from_genesis(tmp_path: Path) -> None:
    """A fifth validator joined: the manifest proves it, and any changed byte of it is found; the
    new node proves its own head to others, and makes snapshots itself."""
    chain = AppliedChain()
    for _ in range(3):
        chain.grow(chain.signed())
    fifth = validator("o4")
    body = ADD_VALIDATOR.encode(fifth.organisation, fifth.public_key, fifth.node_key)
    chain.grow(chain.signed(ADD_VALIDATOR.name, body, AUTHORITY))
    for _ in range(RECENT_HEIGHTS + 5):
        chain.grow(chain.signed())
    assert len(set_at(chain.state, chain.chain.head.height + 1)) == 5
    path = snapshot_of(chain, tmp_path)
    raw = items_of(path)[MANIFEST]
    manifest = decode_manifest(raw)
    (change,) = manifest.set_changes
    assert len(change.validators) == 5
    start = raw.index(codec.encode(change.certificate.to_wire()))
    for at in range(start - 200, start + 600, 7):
        wrong = bytearray(raw)
        wrong[at] ^= 4
        with pytest.raises(PeerError):
            CheckedManifest(RULES, bytes(wrong))
    joined = installed(path, tmp_path / "data")
    joined.take(chain.grow(chain.signed()))
    proof = chain_proof(joined.chain.blocks, joined.chain.head)
    assert verify_chain(RULES.trusted, proof).set_changes == 1
    again = snapshot_of(joined, tmp_path / "again")
    assert items_of(again) == items_of(snapshot_of(chain, tmp_path / "other"))
    joined.store.close()


@pytest.mark.parametrize("before", [1, 3, RECENT_HEIGHTS + 3])
def test_a_snapshot_of_the_very_block_that_changes_the_set_keeps_the_change(
    tmp_path: Path, before: int
) -> None:
    """Found by the simulator: the new node could not prove its later heads from genesis."""
    chain = AppliedChain()
    for _ in range(before):
        chain.grow(chain.signed())
    fifth = validator("o4")
    body = ADD_VALIDATOR.encode(fifth.organisation, fifth.public_key, fifth.node_key)
    chain.grow(chain.signed(ADD_VALIDATOR.name, body, AUTHORITY))
    changing = chain.chain.head.height
    joined = installed(snapshot_of(chain, tmp_path), tmp_path / "data")
    for _ in range(3):
        joined.take(chain.grow(chain.signed()))
    wanted = list(chain.chain.blocks.set_changes(chain.chain.head.height))
    assert [height for height, _ in wanted] == [changing]
    assert list(joined.chain.blocks.set_changes(joined.chain.head.height)) == wanted
    proof = chain_proof(joined.chain.blocks, joined.chain.head)
    assert verify_chain(RULES.trusted, proof).set_changes == 1
    joined.store.close()
