"""Makes snapshots of a running node: every so many blocks, and when its operator wants one."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import structlog

from ledger.errors import LocalError
from ledger.primitives import Hash
from node.block_store import BlockStore
from node.snapshots.making import SnapshotMaker
from node.snapshots.shelf import WANTED_FILE, Shelf

REST: Final = 3
"""Times a step's own duration that the loop is left to everything else after it: making takes a
quarter of one core at most."""

log = structlog.get_logger(__name__)


class SnapshotKeeper:
    """Tell it of each block once the block is the head."""

    def __init__(
        self,
        shelf: Shelf,
        blocks: BlockStore,
        chain_id: int,
        genesis_hash: Hash,
        bucket_count: int,
        *,
        every_blocks: int,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """every_blocks: 0 for none but those that are asked for. spawn: runs a task until the node
        stops."""
        self._shelf = shelf
        self._blocks = blocks
        self._chain = chain_id, genesis_hash, bucket_count
        self._every_blocks = every_blocks
        self._spawn = spawn
        self._is_making = False

    def on_block(self, height: int) -> None:
        """Begin a snapshot when this block is one of those, unless one is being made."""
        wanted = self._shelf.folder / WANTED_FILE
        is_due = self._every_blocks > 0 and height % self._every_blocks == 0
        if self._is_making or not (is_due or wanted.exists()):
            return
        wanted.unlink(missing_ok=True)
        path = self._shelf.path_of(height)
        if not path.exists():
            self._is_making = True
            # Here and now: the view of the store has to be that after this block.
            self._spawn(self._make(SnapshotMaker(self._blocks, *self._chain, path)))

    async def _make(self, maker: SnapshotMaker) -> None:
        """A disk that refuses costs the snapshot and not the node."""
        started_s = time.monotonic()
        done = False
        try:
            before_s = time.perf_counter()
            for _ in maker.steps():
                await asyncio.sleep(REST * (time.perf_counter() - before_s))
                before_s = time.perf_counter()
            await asyncio.to_thread(maker.finish)
            self._shelf.tidy()
            done = True
        except LocalError as error:
            log.error("snapshot.not_made", height=maker.height, reason=str(error))
        finally:
            if not done:
                maker.abandon()
            self._is_making = False
        if done:
            log.info(
                "snapshot.made",
                height=maker.height,
                bytes=maker.out.stat().st_size,
                seconds=round(time.monotonic() - started_s, 1),
            )


def want(folder: Path) -> None:
    """Ask the running node of this folder for a snapshot of its next block."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WANTED_FILE).touch()
