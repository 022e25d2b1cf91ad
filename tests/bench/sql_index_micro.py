"""What `poyong index` writes a second into SQLite and PostgreSQL, and what each part of it costs.

Run `python -m tests.bench.sql_index_micro`: blocks of 500 transfers, then blocks without any, from
a node in a process of its own. PostgreSQL only where Debian's server is. Bounded: about a minute.
"""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import orjson
import uvloop

from api import results, views
from api.client import Client
from api.server import ApiConfig, ApiServer
from ledger.errors import InvariantViolation
from node.sqlindex.database import ChainName, open_database
from node.sqlindex.follow import Follower, Standing
from node.sqlindex.links import check_block
from node.sqlindex.rows import rows_of
from tests.support import postgres
from tests.support.api_fakes import FakeNode, transfer
from tests.support.sql_databases import fresh

TRANSFERS = 500
FULL_BLOCKS = 100
EMPTY_BLOCKS = 5_000


@dataclass(frozen=True)
class Load:
    name: str
    blocks: int
    transfers: int


LOADS = (
    Load(f"{TRANSFERS} transfers a block", FULL_BLOCKS, TRANSFERS),
    Load("empty blocks", EMPTY_BLOCKS, 0),
)


async def filled(load: Load) -> FakeNode:
    node = FakeNode()
    for number in range(load.blocks):
        nonces = range(number * load.transfers, (number + 1) * load.transfers)
        node.pending = {item.hash: item for item in map(transfer, nonces)}
        await node.commit()
    return node


def refuse(error: InvariantViolation) -> None:
    raise error


async def serve(pipe: Connection, load: Load) -> None:
    api = ApiServer(await filled(load), ApiConfig(port=0), refuse)
    _, port = await api.start()
    pipe.send(port)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), stopped.set)
    await stopped.wait()
    await api.stop()


def serve_in_child(pipe: Connection, load: Load) -> None:
    uvloop.run(serve(pipe, load))


@contextmanager
def served(load: Load) -> Iterator[str]:
    """URL of a node in a process of its own."""
    pipe, child_pipe = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=serve_in_child, args=(child_pipe, load), daemon=True)
    child.start()
    yield f"http://127.0.0.1:{pipe.recv()}"
    pipe.send(None)
    child.join()


async def followed(url: str, database_url: str) -> Standing:
    database = open_database(database_url)
    async with Client(url) as client:
        done = await Follower(client, database, until_head=True).run()
    database.close()
    return done


def shown(name: str, load: Load, seconds: float) -> None:
    blocks, transactions = load.blocks / seconds, load.blocks * load.transfers / seconds
    print(f"{name:<12} {load.name:<24} {blocks:>10,.0f} blocks/s {transactions:>10,.0f} tx/s")


def parts(load: Load, database_url: str, kind: str) -> None:
    """CPU microseconds a transaction of each part in this process, without a node."""
    node = asyncio.run(filled(load))
    blocks: list[results.Block] = [views.full_block(item, node.messages) for item in node.blocks]
    encoded = [orjson.dumps(block) for block in blocks]
    count = load.blocks * load.transfers
    times: dict[str, float] = {}
    start = time.process_time()
    for raw in encoded:
        orjson.loads(raw)
    times["decode JSON"] = time.process_time() - start
    start = time.process_time()
    for height, block in enumerate(blocks, 1):
        check_block(block, height, None)
    times["check"] = time.process_time() - start
    start = time.process_time()
    rows = [rows_of(block) for block in blocks]
    times["rows"] = time.process_time() - start
    database = open_database(database_url)
    database.create(ChainName(1, "0x" + "00" * 32), 1)
    start = time.process_time()
    for first in range(0, len(rows), 10):
        database.write(rows[first : first + 10])
    times["write"] = time.process_time() - start
    database.close()
    found = ", ".join(f"{name} {each * 1e6 / count:.1f}" for name, each in times.items())
    print(f"{kind:<12} CPU us a transaction: {found}")


def measure(kind: str, base: str, folder: Path) -> None:
    for number, load in enumerate(LOADS):
        with served(load) as url:
            done = asyncio.run(followed(url, fresh(base, folder, f"town{number}")))
        shown(kind, load, done.seconds)
    parts(LOADS[0], fresh(base, folder, "parts"), kind)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure("sqlite", "", Path(folder))
        programs = postgres.binaries()
        if programs is None:
            print("postgresql   no server on this machine")
            return
        with postgres.server(programs) as base:
            measure("postgresql", base, Path(folder))


if __name__ == "__main__":
    main()
