"""State commitment: the root by its definition, purity of compute, reading rows, the kept copy."""

from collections.abc import Mapping
from hashlib import sha256

import pytest

from ledger.commitment import CommittedRows, StateCommitment, leaf_content, state_root
from ledger.errors import DecodeError, InvariantViolation
from ledger.kv import MemoryStore, WriteBatch
from ledger.primitives import ZERO_HASH
from ledger.proofs import prove_state, verify_state

BUCKETS = 256
Rows = dict[bytes, bytes]


def rows_of(count: int) -> Rows:
    """Values of every length around the longest that a leaf holds."""
    return {
        b"room/rows/%d" % number: bytes((number % 256,)) * (number % 40) for number in range(count)
    }


def defined_root(rows: Mapping[bytes, bytes], bucket_count: int) -> bytes:
    """docs/formats.md, "State commitment", as it is written there."""
    bits = bucket_count.bit_length() - 1
    buckets: list[list[bytes]] = [[] for _ in range(bucket_count)]
    for key, value in rows.items():
        key_hash = sha256(key).digest()
        index = int.from_bytes(key_hash, "big") >> (256 - bits)
        short = bytes((len(value),)) + value + bytes(32 - len(value)) if len(value) < 33 else b""
        buckets[index].append(key_hash + (short or b"\xff" + sha256(value).digest()))
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


def test_values_never_share_a_leaf() -> None:
    longest = b"\x07" * 32
    values = [
        b"",
        b"\0",
        b"\0\0",
        longest[:31],
        longest,
        longest + b"\x07",
        sha256(longest).digest(),
    ]
    values.append(sha256(longest + b"\x07").digest())
    assert len({leaf_content(value) for value in values}) == len(values)
    assert {len(leaf_content(value)) for value in values} == {33}


def over(rows: Rows, stored: Rows) -> CommittedRows:
    store, batch = MemoryStore(), WriteBatch()
    batch.operations.extend(stored.items())
    store.write(batch, sync=True)
    return CommittedRows(StateCommitment.build(rows.items(), BUCKETS), store)


def test_short_values_are_read_from_the_commitment_and_long_ones_from_the_store() -> None:
    rows = rows_of(200)
    long = {key: value for key, value in rows.items() if len(value) > 32}
    reader = over(rows, long)
    assert {key: reader.get(key) for key in rows} == rows
    assert reader.get(b"room/rows/never there") is None
    assert dict(reader.iterate(b"room/", b"room0")) == long


def test_a_long_row_that_the_store_lost_stops_the_node() -> None:
    reader = over({b"room/rows/long": bytes(33)}, {})
    with pytest.raises(InvariantViolation, match="missing in the store"):
        reader.get(b"room/rows/long")


def test_a_long_row_that_is_not_the_one_committed_to_stops_the_node() -> None:
    """A disk that gives back what was there before must not make another state."""
    reader = over({b"room/rows/long": bytes(33)}, {b"room/rows/long": bytes(34)})
    with pytest.raises(InvariantViolation, match="not the one committed to"):
        reader.get(b"room/rows/long")


def test_a_value_that_contains_the_hash_of_another_key_does_not_hide_it() -> None:
    """Whoever writes values chooses their bytes; 16 buckets make it likely that both share one."""
    rows = {b"room/rows/%d" % number: b"%d" % number for number in range(400)}
    for number in range(200):
        rows[b"room/rows/%d" % number] = sha256(b"room/rows/%d" % (number + 200)).digest()
        rows[b"room/rows/bait %d" % number] = sha256(b"room/rows/absent %d" % number).digest()
    commitment = StateCommitment.build(rows.items(), 16)
    for key, value in rows.items():
        assert commitment.content(key) == leaf_content(value)
        assert verify_state(commitment.root, key, value, prove_state(commitment, key))
    changes: dict[bytes, bytes | None] = {}
    for number in range(200):
        absent = b"room/rows/absent %d" % number
        assert commitment.content(absent) is None
        assert verify_state(commitment.root, absent, None, prove_state(commitment, absent))
        changes[absent] = b"now"
        changes[b"room/rows/%d" % (number + 200)] = None if number % 2 else b"then"
    delta = commitment.compute(list(changes.items()))
    rows |= {key: value for key, value in changes.items() if value is not None}
    left = {key: value for key, value in rows.items() if changes.get(key, b"") is not None}
    assert delta.root == defined_root(left, 16)


def test_the_kept_copy_gives_the_same_commitment() -> None:
    kept = StateCommitment.build(rows_of(300).items(), BUCKETS, height=7)
    found = StateCommitment.restore(b"".join(kept.save()))
    assert (found.height, found.root, found.bucket_count) == (7, kept.root, BUCKETS)
    change = [(b"room/rows/1", b"x")]
    assert found.compute(change).root == kept.compute(change).root


@pytest.mark.parametrize("cut", [0, 5, 30, 37, 200, -1])
def test_a_copy_that_is_cut_short_is_refused(cut: int) -> None:
    raw = b"".join(StateCommitment.build(rows_of(30).items(), 16).save())
    with pytest.raises(DecodeError, match="saved commitment"):
        StateCommitment.restore(raw[:cut])
