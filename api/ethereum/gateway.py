"""What the Ethereum methods of one server keep between calls: filters, and what recent blocks hold.

A filter is a cursor into the chain, not a queue: one that is never read costs nothing but its
place, and the one that was read longest ago goes when places run out.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import orjson

from api.encoding import hex_of
from api.errors import LIMIT_EXCEEDED, REFUSED, RpcError, invalid_params
from api.ethereum import blocks, results
from api.ethereum.blocks import Summary
from api.ethereum.forms import PENDING, BlockId, LogFilter
from api.ethereum.logs import EVERY_LOG, Criteria, Emitted, emitted
from api.ethereum.recent import Recent
from api.held_blocks import require_held
from api.ports import CommittedBlock, NodePort
from api.slow_readers import SlowReaderError

MAX_FILTERS: Final = 1_024
FILTER_LIFETIME_S: Final = 300.0
"""A filter that nobody reads for so long is forgotten, as geth does."""
MAX_LOG_BLOCKS: Final = 2_000
"""That one call may look through."""
MAX_LOG_TRANSACTIONS: Final = 50_000
"""Of all those blocks, about a second of work, in which other calls get their turn."""
MAX_LOGS: Final = 10_000
MAX_BLOCK_HASHES: Final = 2_000
MAX_SUMMARIES: Final = 512
MAX_COUNTS: Final = 4_096
MAX_HEADS: Final = 32
MAX_WHOLE: Final = 4
"""Blocks kept with every transaction, every receipt and every log, encoded: libraries ask for the
last one again and again while they wait. A full one takes 4 MB."""
MAX_BEHIND: Final = 1_024
"""Blocks that a subscriber may be behind the head; Ethereum's subscriptions have no cursor, so one
that cannot follow is disconnected and reads what it missed by eth_getLogs."""
RECENT_BLOCKS: Final = 8
"""Below the head that the node holds decoded."""
BREATH_TRANSACTIONS: Final = 200
"""After so many shown at once, other work of the loop gets its turn."""
REST_AFTER_S: Final = 0.002
"""Of looking for logs without a rest."""
_ID_BYTES: Final = 15


async def _unhurried(found: CommittedBlock) -> AsyncGenerator[int, None]:
    """Positions of a block's transactions, with rests for the rest of the node."""
    for index in range(len(found.block.transactions)):
        if index and index % BREATH_TRANSACTIONS == 0:
            await asyncio.sleep(0)
        yield index


@dataclass(slots=True)
class _Filter:
    """wanted: a LogFilter, "blocks" or "pending". cursor: next height, or place among pending."""

    wanted: LogFilter | str
    cursor: int
    read_s: float


class Gateway:
    """One for a server. Every method answers from the node as it is now."""

    def __init__(
        self,
        node: NodePort,
        clock_s: Callable[[], float] = time.monotonic,
        max_log_blocks: int = MAX_LOG_BLOCKS,
        max_filters: int = MAX_FILTERS,
    ) -> None:
        self._node = node
        self._clock_s = clock_s
        self._max_log_blocks = max_log_blocks
        self._max_filters = max_filters
        self._summaries: Recent[Summary] = Recent(MAX_SUMMARIES)
        self._counts: Recent[int] = Recent(MAX_COUNTS)
        self._heads: Recent[bytes] = Recent(MAX_HEADS)
        self._whole: Recent[bytes] = Recent(MAX_WHOLE)
        self._receipts: Recent[bytes] = Recent(MAX_WHOLE)
        self._block_logs: Recent[list[tuple[Emitted, bytes]]] = Recent(MAX_WHOLE)
        self._filters: dict[str, _Filter] = {}
        self._scanning = asyncio.Lock()

    # Blocks

    def height_of(self, block: BlockId) -> int | None:
        """Height of a block that a caller named; None for an unknown hash or one to come. Whether
        the node still holds the block is for require_held() to say."""
        head = self._node.height()
        if isinstance(block, bytes):
            return self._node.height_of_block(block)
        if isinstance(block, int):
            return block if block <= head else None
        return head

    def require_head(self, block: BlockId) -> None:
        """RpcError unless the block is the last committed one: older state is not kept."""
        height = self.height_of(block)
        if height is None:
            raise RpcError(REFUSED, "header not found")
        if height != self._node.height():
            raise RpcError(
                REFUSED,
                f"historical state of block {height} is not available: this node keeps that of "
                'the last block, ask for "latest"',
            )

    def summary(self, found: CommittedBlock) -> Summary:
        """Counts and bloom of a block's logs, made once while it is recent."""
        height = found.block.height
        return self._summaries.get(height) or self._summaries.put(height, blocks.summarise(found))

    def summary_at(self, height: int) -> Summary:
        """The same, reading the block only when it is not recent; it has to exist. RpcError when
        it was removed."""
        known = self._summaries.get(height)
        if known is not None:
            return known
        found = self._held(height)
        return blocks.EMPTY if found is None else self.summary(found)

    def _held(self, height: int) -> CommittedBlock | None:
        """The block of a height from 1 on; RpcError when it was removed."""
        found = self._node.block(height)
        if found is None:
            require_held(self._node, height)
        return found

    async def transaction_counts(self, first: int, count: int) -> list[int]:
        """How many transactions each of these blocks holds; genesis holds none.

        Old blocks have to be decoded for it, so this rests as a look for logs does.
        """
        found: list[int] = []
        async with self._scanning:
            began_s = self._clock_s()
            for height in range(first, first + count):
                found.append(self._transaction_count(height))
                if (worked_s := self._clock_s() - began_s) >= REST_AFTER_S:
                    await asyncio.sleep(worked_s)
                    began_s = self._clock_s()
        return found

    def _transaction_count(self, height: int) -> int:
        known = self._counts.get(height)
        if known is not None or not height:
            return known or 0
        block = self._node.compact_block(height)
        if block is None:
            require_held(self._node, height)
            return 0
        return self._counts.put(height, len(block.transaction_hashes))

    def transaction_count(self, height: int) -> int:
        """How many transactions a committed block holds; RpcError when it was removed."""
        return self._transaction_count(height)

    async def block(self, block: BlockId, *, full: bool) -> Any:
        """A block in Ethereum's form, as a value or encoded; None when there is none."""
        height = self.height_of(block)
        if height is None:
            return None
        if height == 0:
            return blocks.genesis_block(self._node.genesis_header())
        if (known := self._whole.get(height)) is not None and full:
            return orjson.Fragment(known)
        found = self._held(height)
        if found is None:
            return None
        summary = self.summary(found)
        if not full:
            return blocks.block(found, summary, blocks.hashes(found))
        whole = [blocks.transaction_at(found, index) async for index in _unhurried(found)]
        encoded = orjson.dumps(blocks.block(found, summary, whole))
        return orjson.Fragment(self._whole.put(height, encoded))

    async def receipts(self, block: BlockId) -> Any:
        """Every receipt of a block, as a value or encoded; None when there is no such block."""
        height = self.height_of(block)
        if not height:
            return None if height is None else []
        if (known := self._receipts.get(height)) is not None:
            return orjson.Fragment(known)
        found = self._held(height)
        if found is None:
            return None
        summary = self.summary(found)
        every = [blocks.receipt_at(found, summary, index) async for index in _unhurried(found)]
        return orjson.Fragment(self._receipts.put(height, orjson.dumps(every)))

    def head(self, height: int) -> results.Header | None:
        """A block's header."""
        header = self._node.header(height)
        return None if header is None else blocks.header(header, self.summary_at(height))

    # Logs

    async def logs(self, wanted: LogFilter) -> list[results.Log]:
        """Every log that the filter asks for; RpcError beyond the limits of a call."""
        if wanted.block_hash is not None:
            height = self._node.height_of_block(wanted.block_hash)
            if height is None:
                raise RpcError(REFUSED, "unknown block")
            return await self._read(wanted.criteria, height, height)
        head = self._node.height()
        first = wanted.first if isinstance(wanted.first, int) else head
        last = min(wanted.last, head) if isinstance(wanted.last, int) else head
        if isinstance(wanted.last, int) and first > wanted.last:
            raise invalid_params(
                f"invalid block range params: fromBlock {first} is above toBlock {wanted.last}"
            )
        return await self._read(wanted.criteria, first, last)

    async def _read(self, criteria: Criteria, first: int, last: int) -> list[results.Log]:
        if last - first >= self._max_log_blocks:
            raise RpcError(
                LIMIT_EXCEEDED,
                f"block range is too large: {last - first + 1} blocks from {first} on, at most "
                f"{self._max_log_blocks} are looked through in one call",
            )
        found, following, limit = await self._scan(criteria, first, last)
        if limit:
            raise RpcError(
                LIMIT_EXCEEDED,
                f"{limit} in blocks {first} to {following - 1}: ask for fewer blocks",
            )
        return found

    async def _scan(
        self, criteria: Criteria, first: int, last: int
    ) -> tuple[list[results.Log], int, str]:
        """Logs, the height after the last block looked at, and which limit ended it early. One
        block alone is always read whole.

        One call scans at a time, and rests as long as it worked, so that however many ask, half of
        the node's time is left for everything else.
        """
        if criteria.never:
            return [], last + 1, ""
        async with self._scanning:
            return await self._scan_alone(criteria, first, last)

    async def _scan_alone(
        self, criteria: Criteria, first: int, last: int
    ) -> tuple[list[results.Log], int, str]:
        found: list[results.Log] = []
        looked_through, began_s = 0, self._clock_s()
        for height in range(max(1, first), last + 1):
            summary = self.summary_at(height)
            looked_through += len(summary.first_logs)
            if criteria.may_be_in(summary.bloom):
                found += self._logs_at(height, criteria)
            if height < last and len(found) > MAX_LOGS:
                return found, height + 1, f"query returned more than {MAX_LOGS} results"
            if height < last and looked_through > MAX_LOG_TRANSACTIONS:
                return found, height + 1, f"there are more than {MAX_LOG_TRANSACTIONS} transactions"
            if (worked_s := self._clock_s() - began_s) >= REST_AFTER_S:
                await asyncio.sleep(worked_s)
                began_s = self._clock_s()
        return found, last + 1, ""

    def _logs_at(self, height: int, criteria: Criteria) -> list[results.Log]:
        found = self._held(height)
        if found is None:
            return []
        return list(blocks.block_logs(found, self.summary(found), criteria))

    def _encoded_logs(self, height: int) -> list[tuple[Emitted, bytes]]:
        """Every log of a block, with its JSON."""
        known = self._block_logs.get(height)
        found = self._node.block(height) if known is None else None
        if found is None:
            return known or []
        placed = blocks.block_logs(found, self.summary(found), EVERY_LOG)
        events = chain((item.events for item in found.receipts), (found.hook_events,))
        every = [log for group in events for log in emitted(group)]
        pairs = [(log, orjson.dumps(item)) for log, item in zip(every, placed, strict=True)]
        return self._block_logs.put(height, pairs)

    # Filters

    def new_filter(self, wanted: LogFilter | str) -> str:
        """Begin to collect: logs, "blocks" or "pending"; the filter's id."""
        now_s = self._clock_s()
        for name in [n for n, f in self._filters.items() if now_s - f.read_s > FILTER_LIFETIME_S]:
            del self._filters[name]
        if len(self._filters) >= self._max_filters:
            del self._filters[min(self._filters, key=lambda name: self._filters[name].read_s)]
        cursor = self._node.height() + 1
        if wanted == PENDING:
            cursor = self._node.pending_position()
        elif isinstance(wanted, LogFilter) and isinstance(wanted.first, int):
            cursor = max(cursor, wanted.first)
        # Not to be guessed: whoever knows it may read and end the filter.
        name = f"0x{secrets.randbits(8 * _ID_BYTES) | 1 << (8 * _ID_BYTES):x}"
        self._filters[name] = _Filter(wanted, cursor, now_s)
        return name

    def uninstall(self, name: str) -> bool:
        """Forget a filter; False when there is none of this id."""
        return self._filters.pop(name, None) is not None

    async def changes(self, name: str) -> list[Any]:
        """What came since the last call: logs or hashes; at most a call's worth, the rest next
        time."""
        known = self._known(name)
        if known.wanted == PENDING:
            hashes = self._node.pending_since(known.cursor)
            known.cursor = self._node.pending_position()
            return [hex_of(item) for item in hashes]
        head, first = self._node.height(), known.cursor
        if isinstance(known.wanted, LogFilter):
            last = min(head, first + self._max_log_blocks - 1)
            if isinstance(known.wanted.last, int):
                last = min(last, known.wanted.last)
            known.cursor = max(first, last + 1)
            found, following, _ = await self._scan(known.wanted.criteria, first, last)
            known.cursor = max(first, following)
            return found
        last = min(head, first + MAX_BLOCK_HASHES - 1)
        known.cursor = max(first, last + 1)
        return [self._block_hash(height) for height in range(first, last + 1)]

    async def filter_logs(self, name: str) -> list[results.Log]:
        """Every log of a log filter's whole range."""
        known = self._known(name)
        if not isinstance(known.wanted, LogFilter):
            raise RpcError(REFUSED, "filter not found: it is no filter for logs")
        return await self.logs(known.wanted)

    def _known(self, name: str) -> _Filter:
        known = self._filters.get(name)
        now_s = self._clock_s()
        if known is None or now_s - known.read_s > FILTER_LIFETIME_S:
            self._filters.pop(name, None)
            raise RpcError(REFUSED, "filter not found")
        known.read_s = now_s
        return known

    def _block_hash(self, height: int) -> str:
        header = self._node.header(height)
        return "" if header is None else hex_of(header.hash)

    # Feeds of subscriptions, each result encoded

    async def follow_heads(self) -> AsyncGenerator[bytes, None]:
        """The header of each block from the next one on, encoded once for all subscribers."""
        height = self._node.height() + 1
        while True:
            await self._following(height)
            known = self._heads.get(height)
            if known is None:
                known = self._heads.put(height, orjson.dumps(self.head(height)))
            yield known
            height += 1

    async def _following(self, height: int) -> None:
        """Wait until `height` is committed; SlowReaderError when it is too far behind, and a rest
        before a block that has to be read from disk."""
        await self._node.wait_for_height(height)
        behind = self._node.height() - height
        if behind > MAX_BEHIND:
            raise SlowReaderError(f"reader too slow: {behind} blocks behind")
        if behind >= RECENT_BLOCKS and self._summaries.get(height) is None:
            async with self._scanning:
                began_s = self._clock_s()
                self.summary_at(height)
                await asyncio.sleep(self._clock_s() - began_s)

    async def follow_logs(self, criteria: Criteria) -> AsyncGenerator[bytes, None]:
        """The wanted logs of each block from the next one on, encoded once for all subscribers."""
        height = self._node.height() + 1
        while True:
            await self._following(height)
            if not criteria.never and criteria.may_be_in(self.summary_at(height).bloom):
                for log, encoded in self._encoded_logs(height):
                    if criteria.matches(log):
                        yield encoded
            height += 1

    async def follow_pending(self, *, full: bool) -> AsyncGenerator[bytes, None]:
        """What enters the mempool from now on: hashes, or whole transactions."""
        position = self._node.pending_position()
        while True:
            await self._node.wait_for_pending(position)
            hashes: Sequence[bytes] = self._node.pending_since(position)
            position = self._node.pending_position()
            for item in hashes:
                if not full:
                    yield orjson.dumps(hex_of(item))
                elif (known := self._node.transaction(item)) is not None:
                    yield orjson.dumps(blocks.transaction(known.transaction, None))
