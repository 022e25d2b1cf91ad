"""Keeps a store engine's own threads out of the way of the chain.

Compacting a million accounts takes seconds of CPU. With equal priority, on as many cores as nodes
or fewer, blocks waited for it: p99 at half load 0.9 s, and 0.4 s with this (docs/performance.md).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

NICENESS: Final = 10
"""Of compaction and flushes: a tenth of a busy core at least, so that they keep up with a load."""
_TASKS: Final = Path("/proc/self/task")


@contextmanager
def low_priority() -> Iterator[None]:
    """Threads of this process that start inside run at NICENESS. Elsewhere than on Linux nothing
    happens: priorities belong to processes there."""
    before = _threads()
    yield
    for thread in _threads() - before:
        with suppress(ProcessLookupError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, thread, NICENESS)


def _threads() -> set[int]:
    return {int(task.name) for task in _TASKS.iterdir()} if _TASKS.is_dir() else set()
