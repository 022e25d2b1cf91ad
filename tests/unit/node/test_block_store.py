"""One batch a block: all of it or nothing, and every read finds what was committed."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DecodeError, InvariantViolation, LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.primitives import Hash
from node.store.block_store import BlockParts, BlockStore, Head, lowest_rows
from node.store.stores import open_store
from node.votes.wal import open_log
from node.votes.wal_format import Marker

MARKER = Marker(b"m" * 16, 3, 2, 99)
GENESIS = BlockParts(
    0, Hash(b"g" * 32), b"genesis document", state=[(b"accounts/a/1", b"100"), (b"zones/z", b"z")]
)


def transaction(number: int) -> Hash:
    return Hash(bytes((number,)) * 32)


def block(height: int, *transactions: int) -> BlockParts:
    return BlockParts(
        height,
        Hash(b"%032d" % height),
        b"block %d" % height,
        b"certificate %d" % height,
        b"receipts %d" % height,
        [transaction(number) for number in transactions],
        [(b"accounts/a/1", b"%d" % height), (b"accounts/gone", None)],
    )


def committed(*blocks: BlockParts) -> tuple[MemoryStore, BlockStore]:
    memory = MemoryStore()
    store = BlockStore(memory, "test")
    for parts in (GENESIS, *blocks):
        store.commit(store.batch_for(parts, MARKER))
    return memory, store


def test_an_empty_store_has_no_head() -> None:
    store = BlockStore(MemoryStore(), "test")
    assert store.head() is None
    assert store.block_bytes(0) is None
    assert store.locate_transaction(transaction(1)) is None


def test_everything_of_a_block_is_found_after_commit() -> None:
    _, store = committed(block(1, 10, 11), block(2), block(3, 12))
    assert store.head() == Head(3, Hash(b"%032d" % 3), MARKER, False)
    assert store.block_bytes(2) == b"block 2"
    assert store.certificate_bytes(2) == b"certificate 2"
    assert store.receipts_bytes(2) == b"receipts 2"
    assert store.height_of(Hash(b"%032d" % 2)) == 2
    assert store.locate_transaction(transaction(11)) == (1, 1)
    assert store.locate_transaction(transaction(12)) == (3, 0)


def test_what_is_not_there_is_none() -> None:
    _, store = committed(block(1, 10))
    assert store.block_bytes(2) is None
    assert store.block_bytes(-1) is None
    assert store.receipts_bytes(2**70) is None
    assert store.certificate_bytes(0) is None
    assert store.height_of(Hash(b"x" * 32)) is None
    assert store.locate_transaction(transaction(11)) is None


def test_genesis_is_height_zero() -> None:
    _, store = committed()
    assert store.head() == Head(0, Hash(b"g" * 32), MARKER, False)
    assert store.block_bytes(0) == b"genesis document"
    assert store.height_of(Hash(b"g" * 32)) == 0
    assert store.state().get(b"accounts/a/1") == b"100"


def test_set_changes_are_found_in_order_and_below_a_height() -> None:
    changed = [replace(block(height), set_change=b"set %d" % height) for height in (2, 3)]
    memory, store = committed(block(1), *changed, block(4))
    assert list(store.set_changes(5)) == [(2, b"set 2"), (3, b"set 3")]
    assert list(store.set_changes(3)) == [(2, b"set 2")]
    assert list(store.set_changes(1)) == []
    assert list(BlockStore(memory, "test").set_changes(5)) == list(store.set_changes(5))


def test_state_rows_are_read_without_their_prefix() -> None:
    _, store = committed(block(1))
    assert store.state().get(b"accounts/a/1") == b"1"
    assert list(store.state().iterate(b"accounts/", b"accounts0")) == [(b"accounts/a/1", b"1")]
    assert list(store.state().iterate(b"a", b"zzz")) == [
        (b"accounts/a/1", b"1"),
        (b"zones/z", b"z"),
    ]


def test_a_state_reader_stays_while_blocks_commit() -> None:
    _, store = committed(block(1))
    before = store.state()
    store.commit(store.batch_for(block(2), MARKER))
    assert before.get(b"accounts/a/1") == b"1"
    assert store.state().get(b"accounts/a/1") == b"2"


@pytest.mark.parametrize("height", [0, 1, 3])
def test_only_the_next_height_can_be_committed(height: int) -> None:
    _, store = committed(block(1))
    with pytest.raises(InvariantViolation, match=f"height {height}, expected 2"):
        store.batch_for(block(height), MARKER)


def test_only_a_whole_batch_can_be_committed() -> None:
    _, store = committed()
    partial = WriteBatch()
    partial.put(b"x", b"y")
    with pytest.raises(InvariantViolation, match="not one of batch_for"):
        store.commit(partial)


def test_an_unknown_layout_is_refused() -> None:
    memory, _ = committed()
    newer = WriteBatch()
    newer.put(b"\0schema", b"7")
    memory.write(newer, sync=True)
    with pytest.raises(LocalError, match=r"has format 7, this release .* reads 2 and 3"):
        BlockStore(memory, "data/chain")


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (b"\0head", "head row is missing"),
        (b"B" + (1).to_bytes(8, "big"), "the block of its last height 1"),
        (b"C" + (1).to_bytes(8, "big"), "the certificate of its last height 1"),
        (b"R" + (1).to_bytes(8, "big"), "the receipts of its last height 1"),
    ],
)
def test_missing_rows_of_the_last_block_are_noticed(key: bytes, what: str) -> None:
    memory, _ = committed(block(1))
    harm = WriteBatch()
    harm.delete(key)
    memory.write(harm, sync=True)
    with pytest.raises(LocalError, match=rf"data/chain is damaged.*{what}.*Restore a backup"):
        BlockStore(memory, "data/chain")


@pytest.mark.parametrize("missing", [1, 5, 9])
def test_a_hole_below_the_head_is_noticed(missing: int) -> None:
    memory, _ = committed(*(block(height) for height in range(1, 11)))
    harm = WriteBatch()
    harm.delete(b"C" + missing.to_bytes(8, "big"))
    memory.write(harm, sync=True)
    with pytest.raises(LocalError, match=f"height {missing} is missing below its head 10"):
        BlockStore(memory, "data/chain")


def test_an_unreadable_head_is_noticed() -> None:
    memory, _ = committed(block(1))
    harm = WriteBatch()
    harm.put(b"\0head", b"\x01")
    memory.write(harm, sync=True)
    with pytest.raises(LocalError, match="head row is unreadable"):
        BlockStore(memory, "data/chain")


def test_the_loss_of_a_vote_record_survives_a_restart() -> None:
    memory, store = committed(block(1))
    store.set_vote_record(Marker(b"n" * 16, 0, 0, 0), lost=True)
    again = BlockStore(memory, "test")
    assert again.head() == Head(1, Hash(b"%032d" % 1), Marker(b"n" * 16, 0, 0, 0), True)
    again.commit(again.batch_for(block(2), MARKER, vote_record_lost=False))
    head = BlockStore(memory, "test").head()
    assert head is not None
    assert not head.vote_record_lost


@given(st.binary(max_size=120))
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    try:
        head = Head.decode(data)
    except DecodeError:
        return
    assert head.encode() == data


def test_store_and_vote_record_agree_across_restarts(tmp_path: Path) -> None:
    """The whole walk: votes, commit with the marker, cut, kill between, restart."""
    memory = MemoryStore()
    store = BlockStore(memory, "test")
    opened = open_log(tmp_path, None)
    log = opened.log
    store.commit(store.batch_for(GENESIS, log.marker()))
    for height in range(1, 6):
        log.append([b"vote %d" % height])
        head = store.commit(store.batch_for(block(height), log.marker()))
        if height % 2:
            log.cut(head.marker)
        else:
            log.close()
            found = BlockStore(memory, "test").head()
            assert found is not None
            opened = open_log(tmp_path, found.marker)
            assert opened.lost is None
            assert opened.records[-1] == b"vote %d" % height
            log = opened.log
    log.close()


def test_the_chain_is_found_again_on_disk(tmp_path: Path) -> None:
    store = BlockStore(open_store(tmp_path), str(tmp_path))
    for parts in (GENESIS, block(1, 5), block(2, 6)):
        store.commit(store.batch_for(parts, MARKER))
    store.close()
    again = BlockStore(open_store(tmp_path), str(tmp_path))
    assert again.head() == Head(2, Hash(b"%032d" % 2), MARKER, False)
    assert again.locate_transaction(transaction(6)) == (2, 0)
    assert again.size_bytes() > 0
    again.close()


def without_oldest(memory: MemoryStore, lowest: int, *heights: int) -> None:
    """As a removal of blocks leaves it."""
    batch = WriteBatch()
    for height in heights:
        for kind in (b"B", b"C", b"R"):
            batch.delete(kind + height.to_bytes(8, "big"))
    batch.operations += lowest_rows(lowest)
    memory.write(batch, sync=True)


def test_a_store_without_old_blocks_says_which_is_its_lowest() -> None:
    memory, whole = committed(*(block(height) for height in range(1, 6)))
    assert whole.lowest_height == 1
    without_oldest(memory, 3, 1, 2)
    store = BlockStore(memory, "test")
    assert store.lowest_height == 3
    assert store.block_bytes(2) is None
    assert store.block_bytes(3) == b"block 3"
    assert store.block_bytes(0) == b"genesis document"


def test_a_missing_block_above_the_lowest_is_damage() -> None:
    memory, _ = committed(*(block(height) for height in range(1, 6)))
    without_oldest(memory, 2, 1, 2)
    with pytest.raises(LocalError, match="height 2 is missing below its head 5"):
        BlockStore(memory, "test")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (b"", "lowest height is unreadable"),
        (b"\x91\x00", "lowest height is unreadable"),
        (b"\x91\xc0", "lowest height is unreadable"),
        (b"\x92\x01\x01", "lowest height is unreadable"),
        (None, "row of its lowest height is missing"),
        (b"\x91\x06", "lowest height 6 is above its head 5"),
    ],
)
def test_a_wrong_lowest_height_is_damage(row: bytes | None, what: str) -> None:
    memory, _ = committed(*(block(height) for height in range(1, 6)))
    without_oldest(memory, 3, 1, 2)
    batch = WriteBatch()
    batch.operations.append((b"\0lowest", row))
    memory.write(batch, sync=True)
    with pytest.raises(LocalError, match=what):
        BlockStore(memory, "test")


def test_a_release_that_knows_only_whole_chains_refuses_a_partial_one() -> None:
    memory, _ = committed(block(1), block(2))
    assert memory.get(b"\0schema") == b"2"
    without_oldest(memory, 2, 1)
    assert memory.get(b"\0schema") == b"3"
