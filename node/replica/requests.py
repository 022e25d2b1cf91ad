"""What the replica asks of peers: a block by hash, a range of blocks, to pass work on."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from consensus.effects import CatchUp, FetchBlock
from consensus.events import MessageReceived
from consensus.messages import BlockResponse
from ledger.mempool import Mempool
from node.replica.inbox import Inbox
from node.replica.transport import KeysOf
from node.sync.catchup import Synchroniser
from node.transactions.gossip import TransactionGossip

RELAY_TRANSACTIONS: Final = 2_000
"""Pending transactions that one RelayWork sends again, and a validator gets when it connects."""
RELAY_INTERVAL_MS: Final = 1_000


class PeerRequests:
    """Fills node.replica.effects.Surroundings; answers come back through the inbox.

    keys_of: node keys that speak for some seats. spawn: runs a task of this node.
    """

    def __init__(
        self,
        synchroniser: Synchroniser,
        gossip: TransactionGossip,
        mempool: Mempool,
        inbox: Inbox,
        keys_of: KeysOf,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        clock_ms: Callable[[], int],
    ) -> None:
        self._synchroniser = synchroniser
        self._gossip = gossip
        self._mempool = mempool
        self._inbox = inbox
        self._keys_of = keys_of
        self._spawn = spawn
        self._clock_ms = clock_ms
        self._relay_after_ms = 0

    def fetch_block(self, request: FetchBlock) -> None:
        """Ask holders for a prepared block by hash."""
        self._spawn(self._fetch(request, self._keys_of(request.holders)))

    async def _fetch(self, request: FetchBlock, holders: list[bytes]) -> None:
        fetch = self._synchroniser.by_hash.fetch
        found = await fetch(request.height, request.block_hash, holders)
        if found is not None:
            self._inbox.put_own(MessageReceived(BlockResponse(found), None))

    def relay_work(self) -> None:
        """Send pending transactions to all, at most once in RELAY_INTERVAL_MS."""
        at_ms = self._clock_ms()
        if at_ms < self._relay_after_ms:
            return
        self._relay_after_ms = at_ms + RELAY_INTERVAL_MS
        self._gossip.relay(self._waiting())

    def greet(self, validator: bytes) -> None:
        """Send pending transactions to a validator's node that has just connected: without them it
        would see no work when it is its turn to propose, and the others would wait in vain."""
        self._gossip.greet(validator, self._waiting())

    def _waiting(self) -> list[bytes]:
        return [transaction.raw for transaction in self._mempool.pending(RELAY_TRANSACTIONS)]

    def catch_up(self, request: CatchUp) -> None:
        """Fetch certified blocks up to a height."""
        self._synchroniser.catch_up(request.target_height)
