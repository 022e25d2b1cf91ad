"""The one bounded queue in front of the replica, with a quota for each peer.

A peer whose quota is used up is not read further (its reader waits here, TCP pushes back), so a
flood from one peer neither fills memory nor delays the others (consensus.md rule 12).
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from consensus.events import Event, MessageReceived

PEER_QUOTA_EVENTS: Final = 512
"""Events of one peer that may wait; a full height of 32 validators is under 200."""


class Inbox:
    """Events in order of arrival: own ones first, then those of peers."""

    def __init__(self, seat_of: Callable[[bytes], int | None]) -> None:
        """seat_of: index in the current set of the validator that has a node key, or None."""
        self._seat_of = seat_of
        self._own: deque[Event] = deque()
        self._from_peers: deque[tuple[bytes, MessageReceived]] = deque()
        self._waiting_by_peer: Counter[bytes] = Counter()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()

    def __len__(self) -> int:
        return len(self._own) + len(self._from_peers)

    def put_own(self, event: Event) -> None:
        """Queue an event of this node: a fired timer, an answer, work. Bounded by their causes:
        one a timer kind, one answer a request, one WorkAvailable a mempool change."""
        self._own.append(event)
        self._arrived.set()

    async def put(self, peer: bytes, event: MessageReceived) -> None:
        """Queue a peer's message; waits while the peer's quota is used up."""
        while self._waiting_by_peer[peer] >= PEER_QUOTA_EVENTS:
            self._taken.clear()
            await self._taken.wait()
        self._waiting_by_peer[peer] += 1
        self._from_peers.append((peer, event))
        self._arrived.set()

    def put_assembled(self, peer: bytes, event: MessageReceived) -> None:
        """Queue a proposal that became complete; at most one a peer is ever being completed."""
        self._waiting_by_peer[peer] += 1
        self._from_peers.append((peer, event))
        self._arrived.set()

    async def wait(self) -> None:
        """Return as soon as there is an event, at once if there is one."""
        while not len(self):
            self._arrived.clear()
            await self._arrived.wait()

    def take(self) -> tuple[bytes | None, Event]:
        """The next event, with the node key of the peer that sent it (None: an own event).

        A message's sender is the seat that its peer has now: while it waited the set may have
        changed, and what two indices say of one validator must not count twice (rule 6).
        """
        if self._own:
            return None, self._own.popleft()
        peer, event = self._from_peers.popleft()
        self._waiting_by_peer[peer] -= 1
        if not self._waiting_by_peer[peer]:
            del self._waiting_by_peer[peer]
        self._taken.set()
        if event.peer:
            event = replace(event, sender=self._seat_of(event.peer))
        return peer, event
