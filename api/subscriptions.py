"""Block subscriptions of one WebSocket connection.

A subscription is a cursor: the height of the next block to send. Blocks are read from the node when
the reader has taken the one before, so a slow reader holds up nothing and costs no queue, and a
client resumes where it was by subscribing from its own next height.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from api.errors import INTERNAL_ERROR, LIMIT_EXCEEDED, RpcError
from api.ports import NodePort
from api.results import Detail
from api.views import block_at

MAX_SUBSCRIPTIONS: Final = 16
"""Of one connection."""
MAX_CACHED_BLOCKS: Final = 32
"""Encoded blocks that the subscribers of a node share."""

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


class Subscriptions:
    """Cursors of one connection. A cursor rests until start(), so that the answer that names it
    goes out before its first block."""

    def __init__(self, node: NodePort, blocks: EncodedBlocks, send: Send) -> None:
        self._node = node
        self._blocks = blocks
        self._send = send
        self._created = 0
        self._resting: dict[str, tuple[int, Detail]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def subscribe(self, from_height: int | None, detail: Detail) -> str:
        """A new cursor at `from_height` (None: the next block); its id on this connection."""
        if len(self._resting) + len(self._running) >= MAX_SUBSCRIPTIONS:
            raise RpcError(
                LIMIT_EXCEEDED,
                f"this connection has {MAX_SUBSCRIPTIONS} subscriptions, the most allowed: "
                "end one with poyong_unsubscribe",
            )
        self._created += 1
        subscription = hex(self._created)
        start = self._node.height() + 1 if from_height is None else from_height
        self._resting[subscription] = (start, detail)
        return subscription

    def unsubscribe(self, subscription: str) -> bool:
        """End a cursor; False when there is none of this id."""
        if self._resting.pop(subscription, None) is not None:
            return True
        task = self._running.pop(subscription, None)
        if task is not None:
            task.cancel()
        return task is not None

    def start(self) -> None:
        """Let the resting cursors run."""
        for subscription, (height, detail) in self._resting.items():
            self._running[subscription] = asyncio.create_task(
                self._follow(subscription, height, detail)
            )
        self._resting.clear()

    async def close(self) -> None:
        """End every cursor."""
        tasks = list(self._running.values())
        self._running.clear()
        self._resting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, subscription: str, height: int, detail: Detail) -> None:
        try:
            while True:
                await self._node.wait_for_height(height)
                encoded = self._blocks.at(height, detail)
                if encoded is None:
                    error = RpcError(INTERNAL_ERROR, f"this node does not hold block {height}")
                    await self._send(_notification(subscription, "error", error.to_json()))
                    return
                await self._send(_notification(subscription, "result", orjson.Fragment(encoded)))
                height += 1
        except ConnectionError:
            return  # the connection ends by itself and closes all that is left
        finally:
            self._running.pop(subscription, None)


def _notification(subscription: str, member: str, value: object) -> bytes:
    return orjson.dumps(
        {
            "jsonrpc": "2.0",
            "method": "poyong_subscription",
            "params": {"subscription": subscription, member: value},
        }
    )
