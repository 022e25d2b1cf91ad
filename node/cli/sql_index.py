"""`poyong index --to URL`: a chain in tables of a SQL database, followed as it grows."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from api.client import Client, ClientError
from ledger.errors import LocalError
from node.cli.output import json_option, print_fields, print_json
from node.cli.rpc import TIMEOUT_S, rpc_options, url_of

if TYPE_CHECKING:
    from node.sqlindex.database import IndexDatabase
    from node.sqlindex.follow import Standing, Told

URL_VARIABLE: Final = "POYONG_INDEX_TO"


@click.command("index")
@click.option(
    "--to",
    "database_url",
    metavar="URL",
    required=True,
    envvar=URL_VARIABLE,
    show_envvar=True,
    help="sqlite:///FILE or postgresql://USER@HOST/DATABASE; made when empty.",
)
@click.option(
    "--from",
    "first_height",
    type=click.IntRange(min=1),
    help="First block of an empty database.  [default: 1]",
)
@click.option("--until-head", is_flag=True, help="End at the height the node has now.")
@rpc_options
@json_option
def index(
    database_url: str,
    first_height: int | None,
    until_head: bool,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Write the chain of a running node into tables of a SQL database, and go on with new blocks.

    Ends at SIGTERM or Ctrl-C. It can be killed at any time: the next run goes on where it was, and
    no row is lost or doubled. Tables and sample queries are in docs/sql.md. A password belongs in
    ~/.pgpass or PGPASSWORD, where other users of this machine do not see it.
    """
    url = url_of(rpc_url, home)
    database = _opened(database_url)
    try:
        with _shown() as told:
            standing = asyncio.run(_followed(url, database, first_height, until_head, told))
    except ClientError as error:
        raise LocalError(str(error)) from error
    finally:
        database.close()
    found = _figures(database.name, standing)
    if as_json:
        print_json(found)
    else:
        print_fields(found)


def _opened(url: str) -> "IndexDatabase":
    try:
        from node.sqlindex.database import open_database
    except ImportError as error:
        raise LocalError(
            "an index needs SQLAlchemy and psycopg, which are not installed: "
            "pip install 'poyong[sql]'"
        ) from error
    return open_database(url)


async def _followed(
    url: str,
    database: "IndexDatabase",
    first_height: int | None,
    until_head: bool,
    told: "Told",
) -> "Standing":
    from node.sqlindex.follow import Follower

    async with Client(url, timeout_s=TIMEOUT_S) as client:
        follower = Follower(
            client, database, first_height=first_height, until_head=until_head, told=told
        )
        loop = asyncio.get_running_loop()
        handled: list[signal.Signals] = []
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, follower.stop)
                handled.append(number)
        except (RuntimeError, ValueError):
            # Signals reach the main thread alone; elsewhere whoever runs the command ends it.
            pass
        try:
            return await follower.run()
        finally:
            for number in handled:
                loop.remove_signal_handler(number)


@contextmanager
def _shown() -> "Iterator[Told]":
    """A bar on stderr to the height that the node had at the start, then a line that stands."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Block {task.completed:,.0f} of {task.total:,.0f}"),
        BarColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=0, rate="")
        away = ""

        def told(standing: "Standing") -> None:
            nonlocal away
            if standing.away and not away:
                console.print(f"{standing.away} Trying again.", markup=False, highlight=False)
            away = standing.away
            height = standing.cursor.height
            bar.update(
                task,
                completed=height,
                total=max(height, standing.target_height),
                rate=f"{_rate(standing.blocks, standing):,} blocks/s, "
                f"{_rate(standing.transactions, standing):,} transactions/s",
            )

        yield told


def _rate(count: int, standing: "Standing") -> int:
    return int(count / standing.seconds) if standing.seconds else 0


def _figures(name: str, standing: "Standing") -> dict[str, Any]:
    return {
        "database": name,
        "first_height": standing.cursor.first_height,
        "height": standing.cursor.height,
        "blocks": standing.blocks,
        "transactions": standing.transactions,
        "seconds": round(standing.seconds, 3),
        "blocks_per_second": _rate(standing.blocks, standing),
        "transactions_per_second": _rate(standing.transactions, standing),
    }
