"""A database goes from one layout to the next in one batch: killed anywhere, it has the old one
whole or the new one whole, is opened as what it is, and goes on.

Layout 3 (the oldest blocks are gone) is the step that there is; docs/compatibility.md asks the same
of each that comes.
"""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import LocalError
from ledger.kv import KeyValueStore
from node.store import block_store
from node.store.block_store import PARTIAL_SCHEMA_VERSION, SCHEMA_VERSION, BlockStore
from node.store.data_folder import FILE, LabelKeeper, require_openable
from node.store.pruning import PruningRules
from node.store.stores import installed_engines, open_store
from tests.support.applied_chain import DOCUMENT, AppliedChain
from tests.support.old_blocks import add, assert_exactly, parts_at

pytestmark = pytest.mark.timeout(120)

RULES = PruningRules(keep_blocks=40)
LAST_WHOLE = 40
"""The height after which the next block takes the first old one with it."""
WRITER = """
import os, signal, sys
from pathlib import Path
from node.store.block_store import BlockStore
from node.store.stores import open_store
from tests.crash.test_layout_step import LAST_WHOLE, RULES
from tests.support.old_blocks import add, parts_at

folder, engine, moment = sys.argv[1:]
store = open_store(Path(folder), engine)
blocks = BlockStore(store, "killed", pruning=RULES)
write = store.write

def killed(batch, *, sync):
    if moment == "after":
        write(batch, sync=sync)
    os.kill(os.getpid(), signal.SIGKILL)

store.write = killed
add(blocks, parts_at(LAST_WHOLE + 1))
"""


@pytest.fixture(params=installed_engines())
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """(engine, a folder with a whole chain, whose next block is the step)."""
    folder = tmp_path / "chain"
    store = open_store(folder, request.param)
    blocks = BlockStore(store, "whole", pruning=RULES)
    add(blocks, *(parts_at(height) for height in range(1, LAST_WHOLE + 1)))
    assert blocks.schema_version == SCHEMA_VERSION
    store.close()
    return request.param, folder


def version_in(store: KeyValueStore) -> int:
    return int(store.get(b"\0schema") or b"0")


def require_goes_on(engine: str, folder: Path, version: int) -> None:
    """The store has this layout and exactly its rows, and the next blocks give it the new one."""
    store = open_store(folder, engine)
    blocks = BlockStore(store, "reopened", pruning=RULES)
    head = blocks.head()
    assert head is not None
    assert head.height == (LAST_WHOLE if version == SCHEMA_VERSION else LAST_WHOLE + 1)
    assert version_in(store) == blocks.schema_version == version
    assert_exactly(store, blocks)
    add(blocks, *(parts_at(height) for height in range(head.height + 1, LAST_WHOLE + 4)))
    assert version_in(store) == blocks.schema_version == PARTIAL_SCHEMA_VERSION
    assert_exactly(store, blocks)
    store.close()


def test_the_step_is_one_synced_batch(whole: tuple[str, Path]) -> None:
    engine, folder = whole
    store = open_store(folder, engine)
    blocks = BlockStore(store, "watched", pruning=RULES)
    before = version_in(store)
    batch = blocks.batch_for(parts_at(LAST_WHOLE + 1), block_store.NO_MARKER)
    assert version_in(store) == before == SCHEMA_VERSION, "nothing is written yet"
    changed = dict(batch.operations)
    assert changed[b"\0schema"] == b"%d" % PARTIAL_SCHEMA_VERSION
    assert changed[b"B" + (1).to_bytes(8, "big")] is None, "the first block goes in the same batch"
    blocks.commit(batch)
    store.close()
    require_goes_on(engine, folder, PARTIAL_SCHEMA_VERSION)


@pytest.mark.parametrize(
    ("moment", "version"), [("before", SCHEMA_VERSION), ("after", PARTIAL_SCHEMA_VERSION)]
)
def test_a_kill_on_either_side_of_the_batch(
    whole: tuple[str, Path], moment: str, version: int
) -> None:
    engine, folder = whole
    done = subprocess.run([sys.executable, "-c", WRITER, str(folder), engine, moment], check=False)
    assert done.returncode == -signal.SIGKILL
    require_goes_on(engine, folder, version)


@pytest.mark.parametrize("percent", [1, 30, 60, 99])
def test_a_batch_of_which_a_part_reached_the_disk(
    whole: tuple[str, Path], percent: int, tmp_path: Path
) -> None:
    """Power is lost while the engine writes its log: the whole step is gone, and is made again."""
    engine, folder = whole
    store = open_store(folder, engine)
    (log,) = (folder / engine).glob("*.log")
    before = log.stat().st_size
    add(BlockStore(store, "cut", pruning=RULES), parts_at(LAST_WHOLE + 1))
    after = log.stat().st_size
    copied = shutil.copytree(folder, tmp_path / "cut", ignore=shutil.ignore_patterns("LOCK"))
    store.close()
    assert after > before + 100
    with (copied / engine / log.name).open("r+b") as file:
        file.truncate(before + (after - before) * percent // 100)
    require_goes_on(engine, copied, SCHEMA_VERSION)


def test_a_release_that_knows_the_old_layout_alone_refuses_the_new_one(
    whole: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, folder = whole
    store = open_store(folder, engine)
    add(BlockStore(store, "newer", pruning=RULES), parts_at(LAST_WHOLE + 1))
    monkeypatch.setattr(block_store, "_PARTIAL_VERSION", block_store._WHOLE_VERSION)
    with pytest.raises(LocalError, match="has format 3, this release"):
        BlockStore(store, "older")
    store.close()


def test_a_label_that_lags_behind_the_database_is_put_right_by_the_start(tmp_path: Path) -> None:
    """Killed between the batch and the label: what the database says counts."""
    (tmp_path / "chain").mkdir()
    state, keys = AppliedChain().state, [DOCUMENT.validators.validators[0].public_key]
    LabelKeeper(tmp_path, None, DOCUMENT, keys).start(state, 1, SCHEMA_VERSION)
    label = require_openable(tmp_path, DOCUMENT, keys)
    LabelKeeper(tmp_path, label, DOCUMENT, keys).start(state, 1, PARTIAL_SCHEMA_VERSION)
    found = json.loads((tmp_path / FILE).read_bytes())
    assert found["store"] == PARTIAL_SCHEMA_VERSION
