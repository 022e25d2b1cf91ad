"""A town sees which of its nodes run already, by the lock on the store, and does not start then."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.errors import LocalError
from node.localnet import creation, held, layout
from node.localnet.creation import Wish
from node.store.stores import ENGINES
from tests.support.town import base_port

HOLD = """
import sys
from pathlib import Path
from node.store.stores import open_store
store = open_store(Path(sys.argv[1]), sys.argv[2], write_buffer_bytes=1 << 20, cache_bytes=1 << 20)
print("open", flush=True)
sys.stdin.readline()
store.close()
"""


@contextmanager
def another_process_holds(home: Path, engine: str) -> Iterator[int]:
    """Process id of one that has the store of this node open."""
    command = [sys.executable, "-c", HOLD, str(home / "data" / "chain"), engine]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process.pid
        process.communicate("\n")
    assert process.returncode == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_process_that_holds_a_store_is_named_while_it_does(tmp_path: Path, engine: str) -> None:
    pytest.importorskip({"leveldb": "plyvel", "rocksdb": "rocksdict"}[engine])
    assert held.running(tmp_path) == {}
    with another_process_holds(tmp_path / "gist", engine) as pid:
        assert held.running(tmp_path) == {"gist": pid}
        assert held.running(tmp_path) == {"gist": pid}, "looking takes nobody's lock away"
    assert held.running(tmp_path) == {}


@pytest.mark.parametrize(
    "wish", [Wish(idle=True), Wish(fresh=True), Wish(base_port=2_000)], ids=str
)
def test_a_town_of_which_a_node_runs_is_left_as_it_is(tmp_path: Path, wish: Wish) -> None:
    """Neither removed nor moved to other ports; the sentence says what to do."""
    town = creation.prepare(tmp_path, Wish(validators=2, idle=True, base_port=base_port()))
    files = contents(tmp_path)
    with another_process_holds(tmp_path / "gist", "auto") as pid:
        with pytest.raises(LocalError) as refused:
            creation.prepare(tmp_path, wish)
        assert f"gist (process {pid})" in str(refused.value)
        assert f"kill {pid}" in str(refused.value)
        assert layout.load(tmp_path) == town
        assert files == {name: contents(tmp_path)[name] for name in files}
    creation.prepare(tmp_path, wish)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_holder_that_cannot_be_seen_is_named_without_a_process_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "running", lambda folder: {"gist": 0, "builder": 12})
    with pytest.raises(LocalError) as refused:
        held.require_none_runs(tmp_path)
    assert "gist (process unknown), builder (process 12)." in str(refused.value)
    assert "or with kill 12, and" in str(refused.value)
