"""The stored chain: genesis once, the same chain at every reopening, damage named."""

from dataclasses import replace
from pathlib import Path

import pytest

from consensus import message_wire
from consensus.chain import RECENT_HEIGHTS
from consensus.messages import CertifiedBlock
from ledger.block import decode_block
from ledger.commitment import StateCommitment
from ledger.errors import LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.validator_tables import ONE_ROW, TIMELINE
from node.store.block_store import NO_MARKER, BlockStore
from node.store.storage import certified_block_bytes, open_chain, with_vote_record
from node.store.stores import installed_engines, open_store
from node.votes.wal_format import Marker
from tests.support.applied_chain import DOCUMENT, EXECUTOR, AppliedChain
from tests.support.ledger_chain import CHAIN_ID, genesis_document, parsed

MARKER = Marker(b"i" * 16, 1, 2, 3)


def rows(store: MemoryStore) -> dict[bytes, bytes]:
    return dict(store.iterate(b"", b"\xff" * 40))


def grown(height: int) -> AppliedChain:
    node = AppliedChain()
    for number in range(height):
        node.grow(*(node.signed(ahead=i) for i in range(number % 3)))
    return node


def height_row(kind: bytes, height: int) -> bytes:
    return kind + height.to_bytes(8, "big")


def without(store: MemoryStore, *keys: bytes) -> MemoryStore:
    batch = WriteBatch()
    for key in keys:
        assert store.get(key) is not None
        batch.delete(key)
    store.write(batch, sync=True)
    return store


def test_genesis_is_written_once() -> None:
    store = MemoryStore()
    first = AppliedChain(store).opened
    written = rows(store)
    second = AppliedChain(store).opened
    assert rows(store) == written
    assert first.head == second.head
    assert (second.head.height, second.head_block, second.recent) == (0, None, ())
    assert second.genesis_hash == first.head.hash
    assert second.head.parent_hash == DOCUMENT.document_hash()


def test_another_genesis_document_is_refused_with_both_hashes() -> None:
    store = MemoryStore()
    AppliedChain(store)
    other = parsed(genesis_document(4, name="another town"))
    with pytest.raises(LocalError) as caught:
        open_chain(BlockStore(store, "test"), other, EXECUTOR)
    assert DOCUMENT.document_hash().hex() in str(caught.value)
    assert other.document_hash().hex() in str(caught.value)
    assert "storage.path" in str(caught.value)


def test_reopened_at_every_height_it_is_the_same_chain() -> None:
    node = AppliedChain()
    for height in range(1, RECENT_HEIGHTS + 6):
        final = node.grow(*(node.signed(ahead=i) for i in range(height % 4)))
        opened = AppliedChain(node.store).opened
        assert opened.head == node.chain.head
        assert opened.commitment.root == node.chain.commitment.root
        assert opened.head_block == final
        first = max(1, height - RECENT_HEIGHTS + 1)
        assert [fact.certificate.height for fact in opened.recent] == [*range(first, height + 1)]
        assert opened.recent[-1].certificate == final.certificate
        assert opened.recent[-1].validators.hash() == final.proposal.validators_hash


def test_a_reopened_chain_goes_on() -> None:
    node = grown(3)
    again = AppliedChain(node.store)
    assert again.grow(again.signed()).certificate.height == 4


@pytest.mark.parametrize("engine", installed_engines())
def test_a_chain_on_disk_is_the_same_after_reopening(tmp_path: Path, engine: str) -> None:
    def open_node() -> AppliedChain:
        return AppliedChain(
            open_store(tmp_path, engine, write_buffer_bytes=2**20, cache_bytes=2**20)
        )

    node = open_node()
    for _ in range(3):
        node.grow(node.signed())
    head, root = node.chain.head, node.chain.commitment.root
    node.chain.blocks.close()
    again = open_node()
    assert (again.chain.head, again.chain.commitment.root) == (head, root)
    again.grow(again.signed())
    again.chain.blocks.close()


# Damage


@pytest.mark.parametrize(
    ("kind", "what"), [(b"B", "block"), (b"C", "certificate"), (b"R", "receipts")]
)
def test_a_missing_row_of_the_head_is_named(kind: bytes, what: str) -> None:
    store = without(grown(2).store, height_row(kind, 2))  # type: ignore[arg-type]  # a MemoryStore
    with pytest.raises(LocalError, match=f"the {what} of its last height 2 is missing"):
        AppliedChain(store)


def test_a_missing_genesis_block_is_named() -> None:
    store = without(grown(2).store, height_row(b"B", 0))  # type: ignore[arg-type]  # see above
    with pytest.raises(LocalError, match=r"block 0 is missing\. Restore a backup"):
        AppliedChain(store)


def test_a_missing_recent_block_is_named() -> None:
    store = without(grown(4).store, height_row(b"B", 3))  # type: ignore[arg-type]  # see above
    with pytest.raises(LocalError, match=r"block 3 is missing\. Restore a backup"):
        AppliedChain(store)


@pytest.mark.parametrize(("kind", "what"), [(b"B", "block 2"), (b"C", "certificate of block 2")])
def test_a_row_that_was_changed_is_named(kind: bytes, what: str) -> None:
    node = AppliedChain()
    node.grow()
    node.grow(node.signed())
    raw = node.store.get(height_row(kind, 2))
    assert raw is not None
    batch = WriteBatch()
    batch.put(height_row(kind, 2), raw[:-1])
    node.store.write(batch, sync=True)
    with pytest.raises(LocalError, match=f"{what} is unreadable"):
        AppliedChain(node.store)


@pytest.mark.parametrize("change", [None, b"other"])
def test_state_rows_that_were_changed_or_lost_are_found_at_a_start(change: bytes | None) -> None:
    store = grown(2).store
    key, _ = next(iter(store.iterate(b"S", b"T")))
    batch = WriteBatch()
    batch.operations.append((key, change))
    store.write(batch, sync=True)
    with pytest.raises(LocalError, match=r"state rows give the root .*estore a backup"):
        AppliedChain(store)


def test_a_kept_commitment_is_taken_only_when_it_is_that_of_the_head() -> None:
    node = grown(2)
    blocks, document = BlockStore(node.store, "test"), DOCUMENT
    kept = node.chain.commitment
    assert open_chain(blocks, document, EXECUTOR, kept).commitment is kept
    older = grown(1).chain.commitment
    other = StateCommitment.build([(b"a/b/", b"c")], document.bucket_count, kept.height)
    for wrong in (older, other):
        taken = open_chain(blocks, document, EXECUTOR, wrong).commitment
        assert (taken.height, taken.root) == (kept.height, kept.root)


@pytest.mark.parametrize(
    ("change", "what"), [(None, "missing in the store"), (b"older", "not the one committed to")]
)
def test_validators_of_recent_heights_are_those_that_the_head_commits_to(
    change: bytes | None, what: str
) -> None:
    """With the commitment of a clean stop the rows are not read as a whole: what a disk gives back
    of an earlier time made a node refuse votes of the present keys."""
    node = grown(2)
    batch = WriteBatch()
    batch.operations.append((b"S" + TIMELINE.prefix + ONE_ROW, change))
    node.store.write(batch, sync=True)
    blocks = BlockStore(node.store, "test")
    with pytest.raises(LocalError, match=f"{what}.*estore a backup"):
        open_chain(blocks, DOCUMENT, EXECUTOR, node.chain.commitment)


# What it serves


def test_certified_blocks_are_served_as_they_were_finalised() -> None:
    node = grown(3)
    for height in (1, 2, 3):
        raw = certified_block_bytes(node.chain.blocks, height)
        assert raw is not None
        found = message_wire.decode(raw, lambda block: decode_block(block, CHAIN_ID))
        assert found == node.applied[height - 1].certified
        assert isinstance(found, CertifiedBlock)
    assert certified_block_bytes(node.chain.blocks, 0) is None
    assert certified_block_bytes(node.chain.blocks, 4) is None


# The vote record beside it


def test_the_vote_record_is_named_before_the_first_vote() -> None:
    node = AppliedChain()
    assert node.opened.marker is None
    named = with_vote_record(node.opened, MARKER, lost=False)
    assert (named.marker, named.vote_record_lost) == (MARKER, False)
    reopened = AppliedChain(node.store).opened
    assert (reopened.marker, reopened.vote_record_lost) == (MARKER, False)
    assert with_vote_record(reopened, replace(MARKER, frames=9), lost=False) is reopened


def test_a_loss_is_remembered_with_the_new_record() -> None:
    node = grown(2)
    lost = with_vote_record(node.opened, MARKER, lost=True)
    assert lost.vote_record_lost
    reopened = AppliedChain(node.store).opened
    assert (reopened.marker, reopened.vote_record_lost) == (MARKER, True)
    assert MARKER != NO_MARKER
