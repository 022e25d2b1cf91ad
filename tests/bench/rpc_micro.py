"""What the JSON-RPC server costs beside a bare aiohttp echo of the same run.

Run `python -m tests.bench.rpc_micro`: prints CPU microseconds of the server process for each call,
and the ratio to the echo. The node behind the port accepts everything at once, so that only the API
is measured. Bounded: about ten seconds.
"""

import asyncio
import multiprocessing
import os
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import orjson
import uvloop
from aiohttp import web

from api import ports
from api.encoding import hex_of
from api.examples import BOB
from api.server import ApiConfig, ApiServer
from ledger.crypto import keccak256
from ledger.errors import InvariantViolation
from tests.support.api_fakes import FakeNode, transfer

CONNECTIONS = 8
ROUNDS = 300
BATCH = 100
SOCKET_TIMEOUT_S = 30


class AcceptingNode(FakeNode):
    """Takes every transaction without looking at it."""

    async def submit(self, raw: Sequence[bytes]) -> Sequence[ports.SubmitOutcome]:
        return [keccak256(item) for item in raw]


@dataclass
class Case:
    name: str
    port: int
    body: bytes
    calls: int


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def refuse(error: InvariantViolation) -> None:
    raise error


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")


async def echo_low(request: web.BaseRequest) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")


async def serve(pipe: Connection) -> None:
    """The echoes and the API in one process; answers each "cpu" with the CPU seconds used."""
    application = web.Application()
    application.router.add_post("/", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    low = web.ServerRunner(web.Server(echo_low, access_log=None))
    await low.setup()
    await web.TCPSite(low, "127.0.0.1", 0).start()
    node = AcceptingNode()
    await node.commit()
    api = ApiServer(node, ApiConfig(port=0), refuse)
    _, port = await api.start()
    pipe.send((runner.addresses[0][1], low.addresses[0][1], port))
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def asked() -> None:
        if pipe.recv() == "cpu":
            pipe.send(cpu_s())
        else:
            stopped.set()

    loop.add_reader(pipe.fileno(), asked)
    await stopped.wait()
    loop.remove_reader(pipe.fileno())
    await api.stop()
    await runner.cleanup()
    await low.cleanup()


def serve_in_child(pipe: Connection) -> None:
    uvloop.run(serve(pipe))


@contextmanager
def opened(port: int) -> Iterator[list[socket.socket]]:
    """CONNECTIONS to a server of this machine."""
    sockets = [
        socket.create_connection(("127.0.0.1", port), timeout=SOCKET_TIMEOUT_S)
        for _ in range(CONNECTIONS)
    ]
    try:
        yield sockets
    finally:
        for connection in sockets:
            connection.close()


def exchange(sockets: list[socket.socket], request: bytes) -> None:
    """One request on every connection, then every answer."""
    for connection in sockets:
        connection.sendall(request)
    for connection in sockets:
        head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"unexpected answer: {head[:80]!r}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)


def measure(case: Case, pipe: Connection, rounds: int) -> float:
    """CPU microseconds of the server for each call."""
    request = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(case.body)
    ) + case.body
    with opened(case.port) as sockets:
        for _ in range(rounds // 10):
            exchange(sockets, request)
        pipe.send("cpu")
        before_s: float = pipe.recv()
        for _ in range(rounds):
            exchange(sockets, request)
        pipe.send("cpu")
        after_s: float = pipe.recv()
    return (after_s - before_s) * 1e6 / (rounds * CONNECTIONS * case.calls)


def call(method: str, *params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}


def main() -> None:
    pipe, child_pipe = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=serve_in_child, args=(child_pipe,), daemon=True
    )
    child.start()
    echo_port, low_port, port = pipe.recv()
    send = call("poyong_sendTransaction", hex_of(transfer(0).raw))
    balance = call("eth_getBalance", hex_of(BOB), "latest")
    status = orjson.dumps(call("poyong_status"))
    batch = orjson.dumps([send] * BATCH)
    one = 10 * ROUNDS
    compared = [  # the first of each is what the others are compared with
        [
            (Case("echo of one call, web.Application", echo_port, status, 1), one),
            (Case("echo of one call, web.Server", low_port, status, 1), one),
            (Case("poyong_status", port, status, 1), one),
            (Case("poyong_sendTransaction", port, orjson.dumps(send), 1), one),
            (Case("eth_blockNumber", port, orjson.dumps(call("eth_blockNumber")), 1), one),
            (Case("eth_getBalance", port, orjson.dumps(balance), 1), one),
        ],
        [
            (Case("echo of a batch of 100", echo_port, batch, BATCH), ROUNDS),
            (Case("batch of 100 poyong_sendTransaction", port, batch, BATCH), ROUNDS),
            (
                Case("batch of 100 eth_getBalance", port, orjson.dumps([balance] * BATCH), 100),
                ROUNDS,
            ),
        ],
    ]
    print(f"{os.cpu_count()} cores, {CONNECTIONS} connections; CPU of the server for each call")
    for cases in compared:
        costs_us = [measure(case, pipe, rounds) for case, rounds in cases]
        for (case, _), cost_us in zip(cases, costs_us, strict=True):
            print(f"{case.name:40} {cost_us:8.2f} us  {cost_us / costs_us[0]:5.2f} x echo")
    pipe.send("stop")
    child.join(timeout=SOCKET_TIMEOUT_S)


if __name__ == "__main__":
    main()
