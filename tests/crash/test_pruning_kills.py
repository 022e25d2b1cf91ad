"""A node that is killed while it removes blocks has removed each of them whole or not at all."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.store.block_store import BlockStore
from node.store.pruning import PruningRules
from node.store.stores import installed_engines, open_store
from tests.support.old_blocks import add, assert_exactly, parts_at

pytestmark = pytest.mark.timeout(120)

KEEP = 40
ROUNDS = 6
WRITER = """
import sys
from pathlib import Path
from node.store.block_store import BlockStore
from node.store.pruning import Compactor, PruningRules
from node.store.stores import open_store
from tests.support.old_blocks import add, parts_at

store = open_store(Path(sys.argv[1]), sys.argv[2], write_buffer_bytes=2**16)
blocks = BlockStore(store, "killed", pruning=PruningRules(keep_blocks=int(sys.argv[3])))
compactor = Compactor(blocks, print, threshold_bytes=20_000)
print("begun", flush=True)
while True:
    head = blocks.head()
    add(blocks, parts_at(1 if head is None else head.height + 1))
    compactor.look()
    print(blocks.head().height, flush=True)
"""


@pytest.mark.parametrize("engine", installed_engines())
def test_a_kill_leaves_no_block_half_removed(engine: str, tmp_path: Path) -> None:
    """Compaction in its thread included. First an archive, so that the removal catches up."""
    archive = open_store(tmp_path, engine)
    add(BlockStore(archive, "archive"), *(parts_at(height) for height in range(1, 201)))
    archive.close()
    chosen = random.Random(7)
    before = 200
    for _ in range(ROUNDS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), engine, str(KEEP)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        told = 0
        for _ in range(chosen.randint(3, 60)):
            line = writer.stdout.readline().strip()
            told = told if line == "begun" else int(line)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        store = open_store(tmp_path, engine)
        blocks = BlockStore(store, "survivor", pruning=PruningRules(keep_blocks=KEEP))
        head = blocks.head()
        assert head is not None
        assert head.height >= max(told, before), "what was told of is there"
        before = head.height
        assert_exactly(store, blocks)
        store.close()
    assert before > 201
    assert blocks.lowest_height > 1
