"""One validator that finalises alone, with the JSON-RPC of a node, in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.server import ApiConfig, ApiServer
from ledger.errors import InvariantViolation
from tests.support.running_nodes import RunningNodes, running_nodes


@dataclass
class ServedTown:
    """The town, its one validator, and where it answers."""

    town: RunningNodes
    name: str
    url: str


def fail(error: InvariantViolation) -> None:
    raise error


@asynccontextmanager
async def served_town(folder: Path, base_port: int) -> AsyncIterator[ServedTown]:
    """Start it in a new folder, stop it at the end."""
    folder.mkdir()  # noqa: ASYNC240  # before anything runs
    async with running_nodes(folder, base_port, validators=1) as town:
        (name,) = town.validators
        await town.start(name)
        server = ApiServer(town.nodes[name].service, ApiConfig(port=0), fail)
        _, port = await server.start()
        try:
            yield ServedTown(town, name, f"http://127.0.0.1:{port}")
        finally:
            await server.stop()
