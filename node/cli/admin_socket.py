"""Talks to the operator's socket of a node on this machine."""

import asyncio
import socket
from pathlib import Path
from typing import TypeVar

from api.calls import Call
from api.client import Client, ClientError, NodeError, UnreachableError
from ledger.errors import LocalError
from node import config
from node.private_socket import short_name

T = TypeVar("T")
TIMEOUT_S = 60.0
"""A node opens key files while it answers, 0.2 s each."""


def socket_of(home: Path) -> Path:
    """Where the node of this folder listens for its operator; LocalError when it does not."""
    settings = config.load(home / config.CONFIG_FILE)
    if not settings.admin.socket:
        raise LocalError(f"{home}: [admin] socket is empty, so the node listens for no operator")
    return settings.path(settings.admin.socket)


def ask_operator(home: Path, call: Call[T]) -> T:
    """The result of one call; LocalError when the node does not answer, or refuses."""
    path = socket_of(home)

    async def exchange(name: str) -> T:
        async with Client("http://localhost", timeout_s=TIMEOUT_S, unix_socket=name) as client:
            return await client.call(call)

    try:
        with short_name(path) as name:
            return asyncio.run(exchange(name))
    except NodeError as error:
        raise LocalError(f"the node of {home} refused: {error.message}") from error
    except UnreachableError as error:
        raise LocalError(
            f"no node listens on {path}: start it (`poyong start --home {home}`), or name the "
            "folder of one that runs with --home, as the user that runs it"
        ) from error
    except ClientError as error:
        raise LocalError(f"{path}: {error}") from error


def listens(home: Path) -> bool:
    """Whether a node of this folder runs and listens for its operator."""
    path = socket_of(home)
    if not path.is_socket():
        return False
    with short_name(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        return caller.connect_ex(name) == 0
