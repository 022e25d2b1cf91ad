"""The real JSON-RPC server on loopback with a node in memory behind it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
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


class Warned(logging.Handler):
    """Lets a test await a warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.event.set()


@contextmanager
def warnings_of(name: str) -> Iterator[Warned]:
    """Those of one logger."""
    handler = Warned()
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)


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
