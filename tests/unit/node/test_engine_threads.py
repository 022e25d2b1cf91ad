"""What a store engine does in the background does not compete with the chain."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from node.store.engine_threads import NICENESS, low_priority
from node.store.stores import installed_engines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority on Linux")

# In a process of its own: LevelDB starts its thread once for all stores of a process.
_OPEN = """
import os, sys
from pathlib import Path
from node.store.stores import open_store
before = set(os.listdir("/proc/self/task"))
open_store(Path(sys.argv[1]), sys.argv[2])
after = set(os.listdir("/proc/self/task")) - before
print(*(os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in after))
print(os.getpriority(os.PRIO_PROCESS, 0))
"""


def test_only_threads_that_start_inside_step_back() -> None:
    stop, niceness = threading.Event(), os.getpriority(os.PRIO_PROCESS, 0)
    inside, outside = (threading.Thread(target=stop.wait) for _ in range(2))
    with low_priority():
        inside.start()
    outside.start()
    try:
        found = [
            os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in (inside, outside)
        ]
        assert found == [max(niceness, NICENESS), niceness]
        assert os.getpriority(os.PRIO_PROCESS, 0) == niceness
    finally:
        stop.set()
        inside.join()
        outside.join()


@pytest.mark.parametrize("engine", installed_engines())
def test_the_threads_of_an_engine_step_back_and_the_node_does_not(
    tmp_path: Path, engine: str
) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    answer = subprocess.run(
        [sys.executable, "-c", _OPEN, str(tmp_path), engine],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    threads, main = answer.stdout.splitlines()
    assert threads
    assert {int(niceness) for niceness in threads.split()} == {max(NICENESS, own)}
    assert int(main) == own
