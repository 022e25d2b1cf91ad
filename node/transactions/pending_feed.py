"""What entered the mempool lately, for who follows pending transactions.

Nobody is owed all of it: who is too slow misses what is no longer kept.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from ledger.primitives import Hash
from ledger.transaction import Transaction

KEPT_HASHES: Final = 8_192


class PendingFeed:
    """The last hashes, and how many there were since start."""

    def __init__(self) -> None:
        self._hashes: deque[Hash] = deque(maxlen=KEPT_HASHES)
        self._waiters: set[asyncio.Future[None]] = set()
        self.position = 0

    def add(self, transactions: Iterable[Transaction]) -> None:
        """These were admitted just now."""
        before = self.position
        for transaction in transactions:
            self._hashes.append(transaction.hash)
            self.position += 1
        if self.position > before:
            waiters, self._waiters = self._waiters, set()
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def since(self, position: int) -> Sequence[Hash]:
        """Hashes after the first `position`, the oldest that are kept first."""
        missed = max(0, self.position - position)
        return list(islice(self._hashes, max(0, len(self._hashes) - missed), None))

    async def wait(self, position: int) -> None:
        """Return as soon as there are more than `position`."""
        while self.position <= position:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
