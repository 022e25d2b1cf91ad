"""A byte that the disk gave back changed: an error with its remedy, never another value.

A balance that reads differently on one node would make that node refuse what the others finalise,
or serve it to a wallet.
"""

import random
import shutil
from pathlib import Path

import pytest

from ledger.errors import LocalError
from ledger.kv import KeyValueStore, WriteBatch
from node.store.stores import installed_engines, open_store

ROWS = 4_000
BUFFER_BYTES = 64 * 1024  # small, so that rows lie in tables and not in the log
FLIPS = 60


def value_of(number: int) -> bytes:
    return b"%d" % number * 20


def open_small(folder: Path, engine: str) -> KeyValueStore:
    return open_store(folder, engine, write_buffer_bytes=BUFFER_BYTES, cache_bytes=2**20)


@pytest.fixture(scope="module", params=installed_engines())
def tables(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A closed store with many rows in table files."""
    engine: str = request.param
    folder = tmp_path_factory.mktemp("store")
    store = open_small(folder, engine)
    for start in range(0, ROWS, 100):
        batch = WriteBatch()
        for number in range(start, start + 100):
            batch.put(b"row%06d" % number, value_of(number))
        store.write(batch, sync=False)
    store.close()
    return engine, folder


def read_all(store: KeyValueStore) -> int:
    """How many reads were refused; every other one gave what was written."""
    refused = 0
    for number in range(0, ROWS, 7):
        try:
            found = store.get(b"row%06d" % number)
        except LocalError:
            refused += 1
        else:
            assert found == value_of(number)
    try:
        for key, value in store.iterate(b"row", b"rox"):
            assert value == value_of(int(key[3:]))
        for key, value in store.snapshot().iterate(b"row", b"rox"):
            assert value == value_of(int(key[3:]))
    except LocalError:
        refused += 1
    return refused


def test_a_flipped_byte_in_a_table_is_never_another_value(
    tables: tuple[str, Path], tmp_path: Path
) -> None:
    engine, folder = tables
    choose = random.Random(1)
    found = [path for path in sorted(folder.rglob("*")) if path.suffix in (".ldb", ".sst")]
    assert found
    refused = 0
    for _ in range(FLIPS):
        copy = shutil.copytree(folder, tmp_path / "copy")
        path = copy / choose.choice(found).relative_to(folder)
        content = bytearray(path.read_bytes())
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
        path.write_bytes(content)
        try:
            store = open_small(copy, engine)
        except LocalError as error:
            assert str(copy) in str(error)  # noqa: PT017 - both outcomes are allowed
            refused += 1
        else:
            refused += read_all(store)
            store.close()
        shutil.rmtree(copy)
    assert refused > 0
