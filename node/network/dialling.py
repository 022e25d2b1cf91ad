"""Keeps this node connected with whom its address book and the registry name."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final

import structlog

from ledger.errors import PeerError
from node.network.address_book import AddressBook, Seated
from node.network.backoff import RECONNECT_CAP_MS, Backoff
from node.network.identities import Identities
from node.network.links import Links
from node.network.trouble_log import TroubleLog

STABLE_S: Final = 5.0
"""A connection that lasted this long was a success: the next backoff starts small again."""
YIELD_MS: Final = 250
"""Head start that the preferred dialler gets, so that two rarely dial at once."""

log = structlog.get_logger(__name__)


class Dialling:
    """One task for each peer that dials it whenever it is not connected; and one that changes the
    own key of a connection, where this node is known by another one by now.

    connected_as: the own key of the connection with a peer, None without one. banned_for_s: how
    long a peer is not to be dialled.
    """

    def __init__(
        self,
        identities: Identities,
        address_book: Mapping[bytes, str],
        registry: Callable[[], Mapping[bytes, Seated]],
        links: Links,
        connected_as: Callable[[bytes], bytes | None],
        banned_for_s: Callable[[bytes], int | float],
        random: Callable[[], float],
    ) -> None:
        self.identities = identities
        self.addresses = AddressBook(address_book)
        self._registry = registry
        self._links = links
        self._connected_as = connected_as
        self._banned_for_s = banned_for_s
        self._random = random
        self._diallers: dict[bytes, asyncio.Task[None]] = {}
        self._switching: set[tuple[bytes, bytes]] = set()
        self._vacant: dict[bytes, asyncio.Event] = {}
        self._trouble = TroubleLog()

    def unknown(self) -> frozenset[bytes]:
        """Keys of the address book that the registry never named while this node ran."""
        return self.addresses.unknown(self._registry().keys())

    def own_key(self) -> bytes:
        """Under which this node wants to be known now."""
        return self.identities.by_preference(self._registry())[0].node_key

    def registry_changed(self) -> None:
        """Dial who joined or got an address, let go who left, and be known by the right key."""
        roles = self._registry()
        self.addresses.registry_changed(roles)
        wanted = self.addresses.keys() & (roles.keys() | self.unknown())
        wanted -= set(self.identities.keys)
        for node_key in self._diallers.keys() - wanted:
            self._diallers.pop(node_key).cancel()
        for node_key in wanted - self._diallers.keys():
            self._diallers[node_key] = self._links.spawn(self._keep_connected(node_key))
        self._be_known(wanted)

    def connected(self, node_key: bytes) -> None:
        """A connection with it is admitted."""
        self._vacancy(node_key).clear()
        self._trouble.connected(node_key)

    def vacated(self, node_key: bytes) -> None:
        """It has none any more."""
        self._vacancy(node_key).set()

    def unreachable(self) -> list[tuple[bytes, str, str]]:
        """Node key, address and last reason of whom this node dials in vain."""
        return [
            (node_key, self.addresses[node_key], reason)
            for node_key, reason in self._trouble.reasons().items()
            if node_key in self._diallers
        ]

    def stop(self) -> None:
        """The links have ended every task."""
        self._diallers.clear()

    def _vacancy(self, node_key: bytes) -> asyncio.Event:
        """Set while no connection of this key is admitted."""
        if node_key not in self._vacant:
            self._vacant[node_key] = asyncio.Event()
            self._vacant[node_key].set()
        return self._vacant[node_key]

    async def _keep_connected(self, node_key: bytes) -> None:
        """Dial whenever there is no connection, with backoff (consensus.md rule 3)."""
        backoff = Backoff(self._random)
        failures = 0
        while True:
            await self._vacancy(node_key).wait()
            # Who is ahead of this node may know its coming key alone, who is behind the present.
            choice = self.identities.by_preference(self._registry())
            own_key = choice[failures % len(choice)].node_key
            head_start_ms = 0 if own_key < node_key else YIELD_MS
            delay_ms = min(RECONNECT_CAP_MS, backoff.next_ms() + head_start_ms)
            await asyncio.sleep(max(delay_ms / 1_000, self._banned_for_s(node_key)))
            if self._connected_as(node_key) is not None:
                backoff.reset()
                continue
            started_s = self._links.now_s()
            try:
                await self._links.dial(node_key, self.addresses[node_key], own_key)
                failures = 0
            except (OSError, PeerError) as error:
                failures += 1
                address, now_s = self.addresses[node_key], self._links.now_s()
                self._trouble.tell(node_key, address, error, now_s)
            if self._links.now_s() - started_s > STABLE_S:
                backoff.reset()

    def _be_known(self, wanted: Collection[bytes]) -> None:
        own_key = self.own_key()
        for node_key in wanted:
            if (node_key, own_key) not in self._switching and self._is_elsewise(node_key, own_key):
                self._switching.add((node_key, own_key))
                self._links.spawn(self._switch(node_key, own_key))

    def _is_elsewise(self, node_key: bytes, own_key: bytes) -> bool:
        """Whether a peer is connected with this node under another key of this node."""
        return self._connected_as(node_key) not in (None, own_key)

    async def _switch(self, node_key: bytes, own_key: bytes) -> None:
        """Connect under this key, beside the connection under the other one, as long as that is
        the key to be known by. A peer whose head is lower refuses it for a while."""
        backoff = Backoff(self._random)
        try:
            while own_key == self.own_key() and self._is_elsewise(node_key, own_key):
                await asyncio.sleep(backoff.next_ms() / 1_000)
                try:
                    await self._links.dial(node_key, self.addresses[node_key], own_key)
                except (OSError, PeerError) as error:
                    log.debug("peer.switch_refused", node_key=node_key.hex(), reason=str(error))
        finally:
            self._switching.discard((node_key, own_key))
