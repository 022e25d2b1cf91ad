"""`poyong` with a wall clock that a drill moves: `python -m tests.drills.shifted_clock FILE ...`.

FILE holds a signed 64-bit number of milliseconds, which is added to what Python's `time.time` and
`time.time_ns` say: whatever a node decides by the wall clock is read there, in one function
(node.wall_clock.now_ms). The file is mapped, so the clock moves at once, in the middle of the
node's life, as when an operator or a time server sets it. The times of log lines stay true, and
certificates of connections are not concerned: nodes compare keys and no dates.

No setting of the machine's clock: that would need root, and would shift every other process too.
"""

import mmap
import struct
import sys
import time
from pathlib import Path
from typing import Final

from node import cli

SHIFT: Final = struct.Struct("<q")


def write_shift(path: Path, shift_ms: int) -> None:
    """Move the clock of the process that was started with this file."""
    if not path.exists():
        path.write_bytes(SHIFT.pack(shift_ms))
        return
    with path.open("r+b") as file, mmap.mmap(file.fileno(), SHIFT.size) as mapped:
        mapped[:] = SHIFT.pack(shift_ms)


def follow(path: Path) -> None:
    """Shift this process's wall clock by what the file says, from now on."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), SHIFT.size, access=mmap.ACCESS_READ)
    true_ns = time.time_ns

    def time_ns() -> int:
        return true_ns() + int(SHIFT.unpack(mapped[:])[0]) * 1_000_000

    def time_s() -> float:
        return time_ns() / 1e9

    time.time_ns, time.time = time_ns, time_s


if __name__ == "__main__":
    follow(Path(sys.argv.pop(1)))
    cli.main()
