"""Makes snapshots of a running node: every so many blocks, and when its operator wants one."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from api.admin_ports import SnapshotOutcome, Snapshots
from ledger.errors import LocalError
from ledger.primitives import Hash
from node.snapshots.making import Making, SnapshotMaker
from node.snapshots.shelf import Shelf
from node.store.block_store import BlockStore

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
        self._making: SnapshotMaker | None = None
        self._made = Making(0, 0)
        self._last: SnapshotOutcome | None = None

    def on_block(self, height: int) -> None:
        """Begin a snapshot when this block is one of those, unless one is being made."""
        if self._every_blocks > 0 and height % self._every_blocks == 0:
            self.begin(height)

    def begin(self, height: int) -> None:
        """Begin one of the head, which is block `height`, unless one is being made or there is one
        of it."""
        if self._making is not None:
            return
        path = self._shelf.path_of(height)
        if path.exists():
            self._last = SnapshotOutcome(height, str(path.absolute()), None)
            return
        # Here and now: the view of the store has to be that after this block.
        self._making = maker = SnapshotMaker(self._blocks, *self._chain, path)
        self._made = Making(0, 0)
        self._spawn(self._make(maker))

    def state(self) -> Snapshots:
        """What is being made, and what became of the last one."""
        making = None if self._making is None else self._making.height
        return Snapshots(making, self._made.done, self._made.whole, self._last)

    async def _make(self, maker: SnapshotMaker) -> None:
        """A disk that refuses costs the snapshot and not the node."""
        started_s = time.monotonic()
        outcome = SnapshotOutcome(maker.height, None, "the node was stopped")
        try:
            before_s = time.perf_counter()
            for made in maker.steps():
                self._made = made
                await asyncio.sleep(REST * (time.perf_counter() - before_s))
                before_s = time.perf_counter()
            await asyncio.to_thread(maker.finish)
            self._shelf.tidy()
            outcome = SnapshotOutcome(maker.height, str(maker.out.absolute()), None)
        except LocalError as error:
            outcome = SnapshotOutcome(maker.height, None, str(error))
            log.error("snapshot.not_made", height=maker.height, reason=outcome.problem)
        finally:
            if outcome.problem is not None:
                maker.abandon()
            self._last, self._making = outcome, None
        if outcome.problem is None:
            log.info(
                "snapshot.made",
                height=maker.height,
                bytes=maker.out.stat().st_size,
                seconds=round(time.monotonic() - started_s, 1),
            )
