"""Reads of a real node beside a bare aiohttp echo of the same run.

Run `python -m tests.bench.rpc_reads`: a validator as a process with some blocks and accounts, and
an echo (aiohttp's application with a route, on uvloop, which gives back the body as it came) as
another. The same bodies go to both in short turns. Each figure is the rate a second of processor
time of the answering process, the median turn, so that who else is busy on the machine matters
little. Rates by the clock stand beside them.
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import uvloop
from aiohttp import web

from api import calls
from api.client import NodeError
from api.encoding import hex_of
from api.sync_client import SyncClient
from ledger.local_accounts import ed25519_accounts
from tests.bench.rpc_micro import BATCH, call, exchange, opened
from tests.bench.rpc_subscribers import cpu_s, signed
from tests.support.town_processes import running_town

NODE = "city-hall"
SENT = 50
ROUNDS = 100
BATCH_ROUNDS = 20
TURNS = 9
MUST_RATIO = 0.5
MUST_BATCHED = 30_000


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")


async def serve_echo(pipe: Connection) -> None:
    application = web.Application()
    application.router.add_post("/", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send((runner.addresses[0][1], os.getpid()))
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    await runner.cleanup()


def echo_in_child(pipe: Connection) -> None:
    uvloop.run(serve_echo(pipe))


@dataclass
class Answerer:
    name: str
    port: int
    pid: int


@dataclass
class Rate:
    """Calls a second: of processor time, and by the clock."""

    of_cpu: float
    of_clock: float


def measure(answerers: Sequence[Answerer], body: bytes, each: int, rounds: int) -> list[Rate]:
    """A rate for each, in turns so that all see the same machine; of each the median turn."""
    request = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body
    found: list[list[Rate]] = [[] for _ in answerers]
    with ExitStack() as stack:
        connected = [stack.enter_context(opened(answerer.port)) for answerer in answerers]
        for turn in range(TURNS + 1):
            for answerer, sockets, rates in zip(answerers, connected, found, strict=True):
                used_s, began_s = cpu_s(answerer.pid), time.perf_counter()
                for _ in range(rounds):
                    exchange(sockets, request)
                clock_s, used_s = time.perf_counter() - began_s, cpu_s(answerer.pid) - used_s
                made = rounds * len(sockets) * each
                if turn:  # the first one warms up
                    rates.append(Rate(made / used_s, made / clock_s))
    return [sorted(rates, key=lambda rate: rate.of_cpu)[TURNS // 2] for rates in found]


def judged(holds: bool) -> str:
    return "yes" if holds else "NO"


def compare(node: Answerer, bare: Answerer) -> None:
    owner = hex_of(ed25519_accounts()[1].address)
    singles = {
        "eth_blockNumber": call("eth_blockNumber"),
        "eth_getBalance": call("eth_getBalance", owner, "latest"),
        "eth_chainId": call("eth_chainId"),
        "eth_getTransactionCount": call("eth_getTransactionCount", owner, "pending"),
        "poyong_status": call("poyong_status"),
    }
    for name, single in singles.items():
        body = orjson.dumps(single)
        echoed, found = measure((bare, node), body, 1, ROUNDS)
        ratio = found.of_cpu / echoed.of_cpu
        must = name in ("eth_blockNumber", "eth_getBalance")
        print(
            f"{name:24} {found.of_cpu:8,.0f} /s of CPU ({found.of_clock:7,.0f} by the clock), echo "
            f"{echoed.of_cpu:8,.0f} ({echoed.of_clock:7,.0f}): {ratio:.2f}"
            + (f", must be {MUST_RATIO}: {judged(ratio >= MUST_RATIO)}" if must else "")
        )
    for name in ("eth_blockNumber", "eth_getBalance", "eth_getTransactionCount"):
        body = orjson.dumps([singles[name]] * BATCH)
        (rate,) = measure((node,), body, BATCH, BATCH_ROUNDS)
        print(
            f"batches of {BATCH} {name:24} {rate.of_cpu:8,.0f} calls/s of CPU "
            f"({rate.of_clock:7,.0f} by the clock), must be {MUST_BATCHED:,}: "
            f"{judged(rate.of_cpu >= MUST_BATCHED)}"
        )


def main() -> None:
    load = ", ".join(f"{item:.1f}" for item in os.getloadavg())
    print(f"{os.cpu_count()} cores; load average before: {load}")
    pipe, far = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=echo_in_child, args=(far,), daemon=True
    )
    child.start()
    echo_port, echo_pid = pipe.recv()
    with TemporaryDirectory() as folder, running_town(Path(folder), 1, observer=False) as town:
        with SyncClient(town.rpc(NODE)) as client:
            raws = [bytes.fromhex(raw[2:]) for raw in signed(SENT)]
            assert not any(isinstance(item, NodeError) for item in client.send_and_wait(raws))
            assert client.call(calls.status())["height"]
        process = town.nodes[NODE].process
        assert process is not None
        node = Answerer("node", town.nodes[NODE].plan.rpc_port, process.pid)
        compare(node, Answerer("echo", echo_port, echo_pid))
    pipe.send("stop")
    child.join(30)


if __name__ == "__main__":
    main()
