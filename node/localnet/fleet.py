"""The nodes of a town while they run: started together, joined by others, stopped together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ledger.errors import LocalError
from node.localnet import processes
from node.localnet.layout import LOG_FILE, PID_FILE, Town, TownNode
from node.localnet.processes import NodeProcess


class Fleet:
    """`nodes`: every process that was started, also one that has ended since."""

    def __init__(self, folder: Path) -> None:
        self.nodes: list[NodeProcess] = []
        self._folder = folder
        self._followed: list[asyncio.Future[None]] = []

    async def start(self, node: TownNode) -> NodeProcess:
        """Start a node whose home is made."""
        home = self._folder / node.name
        started = await processes.start(node.name, home, home / LOG_FILE)
        self.nodes.append(started)
        file = home / PID_FILE
        file.write_text(f"{started.pid}\n", encoding="ascii")
        self._followed.append(asyncio.ensure_future(_remove_when_ended(started, file)))
        return started

    async def all_ended(self) -> None:
        """Wait until no node is left; then LocalError, for nobody stopped them."""
        while running := [node for node in self.nodes if node.alive]:
            await asyncio.gather(*(node.process.wait() for node in running))
        raise LocalError(f"every node has ended; see the {LOG_FILE} files")

    async def stop(self) -> list[str]:
        """Stop all; a sentence for each that failed, or had to be killed."""
        stubborn = await processes.stop(self.nodes)
        await asyncio.gather(*self._followed)
        failures = [found for node in self.nodes if (found := node.failure())]
        return failures + [
            f"{name} did not stop within {processes.STOP_TIMEOUT_S:g} s and was killed"
            for name in stubborn
        ]


@asynccontextmanager
async def running(folder: Path, town: Town) -> AsyncIterator[Fleet]:
    """Every node of a town; all that run are stopped at the end, however it comes about."""
    fleet = Fleet(folder)
    try:
        for node in town.nodes:
            await fleet.start(node)
        yield fleet
    finally:
        await fleet.stop()


async def _remove_when_ended(node: NodeProcess, pid_file: Path) -> None:
    """A process id that outlived its process would tell an operator to kill somebody else's."""
    await node.process.wait()
    await asyncio.to_thread(pid_file.unlink, missing_ok=True)
