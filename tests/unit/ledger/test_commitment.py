"""State commitment: the root by its definition, purity of compute, persistence, damage."""

from collections.abc import Mapping
from hashlib import sha256

import pytest

from ledger.commitment import STORE_PREFIX, StateCommitment, state_root
from ledger.errors import InvariantViolation, LocalError
from ledger.kv import MemoryStore, WriteBatch
from ledger.primitives import ZERO_HASH

BUCKETS = 256
Rows = dict[bytes, bytes]


def rows_of(count: int) -> Rows:
    return {b"room/rows/%d" % number: b"value %d" % number for number in range(count)}


def defined_root(rows: Mapping[bytes, bytes], bucket_count: int) -> bytes:
    """docs/formats.md, "State commitment", as it is written there."""
    bits = bucket_count.bit_length() - 1
    buckets: list[list[bytes]] = [[] for _ in range(bucket_count)]
    for key, value in rows.items():
        key_hash = sha256(key).digest()
        index = int.from_bytes(key_hash, "big") >> (256 - bits)
        buckets[index].append(key_hash + sha256(value).digest())
    level = [sha256(b"\x00" + b"".join(sorted(leaves))).digest() for leaves in buckets]
    while len(level) > 1:
        level = [
            sha256(b"\x01" + b"".join(level[at : at + 16])).digest()
            for at in range(0, len(level), 16)
        ]
    return sha256(b"poyong/state/1" + bucket_count.to_bytes(8, "big") + level[0]).digest()


@pytest.mark.parametrize("bucket_count", [16, 256, 4096])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_the_root_is_that_of_its_definition(bucket_count: int, count: int) -> None:
    rows = rows_of(count)
    assert StateCommitment.build(rows.items(), bucket_count).root == defined_root(
        rows, bucket_count
    )


def test_updates_inserts_and_deletions_give_the_root_of_the_resulting_rows() -> None:
    rows = rows_of(300)
    commitment = StateCommitment.build(rows.items(), BUCKETS)
    changes: dict[bytes, bytes | None] = dict.fromkeys(list(rows)[:50], b"new")
    changes |= dict.fromkeys(list(rows)[50:100])
    changes |= {b"room/rows/new %d" % number: b"n" for number in range(100)}
    changes[b"room/rows/never there"] = None
    delta = commitment.compute(list(changes.items()))
    for key, value in changes.items():
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
    assert delta.root == defined_root(rows, BUCKETS)
    commitment.apply(delta)
    assert commitment.root == delta.root
    assert commitment.compute(()).root == delta.root


def test_compute_changes_nothing_so_that_proposals_of_one_height_share_a_base() -> None:
    commitment = StateCommitment.build(rows_of(100).items(), BUCKETS)
    root = commitment.root
    first = commitment.compute([(b"room/rows/1", b"x")])
    second = commitment.compute([(b"room/rows/1", b"y"), (b"room/rows/2", None)])
    assert commitment.root == root
    assert commitment.compute([(b"room/rows/1", b"x")]).root == first.root
    commitment.apply(second)
    assert commitment.root == second.root != first.root


def test_a_delta_applies_once_and_only_on_its_base() -> None:
    commitment = StateCommitment.build(rows_of(10).items(), BUCKETS)
    delta = commitment.compute([(b"room/rows/1", b"x")])
    commitment.apply(delta)
    with pytest.raises(InvariantViolation, match="does not follow"):
        commitment.apply(delta)


def test_a_bucket_count_that_is_no_power_of_16_is_refused() -> None:
    with pytest.raises(InvariantViolation, match="bucket count 100"):
        StateCommitment.build((), 100)
    assert state_root(16, ZERO_HASH) != state_root(256, ZERO_HASH)


def stored(commitment: StateCommitment) -> MemoryStore:
    store, batch = MemoryStore(), WriteBatch()
    commitment.add_all_rows(batch)
    store.write(batch, sync=True)
    return store


def grow(store: MemoryStore, commitment: StateCommitment, heights: int) -> None:
    for _ in range(heights):
        number = commitment.height + 1
        delta = commitment.compute([(b"room/rows/%d" % (number % 40), b"%d" % number)])
        batch = WriteBatch()
        commitment.add_rows(batch, delta)
        store.write(batch, sync=True)
        commitment.apply(delta)


def test_a_restart_reads_at_most_one_journal_row_for_each_group() -> None:
    commitment = StateCommitment.build(rows_of(40).items(), BUCKETS, groups=4)
    store = stored(commitment)
    grow(store, commitment, 20)
    journals = [key for key, _ in store.iterate(STORE_PREFIX, b"~") if b"journal" in key]
    assert len(journals) == 4
    loaded = StateCommitment.load(store, 20, commitment.root)
    assert loaded.root == commitment.root


def test_a_row_is_written_only_for_dirty_buckets_of_the_group_in_turn() -> None:
    commitment = StateCommitment.build(rows_of(40).items(), BUCKETS, groups=4)
    delta = commitment.compute([(b"room/rows/%d" % number, b"x") for number in range(40)])
    batch = WriteBatch()
    commitment.add_rows(batch, delta)
    buckets = [key for key, _ in batch.operations if b"/bucket/" in key]
    assert buckets
    assert all(int.from_bytes(key[-4:], "big") % 4 == 1 for key in buckets)


def test_a_commitment_that_was_rebuilt_at_a_height_goes_on_from_there() -> None:
    rows = rows_of(40)
    old = StateCommitment.build(rows_of(60).items(), BUCKETS, groups=4)
    store = stored(old)
    rebuilt = StateCommitment.build(rows.items(), BUCKETS, height=10, groups=4)
    batch = WriteBatch()
    rebuilt.add_all_rows(batch)
    store.write(batch, sync=True)
    assert StateCommitment.load(store, 10, rebuilt.root).root == rebuilt.root
    grow(store, rebuilt, 6)
    assert StateCommitment.load(store, 16, rebuilt.root).root == rebuilt.root


def corrupt(store: MemoryStore, kind: bytes, value: bytes | None) -> None:
    (*_, key) = [key for key, _ in store.iterate(STORE_PREFIX, b"~") if kind in key]
    batch = WriteBatch()
    batch.operations.append((key, value))
    store.write(batch, sync=True)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (b"layout", None, "layout row is missing"),
        (b"layout", b"\xc1", "not canonical msgpack"),
        (b"layout", b"\x94\x02\xcd\x01\x00\x04\x00", "layout 2"),
        (b"layout", b"\x94\x01\x07\x04\x00", "7 buckets"),
        (b"journal", None, "journal row of height"),
        (b"journal", bytes(63), "journal row of height"),
        (b"bucket", b"\x00" + bytes(64), "the block's header says"),
        (b"bucket", None, "the block's header says"),
    ],
)
def test_damage_is_found_at_start_and_the_remedy_named(
    kind: bytes, value: bytes | None, message: str
) -> None:
    commitment = StateCommitment.build(rows_of(40).items(), BUCKETS, groups=4)
    store = stored(commitment)
    grow(store, commitment, 6)
    corrupt(store, kind, value)
    with pytest.raises(LocalError, match=message) as raised:
        StateCommitment.load(store, 6, commitment.root)
    assert "sync into" in str(raised.value)


def test_a_bucket_beyond_the_count_is_damage() -> None:
    store = stored(StateCommitment.build((), 16))
    batch = WriteBatch()
    batch.put(STORE_PREFIX + b"bucket/" + (99).to_bytes(4, "big"), b"\x00")
    store.write(batch, sync=True)
    with pytest.raises(LocalError, match="bucket 99 of 16"):
        StateCommitment.load(store, 0, ZERO_HASH)
