"""`poyong backup` and `poyong restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from node import backup as backups
from node.audit import StoreAudit
from node.cli.home import home_option
from node.cli.output import json_option, print_fields, print_json
from node.keystore import read_password


@click.command()
@home_option("Folder of the node, which may run.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--keys", is_flag=True, help="Also the key files, which have their own password.")
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@json_option
def backup(home: Path, out: Path, keys: bool, password_file: Path | None, as_json: bool) -> None:
    """Write an encrypted backup of a node, and prove it by restoring it into a scratch folder.

    A running node goes on. The vote record is never part of a backup.
    """
    password = read_password(password_file, "the backup")
    with _shown("Reading") as told:
        found = backups.backup(home, out, password, keys=keys, told=told)
    _print({"file": str(out), "size_bytes": out.stat().st_size}, found, as_json)


@click.command()
@home_option("Folder to make; it must not exist or be empty.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@json_option
def restore(home: Path, file: Path, password_file: Path | None, as_json: bool) -> None:
    """Make a node's folder from FILE, a backup.

    The restored validator knows that it lost its vote record, and votes only past the heights that
    others certify. The machine that the backup was taken on must never start again with this key.
    """
    password = read_password(password_file, "the backup")
    with _shown("Restoring") as told:
        found = backups.restore(file, home, password, told)
    _print({"home": str(home)}, found, as_json)


def _print(first: dict[str, Any], found: StoreAudit, as_json: bool) -> None:
    facts = {
        **first,
        "height": found.height,
        "block": hex_of(found.block_hash),
        "transactions": found.transactions,
        "invariants": found.invariants,
    }
    if as_json:
        print_json(facts)
    else:
        print_fields(facts)


@contextmanager
def _shown(what: str) -> Iterator[backups.Told]:
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done: bar.update(task, completed=done)
