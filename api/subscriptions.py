"""Subscriptions of one WebSocket connection.

A subscription is a cursor: what comes next is read from the node when the reader has taken what
came before, so a slow reader holds up nothing and costs no queue. A client that follows blocks, or
what they record of governance, resumes where it was by subscribing from its own next height.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, Literal

import orjson

from api.errors import INTERNAL_ERROR, LIMIT_EXCEEDED, RpcError
from api.ports import NodePort
from api.results import Detail
from api.views import block_at, governance_events

MAX_SUBSCRIPTIONS: Final = 16
"""Of one connection."""
MAX_CACHED_BLOCKS: Final = 32
"""Encoded blocks that the subscribers of a node share."""
MAX_SILENT_HEIGHTS: Final = 1_000
"""Without an event, after which a subscriber to governance is told how far it is."""
BLOCK_NOTIFICATION: Final = "poyong_subscription"

Topic = Literal["blocks", "governance", "account"]

Send = Callable[[bytes], Awaitable[None]]
"""Sends one frame; returns when the connection can take another, raises when it is gone."""


class EncodedBlocks:
    """Recent blocks as JSON, encoded once for all subscribers."""

    def __init__(self, node: NodePort) -> None:
        self._node = node
        self._recent: dict[tuple[int, Detail], bytes] = {}

    def at(self, height: int, detail: Detail) -> bytes | None:
        """JSON of the block at `height`, or None when the node does not hold it."""
        key = (height, detail)
        encoded = self._recent.get(key)
        if encoded is None:
            block = block_at(self._node, height, detail)
            if block is None:
                return None
            encoded = orjson.dumps(block)
            if len(self._recent) >= MAX_CACHED_BLOCKS:
                del self._recent[next(iter(self._recent))]
            self._recent[key] = encoded
        return encoded


Feed = AsyncGenerator[bytes, None]
"""Encoded results, one after the other; ends by RpcError when there can be no next one."""


class Subscriptions:
    """Feeds of one connection. A feed rests until start(), so that the answer that names it goes
    out before its first result."""

    def __init__(self, node: NodePort, blocks: EncodedBlocks, send: Send) -> None:
        self._node = node
        self._blocks = blocks
        self._send = send
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
        if len(self._resting) + len(self._running) >= MAX_SUBSCRIPTIONS:
            raise RpcError(
                LIMIT_EXCEEDED,
                f"this connection has {MAX_SUBSCRIPTIONS} subscriptions, the most allowed: "
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
        except ConnectionError:
            return  # the connection ends by itself and closes all that is left
        finally:
            self._running.pop(subscription, None)

    async def _send_all(self, subscription: str, notification: str, feed: Feed) -> None:
        try:
            async with aclosing(feed):
                async for encoded in feed:
                    result = orjson.Fragment(encoded)
                    await self._send(_notification(notification, subscription, "result", result))
        except RpcError as error:
            problem = error.to_json()
            await self._send(_notification(notification, subscription, "error", problem))

    async def _follow_blocks(self, height: int, detail: Detail) -> Feed:
        while True:
            await self._node.wait_for_height(height)
            encoded = self._blocks.at(height, detail)
            if encoded is None:
                raise _lacks(height)
            yield encoded
            height += 1

    async def _follow_governance(self, height: int) -> Feed:
        silent = 0
        while True:
            await self._node.wait_for_height(height)
            block = self._node.block(height)
            if block is None:
                raise _lacks(height)
            found = governance_events(block)
            if found["events"] or silent >= MAX_SILENT_HEIGHTS:
                yield orjson.dumps(found)
                silent = 0
            else:
                # Old blocks without an event: nothing else here lets others have their turn.
                await asyncio.sleep(0)
                silent += 1
            height += 1


def _lacks(height: int) -> RpcError:
    return RpcError(INTERNAL_ERROR, f"this node does not hold block {height}")


def _notification(method: str, subscription: str, member: str, value: object) -> bytes:
    return orjson.dumps(
        {
            "jsonrpc": "2.0",
            "method": method,
            "params": {"subscription": subscription, member: value},
        }
    )
