"""Ports of a local town: on loopback, below the range that the kernel hands out by itself."""

import socket
from typing import Final

from ledger.errors import LocalError

LOOPBACK: Final = "127.0.0.1"
BASE_PORT: Final = 26600
WALLET_PORT: Final = 8545
"""Where wallets look for a node of their own."""
MIN_PORT: Final = 1024
MAX_PORT: Final = 32767
"""Linux gives outgoing connections ports from 32768 on; a port there may be gone any moment."""


def is_free(port: int) -> bool:
    """True when a server could listen on this port of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose(count: int, base: int = BASE_PORT) -> list[int]:
    """The first `count` free ports from `base` on; LocalError when there are not as many."""
    if not MIN_PORT <= base <= MAX_PORT:
        raise LocalError(f"base port {base} is outside {MIN_PORT}..{MAX_PORT}: choose another")
    found: list[int] = []
    for port in range(base, MAX_PORT + 1):
        if is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise LocalError(
        f"only {len(found)} of {count} ports are free from {base} to {MAX_PORT}: "
        "choose a lower one with --base-port"
    )
