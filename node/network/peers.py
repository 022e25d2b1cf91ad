"""The peers of this node: who is connected, who is dialled again, who gets which frame.

One connection for each pair of nodes. Both sides may dial; the one with the lower node key is the
preferred dialler, and when both dialled at once its connection stays. Every registered node key
may connect, nobody else passes the TLS handshake (tls). A node whose own key is replaced has
two for a while (identities); the connection under the one that its registry names stays.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import SystemRandom
from typing import Final

import structlog

from ledger.errors import PeerError
from node.network.connection import Connection, ConnectionTimes, TrafficCounters
from node.network.dialling import Dialling
from node.network.identities import Identities
from node.network.links import LinkCounters, Links
from node.network.reputation import (
    BAD_FRAMING_POINTS,
    BAD_MESSAGE_POINTS,
    CONNECT_POINTS,
    Reputation,
)
from node.network.tls import peer_node_key
from node.network.wire import FrameKind, Hello, check_hello, encode_frame

SIMULTANEOUS_S: Final = 5.0
"""Two connections of one pair whose starts lie closer together were dialled at once. Later, the
other side has dialled because its end of the older one is dead: the newer one stays."""
LINGER_S: Final = 5.0
"""A connection under the key that is replaced is read for so long beside the newer one: what was
under way on it arrives."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Role:
    """What the registry says of a node key: validator index in the current set, or observer."""

    validator: int | None
    organisation: str


class Audience(Enum):
    """Whom a broadcast reaches, of those connected."""

    VALIDATORS = "validators"
    ALL = "all"


@dataclass(slots=True, eq=False)
class Peer:
    """One connected peer. role follows the registry; hello is what it claimed at the start."""

    node_key: bytes
    role: Role
    hello: Hello
    address: str
    outbound: bool
    connected_s: float
    connection: Connection = field(repr=False)

    @property
    def label(self) -> str:
        """For logs: organisation and the start of the key."""
        return f"{self.role.organisation} {self.node_key.hex()[:8]}".strip()


OnFrame = Callable[[Peer, FrameKind, bytes], Awaitable[None]]
OnPeer = Callable[[Peer], None]


class PeerManager:
    """Listens, dials, reconnects, admits, and routes frames.

    address_book: whom this node dials. registry: the node keys that may connect, read anew for each
    connection; call registry_changed() when it changed. Whom the book names and the registry of
    this node's head does not know yet is dialled too: this node may be so far behind that all whom
    it knew have other keys by now. Such a peer counts as an observer; the registry of its own head
    says whether it takes this node. hello: the own HELLO of this moment. on_frame may wait: it
    slows that peer alone; a PeerError from it lowers the peer's score, any other exception goes to
    on_failure, which should stop the node.
    """

    def __init__(
        self,
        identities: Identities,
        address_book: Mapping[bytes, str],
        registry: Callable[[], Mapping[bytes, Role]],
        hello: Callable[[], Hello],
        on_frame: OnFrame,
        on_failure: Callable[[BaseException], None],
        *,
        on_connected: OnPeer | None = None,
        on_disconnected: OnPeer | None = None,
        times: ConnectionTimes | None = None,
        random: Callable[[], float] | None = None,
    ) -> None:
        self.counters = LinkCounters()
        self._registry = registry
        self._hello = hello
        self._on_frame = on_frame
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._links = Links(
            lambda: self._dialling.identities.by_preference(registry()),
            lambda: registry().keys() | self._dialling.unknown(),
            self._run,
            on_failure,
            times or ConnectionTimes(),
            self.counters,
        )
        self._peers: dict[bytes, Peer] = {}
        self._reputation = Reputation()
        self._closed_traffic = TrafficCounters()
        self._dialling = Dialling(
            identities,
            address_book,
            registry,
            self._links,
            self._connected_as,
            lambda node_key: self._reputation.banned_for_s(node_key, self._links.now_s()),
            random or SystemRandom().random,
        )

    # Life

    async def start(self, host: str, port: int) -> int:
        """Listen and dial; return the port (of use with port 0). LocalError when it is taken."""
        bound = await self._links.listen(host, port)
        self.registry_changed()
        return bound

    async def stop(self) -> None:
        """Say goodbye, close every connection, end every task."""
        for peer in self.peers():
            peer.connection.close("the node is stopping")
        await self._links.close()
        self._dialling.stop()

    def registry_changed(self) -> None:
        """Drop peers that left the registry, follow changed roles, dial those that joined."""
        self._dialling.registry_changed()
        for peer in self.peers():
            role = self._role_of(peer.node_key, outbound=peer.outbound)
            if role is None:
                peer.connection.close("the node key is no longer in the registry")
            else:
                peer.role = role
        self._reputation.keep_only(frozenset(self._registry()) | self._dialling.unknown())

    def reaches_unknown(self) -> bool:
        """Whether somebody is connected whom the registry does not know yet: then this node may be
        so far behind that nobody it knows says anything any more."""
        registry = self._registry()
        return any(node_key not in registry for node_key in self._peers)

    def _connected_as(self, node_key: bytes) -> bytes | None:
        """Own key of the connection with a peer."""
        peer = self._peers.get(node_key)
        return None if peer is None else peer.connection.own_key

    def _role_of(self, node_key: bytes, *, outbound: bool) -> Role | None:
        """None for who may not be connected."""
        if node_key in self._dialling.identities.keys:
            return None  # who has a key of this node is not this node
        role = self._registry().get(node_key)
        if role is None and outbound and node_key in self._dialling.unknown():
            return Role(None, "")
        return role

    def set_addresses(self, address_book: Mapping[bytes, str]) -> None:
        """Replace the address book and dial who is new in it. LocalError for a bad address."""
        self._dialling.addresses.replace(address_book)
        self.registry_changed()

    def set_identities(self, identities: Identities) -> None:
        """Be known by other keys from now on. Connections under a key that is not among them end
        when a newer one replaces them."""
        self._dialling.identities = identities
        self.registry_changed()

    # Who is there

    def peers(self) -> tuple[Peer, ...]:
        """Connected peers."""
        return tuple(self._peers.values())

    def peer(self, node_key: bytes) -> Peer | None:
        """The connected peer with this key."""
        return self._peers.get(node_key)

    def unreachable(self) -> list[tuple[bytes, str, str]]:
        """Node key, address and last reason of whom this node dials in vain."""
        return self._dialling.unreachable()

    def score(self, node_key: bytes) -> int:
        """0..100; at 0 the peer is banned."""
        return self._reputation.points(node_key, self._links.now_s())

    def traffic(self) -> TrafficCounters:
        """Totals of all connections since start."""
        total = TrafficCounters()
        total.add(self._closed_traffic)
        for peer in self._peers.values():
            total.add(peer.connection.traffic)
        return total

    @property
    def queued_bytes(self) -> int:
        """Bytes that wait to be written, over all peers."""
        return sum(peer.connection.queued_bytes for peer in self._peers.values())

    @property
    def queued_frames(self) -> int:
        """Frames that wait to be written, over all peers."""
        return sum(peer.connection.queued_frames for peer in self._peers.values())

    # Sending

    def send(self, node_key: bytes, kind: FrameKind, payload: bytes) -> bool:
        """Write or queue; False when the peer is not connected or its queue is full."""
        peer = self._peers.get(node_key)
        return peer is not None and peer.connection.send(kind, encode_frame(kind, payload))

    def broadcast(
        self,
        kind: FrameKind,
        payload: bytes,
        to: Audience | Collection[bytes] = Audience.ALL,
    ) -> int:
        """send() to an audience or to these node keys; how many peers took it."""
        frame = encode_frame(kind, payload)
        return sum(peer.connection.send(kind, frame) for peer in self._audience(to))

    def _audience(self, to: Audience | Collection[bytes]) -> list[Peer]:
        peers = self._peers
        if to is Audience.ALL:
            return list(peers.values())
        if to is Audience.VALIDATORS:
            return [peer for peer in peers.values() if peer.role.validator is not None]
        return [peers[node_key] for node_key in to if node_key in peers]

    # Judging

    def penalise(self, node_key: bytes, points: int, reason: str) -> bool:
        """Lower a peer's score; at zero drop and ban it for a bounded time: True then."""
        self.counters.bad_frames += 1
        peer = self._peers.get(node_key)
        log.warning("peer.rubbish", peer=peer.label if peer else node_key.hex(), reason=reason)
        return self._lower(node_key, points, reason)

    def _lower(self, node_key: bytes, points: int, reason: str) -> bool:
        if not self._reputation.lower(node_key, points, self._links.now_s()):
            return False
        self.counters.bans += 1
        banned_s = round(self._reputation.banned_for_s(node_key, self._links.now_s()))
        log.error("peer.banned", node_key=node_key.hex(), seconds=banned_s, reason=reason)
        peer = self._peers.get(node_key)
        if peer is not None:
            peer.connection.close(f"banned for {banned_s} s, last offence: {reason}")
        return True

    # One connection

    async def _run(self, connection: Connection, address: str, dialled: bytes | None) -> bool:
        """From the handshake to the end of a connection; True when it was ever admitted."""
        peer: Peer | None = None
        node_key = peer_node_key(connection.peer_certificate())
        try:
            peer = await self._welcome(connection, node_key, address, dialled)
            self._links.established()
            if not self._admit(peer):
                connection.close("both nodes dialled at once, the other connection stays")
                return False
            await self._read(peer)
            return True
        except PeerError as error:
            connection.close(str(error))
            raise
        finally:
            connection.close("the node gave the connection up")
            if peer is not None:
                self._release(peer)
            if connection.peer_error is not None:
                self.penalise(node_key, BAD_FRAMING_POINTS, str(connection.peer_error))
            await connection.wait_closed()
            self._closed_traffic.add(connection.traffic)

    async def _welcome(
        self, connection: Connection, node_key: bytes, address: str, dialled: bytes | None
    ) -> Peer:
        """Exchange HELLOs; PeerError when the peer may not stay."""
        if dialled is not None and node_key != dialled:
            raise PeerError(
                f"dialled node key {dialled.hex()} at {address}, reached {node_key.hex()}: "
                "correct the address in peers in [network] of the configuration"
            )
        own = self._hello()
        hello = await connection.greet(own)
        check_hello(own, hello)
        role = self._role_of(node_key, outbound=dialled is not None)
        if role is None:
            raise PeerError("the node key is not in the registry")
        now_s = self._links.now_s()
        banned_s = self._reputation.banned_for_s(node_key, now_s)
        if banned_s:
            raise PeerError(f"banned for another {banned_s:.0f} s")
        return Peer(node_key, role, hello, address, dialled is not None, now_s, connection)

    def _admit(self, peer: Peer) -> bool:
        """Make it the one connection of its key; False when the present one stays."""
        present = self._peers.get(peer.node_key)
        if present is not None:
            if present.connection.is_open:
                if not self._replaces(peer, present):
                    return False
                self._retire(present, newer=peer)
            # Closed, but its reader has not got the loop yet: who counts on it must hear first.
            self._release(present)
        self._peers[peer.node_key] = peer
        self._dialling.connected(peer.node_key)
        self.counters.connected += 1
        log.info(
            "peer.connected",
            peer=peer.label,
            address=peer.address,
            outbound=peer.outbound,
            height=peer.hello.head_height,
            software=peer.hello.software,
            protocol=peer.hello.spoken,
        )
        if not peer.outbound:
            self._lower(peer.node_key, CONNECT_POINTS, "it connects too often")
        if self._on_connected is not None:
            self._on_connected(peer)
        return True

    def _retire(self, present: Peer, *, newer: Peer) -> None:
        """Close what a newer connection replaces; when they differ by the own key, only after what
        was under way has arrived."""
        connection, reason = present.connection, "a newer connection of the two nodes replaces it"
        if connection.own_key == newer.connection.own_key:
            connection.close(reason)
        else:
            asyncio.get_running_loop().call_later(LINGER_S, connection.close, reason)

    def _replaces(self, newer: Peer, present: Peer) -> bool:
        own_key = newer.connection.own_key
        if own_key != present.connection.own_key:
            return own_key == self._dialling.own_key()
        if newer.outbound == present.outbound:
            return True
        if newer.connected_s - present.connected_s > SIMULTANEOUS_S:
            return True
        return newer.outbound == (own_key < newer.node_key)

    async def _read(self, peer: Peer) -> None:
        connection = peer.connection
        while (frame := await connection.receive()) is not None:
            try:
                await self._on_frame(peer, *frame)
            except PeerError as error:
                self.penalise(peer.node_key, BAD_MESSAGE_POINTS, str(error))

    def _release(self, peer: Peer) -> None:
        """The connection is no longer that of its key; safe to call twice."""
        if self._peers.get(peer.node_key) is not peer:
            return
        del self._peers[peer.node_key]
        self._dialling.vacated(peer.node_key)
        self.counters.disconnected += 1
        log.info("peer.disconnected", peer=peer.label, reason=peer.connection.close_reason)
        if self._on_disconnected is not None:
            self._on_disconnected(peer)
