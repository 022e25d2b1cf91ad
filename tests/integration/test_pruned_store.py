"""Under a steady load the files of a pruned node stay bounded, next to an archive's that grow."""

from pathlib import Path

import pytest

from node.store.block_store import TRANSACTION_ROW_BYTES, BlockParts, BlockStore
from node.store.pruning import Compactor, PruningRules
from node.store.stores import installed_engines, open_store
from tests.support.old_blocks import add, parts_at

pytestmark = pytest.mark.timeout(300)

KEEP = 60
HEIGHTS = 900
LOOKS = 9
TRANSACTIONS = 40
WRITE_BUFFER_BYTES = 256 * 1024


def block_at(height: int) -> BlockParts:
    return parts_at(height, transactions=TRANSACTIONS, transaction_bytes=300)


def sizes(folder: Path, engine: str, rules: PruningRules | None) -> list[int]:
    """Bytes of the files after each of LOOKS parts of a steady load. In between the store is opened
    anew: then no file is left that a compaction has replaced already."""
    failures: list[BaseException] = []
    found = []
    for part in range(LOOKS):
        store = open_store(folder, engine, write_buffer_bytes=WRITE_BUFFER_BYTES)
        found.append(store.size_bytes())
        blocks = BlockStore(store, engine, pruning=rules)
        compactor = Compactor(blocks, failures.append, threshold_bytes=500_000)
        first = part * HEIGHTS // LOOKS + 1
        for height in range(first, first + HEIGHTS // LOOKS):
            add(blocks, block_at(height))
            compactor.look()
        compactor.stop()
        store.close()
    assert failures == []
    return found


@pytest.mark.parametrize("engine", installed_engines())
def test_sizes_flatten_while_those_of_an_archive_grow(engine: str, tmp_path: Path) -> None:
    archive = sizes(tmp_path / "archive", engine, None)
    pruned = sizes(tmp_path / "pruned", engine, PruningRules(keep_blocks=KEEP))
    parts = block_at(1)
    by_hash = TRANSACTIONS * TRANSACTION_ROW_BYTES
    kept = KEEP * (len(parts.block) + len(parts.certificate) + len(parts.receipts) + by_hash)
    assert archive[-1] > 3 * archive[2], "the load is steady"
    assert archive[-1] > 4 * max(pruned[-3:])
    assert max(pruned) < 4 * kept + 8 * WRITE_BUFFER_BYTES, (pruned, kept)
    early, late = pruned[2:5], pruned[-4:]
    assert max(late) < 1.5 * max(early), (early, late)
