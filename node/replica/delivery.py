"""Fetched blocks on their way through the replica: handed in one at a time, waited for, judged.

The synchroniser asks for the next block once the one before is applied. A fetched block takes the
road of every message, under a sender of its own, so that what was wrong with it comes back to the
synchroniser, which knows from whom it came.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from consensus.events import Event, MessageReceived
from consensus.messages import CertifiedBlock
from ledger.errors import PeerError
from node.replica.inbox import Inbox

SYNCHRONISER: Final = b""
"""In place of a node key: the inbox' sender of blocks that the synchroniser delivers."""


class BlockDelivery:
    """Who waits for a fetched block, by height. head: height of the last applied block."""

    def __init__(self, inbox: Inbox, head: Callable[[], int]) -> None:
        self._inbox = inbox
        self._head = head
        self._waiters: dict[int, asyncio.Future[None]] = {}

    async def deliver(self, certified: CertifiedBlock) -> None:
        """Hand a fetched block to the replica; returns when it is applied.

        PeerError when the replica refused it.
        """
        height = certified.certificate.height
        if height <= self._head():
            return
        waiter = self._waiters.get(height)
        if waiter is None:
            waiter = self._waiters[height] = asyncio.get_running_loop().create_future()
        self._inbox.put_assembled(SYNCHRONISER, MessageReceived(certified, None))
        try:
            await asyncio.shield(waiter)
        finally:
            self._waiters.pop(height, None)

    def applied(self, height: int) -> None:
        """The block of this height is applied, by whatever road it came."""
        waiter = self._waiters.pop(height, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def refused(self, sender: bytes, event: Event, error: PeerError) -> bool:
        """Tell who waits for the block of `event`; False when it was not delivered from here, so
        that its sender is to be judged."""
        if sender != SYNCHRONISER or not isinstance(event, MessageReceived):
            return False
        message = event.message
        if not isinstance(message, CertifiedBlock):
            return False
        waiter = self._waiters.get(message.certificate.height)
        if waiter is None or waiter.done():
            return False
        waiter.set_exception(error)
        return True
