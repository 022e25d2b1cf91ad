"""Which nodes of a town run already: the kernel knows which process holds a store.

A node that somebody started by hand belongs to whoever started it, so a town neither stops it nor
starts a second one over it.
"""

import fcntl
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ledger.errors import LocalError
from node.config import StorageConfig
from node.localnet.layout import OBSERVER, ORGANISATIONS
from node.opening import CHAIN_FOLDER

LOCK_FILE: Final = "LOCK"
"""Both store engines hold a POSIX record lock on a file of this name while a store is open."""
_FLOCK: Final = struct.Struct("hhqqi4x")
"""Linux, 64 bit: type, whence, start, length, process id."""


def require_none_runs(folder: Path) -> None:
    """LocalError, which names each node and its process, when nodes of this town run already."""
    held = running(folder)
    if not held:
        return
    named = ", ".join(f"{name} (process {pid or 'unknown'})" for name, pid in held.items())
    pids = " ".join(str(pid) for pid in held.values() if pid)
    raise LocalError(
        f"nodes of the town in {folder} run already: {named}. A town starts all of its nodes "
        f"itself: stop them where they were started{f', or with kill {pids}' if pids else ''}, and "
        "start the town again. Nothing was changed"
    )


def running(folder: Path) -> Mapping[str, int]:
    """Process ids of nodes that run in the folder of a town, by name; 0 for one that cannot be
    seen from here. This process must hold no store of the town: looking would release it."""
    found = {}
    for name, _ in (*ORGANISATIONS, OBSERVER):
        chain = folder / name / StorageConfig().path / CHAIN_FOLDER
        for lock in chain.glob(f"*/{LOCK_FILE}"):
            pid = _holder(lock)
            if pid is not None:
                found[name] = pid
    return found


def _holder(lock: Path) -> int | None:
    """Process id of who locks the file, 0 when it is in another namespace, None for nobody."""
    question = _FLOCK.pack(fcntl.F_WRLCK, 0, 0, 0, 0)
    with lock.open("rb") as file:
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, question))
    return None if kind == fcntl.F_UNLCK else max(pid, 0)
