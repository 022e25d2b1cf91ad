"""One suite for every engine behind KeyValueStore, with a dict as the model."""

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import LocalError
from ledger.kv import KeyValueReader, KeyValueStore, MemoryStore, WriteBatch
from node.store.stores import ENGINES, installed_engines, open_store

BUFFER_BYTES = 256 * 1024  # small, so that tests reach tables on disk
Opener = Callable[[Path], KeyValueStore]


def opener(engine: str) -> Opener:
    if engine == "memory":
        return lambda _: MemoryStore()
    return lambda path: open_store(path, engine, write_buffer_bytes=BUFFER_BYTES)


ALL = ["memory", *installed_engines()]
ON_DISK = list(installed_engines())
every_engine = pytest.mark.parametrize("engine", ALL)
every_disk_engine = pytest.mark.parametrize("engine", ON_DISK)


@pytest.fixture
def store(engine: str, tmp_path: Path) -> Iterator[KeyValueStore]:
    opened = opener(engine)(tmp_path)
    yield opened
    opened.close()


def batch(*operations: tuple[bytes, bytes | None]) -> WriteBatch:
    made = WriteBatch()
    for key, value in operations:
        if value is None:
            made.delete(key)
        else:
            made.put(key, value)
    return made


def pairs(reader: KeyValueReader, start: bytes = b"a", stop: bytes = b"\xff") -> list[bytes]:
    return [key for key, _ in reader.iterate(start, stop)]


def test_an_engine_is_installed_here() -> None:
    assert ON_DISK, "no store engine: the suite below would prove nothing"


@every_engine
@pytest.mark.parametrize("stop", [b"b", b"b2", b"c", b"\xff"])
@pytest.mark.parametrize("start", [b"a", b"a1", b"a2", b"b1", b"b2", b"b3"])
def test_the_last_pairs_come_last_first(store: KeyValueStore, start: bytes, stop: bytes) -> None:
    """Also when the only one has the very key of the start."""
    keys = [b"a1", b"a2", b"a3", b"b1", b"b2", b"d"]
    store.write(batch(*[(key, b"of " + key) for key in keys]), sync=True)
    expected = [(key, b"of " + key) for key in reversed(keys) if start <= key < stop]
    for count in (0, 1, 2, 9):
        assert store.last(start, stop, count) == expected[:count]


@every_engine
def test_an_absent_key_is_none(store: KeyValueStore) -> None:
    assert store.get(b"x") is None
    assert store.snapshot().get(b"x") is None


@every_engine
def test_empty_values_and_zero_bytes_are_values(store: KeyValueStore) -> None:
    store.write(batch((b"a\0b", b""), (b"a", b"\0\0"), (b"\xff\xff", b"x")), sync=False)
    assert store.get(b"a\0b") == b""
    assert list(store.iterate(b"a", b"\xff\xff\xff")) == [
        (b"a", b"\0\0"),
        (b"a\0b", b""),
        (b"\xff\xff", b"x"),
    ]


@every_engine
def test_the_later_operation_on_a_key_wins(store: KeyValueStore) -> None:
    store.write(batch((b"a", b"1"), (b"a", b"2"), (b"b", b"1"), (b"b", None)), sync=True)
    assert store.get(b"a") == b"2"
    assert store.get(b"b") is None


@every_engine
def test_deleting_an_absent_key_is_no_error(store: KeyValueStore) -> None:
    store.write(batch((b"a", None)), sync=True)
    assert pairs(store) == []


@every_engine
def test_iterate_is_bounded_and_ordered(store: KeyValueStore) -> None:
    keys = [b"a", b"a\0", b"aa", b"ab", b"b", b"ba"]
    store.write(batch(*((key, key) for key in reversed(keys))), sync=False)
    assert pairs(store, b"a", b"b") == keys[:4]
    assert pairs(store, b"a\0", b"ab") == [b"a\0", b"aa"]
    assert pairs(store, b"b", b"b") == []
    assert pairs(store, b"c", b"d") == []
    assert pairs(store.snapshot(), b"aa", b"ba") == [b"aa", b"ab", b"b"]


@every_engine
def test_a_snapshot_stays_while_writes_go_on(store: KeyValueStore) -> None:
    store.write(batch((b"a", b"1"), (b"b", b"1")), sync=False)
    before = store.snapshot()
    store.write(batch((b"a", b"2"), (b"b", None), (b"c", b"2")), sync=False)
    assert list(before.iterate(b"a", b"z")) == [(b"a", b"1"), (b"b", b"1")]
    assert [before.get(key) for key in (b"a", b"b", b"c")] == [b"1", b"1", None]
    assert list(store.snapshot().iterate(b"a", b"z")) == [(b"a", b"2"), (b"c", b"2")]


@every_engine
def test_iterating_while_writing_sees_the_first_moment(store: KeyValueStore) -> None:
    store.write(batch(*((b"k%03d" % i, b"old") for i in range(200))), sync=False)
    running = store.snapshot().iterate(b"k", b"l")
    seen = [next(running)]
    store.write(batch(*((b"k%03d" % i, None) for i in range(200))), sync=False)
    seen += running
    assert len(seen) == 200


operations = st.lists(
    st.tuples(st.binary(min_size=1, max_size=3), st.none() | st.binary(max_size=8)), max_size=12
)


@every_engine
@settings(max_examples=40)
@given(batches=st.lists(operations, max_size=8), reopen=st.booleans())
def test_it_behaves_like_a_dict(
    engine: str,
    batches: list[list[tuple[bytes, bytes | None]]],
    reopen: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Any batches, every key and order, snapshots of each moment, and a restart."""
    folder = tmp_path_factory.mktemp("store")
    opened = opener(engine)(folder)
    model: dict[bytes, bytes] = {}
    moments: list[tuple[KeyValueReader, dict[bytes, bytes]]] = []
    for step in batches:
        opened.write(batch(*step), sync=False)
        for key, value in step:
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
        moments.append((opened.snapshot(), dict(model)))
    for snapshot, then in moments:
        # From "\0d" on: the store's own first row is below.
        assert list(snapshot.iterate(b"\0d", b"\xff" * 4)) == sorted(
            (key, value) for key, value in then.items() if key >= b"\0d"
        )
        assert all(snapshot.get(key) == value for key, value in then.items())
    if reopen and engine != "memory":
        opened.close()
        opened = opener(engine)(folder)
    for key in {key for step in batches for key, _ in step}:
        assert opened.get(key) == model.get(key)
    opened.close()
    shutil.rmtree(folder)


@every_disk_engine
def test_rows_survive_a_restart(engine: str, tmp_path: Path) -> None:
    first = opener(engine)(tmp_path)
    first.write(batch(*((b"%06d" % i, bytes(100)) for i in range(10_000))), sync=True)
    assert first.size_bytes() > 1_000_000
    first.close()
    second = opener(engine)(tmp_path)
    assert len(pairs(second, b"0", b"9")) == 10_000
    second.close()


KILLED = """
import os, sys
from pathlib import Path
from ledger.kv import WriteBatch
from node.store.stores import open_store
store = open_store(Path(sys.argv[1]), sys.argv[2])
for height in range(50):
    batch = WriteBatch()
    for row in range(20):
        batch.put(b"%03d-%03d" % (height, row), bytes(1000))
    batch.put(b"head", b"%03d" % height)
    store.write(batch, sync=True)
os.kill(os.getpid(), 9)
"""


@every_disk_engine
def test_every_synced_batch_survives_a_kill(engine: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path, engine], timeout=60, check=False)
    opened = opener(engine)(tmp_path)
    assert opened.get(b"head") == b"049"
    assert len(pairs(opened, b"0", b"1")) == 1_000
    opened.close()


@every_disk_engine
def test_two_processes_cannot_share_a_folder(engine: str, tmp_path: Path) -> None:
    first = opener(engine)(tmp_path)
    with pytest.raises(LocalError, match=r"another process uses the database in .*Stop it first"):
        opener(engine)(tmp_path)
    first.close()
    opener(engine)(tmp_path).close()


@every_disk_engine
def test_a_forgotten_snapshot_does_not_hold_the_folder(engine: str, tmp_path: Path) -> None:
    opened = opener(engine)(tmp_path)
    kept = opened.snapshot()
    opened.snapshot()
    opened.close()
    opener(engine)(tmp_path).close()
    with pytest.raises(RuntimeError):
        kept.get(b"a")


@every_disk_engine
def test_snapshots_are_freed_when_forgotten(engine: str, tmp_path: Path) -> None:
    """One snapshot a block must not pile up."""
    opened = opener(engine)(tmp_path)
    for _ in range(1_000):
        opened.snapshot()
    gc.collect()
    opened.close()


def table_files(folder: Path) -> list[Path]:
    return [*folder.rglob("*.ldb"), *folder.rglob("*.sst")]


def filled(engine: str, folder: Path) -> None:
    """A store with tables on disk, beyond what fits in its write buffer."""
    opened = opener(engine)(folder)
    for start in range(0, 20_000, 2_000):
        rows = ((b"%06d" % i, b"%06d" % i * 20) for i in range(start, start + 2_000))
        opened.write(batch(*rows), sync=True)
    opened.close()
    assert table_files(folder)


def read_all(engine: str, folder: Path) -> int:
    opened = opener(engine)(folder)
    try:
        return len(pairs(opened, b"0", b"9"))
    finally:
        opened.close()


@every_disk_engine
@pytest.mark.parametrize("harm", ["truncate", "remove", "overwrite", "manifest", "current"])
def test_damage_is_named_with_its_remedy(engine: str, harm: str, tmp_path: Path) -> None:
    filled(engine, tmp_path)
    for path in table_files(tmp_path):
        if harm == "truncate":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        elif harm == "remove":
            path.unlink()
        elif harm == "overwrite":
            path.write_bytes(b"\xa5" * path.stat().st_size)
    if harm == "manifest":
        for path in tmp_path.rglob("MANIFEST-*"):
            path.write_bytes(path.read_bytes()[:10])
    if harm == "current":
        next(tmp_path.rglob("CURRENT")).write_bytes(b"")
    with pytest.raises(LocalError, match=rf"database in .*{engine} .*(Restore|restore) a backup"):
        read_all(engine, tmp_path)


@every_disk_engine
def test_a_folder_that_lost_its_first_row_is_refused(engine: str, tmp_path: Path) -> None:
    (tmp_path / engine).mkdir()
    with pytest.raises(LocalError, match="has lost its rows"):
        opener(engine)(tmp_path)


@every_disk_engine
def test_a_creation_that_was_cut_short_starts_again(engine: str, tmp_path: Path) -> None:
    (tmp_path / f"{engine}.new").mkdir()
    (tmp_path / f"{engine}.new" / "CURRENT").write_bytes(b"half")
    opener(engine)(tmp_path).close()
    assert not (tmp_path / f"{engine}.new").exists()


@every_disk_engine
def test_auto_takes_the_engine_that_wrote_the_folder(engine: str, tmp_path: Path) -> None:
    opener(engine)(tmp_path).close()
    open_store(tmp_path, "auto").close()
    assert [path.name for path in tmp_path.iterdir()] == [engine]


@every_disk_engine
def test_another_engine_than_the_folder_has_is_refused(engine: str, tmp_path: Path) -> None:
    (other,) = set(ENGINES) - {engine}
    (tmp_path / other).mkdir()
    with pytest.raises(LocalError, match=rf"written by {other}.*storage\.engine is '{engine}'"):
        open_store(tmp_path, engine)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="expected auto, leveldb or rocksdb, found 'sqlite'"):
        open_store(tmp_path, "sqlite")


def test_an_engine_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> object:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("node.store.stores.importlib.import_module", absent)
    with pytest.raises(LocalError, match="pip install rocksdict"):
        open_store(tmp_path, "rocksdb")
    with pytest.raises(LocalError, match="no store engine is installed"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("module", "absent"), [("node.store.leveldb", "rocksdict"), ("node.store.rocksdb", "plyvel")]
)
def test_an_engine_works_where_the_other_is_not_installed(module: str, absent: str) -> None:
    """On Python 3.13 there is no plyvel at all (docs/adr/0004)."""
    pytest.importorskip({"rocksdict": "plyvel", "plyvel": "rocksdict"}[absent])
    code = f"import sys; sys.modules[{absent!r}] = None; import {module}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
