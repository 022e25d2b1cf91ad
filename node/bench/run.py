"""The measurements of `poyong bench`, one after the other, and what they give."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from node.bench import measure, town
from node.bench.commitment import commitment_us as measure_commitment_us
from node.bench.load import Job
from node.bench.measure import Latency, Throughput
from node.bench.town import BenchTown
from node.bench.workload import Workload
from node.localnet import creation, processes
from node.localnet.processes import NodeProcess

FULL_ACCOUNTS: Final = 1_000_000
SMALL_ACCOUNTS: Final = 1_000
SHORT_ACCOUNTS: Final = 100_000
SENDERS: Final = 2_000
SMALL_SENDERS: Final = 200
FULL_SECONDS: Final = 30.0
SHORT_MAX_SECONDS: Final = 15.0
IDLE_SECONDS: Final = 10.0
HALF_LOAD_SECONDS: Final = 15.0
KILL_RATE: Final = 300
KILL_SECONDS: Final = 20.0
KILL_AFTER_S: Final = 5.0

Tell = Callable[[str], None]
"""Says what is being measured."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What this machine could do at most in the same run."""

    cores: int
    validators: int
    verify_us: float

    @property
    def signature_bound(self) -> float:
        """Transactions a second if validators did nothing but verify each once."""
        return measure.signature_bound(self.cores, self.validators, self.verify_us)


@dataclass(frozen=True, slots=True)
class Short:
    """The short form: one throughput and the idle latency."""

    limits: Limits
    throughput: Throughput
    idle: Latency


@dataclass(frozen=True, slots=True)
class Full:
    """Everything that docs/performance.md shows.

    restart_s: one node, from starting its process until it is ready. killed_pause_s: longest time
    without a block after one of the validators was killed under load, and returned_s: from its
    restart until it is ready again.
    """

    limits: Limits
    large: Throughput
    small: Throughput
    idle: Latency
    half_load: Latency
    half_load_rate: int
    idle_cpu_percent: float
    restart_s: float
    killed_pause_s: float
    returned_s: float
    commitment_us: float


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def limits(validators: int) -> Limits:
    """Measured now, before anything else runs."""
    return Limits(cores(), validators, measure.verify_us())


@asynccontextmanager
async def _town(
    validators: int, accounts: int, senders: int
) -> AsyncIterator[tuple[BenchTown, Workload]]:
    folder = Path(mkdtemp(prefix="poyong-bench-"))
    workload = Workload(creation.CHAIN_ID, accounts, senders)
    try:
        yield await asyncio.to_thread(town.create, folder, validators, workload), workload
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def short(validators: int, seconds: float, tell: Tell) -> Short:
    """Throughput for `seconds` and idle latency on SHORT_ACCOUNTS accounts."""
    seconds = min(seconds, SHORT_MAX_SECONDS)
    tell(f"preparing {SHORT_ACCOUNTS:,} accounts")
    bound = limits(validators)
    async with _town(validators, SHORT_ACCOUNTS, SENDERS) as (place, workload):
        load = _closed_load(place, workload, 0, seconds, bound)
        single = measure.write_transactions(place, workload, 1, 2_000)
        async with town.running(place) as nodes:
            tell("one transaction at a time on an idle chain")
            idle = await _one_by_one(place, single, 3.0)
            tell(f"as many as become final, {seconds:.0f} s")
            result = await measure.throughput(place, nodes, load, seconds)
    return Short(bound, result, idle)


async def full(validators: int, seconds: float, accounts: int, tell: Tell) -> Full:
    """All measurements; some minutes."""
    bound = limits(validators)
    tell(f"commitment to {accounts:,} accounts")
    commitment_us = await asyncio.to_thread(_in_other_process, accounts)
    tell(f"preparing {SMALL_ACCOUNTS:,} accounts")
    async with _town(validators, SMALL_ACCOUNTS, SMALL_SENDERS) as (place, workload):
        load = _closed_load(place, workload, 0, seconds, bound)
        async with town.running(place) as nodes:
            tell(f"{SMALL_ACCOUNTS:,} accounts, as many as become final, {seconds:.0f} s")
            small = await measure.throughput(place, nodes, load, seconds)
    tell(f"preparing {accounts:,} accounts")
    async with _town(validators, accounts, SENDERS) as (place, workload):
        load = _closed_load(place, workload, 0, seconds, bound)
        single = measure.write_transactions(place, workload, 1, 5_000)
        async with town.running(place) as nodes:
            tell("idle town")
            idle_cpu = await _idle_cpu_percent(nodes)
            tell("one transaction at a time on an idle chain")
            idle = await _one_by_one(place, single, 10.0)
            tell(f"{accounts:,} accounts, as many as become final, {seconds:.0f} s")
            large = await measure.throughput(place, nodes, load, seconds)
        rate = int(large.per_second / 2)
        half = measure.write_transactions(place, workload, 2, int(rate * HALF_LOAD_SECONDS))
        # Started anew: what the full load left waiting is not part of this one.
        async with town.running(place) as nodes:
            tell(f"half of that, {rate} a second")
            report = await measure.run_load(
                Job(urls=place.urls, file=str(half), seconds=HALF_LOAD_SECONDS, rate=rate)
            )
            tell("one validator restarted, then killed under load")
            restart_s = await _restart(place, nodes)
            killed = measure.write_transactions(place, workload, 3, int(KILL_RATE * KILL_SECONDS))
            pause_s, returned_s = await _kill_one(place, nodes, killed)
    return Full(
        limits=bound,
        large=large,
        small=small,
        idle=idle,
        half_load=measure.latency(report["latencies_ms"]),
        half_load_rate=rate,
        idle_cpu_percent=idle_cpu,
        restart_s=restart_s,
        killed_pause_s=pause_s,
        returned_s=returned_s,
        commitment_us=commitment_us,
    )


def _closed_load(
    place: BenchTown, workload: Workload, group: int, seconds: float, bound: Limits
) -> Path:
    """As many transactions as could be final at 0.7 of the bound, more than was ever reached."""
    count = int((seconds + measure.WARM_UP_S) * bound.signature_bound * 0.7)
    return measure.write_transactions(place, workload, group, count)


def _in_other_process(accounts: int) -> float:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure_commitment_us, accounts).result()


async def _one_by_one(place: BenchTown, file: Path, seconds: float) -> Latency:
    job = Job(urls=place.urls, file=str(file), seconds=seconds, one_by_one=True)
    return measure.latency((await measure.run_load(job))["latencies_ms"])


async def _idle_cpu_percent(nodes: list[NodeProcess]) -> float:
    """CPU of all nodes together, in percent of one core."""
    await asyncio.sleep(1.0)
    before, started = sum(map(town.cpu_s, nodes)), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    return (sum(map(town.cpu_s, nodes)) - before) / (time.monotonic() - started) * 100


async def _restart(place: BenchTown, nodes: list[NodeProcess]) -> float:
    """Stop the last validator and start it again; seconds until it is ready."""
    await processes.stop(nodes[-1:])
    return await _start_last(place, nodes)


async def _start_last(place: BenchTown, nodes: list[NodeProcess]) -> float:
    node = place.nodes[-1]
    home = place.folder / node.name
    started = time.monotonic()
    nodes[-1] = await processes.start(node.name, home, home / "node.log")
    await town.ready(node)
    return time.monotonic() - started


async def _kill_one(place: BenchTown, nodes: list[NodeProcess], file: Path) -> tuple[float, float]:
    """Kill the last validator under load; the longest pause between blocks while it is away, and
    the seconds until it is back."""
    job = Job(urls=place.urls[:-1], file=str(file), seconds=KILL_SECONDS, rate=KILL_RATE)
    running = asyncio.create_task(measure.run_load(job))
    await asyncio.sleep(KILL_AFTER_S)
    nodes[-1].process.send_signal(signal.SIGKILL)
    await nodes[-1].process.wait()
    killed_s = time.time()
    report = await running
    seen = [at for at, _, _ in report["timeline"] if at >= killed_s - 1.0]
    pauses = [after - before for before, after in pairwise(seen)]
    return max(pauses, default=float("inf")), await _start_last(place, nodes)
