"""The load process: sends signed transactions over JSON-RPC and follows finality.

`python -m node.bench.load` reads one JSON job from standard input and prints one JSON report. It
is a process of its own, so that what it costs is not counted as a validator's.
"""

import asyncio
import json
import sys
import time
from collections import deque
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import aiohttp
import orjson

from api.client import Client
from ledger.crypto import keccak256

BATCH: Final = 100
HEADERS: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Job:
    """urls: nodes to send to, in turn. file: signed transactions in hex, one a line.

    rate: transactions a second, sent in small groups at fixed times (open loop); 0 sends as fast
    as they become final, with at most `outstanding` on the way (closed loop). one_by_one: each
    transaction alone, the next when it is final. seconds: how long to send.
    """

    urls: tuple[str, ...]
    file: str
    seconds: float
    rate: int = 0
    outstanding: int = 6_000
    one_by_one: bool = False


@dataclass(slots=True)
class Report:
    """started_s, ended_s: Unix time of the sending. finalised: those of `timeline`, which holds
    (Unix time seen, height, transactions) of each block. latencies_ms: from submitting to seeing
    the block, of transactions sent in the open loop or one by one."""

    started_s: float
    ended_s: float
    sent: int
    refused: int
    first_refusal: str
    timeline: list[tuple[float, int, int]]
    latencies_ms: list[float]


class Load:
    """One job under way."""

    def __init__(self, job: Job, transactions: list[bytes]) -> None:
        self._job = job
        self._bodies = [
            _body(transactions[first : first + self._group])
            for first in range(0, len(transactions), self._group)
        ]
        self._raws = transactions
        self._sent_at: dict[str, float] = {}
        self._final = asyncio.Event()
        self.report = Report(0.0, 0.0, 0, 0, "", [], [])
        self._finalised = 0

    @property
    def _group(self) -> int:
        """Transactions in one request."""
        if self._job.one_by_one:
            return 1
        return min(BATCH, max(1, self._job.rate // 50)) if self._job.rate else BATCH

    async def run(self) -> Report:
        """Send for the job's seconds, then wait for what is on the way."""
        async with Client(self._job.urls[0]) as client:
            following = asyncio.create_task(self._follow(client))
            await asyncio.sleep(0.2)  # the subscription starts before the first transaction
            connector = aiohttp.TCPConnector(limit=64)
            async with aiohttp.ClientSession(connector=connector) as session:
                self.report.started_s = time.time()
                await (self._open_loop(session) if self._job.rate else self._closed_loop(session))
                self.report.ended_s = time.time()
                await self._drain()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        return self.report

    async def _follow(self, client: Client) -> None:
        async with aclosing(client.blocks()) as blocks:
            async for block in blocks:
                now = time.time()
                hashes = block["transaction_hashes"]
                self.report.timeline.append((now, block["height"], len(hashes)))
                self._finalised += len(hashes)
                for item in hashes:
                    sent_at = self._sent_at.pop(item, None)
                    if sent_at is not None:
                        self.report.latencies_ms.append((now - sent_at) * 1000)
                self._final.set()

    async def _closed_loop(self, session: aiohttp.ClientSession) -> None:
        """One sender a node; each sends the next group when there is room."""
        queue = deque(enumerate(self._bodies))
        until = time.time() + self._job.seconds
        limit = 1 if self._job.one_by_one else self._job.outstanding

        async def sender(url: str) -> None:
            while queue and time.time() < until:
                while self.report.sent - self.report.refused - self._finalised >= limit:
                    self._final.clear()
                    if time.time() >= until:
                        return
                    try:
                        await asyncio.wait_for(self._final.wait(), 1.0)
                    except TimeoutError:
                        continue
                position, body = queue.popleft()
                await self._post(session, url, position, body)

        urls = self._job.urls[:1] if self._job.one_by_one else self._job.urls * 2
        await asyncio.gather(*(sender(url) for url in urls))

    async def _open_loop(self, session: aiohttp.ClientSession) -> None:
        """A group at each tick, whatever the chain does."""
        started, posts = time.time(), set[asyncio.Task[None]]()
        for position, body in enumerate(self._bodies):
            due = started + position * self._group / self._job.rate
            if due - started > self._job.seconds:
                break
            await asyncio.sleep(max(0.0, due - time.time()))
            url = self._job.urls[position % len(self._job.urls)]
            task = asyncio.create_task(self._post(session, url, position, body))
            posts.add(task)
            task.add_done_callback(posts.discard)
        await asyncio.gather(*posts)

    async def _post(
        self, session: aiohttp.ClientSession, url: str, position: int, body: bytes
    ) -> None:
        first = position * self._group
        raws = self._raws[first : first + self._group]
        self.report.sent += len(raws)
        if self._job.rate or self._job.one_by_one:
            now = time.time()
            for raw in raws:
                self._sent_at["0x" + keccak256(raw).hex()] = now
        async with session.post(url, data=body, headers=HEADERS) as response:
            answer = await response.read()
        refused = answer.count(b'"error"')
        if refused:
            self.report.refused += refused
            self.report.first_refusal = self.report.first_refusal or _first_error(answer)

    async def _drain(self) -> None:
        """Up to ten seconds for what is still on the way."""
        until = time.time() + 10
        while self._finalised < self.report.sent - self.report.refused and time.time() < until:
            self._final.clear()
            try:
                await asyncio.wait_for(self._final.wait(), 1.0)
            except TimeoutError:
                continue


def _body(raws: list[bytes]) -> bytes:
    return orjson.dumps(
        [
            {"jsonrpc": "2.0", "id": i, "method": "poyong_sendTransaction", "params": [_hex(raw)]}
            for i, raw in enumerate(raws)
        ]
    )


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _first_error(answer: bytes) -> str:
    for item in orjson.loads(answer):
        if "error" in item:
            return str(item["error"])
    return ""


def main() -> None:
    """Run the job that standard input describes."""
    job = Job(**json.load(sys.stdin))
    lines = Path(job.file).read_text().splitlines()
    transactions = [bytes.fromhex(line) for line in lines]
    report = asyncio.run(Load(job, transactions).run())
    json.dump(asdict(report), sys.stdout)


if __name__ == "__main__":
    main()
