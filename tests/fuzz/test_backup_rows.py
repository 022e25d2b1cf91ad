"""Frames of rows in a backup come back as written; other bytes raise nothing but LocalError."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LocalError
from ledger.kv import MemoryStore, WriteBatch
from node.backups.backup_rows import frames, rows_of

ROWS = st.dictionaries(st.binary(min_size=1, max_size=40), st.binary(max_size=200), max_size=20)


@given(ROWS)
def test_rows_come_back_in_order(rows: dict[bytes, bytes]) -> None:
    store, batch = MemoryStore(), WriteBatch()
    for key, value in rows.items():
        batch.put(key, value)
    store.write(batch, sync=False)
    assert [row for frame in frames(store) for row in rows_of(frame)] == sorted(rows.items())


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_refused(data: bytes) -> None:
    with suppress(LocalError):
        found = list(rows_of(data))
        assert sum(8 + len(key) + len(value) for key, value in found) == len(data)
