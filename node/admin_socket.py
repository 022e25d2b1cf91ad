"""The operator's socket of a running node: made at its start, gone at its end."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api.admin_ports import AdminPort
from api.admin_server import AdminServer
from api.ports import NodePort
from ledger.errors import InvariantViolation
from node.config import Config
from node.files.private_socket import bind_private


@asynccontextmanager
async def admin_socket(
    config: Config,
    node: NodePort,
    desk: AdminPort,
    on_invariant_violation: Callable[[InvariantViolation], None],
) -> AsyncIterator[None]:
    """Serve the operator's methods while the block runs. LocalError when the socket cannot be had.

    The socket is taken away at the end, unless another one lies there by then.
    """
    path = config.path(config.admin.socket)
    bound = bind_private(path, "[admin] socket")
    own = os.stat(path)
    server = AdminServer(node, desk, on_invariant_violation, time.monotonic)
    await server.start(bound)
    try:
        yield
    finally:
        await server.stop()
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino):
            path.unlink()
