"""Reads the blocks of a running node and writes them to a database, until told to stop.

Blocks come by one subscription, which is a cursor: the node sends the next when this side has taken
the last. What is read and not written is bounded by rows; reading goes on while a batch is written.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Final

from api import calls
from api.client import Client, NodeError, UnreachableError
from api.held_blocks import lowest_of
from ledger.errors import LocalError
from node.sqlindex.database import ChainName, Cursor, IndexDatabase
from node.sqlindex.links import check_block
from node.sqlindex.rows import BlockRows, rows_of, zone_rows

MAX_WAITING_ROWS: Final = 20_000
"""Read and not yet written; reading rests beyond it. One block has at most a few times 10,000."""
MAX_WAITING_BLOCKS: Final = 1_000
RETRY_MIN_S: Final = 1.0
RETRY_MAX_S: Final = 30.0
"""Between two looks for a node that is away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where it stands after a batch. blocks, transactions: written in this run. target_height: the
    node's height at the start. away: why the node is not read at the moment, empty while it is."""

    cursor: Cursor
    blocks: int
    transactions: int
    target_height: int
    seconds: float
    away: str = ""


Told = Callable[[Standing], None]


class Follower:
    """One run of one database behind one node."""

    def __init__(
        self,
        client: Client,
        database: IndexDatabase,
        *,
        first_height: int | None = None,
        until_head: bool = False,
        told: Told = lambda _: None,
    ) -> None:
        """first_height: where an empty database begins, 1 by default. until_head: end at the
        height that the node has at the start, instead of going on with new blocks."""
        self._client = client
        self._database = database
        self._first_height = first_height
        self._until_head = until_head
        self._told = told
        self._waiting = _Waiting()
        self._reader: asyncio.Task[None] | None = None
        self._blocks = 0
        self._transactions = 0

    def stop(self) -> None:
        """End after what has been read is written."""
        if self._reader is not None:
            self._reader.cancel()
        self._waiting.close()

    async def run(self) -> Standing:
        """Follow until stop(), or until the head.

        LocalError, with nothing of the wrong chain written, when node and database do not fit each
        other, or the database refuses; ClientError when the node does and until_head is set.
        """
        self._started_s = monotonic()
        self._cursor = await self._opened()
        self._tell()
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(lambda _: self._waiting.close())
        try:
            while batch := await self._waiting.take():
                self._cursor = await asyncio.to_thread(self._database.write, batch)
                self._blocks += len(batch)
                self._transactions += sum(block.transactions for block in batch)
                self._tell()
        finally:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if not self._reader.cancelled():
            self._reader.result()
        return self._standing()

    async def _opened(self) -> Cursor:
        """The cursor of a database that fits the node; an empty one is made."""
        status = await self._client.call(calls.status())
        chain = ChainName(status["chain_id"], status["genesis_hash"])
        self._genesis_hash, self._target_height = status["genesis_hash"], status["height"]
        found = await asyncio.to_thread(self._database.find, chain, self._first_height)
        if found is None:
            first = 1 if self._first_height is None else self._first_height
            self._require_held(first, lowest_of(status))
            zones = zone_rows(await self._client.call(calls.get_zones()))
            return await asyncio.to_thread(self._database.create, chain, first, zones)
        lowest = lowest_of(status)
        self._require_held(found.height + 1, lowest)
        if found.block_hash is not None and lowest <= found.height <= status["height"]:
            block = await self._client.call(calls.get_block(found.height, "none"))
            if block is not None and block["hash"] != found.block_hash:
                raise LocalError(
                    f"block {found.height} of the node is {block['hash']}, the one in "
                    f"{self._database.name} is {found.block_hash}: one of them is not of this "
                    "chain; compare with another node"
                )
        return found

    def _require_held(self, first: int, lowest: int) -> None:
        if first < lowest:
            raise LocalError(
                f"{self._database.name} needs block {first} next and the node at "
                f"{self._client.url} holds blocks from {lowest} on: name one that keeps all of "
                f"them with --rpc, or begin an empty database with --from {lowest}"
            )

    async def _read(self) -> None:
        height, parent_hash = self._cursor.height + 1, self._cursor.block_hash
        if height == 1:
            parent_hash = self._genesis_hash
        delay_s = RETRY_MIN_S
        while not (self._until_head and height > self._target_height):
            try:
                async with aclosing(self._client.blocks(height, "full")) as blocks:
                    async for block in blocks:
                        check_block(block, height, parent_hash)
                        await self._waiting.put(rows_of(block))
                        height, parent_hash = height + 1, block["hash"]
                        delay_s = RETRY_MIN_S
                        if self._until_head and height > self._target_height:
                            return
            except UnreachableError as error:
                if self._until_head:
                    raise
                self._tell(str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_MAX_S)
            except NodeError as error:
                raise LocalError(
                    f"the node at {self._client.url} does not give block {height}: "
                    f"{error.message}; name one that holds it, or begin later with --from"
                ) from error

    def _standing(self, away: str = "") -> Standing:
        return Standing(
            self._cursor,
            self._blocks,
            self._transactions,
            self._target_height,
            monotonic() - self._started_s,
            away,
        )

    def _tell(self, away: str = "") -> None:
        self._told(self._standing(away))


class _Waiting:
    """Blocks that are read and not written; one task puts, one takes."""

    def __init__(self) -> None:
        self._blocks: list[BlockRows] = []
        self._rows = 0
        self._is_closed = False
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()

    async def put(self, block: BlockRows) -> None:
        """Waits while too much waits already."""
        while self._rows >= MAX_WAITING_ROWS or len(self._blocks) >= MAX_WAITING_BLOCKS:
            self._taken.clear()
            await self._taken.wait()
        self._blocks.append(block)
        self._rows += block.row_count
        self._arrived.set()

    async def take(self) -> list[BlockRows]:
        """Everything that waits, at least one block; nothing once closed and empty."""
        while not self._blocks and not self._is_closed:
            self._arrived.clear()
            await self._arrived.wait()
        taken, self._blocks, self._rows = self._blocks, [], 0
        self._taken.set()
        return taken

    def close(self) -> None:
        """Let take() end when nothing is left."""
        self._is_closed = True
        self._arrived.set()
