"""/metrics, /healthz and /readyz on one port, loopback by default."""

from collections.abc import Callable
from typing import Final, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ledger.errors import LocalError
from node.watch.metrics import Metrics

MAX_REQUEST_BYTES: Final = 1_024
MAX_REASON_CHARACTERS: Final = 1_024
SHUTDOWN_S: Final = 1.0


class Readiness(NamedTuple):
    """Whether the node is synced with a quorum connected; `reason` says what is missing, `note`
    what keeps a ready node from voting."""

    ready: bool
    reason: str
    note: str = ""


def health_app(metrics: Metrics, readiness: Callable[[], Readiness]) -> web.Application:
    """GET /metrics: Prometheus text. /healthz: 200 while the loop runs. /readyz: 200, or 503 with
    the reason in plain text."""

    async def serve_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def serve_health(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def serve_readiness(_: web.Request) -> web.Response:
        ready, reason, note = readiness()
        text = f"ready; {note[:MAX_REASON_CHARACTERS]}\n" if note else "ready\n"
        if not ready:
            text = f"not ready: {reason[:MAX_REASON_CHARACTERS]}\n"
        return web.Response(status=200 if ready else 503, text=text)

    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    app.router.add_get("/metrics", serve_metrics)
    app.router.add_get("/healthz", serve_health)
    app.router.add_get("/readyz", serve_readiness)
    return app


class HealthServer:
    """Serves health_app on one address."""

    def __init__(
        self, metrics: Metrics, readiness: Callable[[], Readiness], host: str, port: int
    ) -> None:
        self._readiness = readiness
        self._app = health_app(metrics, self._present)
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port in use once started (the option may be 0)."""
        return self._port

    def _present(self) -> Readiness:
        return self._readiness()

    def answer_by(self, readiness: Callable[[], Readiness]) -> None:
        """From now on this says whether the node is ready."""
        self._readiness = readiness

    async def start(self) -> None:
        """Listen, unless it does already; LocalError when the address is taken or not of this
        machine."""
        if self._runner is not None:
            return
        self._runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self.stop()
            raise LocalError(
                f"cannot serve metrics on {self._host}:{self._port}: {error.strerror or error}. "
                "Set metrics.port (POYONG_METRICS_PORT) to a free one, or metrics.host to an "
                "address of this machine."
            ) from error
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port and open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
