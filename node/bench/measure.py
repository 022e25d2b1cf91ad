"""What is measured of a running town, and the limit that it is held against."""

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from ledger.crypto import Ed25519Signer, verify_ed25519
from node.bench.load import Job
from node.bench.town import BenchTown, cpu_s, resident_mib
from node.bench.workload import Workload
from node.localnet.processes import NodeProcess

_CPU_SERIES: Final = re.compile(r'^poyong_cpu_seconds_total\{part="(\w+)"\} (\S+)$', re.MULTILINE)
VERIFY_SAMPLES: Final = 4_000
WARM_UP_S: Final = 2.0
"""Left out at the start of a load: connections, first blocks, caches."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """finalised: transactions in `seconds`. cpu_us: CPU microseconds a transaction and validator
    over all of its process; by part: of its thread, "other" is connections, TLS, JSON-RPC and
    everything else. sent, refused: by the load."""

    finalised: int
    seconds: float
    blocks: int
    cpu_us: float
    resident_mib: float
    sent: int
    refused: int
    first_refusal: str
    cpu_us_by_part: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Finalised transactions a second."""
        return self.finalised / self.seconds


@dataclass(frozen=True, slots=True)
class Latency:
    """From submitting to the block's notice at the client, in ms."""

    count: int
    p50: float
    p99: float


def verify_us() -> float:
    """Microseconds of one PyNaCl verify of a transfer's size: the median of four rounds."""
    signer = Ed25519Signer(bytes(32))
    message = bytes(120)
    signature = signer.sign(message)
    rounds = []
    for _ in range(4):
        started = time.perf_counter()
        for _ in range(VERIFY_SAMPLES // 4):
            verify_ed25519(signer.public_key, message, signature)
        rounds.append((time.perf_counter() - started) / (VERIFY_SAMPLES // 4) * 1e6)
    return statistics.median(rounds)


def signature_bound(cores: int, validators: int, one_verify_us: float) -> float:
    """Transactions a second if every validator did nothing but verify each once."""
    return cores / (validators * one_verify_us * 1e-6)


def latency(samples_ms: Sequence[float]) -> Latency:
    """Median and 99th percentile."""
    ordered = sorted(samples_ms)
    if not ordered:
        return Latency(0, float("nan"), float("nan"))
    at = min(len(ordered) - 1, int(len(ordered) * 0.99))
    return Latency(len(ordered), statistics.median(ordered), ordered[at])


def write_transactions(town: BenchTown, workload: Workload, group: int, count: int) -> Path:
    """Sign `count` transfers of a group to a file of the town's folder."""
    path = town.folder / f"transactions-{group}"
    path.write_text("\n".join(raw.hex() for raw in workload.transactions(group, count)))
    return path


async def run_load(job: Job) -> dict[str, Any]:
    """Run the load process; its report."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "node.bench.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(json.dumps(asdict(job)).encode())
    if process.returncode:
        raise RuntimeError(f"the load process ended with {process.returncode}")
    report: dict[str, Any] = json.loads(output)
    return report


async def throughput(
    town: BenchTown, nodes: Sequence[NodeProcess], file: Path, seconds: float
) -> Throughput:
    """Send as fast as transactions become final; counts from WARM_UP_S on."""
    job = Job(urls=town.urls, file=str(file), seconds=seconds + WARM_UP_S)
    running = asyncio.create_task(run_load(job))
    parts_before = await _cpu_s_by_part(town)
    used_before = sum(cpu_s(node) for node in nodes)
    samples: list[tuple[float, float]] = []
    while not running.done():
        samples.append((time.time(), sum(cpu_s(node) for node in nodes)))
        await asyncio.wait((running,), timeout=0.1)
    used_in_all = sum(cpu_s(node) for node in nodes) - used_before
    parts_after = await _cpu_s_by_part(town)
    report = running.result()
    start, end = report["started_s"] + WARM_UP_S, report["ended_s"]
    counted = [entry for entry in report["timeline"] if start <= entry[0] <= end]
    finalised = sum(entry[2] for entry in counted)
    used = _at(samples, end) - _at(samples, start)
    return Throughput(
        finalised=finalised,
        seconds=end - start,
        blocks=len(counted),
        cpu_us=used / max(1, finalised) / len(nodes) * 1e6,
        resident_mib=max(resident_mib(node) for node in nodes),
        sent=report["sent"],
        refused=report["refused"],
        first_refusal=report["first_refusal"],
        cpu_us_by_part=_by_part(
            {part: after - parts_before.get(part, 0.0) for part, after in parts_after.items()},
            used_in_all,
            1e6 / len(nodes) / max(1, sum(entry[2] for entry in report["timeline"])),
        ),
    )


async def _cpu_s_by_part(town: BenchTown) -> dict[str, float]:
    """Sum over the validators of what each counted by part (node.meter)."""
    sums: dict[str, float] = {}
    async with aiohttp.ClientSession() as session:
        for node in town.nodes:
            async with session.get(node.metrics_url) as response:
                text = await response.text()
            for part, seconds in _CPU_SERIES.findall(text):
                sums[part] = sums.get(part, 0.0) + float(seconds)
    return sums


def _by_part(parts: Mapping[str, float], all_s: float, scale: float) -> dict[str, float]:
    """Microseconds a transaction and validator, and the rest as "other"."""
    found = {part: seconds * scale for part, seconds in parts.items()}
    return {**found, "other": (all_s - sum(parts.values())) * scale}


def _at(samples: Sequence[tuple[float, float]], time_s: float) -> float:
    """The last sample up to a time."""
    found = samples[0][1]
    for at_s, value in samples:
        if at_s > time_s:
            break
        found = value
    return found
