"""A running node's snapshots: one at a time, of the head, and a disk that refuses costs no node."""

import asyncio
from pathlib import Path

from api.admin_ports import SnapshotOutcome
from node.snapshots.keeping import SnapshotKeeper
from node.snapshots.shelf import Shelf
from tests.support.applied_chain import DOCUMENT, AppliedChain
from tests.support.ledger_chain import CHAIN_ID
from tests.support.snapshots import GENESIS, grown


class Keeping:
    """A keeper with its tasks."""

    def __init__(self, chain: AppliedChain, folder: Path, every_blocks: int = 0) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self.shelf = Shelf(folder, keep=2)
        self.shelf.tidy()
        self.keeper = SnapshotKeeper(
            self.shelf,
            chain.chain.blocks,
            CHAIN_ID,
            GENESIS.hash,
            DOCUMENT.bucket_count,
            every_blocks=every_blocks,
            spawn=lambda work: self.tasks.append(asyncio.ensure_future(work)),
        )

    async def done(self) -> SnapshotOutcome | None:
        await asyncio.gather(*self.tasks)
        assert self.keeper.state().making is None
        return self.keeper.state().last


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_one_is_made_at_a_time_and_none_twice(tmp_path: Path) -> None:
    keeping = Keeping(grown(3), tmp_path)
    assert keeping.keeper.state().last is None
    for _ in range(2):
        keeping.keeper.begin(3)
        assert keeping.keeper.state().making == 3
    file = keeping.shelf.path_of(3)
    assert await keeping.done() == SnapshotOutcome(3, str(file), None)
    keeping.keeper.begin(3)
    assert len(keeping.tasks) == 1
    assert [offer.height for offer in keeping.shelf.offers()] == [3]


async def test_every_so_many_blocks_one_begins_by_itself(tmp_path: Path) -> None:
    keeping = Keeping(grown(3), tmp_path, every_blocks=3)
    for height in (1, 2):
        keeping.keeper.on_block(height)
    assert keeping.tasks == []
    keeping.keeper.on_block(3)
    assert keeping.keeper.state().making == 3
    await keeping.done()


async def test_a_full_disk_costs_the_snapshot_and_not_the_node(tmp_path: Path) -> None:
    """What a full disk did not take is written once more when the file is closed."""
    keeping = Keeping(grown(3), tmp_path)
    unfinished = tmp_path / f"{keeping.shelf.path_of(3).name}.new"
    unfinished.symlink_to("/dev/full")
    keeping.keeper.begin(3)
    last = await keeping.done()
    assert last is not None
    assert last.file is None
    assert "the disk is full" in (last.problem or "")
    assert names(tmp_path) == []
    keeping.keeper.begin(3)
    last = await keeping.done()
    assert last is not None
    assert last.problem is None


async def test_a_node_that_stops_leaves_nothing_half_made(tmp_path: Path) -> None:
    keeping = Keeping(grown(3), tmp_path)
    keeping.keeper.begin(3)
    await asyncio.sleep(0)
    (task,) = keeping.tasks
    assert len(names(tmp_path)) == 2, "it has begun"
    task.cancel()
    await asyncio.wait([task])
    assert names(tmp_path) == []
