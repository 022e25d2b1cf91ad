"""A thousand WebSocket subscribers to new heads of a real node: when each block reaches the last.

Run `python -m tests.bench.rpc_subscribers [subscribers] [blocks]`: a validator as a process, and
the subscribers in another one. Transfers are sent, and for each block that they make it prints how
long after the first subscriber the last one has it, and how long after the sending, which includes
making the block; CPU of the node, and its memory. Beside them, in the same run, what a bare aiohttp
WebSocket server needs to send as many frames of the same size.
"""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
import orjson
import uvloop
from aiohttp import WSMsgType, web

from api.encoding import hex_of
from ledger.local_accounts import ed25519_accounts
from tests.support.town_processes import VALID_HEIGHTS, ProcessTown, running_town
from tests.support.transfers import TO, payments

MUST_S = 1.0
STOP_S = 30
NODE = "city-hall"
PAYMENTS = 64
"""Of one block: as many as a sender may have waiting with a gap."""
WARM_UP = 2
SUBSCRIBE = orjson.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far: nanoseconds of each of its threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mib(pid: int) -> float:
    """Resident memory of a process now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


@asynccontextmanager
async def opened(
    url: str, subscribers: int, stack: AsyncExitStack
) -> AsyncIterator[list[aiohttp.ClientWebSocketResponse]]:
    connector = aiohttp.TCPConnector(limit=0)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
    yield [await session.ws_connect(url) for _ in range(subscribers)]


async def followers(url: str, subscribers: int, pipe: Connection) -> None:
    """Of each notification that everybody has: when the first and when the last had it."""
    async with AsyncExitStack() as stack, opened(url, subscribers, stack) as sockets:
        for socket in sockets:
            await socket.send_str(SUBSCRIBE)
        for socket in sockets:
            await socket.receive(timeout=STOP_S)
        pipe.send(len(sockets))
        seen: dict[str, list[float]] = {}

        async def follow(socket: aiohttp.ClientWebSocketResponse) -> None:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    return
                # Not decoded: a thousand readers here share one core with the node.
                key, now_s = message.data[:200], time.monotonic()
                known = seen.setdefault(key, [0, now_s])
                known[0] += 1
                if known[0] == subscribers:
                    del seen[key]
                    pipe.send((known[1], now_s))

        tasks = [asyncio.create_task(follow(socket)) for socket in sockets]
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), stopped.set)
        await stopped.wait()
        for task in tasks:
            task.cancel()


def follow_in_child(url: str, subscribers: int, pipe: Connection) -> None:
    uvloop.run(followers(url, subscribers, pipe))


async def bare_server(pipe: Connection) -> None:
    """Sends a frame to every socket when told its size; answers the CPU seconds it took."""
    sockets: list[web.WebSocketResponse] = []

    async def handle(request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.append(socket)
        async for _ in socket:
            await socket.send_str("subscribed")
        return socket

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(runner.addresses[0][1])
    loop = asyncio.get_running_loop()
    while size := await loop.run_in_executor(None, pipe.recv):
        used_s, began_s = time.process_time(), time.monotonic()
        frame = str(began_s).ljust(size, ".").encode()
        for socket in sockets:
            await socket.send_frame(frame, WSMsgType.TEXT)
        await asyncio.sleep(0)
        pipe.send((time.process_time() - used_s, began_s))


def bare_in_child(pipe: Connection) -> None:
    uvloop.run(bare_server(pipe))


def signed(count: int) -> Iterator[str]:
    """Transfers of a town's account, in hex."""
    sender = ed25519_accounts()[6]
    made = payments(sender.signer, TO, count, nonce=0, valid_until=VALID_HEIGHTS)
    return iter([hex_of(item.raw) for item in made])


def child_of(target: object, *arguments: object) -> tuple[Connection, multiprocessing.Process]:
    pipe, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=target,  # type: ignore[arg-type]  # a function of these arguments and a pipe
        args=(*arguments, far),
        daemon=True,
    )
    process.start()
    return pipe, process  # type: ignore[return-value]  # spawned, like any other


async def block_times(
    town: ProcessTown, raws: Iterator[str], groups: int, pipe: Connection
) -> tuple[list[float], list[float]]:
    """Make blocks; for each the seconds from the first subscriber to the last, and from sending to
    the last."""
    url = town.rpc(NODE)
    spread_s: list[float] = []
    after_sending_s: list[float] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as own:
        await own.send_str(SUBSCRIBE)
        await own.receive()
        for _ in range(groups):
            batch = [
                {"jsonrpc": "2.0", "id": n, "method": "poyong_sendTransaction",
                 "params": [next(raws)]}
                for n in range(PAYMENTS)
            ]  # fmt: skip
            sent_s, final = time.monotonic(), 0
            async with session.post(url, data=orjson.dumps(batch)) as response:
                await response.read()
            while final < PAYMENTS:
                head = orjson.loads((await own.receive()).data)["params"]["result"]
                final += int(head["gasUsed"], 16) // 21_000
                first_s, last_s = await asyncio.to_thread(pipe.recv)
                spread_s.append(last_s - first_s)
                after_sending_s.append(last_s - sent_s)
    return spread_s, after_sending_s


def run(subscribers: int, blocks: int) -> None:
    with TemporaryDirectory() as folder, running_town(Path(folder), 1, observer=False) as town:
        process = town.nodes[NODE].process
        pid = process.pid if process is not None else 0
        before_mib = resident_mib(pid)
        pipe, child = child_of(follow_in_child, town.rpc(NODE), subscribers)
        pipe.recv()
        joined_mib = resident_mib(pid)
        raws = signed((blocks + WARM_UP) * PAYMENTS)
        asyncio.run(block_times(town, raws, WARM_UP, pipe))
        used_s = cpu_s(pid)
        spread_s, delays_s = asyncio.run(block_times(town, raws, blocks, pipe))
        each_us = (cpu_s(pid) - used_s) / len(delays_s) / subscribers * 1e6
        after_mib = resident_mib(pid)
        pipe.send("stop")
        child.join(STOP_S)
    print(f"{subscribers:,} subscribers, {len(delays_s)} blocks")
    print(
        f"last subscriber after the first: median {median(spread_s):.3f} s, longest "
        f"{max(spread_s):.3f} s; after sending: median {median(delays_s):.3f} s, longest "
        f"{max(delays_s):.3f} s, must be at most {MUST_S} s: "
        f"{'yes' if max(delays_s) <= MUST_S else 'NO'}"
    )
    print(
        f"CPU of the node for a block and subscriber, with the block's own work: {each_us:.1f} us"
    )
    print(
        f"memory: {before_mib:.0f} MiB without, {joined_mib:.0f} MiB with them ("
        f"{(joined_mib - before_mib) * 1024 / subscribers:.0f} KiB each), {after_mib:.0f} MiB after"
    )


def bare(subscribers: int, frames: int, size: int) -> None:
    server, process = child_of(bare_in_child)
    pipe, child = child_of(follow_in_child, f"http://127.0.0.1:{server.recv()}", subscribers)
    pipe.recv()
    used_s, delays_s = 0.0, []
    for _ in range(frames):
        server.send(size)
        took_s, began_s = server.recv()
        used_s += took_s
        delays_s.append(pipe.recv()[1] - began_s)
    pipe.send("stop")
    server.send(0)
    child.join(STOP_S)
    process.join(STOP_S)
    print(
        f"bare aiohttp server, same frames: longest {max(delays_s):.3f} s, "
        f"{used_s / frames / subscribers * 1e6:.1f} us of CPU for a frame"
    )


def main() -> None:
    given = [int(item) for item in sys.argv[1:]]
    subscribers, blocks = [*given, *(1_000, 20)[len(given) :]]
    run(subscribers, blocks)
    bare(subscribers, blocks, 1_500)


if __name__ == "__main__":
    main()
