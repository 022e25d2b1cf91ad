"""The JSON-RPC server: HTTP POST and WebSocket on one port.

Start it with ApiServer(node, config, ...).start(), stop it with stop(). Each request costs one
dictionary of headers, one parse, one answer: no routing, no access log, no middleware.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSCloseCode, hdrs, web
from aiohttp.web_protocol import RequestHandler

from api import jsonrpc, keys, responses
from api.access import host_allowed, origin_allowed
from api.dispatch import LARGE_BYTES, MAX_ANSWER_BYTES, MAX_UNSENT_BYTES, Dispatcher, UnsentAnswers
from api.errors import INVALID_REQUEST, RpcError
from api.ethereum.gateway import MAX_FILTERS, MAX_LOG_BLOCKS, Gateway
from api.forwarded import client_address, trusted_networks
from api.keys import ApiKey
from api.limits import CallLimiter
from api.methods import all_methods
from api.ports import NodePort
from api.registry import Context
from api.slow_readers import SlowReaderError, write_patiently
from api.subscriptions import MAX_SUBSCRIPTIONS, EncodedBlocks
from api.websocket import WebSocketConnection
from ledger.errors import InvariantViolation, LocalError

DEFAULT_PORT: Final = 8545
KEEPALIVE_S: Final = 75.0
"""An HTTP connection without a request is closed after this."""
LINGER_S: Final = 2.0
"""How long the rest of a refused body is read away, so that the client sees the answer."""
STOP_GRACE_S: Final = 2.0
"""For calls under way when the server stops."""
MAX_HEADER_BYTES: Final = 8190
MAX_HEADERS: Final = 64
X_API_KEY: Final = "X-API-Key"

_KEY_GONE: Final = (WSCloseCode.POLICY_VIOLATION, "the API key was taken away")
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 43\r\n\r\n"
    b"the node has as many connections as allowed"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Limits and addresses. Loopback names and IP addresses always pass the Host check, pages of
    loopback and wallet extensions the Origin check; "*" in a list lets everything pass."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT  # 0: any free port
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = 2 * 1024 * 1024
    max_batch: int = 100
    max_connections: int = 1024
    calls_per_second: int = 2_000
    burst_calls: int = 10_000
    limit_loopback: bool = False
    max_log_blocks: int = MAX_LOG_BLOCKS  # that one call may look through for logs
    max_filters: int = MAX_FILTERS
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks; see api.forwarded
    keys: tuple[ApiKey, ...] = ()  # see api.keys
    require_key: bool = False
    max_subscriptions: int = MAX_SUBSCRIPTIONS  # of one connection
    max_answer_bytes: int = MAX_ANSWER_BYTES  # of a batch
    max_unsent_bytes: int = MAX_UNSENT_BYTES  # of all large answers together
    request_patience_ms: int = 10_000  # to complete headers, and again to a complete body
    reader_patience_ms: int = 10_000  # a reader that takes nothing for so long is disconnected


@dataclass(slots=True)
class _Admission:
    """Counts the calls of one connection against its client's budget."""

    limiter: CallLimiter
    remote: str | None
    key: ApiKey | None
    refusal: RpcError | None = None

    def __call__(self, calls: int) -> None:
        try:
            self.limiter.take(self.remote, calls, self.key)
        except RpcError as error:
            self.refusal = error
            raise


class _BoundedServer(web.Server):
    """aiohttp's low-level server with two bounds that it lacks: a number of connections, and a
    time in which a new connection has to say what it wants."""

    def __init__(self, handler: Any, config: ApiConfig, **options: Any) -> None:
        super().__init__(handler, **options)
        self._max_connections = config.max_connections
        self._patience_s = config.request_patience_ms / 1000
        self._silent: dict[RequestHandler, asyncio.TimerHandle] = {}
        self._open = 0

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._open += 1
        if self._open > self._max_connections:
            transport.write(_BUSY)
            transport.close()
            return
        loop = asyncio.get_running_loop()
        self._silent[handler] = loop.call_later(self._patience_s, transport.abort)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._open -= 1
        self.heard_from(handler)

    def heard_from(self, handler: RequestHandler) -> None:
        """The connection has sent a request."""
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()


class ApiServer:
    """The API of one node. `on_invariant_violation` stops the node; the caller of the method gets
    an internal error all the same."""

    def __init__(
        self,
        node: NodePort,
        config: ApiConfig,
        on_invariant_violation: Callable[[InvariantViolation], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._node = node
        self._config = config
        self._registry = all_methods()
        self._dispatcher = Dispatcher(
            self._registry,
            config.max_batch,
            on_invariant_violation,
            max_answer_bytes=config.max_answer_bytes,
            unsent=UnsentAnswers(config.max_unsent_bytes),
        )
        self._limiter = CallLimiter(
            config.calls_per_second, config.burst_calls, clock_s, loopback=config.limit_loopback
        )
        self._hosts = frozenset(config.allowed_hosts)
        self._origins = frozenset(config.allowed_origins)
        self._trusted_proxies = trusted_networks(config.trusted_proxies)
        self._keys = {key.name: key for key in config.keys}
        self._blocks = EncodedBlocks(node)
        self._ethereum = Gateway(node, clock_s, config.max_log_blocks, config.max_filters)
        self._context = Context(node, self._registry, self._ethereum)
        self._websockets: dict[WebSocketConnection, ApiKey | None] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        self._server: _BoundedServer | None = None
        self._runner: web.ServerRunner | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; the address and port. LocalError when the port cannot be had."""
        config = self._config
        self._server = _BoundedServer(
            self._handle,
            config,
            request_factory=self._request,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            lingering_time=LINGER_S,
            auto_decompress=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )
        self._runner = web.ServerRunner(
            self._server, handle_signals=False, shutdown_timeout=STOP_GRACE_S
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, config.host, config.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise LocalError(
                f"cannot listen for JSON-RPC on {config.host}:{config.port}: {error.strerror}. "
                "Set rpc.host and rpc.port to a free address, or stop the program that has it"
            ) from error
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def stop(self) -> None:
        """Take no new connections, tell WebSocket clients, finish what is under way, close."""
        if self._runner is None:
            return
        for site in list(self._runner.sites):
            await site.stop()
        await asyncio.gather(
            *(
                connection.close(WSCloseCode.GOING_AWAY, "the node is stopping")
                for connection in self._websockets
            )
        )
        await self._runner.cleanup()
        self._runner = None

    def set_keys(self, entries: Sequence[ApiKey]) -> None:
        """Take these API keys from now on; connections that were opened with one that is gone, or
        has another secret, are closed."""
        self._keys = {key.name: key for key in entries}
        hashes = {key.name: key.hash for key in entries}
        for connection, key in self._websockets.items():
            if key is not None and hashes.get(key.name) != key.hash:
                task = asyncio.ensure_future(connection.close(*_KEY_GONE))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    @property
    def unsent_bytes(self) -> int:
        """Of large answers in memory."""
        return self._dispatcher.unsent.held_bytes

    def _request(
        self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            asyncio.get_running_loop(),
            client_max_size=self._config.max_body_bytes,
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._server is not None:
            self._server.heard_from(request.protocol)
        headers = request.headers
        host = headers.get(hdrs.HOST)
        if not host_allowed(host, self._hosts):
            return responses.refusal(
                403,
                INVALID_REQUEST,
                f"Host {jsonrpc.shown(host)} is not allowed: add it to rpc.allowed_hosts",
            )
        origin = headers.get(hdrs.ORIGIN)
        if origin is not None and not origin_allowed(origin, self._origins):
            return responses.refusal(
                403,
                INVALID_REQUEST,
                f"Origin {jsonrpc.shown(origin)} is not allowed: add it to rpc.allowed_origins",
            )
        response: web.Response
        if request.method == hdrs.METH_OPTIONS:
            response = responses.preflight()
        elif (admission := self._admission(request)) is None:
            response = responses.unauthorised()
        elif request.method == hdrs.METH_POST:
            response = await self._post(request, admission)
        elif headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await self._websocket(request, admission)
        else:
            response = web.Response(
                status=405,
                headers={hdrs.ALLOW: "POST, OPTIONS"},
                text="JSON-RPC: send POST, or connect by WebSocket\n",
            )
        if origin is not None:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.RETRY_AFTER
            response.headers[hdrs.VARY] = hdrs.ORIGIN
        body = response.body
        if isinstance(body, bytes) and len(body) > LARGE_BYTES:
            await self._send_large(request, response, len(body))
        return response

    async def _send_large(
        self, request: web.BaseRequest, response: web.Response, size_bytes: int
    ) -> None:
        """Send an answer that does not fit into the socket's buffers; a client that takes nothing
        of it for too long is disconnected."""
        unsent = self._dispatcher.unsent
        transport = request.transport

        async def write() -> None:
            await response.prepare(request)
            await response.write_eof()

        unsent.hold(size_bytes)
        try:
            patience_ms = self._config.reader_patience_ms
            await write_patiently(write(), transport, size_bytes, patience_ms)
        except SlowReaderError as error:
            log.warning("HTTP client disconnected: %s", error)
            if transport is not None:
                transport.abort()
        except ConnectionError:
            log.debug("an HTTP client left before it had its answer")
        finally:
            unsent.release(size_bytes)

    async def _post(self, request: web.BaseRequest, admission: _Admission) -> web.Response:
        if hdrs.CONTENT_ENCODING in request.headers:
            return responses.refusal(
                415, INVALID_REQUEST, "Content-Encoding is not supported: send plain JSON"
            )
        limit = self._config.max_body_bytes
        if (request.content_length or 0) > limit:
            return responses.too_large(limit)
        if hdrs.EXPECT in request.headers:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            if request.content.is_eof():
                body = await request.read()
            else:
                async with asyncio.timeout(self._config.request_patience_ms / 1000):
                    body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return responses.too_large(limit)
        except TimeoutError:
            return responses.refusal(
                408,
                INVALID_REQUEST,
                f"the body did not arrive within {self._config.request_patience_ms} ms",
            )
        answer = await self._dispatcher.answer(body, self._context, admission)
        if answer is None:
            return web.Response(status=204)
        if admission.refusal is not None:
            return responses.too_many(answer, admission.refusal)
        return web.Response(body=answer, content_type=responses.JSON)

    async def _websocket(
        self, request: web.BaseRequest, admission: _Admission
    ) -> web.StreamResponse:
        connection = WebSocketConnection(
            self._node,
            self._registry,
            self._dispatcher,
            self._blocks,
            self._ethereum,
            admission,
            self._config.max_body_bytes,
            self._config.reader_patience_ms,
            self._config.max_subscriptions,
        )
        self._websockets[connection] = admission.key
        try:
            return await connection.serve(request)
        finally:
            del self._websockets[connection]

    def _admission(self, request: web.BaseRequest) -> _Admission | None:
        """Whose budget the calls count against; None when the key is wrong, or none is given and
        the node asks for one."""
        headers = request.headers
        key = None
        if self._keys or self._config.require_key:
            text = keys.given(headers.getall(hdrs.AUTHORIZATION, ()), headers.getall(X_API_KEY, ()))
            key = None if text is None else keys.find(self._keys, text)
            if key is None and (text is not None or self._config.require_key):
                return None
        remote = request.remote
        if self._trusted_proxies:
            forwarded_for = headers.getall(hdrs.X_FORWARDED_FOR, ())
            remote = client_address(remote, forwarded_for, self._trusted_proxies)
        return _Admission(self._limiter, remote, key)
