"""How long reads take at validators that finalise as many transactions as they can.

Run `python -m tests.bench.rpc_under_load [seconds] [accounts]`: a town of four validators as
processes under the closed load of `poyong bench`; beside it one prober sends a read every 10 ms, in
turn to each validator and whatever the last ones did (open loop), so that a pause of the node is in
the figure of every read that fell into it. Prints p50, p99 and the longest, and beside them the
same of a bare aiohttp echo in a process of its own on the same busy machine, and of the idle town.
"""

import asyncio
import multiprocessing
import shutil
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import mkdtemp

import aiohttp
import orjson
import uvloop
from aiohttp import web

from api.encoding import hex_of
from ledger import accounts
from node.bench import measure, town
from node.bench.measure import Latency
from node.bench.run import limits
from node.bench.workload import FILLER_SEED, Workload
from node.localnet import creation

VALIDATORS = 4
SENDERS = 2_000
INTERVAL_S = 0.01
IDLE_S = 5.0
MUST_P99_MS = 100
READS = ("eth_getBalance", "eth_blockNumber", "poyong_getAccount")
STOP_S = 30


@dataclass
class Probe:
    """Latencies in ms of what was sent to some URLs."""

    urls: tuple[str, ...]
    until: asyncio.Event
    started_s: float = 0.0

    async def run(self) -> list[float]:
        found: list[float] = []
        asked: set[asyncio.Task[None]] = set()
        began = time.perf_counter()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            position = 0
            while not self.until.is_set():
                due_s = began + position * INTERVAL_S
                await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
                task = asyncio.create_task(self._ask(session, position, due_s, found))
                asked.add(task)
                task.add_done_callback(asked.discard)
                position += 1
            await asyncio.gather(*asked)
        return found

    async def _ask(
        self, session: aiohttp.ClientSession, position: int, due_s: float, found: list[float]
    ) -> None:
        url = self.urls[position % len(self.urls)]
        name = READS[position % len(READS)]
        owner = hex_of(accounts.generated_address(FILLER_SEED, position))
        params = [] if name == "eth_blockNumber" else [owner]
        call = {"jsonrpc": "2.0", "id": position, "method": name, "params": params}
        async with session.post(url, data=orjson.dumps(call)) as response:
            answer = await response.read()
        if response.status != 200 or b'"error"' in answer:
            raise RuntimeError(f"{url}: {answer[:200]!r}")
        found.append((time.perf_counter() - due_s) * 1000)


async def echo(request: web.BaseRequest) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")


async def serve_echo(pipe: Connection) -> None:
    runner = web.ServerRunner(web.Server(echo, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    await runner.cleanup()


def echo_in_child(pipe: Connection) -> None:
    uvloop.run(serve_echo(pipe))


def probe_in_child(urls: tuple[str, ...], pipe: Connection) -> None:
    """A process of its own: what the load measures must not make the prober late."""

    async def run() -> list[float]:
        until = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), until.set)
        return await Probe(urls, until).run()

    pipe.send(uvloop.run(run()))


class Prober:
    """A prober in a process; stop() gives its latencies."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._pipe, child = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=probe_in_child, args=(urls, child), daemon=True
        )
        self._process.start()

    def stop(self) -> Latency:
        self._pipe.send("stop")
        found: list[float] = self._pipe.recv()
        self._process.join(STOP_S)
        self.longest_ms = max(found)
        return measure.latency(found)


def shown(name: str, prober: Prober) -> Latency:
    found = prober.stop()
    print(
        f"{name:32} {found.count:6} reads  p50 {found.p50:7.1f} ms  p99 {found.p99:7.1f} ms  "
        f"longest {prober.longest_ms:7.1f} ms",
        flush=True,
    )
    return found


async def run(seconds: float, size: int) -> None:
    bound = limits(VALIDATORS)
    pipe, child_pipe = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=echo_in_child, args=(child_pipe,), daemon=True
    )
    child.start()
    echo_url = (f"http://127.0.0.1:{pipe.recv()}",)
    folder = Path(mkdtemp(prefix="poyong-reads-"))
    workload = Workload(creation.CHAIN_ID, size, SENDERS)
    try:
        place = await asyncio.to_thread(town.create, folder, VALIDATORS, workload)
        count = int((seconds + measure.WARM_UP_S) * bound.signature_bound * 0.7)
        load = measure.write_transactions(place, workload, 0, count)
        async with town.running(place) as nodes:
            prober = Prober(place.urls)
            await asyncio.sleep(IDLE_S)
            shown("idle town", prober)
            prober, echoed = Prober(place.urls), Prober(echo_url)
            result = await measure.throughput(place, nodes, load, seconds)
            found = shown("town under full load", prober)
            shown("bare echo beside it", echoed)
        print(
            f"{result.per_second:,.0f} transfers a second, "
            f"{result.per_second / bound.signature_bound:.2f} of the signature bound; {size:,} "
            f"accounts; p99 of reads {found.p99:.0f} ms, must be at most {MUST_P99_MS} ms: "
            f"{'yes' if found.p99 <= MUST_P99_MS else 'NO'}"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        pipe.send("stop")
        child.join(STOP_S)


def main() -> None:
    given = [float(item) for item in sys.argv[1:]]
    seconds, size = [*given, *(15.0, 100_000.0)[len(given) :]]
    asyncio.run(run(seconds, int(size)))


if __name__ == "__main__":
    main()
