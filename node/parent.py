"""A process that ends with the one that started it, however that one ended."""

import ctypes
import os
import signal
from typing import Final

from ledger.errors import LocalError

_PR_SET_PDEATHSIG: Final = 1


def end_with(parent_pid: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent dies (Linux).

    Called in the child, so the parent may be gone already: then LocalError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise LocalError(
            f"cannot tie this process to its parent: {os.strerror(ctypes.get_errno())}; "
            "start the node without --parent"
        )
    if os.getppid() != parent_pid:
        raise LocalError(f"process {parent_pid}, which started this node, is gone")
