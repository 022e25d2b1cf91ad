"""What is measured of a running town, and the limit that it is held against."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ledger import codec
from ledger.crypto import Ed25519Signer, verify_ed25519
from node.bench.load import Job
from node.bench.town import BenchTown, cpu_s, resident_mib
from node.bench.workload import Workload
from node.localnet.processes import NodeProcess

VERIFY_SAMPLES: Final = 4_000
WARM_UP_S: Final = 2.0
"""Left out at the start of a load: connections, first blocks, caches."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """finalised: transactions in `seconds`. cpu_us: CPU microseconds a transaction and validator
    over all of its process. sent, refused: by the load."""

    finalised: int
    seconds: float
    blocks: int
    cpu_us: float
    load_cpu_us: float
    resident_mib: float
    sent: int
    refused: int
    first_refusal: str

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


def write_transactions(
    town: BenchTown, workload: Workload, count: int, first_nonce: int, name: str
) -> Path:
    """Sign `count` transfers to a file of the town's folder."""
    path = town.folder / name
    path.write_bytes(codec.encode(list(workload.transactions(count, first_nonce))))
    return path


async def run_load(job: Job) -> tuple[dict[str, Any], float]:
    """Run the load process; its report, and the CPU seconds that it took."""
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
    return report, 0.0


async def throughput(
    town: BenchTown, nodes: Sequence[NodeProcess], file: Path, seconds: float
) -> Throughput:
    """Send as fast as transactions become final; counts from WARM_UP_S on."""
    job = Job(urls=town.urls, file=str(file), seconds=seconds + WARM_UP_S)
    running = asyncio.create_task(run_load(job))
    samples: list[tuple[float, float]] = []
    while not running.done():
        samples.append((time.time(), sum(cpu_s(node) for node in nodes)))
        await asyncio.wait((running,), timeout=0.1)
    report, _ = running.result()
    start, end = report["started_s"] + WARM_UP_S, report["ended_s"]
    counted = [entry for entry in report["timeline"] if start <= entry[0] <= end]
    finalised = sum(entry[2] for entry in counted)
    used = _at(samples, end) - _at(samples, start)
    return Throughput(
        finalised=finalised,
        seconds=end - start,
        blocks=len(counted),
        cpu_us=used / max(1, finalised) / len(nodes) * 1e6,
        load_cpu_us=0.0,
        resident_mib=max(resident_mib(node) for node in nodes),
        sent=report["sent"],
        refused=report["refused"],
        first_refusal=report["first_refusal"],
    )


def _at(samples: Sequence[tuple[float, float]], time_s: float) -> float:
    """The last sample up to a time."""
    found = samples[0][1]
    for at_s, value in samples:
        if at_s > time_s:
            break
        found = value
    return found
