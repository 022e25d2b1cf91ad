"""Subscriptions of one WebSocket connection: to blocks, or to what they record of governance.

A subscription is a cursor: the height of the next block to look at. Blocks are read from the node
when the reader has taken the one before, so a slow reader holds up nothing and costs no queue, and
a client resumes where it was by subscribing from its own next height.
"""

import asyncio
from collections.abc import Awaitable, Callable
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

Topic = Literal["blocks", "governance"]
_Followed = Detail | Literal["governance"]
"""Blocks with so much detail, or the events of governance."""

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
        self._resting: dict[str, tuple[int, _Followed]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def subscribe(self, from_height: int | None, detail: Detail, topic: Topic = "blocks") -> str:
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
        self._resting[subscription] = (start, detail if topic == "blocks" else "governance")
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
        for subscription, (height, followed) in self._resting.items():
            self._running[subscription] = asyncio.create_task(
                self._follow(subscription, height, followed)
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

    async def _follow(self, subscription: str, height: int, followed: _Followed) -> None:
        silent = 0
        try:
            while True:
                await self._node.wait_for_height(height)
                encoded: bytes | None
                if followed == "governance":
                    encoded = self._governance_at(height, always=silent >= MAX_SILENT_HEIGHTS)
                else:
                    encoded = self._blocks.at(height, followed)
                if encoded is None:
                    error = RpcError(INTERNAL_ERROR, f"this node does not hold block {height}")
                    await self._send(_notification(subscription, "error", error.to_json()))
                    return
                if encoded:
                    await self._send(
                        _notification(subscription, "result", orjson.Fragment(encoded))
                    )
                    silent = 0
                else:
                    # Old blocks without an event: nothing else here lets others have their turn.
                    await asyncio.sleep(0)
                    silent += 1
                height += 1
        except ConnectionError:
            return  # the connection ends by itself and closes all that is left
        finally:
            self._running.pop(subscription, None)

    def _governance_at(self, height: int, *, always: bool) -> bytes | None:
        """JSON of the events of a block, empty when there is none unless it is to be sent always;
        None when the node does not hold the block."""
        block = self._node.block(height)
        if block is None:
            return None
        found = governance_events(block)
        return orjson.dumps(found) if found["events"] or always else b""


def _notification(subscription: str, member: str, value: object) -> bytes:
    return orjson.dumps(
        {
            "jsonrpc": "2.0",
            "method": "poyong_subscription",
            "params": {"subscription": subscription, member: value},
        }
    )
