"""What it costs to make one step's records durable: microseconds of one append of the vote record.

Run `python -m tests.bench.wal_micro [--appends N] [--folder DIR]` on the disk in question. Sizes
are those of a vote, and of blocks of 100, 1,000 and 5,000 transfers. A block's commit ends a
generation after every third append, as in a chain at work. `sync` is one write and fdatasync of a
page by itself, taken in turns with the appends: what the disk does at this moment. Prints JSON
lines.
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

from node.wal import open_log

SIZES: Final = (400, 17_000, 165_000, 825_000)
"""Bytes of a step's records."""
APPENDS_IN_A_GENERATION: Final = 3


def measure(folder: Path, size: int, appends: int) -> dict[str, object]:
    """Times of appends of `size` bytes, and of the disk beside them."""
    log = open_log(folder / f"votes {size}", None).log
    beside = os.open(folder / "beside", os.O_RDWR | os.O_CREAT)
    page, record = bytes(4_096), os.urandom(size)
    os.pwrite(beside, page, 0)
    os.fsync(beside)
    took: list[float] = []
    syncs: list[float] = []
    cpu = 0.0
    for number in range(appends):
        syncs.append(_sync(beside, page))
        started, cpu_before = time.perf_counter(), time.process_time()
        log.append([record])
        took.append(time.perf_counter() - started)
        cpu += time.process_time() - cpu_before
        if number % APPENDS_IN_A_GENERATION == APPENDS_IN_A_GENERATION - 1:
            log.cut(log.marker())
    os.close(beside)
    log.close()
    return {
        "record_bytes": size,
        "appends": appends,
        "median_us": round(statistics.median(took) * 1e6),
        "nine_in_ten_us": round(statistics.quantiles(took, n=10)[-1] * 1e6),
        "cpu_us": round(cpu / appends * 1e6, 1),
        "sync_median_us": round(statistics.median(syncs) * 1e6),
    }


def _sync(handle: int, page: bytes) -> float:
    started = time.perf_counter()
    os.pwrite(handle, page, 0)
    os.fdatasync(handle)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appends", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="poyong-wal-", dir=given.folder))
    try:
        for size in SIZES:
            print(json.dumps(measure(folder, size, given.appends)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
