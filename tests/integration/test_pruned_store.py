"""Under a steady load the files of a pruned node stay bounded, next to an archive's that grow."""

from pathlib import Path

import pytest

from node.block_store import BlockStore
from node.pruning import Compactor, PruningRules
from node.stores import installed_engines, open_store
from tests.support.old_blocks import add, parts_at

pytestmark = pytest.mark.timeout(300)

KEEP = 60
HEIGHTS = 900
LOOKS = 9
SHAPE = {"transactions": 40, "transaction_bytes": 300}
WRITE_BUFFER_BYTES = 256 * 1024


def sizes(folder: Path, engine: str, rules: PruningRules | None) -> list[int]:
    """Bytes of the files after each of LOOKS parts of a steady load."""
    store = open_store(folder, engine, write_buffer_bytes=WRITE_BUFFER_BYTES)
    blocks = BlockStore(store, engine, pruning=rules)
    failures: list[BaseException] = []
    compactor = Compactor(blocks, failures.append, threshold_bytes=500_000)
    found = []
    for part in range(LOOKS):
        first = part * HEIGHTS // LOOKS + 1
        for height in range(first, first + HEIGHTS // LOOKS):
            add(blocks, parts_at(height, **SHAPE))
            compactor.look()
        found.append(store.size_bytes())
    compactor.stop()
    assert failures == []
    store.close()
    return found


@pytest.mark.parametrize("engine", installed_engines())
def test_sizes_flatten_while_those_of_an_archive_grow(engine: str, tmp_path: Path) -> None:
    archive = sizes(tmp_path / "archive", engine, None)
    pruned = sizes(tmp_path / "pruned", engine, PruningRules(keep_blocks=KEEP))
    kept = KEEP * (len(parts_at(1, **SHAPE).block) + 40 * 40 + 40 * 25)
    # Files that a compaction is about to replace count twice: no size is exact to some percent.
    assert archive[-1] > 3 * archive[1], "the load is steady"
    assert archive[-1] > 4 * max(pruned[-3:])
    assert max(pruned) < 4 * kept + 8 * WRITE_BUFFER_BYTES, (pruned, kept)
    early, late = pruned[1:5], pruned[-4:]
    assert max(late) < 1.5 * max(early), (early, late)
