"""The node processes of a local town: started, watched and stopped together."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STOP_TIMEOUT_S: Final = 10.0
"""From SIGTERM to SIGKILL: a node needs well under a second to finish its write."""
TAIL_BYTES: Final = 4096

# What the operating system reports of a program that broke, as against one that somebody killed.
_CRASH_SIGNALS: Final = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
)


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """One running node; everything it prints goes to `log`."""

    name: str
    log: Path
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """True until the process has ended."""
        return self.process.returncode is None

    def failure(self) -> str | None:
        """A sentence when the node ended by a fault of its own; None while it runs, when it was
        told to stop, or when somebody killed it."""
        code = self.process.returncode
        if code is None or code == 0 or (code < 0 and -code not in _CRASH_SIGNALS):
            return None
        how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
        said = last_line(self.log)
        return f"{self.name} ended with {how}" + (f": {said}" if said else f"; see {self.log}")


async def start(name: str, home: Path, log: Path) -> NodeProcess:
    """Start `poyong start --home HOME` in a process group of its own, so that Ctrl-C reaches only
    the supervisor, which then stops all nodes in order. It ends with this process."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "node.cli",
            "start",
            "--home",
            str(home),
            "--parent",
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    return NodeProcess(name, log, process)


async def stop(nodes: Iterable[NodeProcess], timeout_s: float = STOP_TIMEOUT_S) -> list[str]:
    """SIGTERM to all, SIGKILL to who still runs after `timeout_s`; names of those killed."""
    nodes = list(nodes)
    for node in nodes:
        if node.alive:
            node.process.terminate()
    waiting = [asyncio.ensure_future(node.process.wait()) for node in nodes]
    if waiting:
        await asyncio.wait(waiting, timeout=timeout_s)
    stubborn = [node for node in nodes if node.alive]
    for node in stubborn:
        node.process.kill()
    await asyncio.gather(*waiting)
    return [node.name for node in stubborn]


def last_line(log: Path) -> str:
    """The last line that a node printed, at most TAIL_BYTES of it; "" when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1].strip() if lines else ""
