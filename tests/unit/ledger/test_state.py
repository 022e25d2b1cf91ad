"""State: overlays, iteration over base and overlay, changes."""

import pytest

from ledger import codec
from ledger.errors import InvariantViolation
from ledger.kv import MemoryStore, WriteBatch
from ledger.state import RowCache, State, Table

ROWS: Table[int] = Table(
    "room", "rows", codec.encode, lambda raw: codec.as_uint(codec.decode(raw), "row")
)
OTHER: Table[int] = Table(
    "room", "rows2", codec.encode, lambda raw: codec.as_uint(codec.decode(raw), "row")
)


def store(**rows: int) -> MemoryStore:
    made, batch = MemoryStore(), WriteBatch()
    for key, value in rows.items():
        batch.put(ROWS.prefix + key.encode(), codec.encode(value))
    made.write(batch, sync=True)
    return made


def test_a_write_hides_the_row_below_and_a_deletion_makes_it_absent() -> None:
    state = State(store(a=1, b=2))
    state.put(ROWS, b"a", 10)
    state.delete(ROWS, b"b")
    assert state.get(ROWS, b"a") == 10
    assert state.get(ROWS, b"b") is None
    assert state.get(ROWS, b"c") is None


def test_tables_whose_names_begin_alike_do_not_mix() -> None:
    state = State(store(a=1))
    state.put(OTHER, b"a", 2)
    assert list(state.iterate(ROWS)) == [(b"a", 1)]
    assert list(state.iterate(OTHER)) == [(b"a", 2)]


def test_rollback_restores_what_each_write_replaced() -> None:
    state = State(store(a=1))
    state.put(ROWS, b"b", 2)
    state.begin()
    state.put(ROWS, b"a", 5)
    state.put(ROWS, b"a", 6)
    state.delete(ROWS, b"b")
    state.put(ROWS, b"c", 7)
    state.rollback()
    assert [state.get(ROWS, key) for key in (b"a", b"b", b"c")] == [1, 2, None]
    assert state.changes() == [(ROWS.prefix + b"b", codec.encode(2))]


def test_an_inner_commit_is_dropped_by_the_outer_rollback() -> None:
    state = State(store())
    state.begin()
    state.put(ROWS, b"a", 1)
    state.begin()
    state.put(ROWS, b"a", 2)
    state.commit()
    assert state.get(ROWS, b"a") == 2
    state.rollback()
    assert state.get(ROWS, b"a") is None
    assert state.changes() == []


def test_an_inner_rollback_keeps_the_outer_overlay() -> None:
    state = State(store())
    state.begin()
    state.put(ROWS, b"a", 1)
    state.begin()
    state.put(ROWS, b"a", 2)
    state.rollback()
    state.commit()
    assert state.get(ROWS, b"a") == 1


@pytest.mark.parametrize("end", [State.commit, State.rollback])
def test_ending_an_overlay_that_was_not_begun_is_a_bug(end: object) -> None:
    with pytest.raises(InvariantViolation, match="without begin"):
        end(State(store()))  # type: ignore[operator]


def test_changes_inside_an_overlay_are_a_bug() -> None:
    state = State(store())
    state.begin()
    with pytest.raises(InvariantViolation, match="open overlay"):
        state.changes()


def test_changes_are_in_key_order_and_name_deletions() -> None:
    state = State(store(b=2))
    state.put(ROWS, b"z", 3)
    state.delete(ROWS, b"b")
    state.put(ROWS, b"a", 1)
    assert state.changes() == [
        (ROWS.prefix + b"a", codec.encode(1)),
        (ROWS.prefix + b"b", None),
        (ROWS.prefix + b"z", codec.encode(3)),
    ]


def test_changed_gives_the_value_before_the_block_and_now() -> None:
    state = State(store(a=1, b=2))
    state.put(ROWS, b"a", 5)
    state.put(ROWS, b"a", 6)
    state.delete(ROWS, b"b")
    state.put(ROWS, b"c", 7)
    state.put(OTHER, b"a", 9)
    changed = {key: (before, now) for key, before, now in state.changed(ROWS)}
    assert changed == {b"a": (1, 6), b"b": (2, None), b"c": (None, 7)}


def test_iteration_merges_base_and_writes_in_key_order() -> None:
    state = State(store(b=2, d=4, f=6))
    state.put(ROWS, b"a", 1)
    state.put(ROWS, b"d", 40)
    state.delete(ROWS, b"f")
    state.put(ROWS, b"e", 5)
    state.put(ROWS, b"g", 7)
    assert list(state.iterate(ROWS)) == [(b"a", 1), (b"b", 2), (b"d", 40), (b"e", 5), (b"g", 7)]
    assert list(state.iterate(ROWS, b"d")) == [(b"d", 40)]


def test_rows_may_be_deleted_while_iterating() -> None:
    state = State(store(a=1, b=2, c=3))
    state.put(ROWS, b"d", 4)
    seen = []
    for key, _ in state.iterate(ROWS):
        seen.append(key)
        state.delete(ROWS, b"c")
        state.delete(ROWS, b"d")
    assert seen == [b"a", b"b"]


def test_a_damaged_row_is_this_nodes_fault_and_named() -> None:
    base, batch = MemoryStore(), WriteBatch()
    batch.put(ROWS.prefix + b"a", b"\xff\xff")
    base.write(batch, sync=True)
    with pytest.raises(InvariantViolation, match="room/rows/a"):
        State(base).get(ROWS, b"a")
    with pytest.raises(InvariantViolation, match="room/rows/a"):
        list(State(base).iterate(ROWS))


def test_states_of_one_base_share_what_they_read_and_nothing_that_they_write() -> None:
    cache = RowCache(max_rows=10)
    base = store(a=1)
    first = State(base, cache)
    assert first.get(ROWS, b"a") == 1
    first.put(ROWS, b"a", 2)
    assert State(base, cache).get(ROWS, b"a") == 1


def test_a_committed_block_becomes_what_the_cache_holds() -> None:
    cache = RowCache(max_rows=10)
    base = store(a=1, b=2)
    block = State(base, cache)
    assert (block.get(ROWS, b"a"), block.get(ROWS, b"b")) == (1, 2)
    block.put(ROWS, b"a", 3)
    block.delete(ROWS, b"b")
    batch = WriteBatch()
    for key, value in block.changes():
        batch.operations.append((key, value))
    base.write(batch, sync=True)
    cache.committed(block.writes())
    after = State(base, cache)
    assert (after.get(ROWS, b"a"), after.get(ROWS, b"b")) == (3, None)


def test_the_cache_is_emptied_before_it_holds_more_than_its_bound() -> None:
    cache = RowCache(max_rows=2)
    state = State(store(a=1, b=2), cache)
    assert (state.get(ROWS, b"a"), state.get(ROWS, b"b")) == (1, 2)
    state.put(ROWS, b"c", 3)
    cache.committed(state.writes())
    assert list(cache.rows) == [ROWS.prefix + b"c"]
