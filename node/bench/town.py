"""A town for measuring: validators as processes over one prepared state."""

import asyncio
import json
import multiprocessing
import os
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from ledger.genesis import Genesis
from node import opening
from node.bench.workload import Workload
from node.localnet import creation, processes
from node.localnet.layout import Town, TownNode
from node.localnet.processes import NodeProcess
from node.modules import build_executor
from node.store.block_store import BlockStore
from node.store.storage import write_genesis
from node.store.stores import open_store
from node.wall_clock import now_ms

READY_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.02
DATA: Final = "data"
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class BenchTown:
    """Folder and nodes; validators only, everything on loopback."""

    folder: Path
    nodes: tuple[TownNode, ...]

    @property
    def urls(self) -> tuple[str, ...]:
        """JSON-RPC of each validator."""
        return tuple(node.rpc_url for node in self.nodes)


def create(folder: Path, validators: int, workload: Workload) -> BenchTown:
    """Make the folder: keys, and a genesis with the workload's accounts, whose state is built
    once and copied for every node."""
    town = creation.prepare(folder, creation.Wish(validators=validators, idle=True))
    genesis = _genesis(folder, town, workload)
    document = json.dumps(genesis.document(), ensure_ascii=False)
    for node in town.validators:
        (folder / node.name / "genesis.json").write_text(document)
    first, *others = town.validators
    # In a process of its own: building a million accounts leaves a large heap behind.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(_write_state, folder / first.name).result()
    for node in others:
        shutil.copytree(folder / first.name / DATA, folder / node.name / DATA)
    return BenchTown(folder, town.validators)


def _genesis(folder: Path, town: Town, workload: Workload) -> Genesis:
    keys = {node.name: creation.read_keys(folder, node) for node in town.nodes}
    genesis = creation.genesis_of(town, keys, now_ms())
    return replace(genesis, sections={**genesis.sections, "accounts": workload.genesis_section()})


def _write_state(home: Path) -> None:
    genesis = opening.read_genesis(home / "genesis.json")
    folder = home / DATA / opening.CHAIN_FOLDER
    store = open_store(folder)
    try:
        write_genesis(BlockStore(store, str(folder)), genesis, build_executor())
    finally:
        store.close()


@asynccontextmanager
async def running(town: BenchTown) -> AsyncIterator[list[NodeProcess]]:
    """All validators, ready; stopped at the end."""
    nodes: list[NodeProcess] = []
    try:
        for node in town.nodes:
            home = town.folder / node.name
            nodes.append(await processes.start(node.name, home, home / "node.log"))
        await asyncio.gather(*(ready(node) for node in town.nodes))
        yield nodes
    finally:
        await processes.stop(nodes)


async def ready(node: TownNode) -> None:
    """Wait until the node says that it is synced with a quorum; LocalError after a minute."""
    url = node.metrics_url.replace("/metrics", "/readyz")
    async with aiohttp.ClientSession() as session, asyncio.timeout(READY_TIMEOUT_S):
        while True:
            with suppress(aiohttp.ClientError, OSError):
                async with session.get(url) as response:
                    if response.status == HTTPStatus.OK:
                        return
            await asyncio.sleep(POLL_S)


def cpu_s(process: NodeProcess) -> float:
    """User and system CPU seconds of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def resident_mib(process: NodeProcess) -> float:
    """Resident memory of a process now."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES / 2**20
