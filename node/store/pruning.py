"""Which old blocks a node removes, and when what they took on disk is given back.

A block goes in the batch of a later one (block_store), so a kill leaves all of it or nothing.
The engine only marks its rows as deleted; the files shrink when the ranges of their keys are
compacted, which a thread does, a piece at a time (docs/adr/0023).
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from consensus.chain import RECENT_HEIGHTS
from ledger.errors import LocalError, ensure

LEAST_KEPT_BLOCKS: Final = 2_000
"""That a configuration may ask for: a peer that restarts, a subscriber and a filter that are a
little behind (api.ethereum.gateway.MAX_BEHIND) still find what they need."""
REMOVED_A_BLOCK: Final = 16
"""Old blocks that go with each new one at most, so that an old archive catches up."""
REMOVED_BYTES: Final = 512 * 1024
"""Of old blocks read for it: one more goes only below this, and one always goes."""
COMPACTED_BYTES: Final = 64 * 1024 * 1024
"""Removed since the last compaction, after which there is another."""
DAY_MS: Final = 86_400_000

log = structlog.get_logger(__name__)

Range = tuple[bytes, bytes]
"""First key, and the key after the last."""


@dataclass(frozen=True, slots=True)
class PruningRules:
    """Which blocks are kept at least; without any rule all of them.

    keep_blocks: so many newest. keep_days: those of the last so many days of block time, and
    LEAST_KEPT_BLOCKS in any case. With both a block goes when neither wants it.
    """

    keep_blocks: int = 0
    keep_days: int = 0

    def __post_init__(self) -> None:
        ensure(
            self.keep_blocks == 0 or self.keep_blocks >= RECENT_HEIGHTS,
            f"keep_blocks is {self.keep_blocks}, consensus needs {RECENT_HEIGHTS} heights",
        )
        ensure(self.keep_days >= 0, f"keep_days is {self.keep_days}")

    @property
    def removes(self) -> bool:
        """False for an archive."""
        return self.keep_blocks > 0 or self.keep_days > 0

    def highest_removable(self, head: int) -> int:
        """The highest block that the number of blocks allows to remove once `head` is committed."""
        return head - (self.keep_blocks or LEAST_KEPT_BLOCKS) if self.removes else 0

    def is_old(self, time_ms: int, head_time_ms: int) -> bool:
        """Whether a block of this time may go by its age; block times, ms since 1970."""
        return self.keep_days == 0 or time_ms < head_time_ms - self.keep_days * DAY_MS


@dataclass(frozen=True, slots=True)
class Removal:
    """What a batch removes: `lowest` is the lowest height afterwards, row_bytes what it took."""

    lowest: int
    row_bytes: int


class Compactable(Protocol):
    """Who has removed rows; node.store.block_store.BlockStore."""

    @property
    def removed_bytes(self) -> int:
        """Of rows removed since start; None of it counts twice."""

    def removed_ranges(self) -> list[Range]:
        """Keys of which nothing, or next to nothing, is left."""

    def compact(self, start: bytes, stop: bytes) -> None:
        """Give back what removed rows between two keys took; may take seconds."""


class Compactor:
    """Compacts in a thread of its own; one call at a time. Reads and writes go on meanwhile."""

    def __init__(
        self,
        blocks: Compactable,
        on_failure: Callable[[BaseException], object],
        threshold_bytes: int = COMPACTED_BYTES,
    ) -> None:
        """on_failure: told, in the thread, of an error of the engine."""
        self._blocks = blocks
        self._on_failure = on_failure
        self._threshold_bytes = threshold_bytes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compaction")
        self._running: Future[None] | None = None
        self._done_bytes = 0

    def look(self) -> None:
        """A block was committed: begin when enough has been removed and nothing runs."""
        removed = self._blocks.removed_bytes
        if removed - self._done_bytes < self._threshold_bytes or self.is_running:
            return
        self._done_bytes = removed
        self._running = self._thread.submit(self._compact, self._blocks.removed_ranges())

    @property
    def is_running(self) -> bool:
        """Whether the thread is at work."""
        return self._running is not None and not self._running.done()

    def stop(self) -> None:
        """Wait until the running call is over: the store must not be closed before."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _compact(self, ranges: list[Range]) -> None:
        for start, stop in ranges:
            try:
                self._blocks.compact(start, stop)
            except LocalError as error:
                log.error("pruning.compaction_failed", reason=str(error))
                self._on_failure(error)
                return
