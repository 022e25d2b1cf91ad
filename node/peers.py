"""The peers of this node: who is connected, who is dialled again, who gets which frame.

One connection for each pair of nodes. Both sides may dial; the one with the lower node key is the
preferred dialler, and when both dialled at once its connection stays. Every registered node key
may connect, nobody else passes the TLS handshake (node.tls).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import SystemRandom
from typing import Final

import structlog

from ledger.errors import PeerError
from node.backoff import RECONNECT_CAP_MS, Backoff
from node.connection import Connection, ConnectionTimes, TrafficCounters
from node.links import LinkCounters, Links, split_address
from node.reputation import (
    BAD_FRAMING_POINTS,
    BAD_MESSAGE_POINTS,
    CONNECT_POINTS,
    Reputation,
)
from node.tls import NodeIdentity, peer_node_key
from node.wire import FrameKind, Hello, check_hello, encode_frame

SIMULTANEOUS_S: Final = 5.0
"""Two connections of one pair whose starts lie closer together were dialled at once. Later, the
other side has dialled because its end of the older one is dead: the newer one stays."""
STABLE_S: Final = 5.0
"""A connection that lasted this long was a success: the next backoff starts small again."""
UNREACHABLE_S: Final = 10.0
"""So long a peer that does not answer may just be starting, and nobody has to look."""
YIELD_MS: Final = 250
"""Head start that the preferred dialler gets, so that two rarely dial at once."""

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
        identity: NodeIdentity,
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
        self.node_key = identity.node_key
        self.counters = LinkCounters()
        self._addresses = _checked(address_book)
        self._registry = registry
        self._registered: frozenset[bytes] = frozenset()
        self._left: frozenset[bytes] = frozenset()
        self._hello = hello
        self._on_frame = on_frame
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._random = random or SystemRandom().random
        self._links = Links(
            identity,
            lambda: registry().keys() | self._unknown(),
            self._run,
            on_failure,
            times or ConnectionTimes(),
            self.counters,
        )
        self._peers: dict[bytes, Peer] = {}
        self._diallers: dict[bytes, asyncio.Task[None]] = {}
        self._vacant: dict[bytes, asyncio.Event] = {}
        self._reputation = Reputation()
        self._closed_traffic = TrafficCounters()
        self._last_trouble: dict[bytes, tuple[bool, str]] = {}
        self._trouble_since_s: dict[bytes, float] = {}

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
        self._diallers.clear()

    def registry_changed(self) -> None:
        """Drop peers that left the registry, follow changed roles, dial those that joined."""
        roles = self._registry()
        self._left = (self._left | (self._registered - roles.keys())) & self._addresses.keys()
        self._registered = frozenset(roles)
        for peer in self.peers():
            role = self._role_of(peer.node_key, outbound=peer.outbound)
            if role is None:
                peer.connection.close("the node key is no longer in the registry")
            else:
                peer.role = role
        wanted = self._addresses.keys() & (roles.keys() | self._unknown()) - {self.node_key}
        for node_key in self._diallers.keys() - wanted:
            self._diallers.pop(node_key).cancel()
        for node_key in wanted - self._diallers.keys():
            self._diallers[node_key] = self._links.spawn(self._keep_connected(node_key))
        self._reputation.keep_only(frozenset(roles) | self._unknown())

    def _unknown(self) -> frozenset[bytes]:
        """Keys of the address book that the registry never named while this node ran."""
        return frozenset(self._addresses.keys() - self._registry().keys()) - self._left

    def reaches_unknown(self) -> bool:
        """Whether somebody is connected whom the registry does not know yet: then this node may be
        so far behind that nobody it knows says anything any more."""
        registry = self._registry()
        return any(node_key not in registry for node_key in self._peers)

    def _role_of(self, node_key: bytes, *, outbound: bool) -> Role | None:
        """None for who may not be connected."""
        role = self._registry().get(node_key)
        if role is None and outbound and node_key in self._unknown():
            return Role(None, "")
        return role

    def set_addresses(self, address_book: Mapping[bytes, str]) -> None:
        """Replace the address book and dial who is new in it. LocalError for a bad address."""
        self._addresses = _checked(address_book)
        self.registry_changed()

    # Who is there

    def peers(self) -> tuple[Peer, ...]:
        """Connected peers."""
        return tuple(self._peers.values())

    def peer(self, node_key: bytes) -> Peer | None:
        """The connected peer with this key."""
        return self._peers.get(node_key)

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
                present.connection.close("a newer connection of the two nodes replaces it")
            # Closed, but its reader has not got the loop yet: who counts on it must hear first.
            self._release(present)
        self._peers[peer.node_key] = peer
        self._vacancy(peer.node_key).clear()
        self._last_trouble.pop(peer.node_key, None)
        self._trouble_since_s.pop(peer.node_key, None)
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

    def _replaces(self, newer: Peer, present: Peer) -> bool:
        if newer.outbound == present.outbound:
            return True
        if newer.connected_s - present.connected_s > SIMULTANEOUS_S:
            return True
        return newer.outbound == (self.node_key < newer.node_key)

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
        self._vacancy(peer.node_key).set()
        self.counters.disconnected += 1
        log.info("peer.disconnected", peer=peer.label, reason=peer.connection.close_reason)
        if self._on_disconnected is not None:
            self._on_disconnected(peer)

    # Dialling

    def _vacancy(self, node_key: bytes) -> asyncio.Event:
        """Set while no connection of this key is admitted."""
        if node_key not in self._vacant:
            self._vacant[node_key] = asyncio.Event()
            self._vacant[node_key].set()
        return self._vacant[node_key]

    async def _keep_connected(self, node_key: bytes) -> None:
        """Dial whenever there is no connection, with backoff (consensus.md rule 3)."""
        backoff = Backoff(self._random)
        head_start_ms = 0 if self.node_key < node_key else YIELD_MS
        while True:
            await self._vacancy(node_key).wait()
            delay_ms = min(RECONNECT_CAP_MS, backoff.next_ms() + head_start_ms)
            banned_s = self._reputation.banned_for_s(node_key, self._links.now_s())
            await asyncio.sleep(max(delay_ms / 1_000, banned_s))
            if node_key in self._peers:
                backoff.reset()
                continue
            started_s = self._links.now_s()
            try:
                await self._links.dial(node_key, self._addresses[node_key])
            except (OSError, PeerError) as error:
                self._log_trouble(node_key, error)
            if self._links.now_s() - started_s > STABLE_S:
                backoff.reset()

    def _log_trouble(self, node_key: bytes, error: Exception) -> None:
        """Say a reason once, not at every attempt; and again, as a warning, when it lasts.

        Nobody at the address is nothing to warn of at once: nodes of a town start one after the
        other. What a peer or its certificate says has to be mended, however new it is.
        """
        now_s = self._links.now_s()
        since_s = self._trouble_since_s.setdefault(node_key, now_s)
        may_be_starting = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
        warn = not may_be_starting or now_s - since_s >= UNREACHABLE_S
        reason = str(error) or type(error).__name__
        if self._last_trouble.get(node_key) == (warn, reason):
            return
        self._last_trouble[node_key] = (warn, reason)
        about = {"node_key": node_key.hex(), "address": self._addresses[node_key], "reason": reason}
        if warn:
            log.warning("peer.unreachable", **about)
        else:
            log.info("peer.unreachable", **about)


def _checked(address_book: Mapping[bytes, str]) -> dict[bytes, str]:
    for address in address_book.values():
        split_address(address)
    return dict(address_book)
