"""State behaves as a stack of dictionaries, whatever is written, rolled back and read."""

from hypothesis import given
from hypothesis import strategies as st

from ledger import codec
from ledger.kv import MemoryStore, WriteBatch
from ledger.state import State, Table

ROWS: Table[int] = Table(
    "room", "rows", codec.encode, lambda raw: codec.as_uint(codec.decode(raw), "row")
)
keys = st.sampled_from([b"", b"a", b"ab", b"b", b"\xff"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 9)),
        st.tuples(st.just("delete"), keys, st.just(0)),
        st.tuples(st.sampled_from(["begin", "commit", "rollback"]), st.just(b""), st.just(0)),
    ),
    max_size=40,
)


@given(st.dictionaries(keys, st.integers(0, 9)), steps)
def test_state_is_a_stack_of_dictionaries(
    base: dict[bytes, int], script: list[tuple[str, bytes, int]]
) -> None:
    store, batch = MemoryStore(), WriteBatch()
    for key, value in base.items():
        batch.put(ROWS.prefix + key, codec.encode(value))
    store.write(batch, sync=True)
    state, model = State(store), [dict(base)]
    for step, key, value in script:
        match step:
            case "put":
                state.put(ROWS, key, value)
                model[-1][key] = value
            case "delete":
                state.delete(ROWS, key)
                model[-1].pop(key, None)
            case "begin":
                state.begin()
                model.append(dict(model[-1]))
            case "commit" if len(model) > 1:
                state.commit()
                model[-2:] = model[-1:]
            case "rollback" if len(model) > 1:
                state.rollback()
                model.pop()
        assert state.get(ROWS, key) == model[-1].get(key)
        assert list(state.iterate(ROWS)) == sorted(model[-1].items())
    while len(model) > 1:
        state.commit()
        model[-2:] = model[-1:]
    after = dict(base)
    for full, raw in state.changes():
        key = full.removeprefix(ROWS.prefix)
        after.pop(key, None)
        if raw is not None:
            after[key] = codec.as_uint(codec.decode(raw), "row")
    assert after == model[0]
