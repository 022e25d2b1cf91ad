"""Talks to a running node for a command: which one, and what is said when it does not answer."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from api.calls import Call
from api.client import Client, ClientError, NodeError, UnreachableError
from ledger.errors import LocalError
from node import config
from node.localnet import layout

DEFAULT_URL: Final = "http://127.0.0.1:8545"
TIMEOUT_S: Final = 30.0

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def rpc_options(command: Command) -> Command:
    """--rpc URL or --home DIR, handed to the command as `rpc_url` and `home`."""
    command = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of a node on this machine, whose configuration names the port.",
    )(command)
    return click.option(
        "--rpc",
        "rpc_url",
        metavar="URL",
        shell_complete=complete_url,
        help=f"JSON-RPC of a node.  [default: {DEFAULT_URL}]",
    )(command)


def complete_url(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The nodes of the town in this folder, if there is one."""
    del context, parameter
    try:
        town = layout.load(layout.DEFAULT_FOLDER)
    except LocalError:  # a shell has no place for the sentence; `poyong town status` says it
        town = None
    return [
        CompletionItem(node.rpc_url, help=node.organisation)
        for node in (() if town is None else town.nodes)
        if node.rpc_url.startswith(incomplete)
    ]


def url_of(rpc_url: str | None, home: Path | None) -> str:
    """The node that the options name; LocalError when they contradict each other."""
    if rpc_url is not None and home is not None:
        raise LocalError("name the node by --rpc or by --home, not by both")
    if rpc_url is not None:
        if not rpc_url.startswith(("http://", "https://")):
            raise LocalError(f"--rpc: expected http://HOST:PORT, found {rpc_url!r:.80}")
        return rpc_url
    if home is None:
        return DEFAULT_URL
    options = config.load(home / config.CONFIG_FILE).rpc
    if not options.enabled:
        raise LocalError(f"{home}: rpc.enabled is false, so the node answers nobody")
    host = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    return f"http://{host}:{options.port}"


def client_of(url: str) -> Client:
    """A client of the node, with the API key of the environment when there is one."""
    key = os.environ.get(config.API_KEY_VARIABLE)
    return Client(url, timeout_s=TIMEOUT_S, api_key=key)


def ask(url: str, call: Call[T]) -> T:
    """The result of one call; LocalError when the node does not answer or refuses."""
    return ask_all(url, [call])[0]


def ask_all(url: str, batch: Sequence[Call[T]]) -> list[T]:
    """The results of several calls, together; LocalError for the first that fails."""

    async def exchange() -> list[T]:
        async with client_of(url) as client:
            outcomes = await client.batch(batch)
        found: list[T] = []
        for outcome in outcomes:
            if isinstance(outcome, NodeError):
                raise outcome
            found.append(outcome)
        return found

    try:
        return asyncio.run(exchange())
    except NodeError as error:
        raise LocalError(f"the node at {url} refused: {error.message}") from error
    except UnreachableError as error:
        raise LocalError(
            f"no node answers at {url}: start it, or name another with --rpc or --home"
        ) from error
    except ClientError as error:
        raise LocalError(f"{error}; name a node with --rpc or --home") from error
