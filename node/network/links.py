"""Sockets and TLS handshakes, inbound and outbound; hands finished connections to its owner."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import structlog

from ledger.errors import LocalError, PeerError
from node.network.connection import Connection, ConnectionTimes, tune
from node.network.tls import NodeIdentity, server_name

LISTEN_BACKLOG: Final = 128
MAX_PENDING_INBOUND: Final = 64
"""Inbound connections before the end of their HELLO; one more ends the oldest: a real peer is
through within a few round trips, a half-open one is not."""
ACCEPT_RETRY_S: Final = 0.2
REFUSAL_LOG_INTERVAL_S: Final = 1.0
MAX_PORT: Final = 65_535

Run = Callable[[Connection, str, bytes | None], Awaitable[bool]]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LinkCounters:
    """Totals since start, plain integers for metrics."""

    refused: int = 0  # inbound connections that failed the handshake or the HELLO
    connected: int = 0
    disconnected: int = 0
    bad_frames: int = 0  # frames that their handler, or the framing, refused
    bans: int = 0


class _Contexts(NamedTuple):
    """Of the identities with these keys, first the one to be known by, for these peers."""

    own: tuple[bytes, ...]
    allowed: frozenset[bytes]
    client: Mapping[bytes, ssl.SSLContext]
    server: Mapping[bytes, ssl.SSLContext]


class Links:
    """Owns the listener and every task of the peer manager.

    run(connection, address, dialled key or None) is called after each handshake and lives as long
    as the connection. identities: of this node, first the one that a caller sees who asks for none.
    """

    def __init__(
        self,
        identities: Callable[[], tuple[NodeIdentity, ...]],
        allowed: Callable[[], Collection[bytes]],
        run: Run,
        on_failure: Callable[[BaseException], None],
        times: ConnectionTimes,
        counters: LinkCounters,
    ) -> None:
        self._identities = identities
        self._allowed = allowed
        self._run = run
        self._on_failure = on_failure
        self._times = times
        self._counters = counters
        self._contexts: _Contexts | None = None
        self._served: WeakKeyDictionary[ssl.SSLContext, bytes] = WeakKeyDictionary()
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: dict[asyncio.Task[None], None] = {}
        self._refusal_logged_s = float("-inf")
        self._refusals_unlogged = 0

    def now_s(self) -> float:
        """The loop's clock."""
        return asyncio.get_running_loop().time()

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a task that close() ends; its failure is reported, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def close(self) -> None:
        """Stop listening, end all tasks and wait for them."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()

    # Inbound

    async def listen(self, host: str, port: int) -> int:
        """Bind and accept; the bound port. LocalError names the option when that fails."""
        try:
            family = (await asyncio.get_running_loop().getaddrinfo(host, port))[0][0]
            listener = socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
        except OSError as error:
            raise LocalError(
                f"cannot listen for peers on {host}:{port}: {error}; choose another address with "
                "`host` or `port` in [network] of the configuration, or stop what uses it"
            ) from error
        listener.setblocking(False)
        self._listener = listener
        self.spawn(self._accept(listener))
        bound: int = listener.getsockname()[1]
        return bound

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                stream, peer = await self._accept_one(listener)
            except OSError as error:
                # Out of file descriptors, or the peer was gone before it was accepted.
                log.warning("listener.accept_failed", reason=str(error))
                await asyncio.sleep(ACCEPT_RETRY_S)
                continue
            if len(self._pending) >= MAX_PENDING_INBOUND:
                next(iter(self._pending)).cancel()
            task = self.spawn(self._inbound(stream, f"{peer[0]}:{peer[1]}"))
            task.add_done_callback(partial(_close, stream))
            self._pending[task] = None

    async def _accept_one(self, listener: socket.socket) -> tuple[socket.socket, Any]:
        """One connection. Accepted in the turn that hands it on: loop.sock_accept may hold one
        that nobody hears of when this node stops."""
        loop = asyncio.get_running_loop()
        while True:
            readable = loop.create_future()
            loop.add_reader(listener.fileno(), _tell, readable)
            try:
                await readable
            finally:
                loop.remove_reader(listener.fileno())
            try:
                return listener.accept()
            except BlockingIOError:  # who called is gone again
                continue

    async def _inbound(self, stream: socket.socket, address: str) -> None:
        connection = Connection(self._times)
        try:
            tune(stream)
            contexts = self._current_contexts()
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                stream,
                ssl=contexts.server[contexts.own[0]],
                ssl_handshake_timeout=self._times.handshake_s,
                ssl_shutdown_timeout=self._times.shutdown_s,
            )
            connection.own_key = self._served[connection.context()]
            await self._run(connection, address, None)
        except (OSError, PeerError) as error:
            self._refuse(address, error)
        finally:
            # Who is cancelled at the end of the handshake has a connection that nobody was given.
            connection.abort("this node gave the connection up")

    def established(self) -> None:
        """The current inbound task is past its HELLO and no longer counts as pending."""
        task = asyncio.current_task()
        if task is not None:
            self._pending.pop(task, None)

    def _refuse(self, address: str, error: Exception) -> None:
        """Count; log at most once in REFUSAL_LOG_INTERVAL_S: strangers must not fill the disk."""
        self._counters.refused += 1
        self._refusals_unlogged += 1
        if self.now_s() - self._refusal_logged_s < REFUSAL_LOG_INTERVAL_S:
            return
        self._refusal_logged_s = self.now_s()
        log.warning(
            "peer.refused",
            address=address,
            reason=str(error) or type(error).__name__,
            refusals=self._refusals_unlogged,
        )
        self._refusals_unlogged = 0

    # Outbound

    async def dial(self, node_key: bytes, address: str, own_key: bytes) -> bool:
        """Connect as `own_key`, shake hands, run; what run returned. OSError or PeerError on
        failure."""
        stream = await self._connect(address)
        connection = Connection(self._times)
        try:
            connection.own_key = own_key
            await asyncio.get_running_loop().create_connection(
                lambda: connection,
                sock=stream,
                ssl=self._current_contexts().client[own_key],
                server_hostname=server_name(node_key),
                ssl_handshake_timeout=self._times.handshake_s,
                ssl_shutdown_timeout=self._times.shutdown_s,
            )
            return await self._run(connection, address, node_key)
        finally:
            connection.abort("this node gave the connection up")
            stream.close()

    async def _connect(self, address: str) -> socket.socket:
        """A TCP connection to the first address of the name that answers."""
        host, port = split_address(address)
        loop = asyncio.get_running_loop()
        error: OSError = OSError(f"{address} has no network address")
        async with asyncio.timeout(self._times.connect_s):
            for family, kind, protocol, _, target in await loop.getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            ):
                stream = socket.socket(family, kind, protocol)
                try:
                    tune(stream)
                    await loop.sock_connect(stream, target)
                except OSError as failure:
                    stream.close()
                    error = failure
                except asyncio.CancelledError:
                    stream.close()
                    raise
                else:
                    return stream
        raise error

    # Inside

    def _current_contexts(self) -> _Contexts:
        """Rebuilt when the registry, or this node, has other keys than at the last connection."""
        identities = self._identities()
        own = tuple(identity.node_key for identity in identities)
        allowed = frozenset(self._allowed()).difference(own)
        known = self._contexts
        if known is not None and (known.own, known.allowed) == (own, allowed):
            return known
        server = {each.node_key: each.server_context(allowed) for each in identities}
        self._served.update({context: key for key, context in server.items()})
        if len(own) > 1:
            by_name = {server_name(key): context for key, context in server.items()}
            for context in server.values():
                context.sni_callback = partial(_present, by_name)
        client = {each.node_key: each.client_context(allowed) for each in identities}
        self._contexts = _Contexts(own, allowed, client, server)
        return self._contexts

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._pending.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)


def _tell(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _present(
    by_name: Mapping[str, ssl.SSLContext],
    tls: ssl.SSLObject,
    name: str | None,
    _: ssl.SSLContext,
) -> None:
    """Go on under the identity that the caller asks for, where this node has it."""
    wanted = by_name.get(name or "")
    if wanted is not None:
        tls.context = wanted


def _close(stream: socket.socket, _: asyncio.Task[None]) -> None:
    stream.close()


def split_address(address: str) -> tuple[str, int]:
    """(host, port) of host:port or [IPv6]:port; LocalError for anything else."""
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
        raise LocalError(
            f"peer address {address!r}: expected host:port, for instance node1.example:26656; "
            "correct it in peers in [network] of the configuration"
        )
    return host, int(port)
