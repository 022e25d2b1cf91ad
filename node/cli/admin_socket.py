"""Talks to the operator's socket of a node on this machine."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Final, TypeVar

import click

from api import admin_calls, admin_results
from api.calls import Call
from api.client import Client, ClientError, NodeError, UnreachableError
from ledger.errors import LocalError
from node import config
from node.files.private_socket import short_name

T = TypeVar("T")
within_option = click.option(
    "--within",
    type=click.IntRange(1, 86_400),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the node to make it.",
)
ASKS_EVERY_S: Final = 0.2
TIMEOUT_S: Final = 60.0
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


def have_snapshot_made(home: Path, within_s: float) -> admin_results.SnapshotOutcome:
    """The snapshot that the running node makes now of its head, or has made of it already.
    LocalError when it cannot, or does not within that time."""
    end = time.monotonic() + within_s
    found = ask_operator(home, admin_calls.snapshot())
    while found["making"] is not None:
        if time.monotonic() > end:
            raise LocalError(
                f"the snapshot of block {found['making']:,} is not made within {within_s:g} s, "
                f"{found['parts_done']:,} of {found['parts']:,} parts: the node goes on with it, "
                "and `poyong snapshot list` shows it once it is there"
            )
        time.sleep(ASKS_EVERY_S)
        found = ask_operator(home, admin_calls.snapshot(begin=False))
    last = found["last"]
    if last is None or last["problem"] is not None:
        raise LocalError(f"the node made no snapshot: {last and last['problem']}")
    return last
