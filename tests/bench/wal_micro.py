"""What it costs to make a step's records durable: microseconds of one append of the vote record.

Run `python -m tests.bench.wal_micro [--blocks N] [--folder DIR]` on the disk in question. Each
block is three appends, as in a chain at work: a proposal (of no, 100 or 1,000 transfers, or of
2,000 larger transactions), then two votes; its commit ends a generation. `sync` is one write and
fdatasync of a page by itself, once a block: what the disk does at this moment. Prints JSON lines.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from node.votes.wal import open_log

PROPOSALS: Final = (400, 17_000, 165_000, 825_000)
"""Bytes of the record of a proposal."""
VOTE: Final = bytes(400)


def measure(folder: Path, size: int, blocks: int) -> dict[str, object]:
    """Times of the appends of `blocks` blocks, and of the disk beside them."""
    log = open_log(folder / f"votes {size}", None).log
    beside = os.open(folder / "beside", os.O_RDWR | os.O_CREAT)
    page, proposal = bytes(4_096), os.urandom(size)
    os.pwrite(beside, page, 0)
    os.fsync(beside)
    proposals: list[float] = []
    votes: list[float] = []
    syncs: list[float] = []
    cpu = time.process_time()
    for _ in range(blocks):
        for times, record in ((proposals, proposal), (votes, VOTE), (votes, VOTE)):
            started = time.perf_counter()
            log.append([record])
            times.append(time.perf_counter() - started)
        log.cut(log.marker())
        syncs.append(_sync(beside, page))
    cpu = time.process_time() - cpu
    os.close(beside)
    log.close()
    return {
        "proposal_bytes": size,
        "proposal_us": _spread(proposals),
        "vote_us": _spread(votes),
        "sync_us": _spread(syncs),
        "cpu_us_of_a_block": round(cpu / blocks * 1e6),
    }


def _spread(seconds: list[float]) -> list[int]:
    """Least, median and nine in ten, in microseconds."""
    found = (min(seconds), statistics.median(seconds), statistics.quantiles(seconds, n=10)[-1])
    return [round(value * 1e6) for value in found]


def _sync(handle: int, page: bytes) -> float:
    started = time.perf_counter()
    os.pwrite(handle, page, 0)
    os.fdatasync(handle)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="poyong-wal-", dir=given.folder))
    try:
        for size in PROPOSALS:
            print(json.dumps(measure(folder, size, given.blocks)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
