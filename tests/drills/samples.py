"""What a process takes, sample after sample, and whether it grows.

Memory: anonymous pages alone (RssAnon). Pages of database files that the kernel keeps mapped come
and go with its cache and are shown beside it. Handles: open files except tables of the database,
of which the engine opens as many as there are, up to its own limit.

The rule. The first WARM_UP of a run is left out: caches fill, tables reach their usual number. A
line is fitted through what is left (least squares), and its rise from the first to the last of
these samples is the growth. Memory passes when its growth is at most the sum of three: MAX_GROWTH
of the mean or LEAST_MIB, for an allocator's habits and for caches of an idle node; ROW_KIB for each
new row of state, of which a node holds the leaf, and of up to 50,000 the decoded row with its key;
TABLE_INDEX of what the disk has grown, for the index and the filter of each open table, at most
1,000, which LevelDB holds. Handles pass when their growth is at most MAX_HANDLES. So a leak of one
small object (50 bytes) a block is found after a million blocks, and one of 1 KiB after 25,000.
"""

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from node.localnet.ports import LOOPBACK

WARM_UP: Final = 0.25
MAX_GROWTH: Final = 0.05
LEAST_MIB: Final = 16.0
ROW_KIB: Final = 1.0
TABLE_INDEX: Final = 0.02
MAX_HANDLES: Final = 4.0
FEWEST: Final = 12
"""Samples after the warm-up below which a line says nothing."""
TABLES: Final = (".ldb", ".sst")
ANSWER_S: Final = 10.0
_KIB: Final = 1_024


@dataclass(frozen=True, slots=True)
class Sample:
    """at: where the run stands, in blocks or seconds. Memory and disk in MiB. rows: of state."""

    at: float
    memory_mib: float
    file_pages_mib: float
    handles: int
    tables: int
    disk_mib: float
    rows: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one node. growth: fitted over the samples after the warm-up, in the unit of the figure.
    problem: a sentence, "" when it passes."""

    samples: int
    memory_mib: float
    memory_growth_mib: float
    handles: float
    handles_growth: float
    disk_mib: float
    rows_growth: float
    problem: str


def sample(pid: int, at: float, data: Path, rows: int) -> Sample:
    """Of a running process whose files are below `data`; rows: of its state."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    targets = [_target(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    tables = sum(target.endswith(TABLES) for target in targets)
    return Sample(
        at=at,
        memory_mib=_mib(status["RssAnon"]),
        file_pages_mib=_mib(status["RssFile"]),
        handles=len(targets) - tables,
        tables=tables,
        disk_mib=disk_bytes(data) / 2**20,
        rows=rows,
    )


def state_rows(port: int) -> int:
    """Rows of the state of the node with its metrics at this port of the loopback; OSError when it
    does not answer."""
    connection = HTTPConnection(LOOPBACK, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    line = next(line for line in text.splitlines() if line.startswith("poyong_state_rows "))
    return int(float(line.split()[1]))


def disk_bytes(folder: Path) -> int:
    """What the files of a folder take; those that vanish meanwhile are none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def growth(points: Sequence[tuple[float, float]]) -> float:
    """Rise of the fitted line from the first point to the last."""
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope
    return slope * (points[-1][0] - points[0][0])


def judge(samples: Sequence[Sample], disk_bound_mib: float | None) -> Verdict:
    """By the rule above; the disk is held against its bound in every sample that counts."""
    kept = samples[int(len(samples) * WARM_UP) :]
    if len(kept) < FEWEST:
        return Verdict(
            len(kept), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f"only {len(kept)} samples: let it run longer"
        )
    memory = statistics.fmean(item.memory_mib for item in kept)
    more = growth([(item.at, item.memory_mib) for item in kept])
    handles = growth([(item.at, item.handles) for item in kept])
    disk = max(item.disk_mib for item in kept)
    tables = TABLE_INDEX * max(0.0, growth([(item.at, item.disk_mib) for item in kept]))
    rows = max(0.0, growth([(item.at, item.rows) for item in kept]))
    problems = []
    if more > max(LEAST_MIB, MAX_GROWTH * memory) + tables + rows * ROW_KIB / 1_024:
        problems.append(
            f"memory grows by {more:.1f} MiB on {memory:.1f}, with {rows:,.0f} rows of state"
        )
    if handles > MAX_HANDLES:
        problems.append(f"open files grow by {handles:.1f}")
    if disk_bound_mib is not None and disk > disk_bound_mib:
        problems.append(f"the disk took {disk:.0f} MiB, its bound is {disk_bound_mib:.0f}")
    return Verdict(
        samples=len(kept),
        memory_mib=memory,
        memory_growth_mib=more,
        handles=statistics.fmean(item.handles for item in kept),
        handles_growth=handles,
        disk_mib=disk,
        rows_growth=rows,
        problem="; ".join(problems),
    )


def shown(name: str, item: Sample) -> str:
    """One line of progress."""
    return (
        f"{name:18} {item.at:12,.0f}  memory {item.memory_mib:7.1f} MiB  mapped "
        f"{item.file_pages_mib:7.1f} MiB  files {item.handles:3} + {item.tables:4} tables  "
        f"disk {item.disk_mib:8.1f} MiB  rows {item.rows:7,}"
    )


def verdict_text(name: str, verdict: Verdict) -> str:
    """One line of the result."""
    if verdict.problem:
        return f"{name}: FAILED: {verdict.problem}"
    return (
        f"{name}: passed: memory {verdict.memory_mib:.1f} MiB, {verdict.memory_growth_mib:+.1f}; "
        f"files {verdict.handles:.0f}, {verdict.handles_growth:+.1f}; disk {verdict.disk_mib:.0f} "
        f"MiB; rows of state {verdict.rows_growth:+,.0f}; over {verdict.samples} samples"
    )


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def _mib(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) * _KIB / 2**20


def as_json(verdicts: dict[str, Verdict], samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """Verdicts and every sample, by node."""
    return {
        name: asdict(verdict) | {"series": [asdict(item) for item in samples[name]]}
        for name, verdict in verdicts.items()
    }
