"""The real JSON-RPC server on loopback with a node in memory behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api.server import ApiConfig, ApiServer
from ledger.errors import InvariantViolation
from tests.support.api_fakes import FakeNode


@dataclass
class Served:
    """A running server: its node, and where it listens."""

    node: FakeNode
    server: ApiServer
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def fail(error: InvariantViolation) -> None:
    raise error


@asynccontextmanager
async def serving(
    config: ApiConfig | None = None, node: FakeNode | None = None
) -> AsyncIterator[Served]:
    """Start on a free port, stop at the end."""
    node = FakeNode() if node is None else node
    server = ApiServer(node, ApiConfig(port=0) if config is None else config, fail)
    _, port = await server.start()
    try:
        yield Served(node, server, port)
    finally:
        await server.stop()
