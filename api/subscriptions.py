"""Subscriptions of one WebSocket connection.

A subscription is a cursor: what comes next is read from the node when the reader has taken what
came before, so a slow reader holds up nothing and costs no queue. A client that follows blocks, or
what they record of governance, resumes where it was by subscribing from its own next height. Who
resumes far behind reads old blocks: one at a time for all clients of the node, which rests as long
as each took.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final, Literal, TypeVar

import orjson

from api.errors import INTERNAL_ERROR, LIMIT_EXCEEDED, RpcError
from api.governance_results import GovernanceEvents
from api.held_blocks import require_held
from api.ports import NodePort
from api.results import Detail
from api.slow_readers import SlowReaderError
from api.views import block_at, governance_events

T = TypeVar("T")

MAX_SUBSCRIPTIONS: Final = 16
"""Of one connection."""
MAX_CACHED_BLOCKS: Final = 32
"""Encoded blocks that the subscribers of a node share."""
RECENT_BLOCKS: Final = 8
"""Below the head that the node holds decoded; older ones have to be read and decoded."""
BREATHER_S: Final = 0.005
"""After so long without waiting for anything, a feed lets others have their turn."""
MAX_SILENT_HEIGHTS: Final = 1_000
"""Without an event, after which a subscriber to governance is told how far it is."""
BLOCK_NOTIFICATION: Final = "poyong_subscription"

Topic = Literal["blocks", "governance", "account"]

Send = Callable[..., Awaitable[None]]
"""Sends one frame, given in parts; returns when the connection can take another, raises
ConnectionError when it is gone."""


class EncodedBlocks:
    """Recent blocks as JSON, encoded once for all subscribers."""

    def __init__(self, node: NodePort) -> None:
        self._node = node
        self._recent: dict[tuple[int, Detail], bytes] = {}
        self._reading_old = asyncio.Lock()

    async def at(self, height: int, detail: Detail) -> bytes | None:
        """JSON of the block at `height`, or None when the node does not hold it."""
        key = (height, detail)
        encoded = self._recent.get(key)
        if encoded is not None:
            return encoded
        if height > self._node.height() - RECENT_BLOCKS:
            encoded = self._encode(height, detail)
            if encoded is not None:
                if len(self._recent) >= MAX_CACHED_BLOCKS:
                    del self._recent[next(iter(self._recent))]
                self._recent[key] = encoded
            return encoded
        return await self.unhurried(lambda: self._encode(height, detail))

    async def unhurried(self, read: Callable[[], T]) -> T:
        """Read an old block when nobody else does, and rest as long as it took."""
        async with self._reading_old:
            began_s = time.monotonic()
            found = read()
            await asyncio.sleep(time.monotonic() - began_s)
        return found

    def _encode(self, height: int, detail: Detail) -> bytes | None:
        block = block_at(self._node, height, detail)
        return None if block is None else orjson.dumps(block)


_BEFORE: Final = b'{"jsonrpc":"2.0","method":"%b","params":{"subscription":"%b","result":'
_AFTER: Final = b"}}"

Feed = AsyncGenerator[bytes, None]
"""Encoded results, one after the other; ends by RpcError when there can be no next one."""


class Subscriptions:
    """Feeds of one connection. A feed rests until start(), so that the answer that names it goes
    out before its first result."""

    def __init__(
        self,
        node: NodePort,
        blocks: EncodedBlocks,
        send: Send,
        give_up: Callable[[SlowReaderError], None],
        maximum: int = MAX_SUBSCRIPTIONS,
    ) -> None:
        """give_up: ends the connection whose reader cannot follow."""
        self._node = node
        self._blocks = blocks
        self._send = send
        self._give_up = give_up
        self._maximum = maximum
        self._created = 0
        self._resting: dict[str, tuple[str, Feed]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def subscribe(self, from_height: int | None, detail: Detail, topic: Topic = "blocks") -> str:
        """Follow blocks, or what they record of governance, from `from_height` (None: the next)."""
        start = self._node.height() + 1 if from_height is None else from_height
        feed = (
            self._follow_blocks(start, detail)
            if topic == "blocks"
            else self._follow_governance(start)
        )
        return self.follow(BLOCK_NOTIFICATION, feed)

    def follow(self, notification: str, feed: Feed) -> str:
        """Send what the feed gives as notifications of this name; its id on this connection."""
        if len(self._resting) + len(self._running) >= self._maximum:
            raise RpcError(
                LIMIT_EXCEEDED,
                f"this connection has {self._maximum} subscriptions, the most allowed: "
                f"end one with {notification.split('_', maxsplit=1)[0]}_unsubscribe",
            )
        self._created += 1
        subscription = hex(self._created)
        self._resting[subscription] = (notification, feed)
        return subscription

    def unsubscribe(self, subscription: str) -> bool:
        """End a feed; False when there is none of this id."""
        if self._resting.pop(subscription, None) is not None:
            return True
        task = self._running.pop(subscription, None)
        if task is not None:
            task.cancel()
        return task is not None

    def start(self) -> None:
        """Let the resting feeds run."""
        for subscription, (notification, feed) in self._resting.items():
            self._running[subscription] = asyncio.create_task(
                self._run(subscription, notification, feed)
            )
        self._resting.clear()

    async def close(self) -> None:
        """End every feed."""
        tasks = list(self._running.values())
        self._running.clear()
        self._resting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, subscription: str, notification: str, feed: Feed) -> None:
        try:
            await self._send_all(subscription, notification, feed)
        except SlowReaderError as error:
            self._give_up(error)
        except ConnectionError:
            return  # the connection ends by itself and closes all that is left
        finally:
            self._running.pop(subscription, None)

    async def _send_all(self, subscription: str, notification: str, feed: Feed) -> None:
        # Joined, not encoded again: only the id differs from one subscriber to the next.
        before = _BEFORE % (notification.encode(), subscription.encode())
        rested_s = time.monotonic()
        try:
            async with aclosing(feed):
                async for encoded in feed:
                    await self._send(before, encoded, _AFTER)
                    now_s = time.monotonic()
                    if now_s - rested_s > BREATHER_S:
                        await asyncio.sleep(0)
                        rested_s = time.monotonic()
        except RpcError as error:
            await self._send(_problem(notification, subscription, error))

    async def _follow_blocks(self, height: int, detail: Detail) -> Feed:
        while True:
            await self._node.wait_for_height(height)
            encoded = await self._blocks.at(height, detail)
            if encoded is None:
                raise self._lacks(height)
            yield encoded
            height += 1

    async def _follow_governance(self, height: int) -> Feed:
        silent = 0
        while True:
            await self._node.wait_for_height(height)
            if height > self._node.height() - RECENT_BLOCKS:
                found = self._governance_of(height)
            else:
                found = await self._blocks.unhurried(partial(self._governance_of, height))
            if found["events"] or silent >= MAX_SILENT_HEIGHTS:
                yield orjson.dumps(found)
                silent = 0
            else:
                silent += 1
            height += 1

    def _governance_of(self, height: int) -> GovernanceEvents:
        block = self._node.block(height)
        if block is None:
            raise self._lacks(height)
        return governance_events(block)

    def _lacks(self, height: int) -> RpcError:
        try:
            require_held(self._node, height)
        except RpcError as error:
            return error
        return RpcError(INTERNAL_ERROR, f"this node does not hold block {height}")


def _problem(notification: str, subscription: str, error: RpcError) -> bytes:
    params = {"subscription": subscription, "error": error.to_json()}
    return orjson.dumps({"jsonrpc": "2.0", "method": notification, "params": params})
