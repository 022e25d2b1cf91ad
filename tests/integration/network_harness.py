"""Peer managers on loopback with real TLS, and events to wait for instead of sleeping."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import structlog
from structlog.testing import LogCapture
from structlog.typing import EventDict, WrappedLogger

from ledger.errors import PeerError
from ledger.primitives import Hash
from node.network.connection import ConnectionTimes
from node.network.identities import Identities
from node.network.peers import Peer, PeerManager, Role
from node.network.tls import NodeIdentity
from node.network.wire import Frame, FrameDecoder, FrameKind, Hello

HOST = "127.0.0.1"
WAIT_S = 20.0
HELLO = Hello(82062, Hash(bytes(32)), 0, "poyong/test")


def identity(number: int) -> NodeIdentity:
    return NodeIdentity.from_seed(bytes((number,)) * 32)


@dataclass
class Harness:
    """One node: its manager, what it received, and a condition that every event notifies."""

    identity: NodeIdentity
    registry: dict[bytes, Role]
    hello: Hello = HELLO
    times: ConnectionTimes = field(default_factory=ConnectionTimes)
    received: list[tuple[bytes, FrameKind, bytes]] = field(default_factory=list)
    connects: list[Peer] = field(default_factory=list)
    disconnects: list[Peer] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    address: str = ""
    coming: NodeIdentity | None = None

    def __post_init__(self) -> None:
        self.hold: asyncio.Event | None = None
        self.refuse = False
        self._waiting_for: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self.manager: PeerManager

    def make_manager(self) -> PeerManager:
        return PeerManager(
            self.identities(),
            {},
            lambda: self.registry,
            lambda: self.hello,
            self._on_frame,
            self._on_failure,
            on_connected=self._on_connected,
            on_disconnected=self._on_disconnected,
            times=self.times,
        )

    def identities(self) -> Identities:
        return Identities(self.identity, self.coming)

    @property
    def key(self) -> bytes:
        return self.identity.node_key

    async def start(self, port: int = 0) -> None:
        """Listen with a new manager, as after a restart; dials nobody yet."""
        self.manager = self.make_manager()
        bound = await self.manager.start(HOST, port)
        self.address = f"{HOST}:{bound}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once an event has made the condition true."""
        if not condition():
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting_for.append((condition, done))
            async with asyncio.timeout(WAIT_S):
                await done

    async def until_connected(self, *others: "Harness") -> None:
        wanted = {other.key for other in others}
        await self.until(lambda: wanted <= {peer.node_key for peer in self.manager.peers()})

    def frames(self, kind: FrameKind) -> list[bytes]:
        return [payload for _, found, payload in self.received if found is kind]

    async def _on_frame(self, peer: Peer, kind: FrameKind, payload: bytes) -> None:
        if self.refuse:
            raise PeerError("this node likes nothing")
        self.received.append((peer.node_key, kind, payload))
        self._notify()
        if self.hold is not None:
            await self.hold.wait()

    def _on_connected(self, peer: Peer) -> None:
        self.connects.append(peer)
        self._notify()

    def _on_disconnected(self, peer: Peer) -> None:
        self.disconnects.append(peer)
        self._notify()

    def _on_failure(self, error: BaseException) -> None:
        self.failures.append(error)
        self._notify()

    def _notify(self) -> None:
        for condition, done in self._waiting_for:
            if not done.done() and condition():
                done.set_result(None)


def validators(*numbers: int) -> dict[bytes, Role]:
    return {
        identity(number).node_key: Role(index, f"org{number}")
        for index, number in enumerate(numbers)
    }


class LogWatch(LogCapture):
    """Captures log entries, and lets a test wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived = asyncio.Event()

    def __call__(self, logger: WrappedLogger, name: str, entry: EventDict) -> NoReturn:
        self._arrived.set()
        super().__call__(logger, name, entry)

    async def reason(self, event: str) -> str:
        """The reason of the first entry of this event, once there is one."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for entry in self.entries:
                    if entry["event"] == event:
                        return str(entry["reason"])
                await self.another()

    async def another(self) -> None:
        """Return when one more entry has come."""
        self._arrived.clear()
        await self._arrived.wait()


@contextmanager
def watched_logs() -> Iterator[LogWatch]:
    """Replaces the configured processors in place, as loggers may hold on to the list."""
    watch = LogWatch()
    processors = structlog.get_config()["processors"]
    kept = list(processors)
    processors[:] = [watch]
    try:
        yield watch
    finally:
        processors[:] = kept


@asynccontextmanager
async def running(*nodes: Harness) -> AsyncIterator[None]:
    """Stop every node at the end; no failure and no task may be left behind."""
    before = asyncio.all_tasks()
    try:
        yield
    finally:
        await asyncio.gather(*(node.manager.stop() for node in nodes))
    assert asyncio.all_tasks() <= before
    assert [failure for node in nodes for failure in node.failures] == []


async def join(nodes: Iterable[Harness]) -> None:
    """Start all and let each dial those started before it; return when all are connected."""
    started: list[Harness] = []
    for node in nodes:
        await node.start()
        node.manager.set_addresses({other.key: other.address for other in started})
        started.append(node)
    for node in started:
        await node.until_connected(*(other for other in started if other is not node))


async def raw_client(
    key: NodeIdentity, target: Harness
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TLS connection to `target` under this key, with everything above TLS left to the test."""
    host, _, port = target.address.rpartition(":")
    return await asyncio.open_connection(
        host, int(port), ssl=key.client_context([target.key]), server_hostname=""
    )


async def frames_until_closed(reader: asyncio.StreamReader) -> list[Frame]:
    """Everything that the other side says until it closes."""
    decoder = FrameDecoder()
    frames: list[Frame] = []
    async with asyncio.timeout(WAIT_S):
        while data := await read_some(reader):
            frames += decoder.feed(data)
    return frames


async def read_some(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65_536)
    except OSError:
        return b""
