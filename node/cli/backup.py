"""`poyong backup` and `poyong restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from ledger.primitives import HASH_BYTES, Hash
from node.audit import StoreAudit
from node.backups import backup as backups
from node.backups.backup_content import Told
from node.cli.home import home_option
from node.cli.output import json_option, print_fields, print_json
from node.keys.keystore import read_password
from node.signing.settings import read_hex

_password = click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
_genesis = click.option("--genesis-hash", help="Of the chain that it has to be of.")


@click.group(invoke_without_command=True)
@home_option("Folder of the node, which may run.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--keys", is_flag=True, help="Also the key files, which have their own password.")
@_password
@json_option
@click.pass_context
def backup(
    context: click.Context,
    home: Path,
    out: Path | None,
    keys: bool,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Write an encrypted backup of a node, and prove it by restoring it into a scratch folder.

    A running node goes on. The vote record is never part of a backup.
    """
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise click.UsageError("--out is missing: name the file to write")
    password = read_password(password_file, "the backup")
    with _shown("Reading") as told:
        found = backups.backup(home, out, password, keys=keys, told=told)
    _print({"file": str(out), "size_bytes": out.stat().st_size}, found, as_json)


@backup.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_password
@_genesis
@json_option
def verify(file: Path, password_file: Path | None, genesis_hash: str | None, as_json: bool) -> None:
    """Prove FILE, a backup, by restoring it into a scratch folder beside it.

    The root over the restored state rows has to be that of the certified header.
    """
    password = read_password(password_file, "the backup")
    with _shown("Restoring") as told:
        found = backups.verify(file, password, told, _expected(genesis_hash))
    _print({"file": str(file), "size_bytes": file.stat().st_size}, found, as_json)


@click.command()
@home_option("Folder to make; it must not exist or be empty.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_password
@_genesis
@json_option
def restore(
    home: Path, file: Path, password_file: Path | None, genesis_hash: str | None, as_json: bool
) -> None:
    """Make a node's folder from FILE, a backup.

    A restored validator follows the chain and signs nothing until `poyong fence take`.
    """
    password = read_password(password_file, "the backup")
    with _shown("Restoring") as told:
        found = backups.restore(file, home, password, told, _expected(genesis_hash))
    _print({"home": str(home)}, found, as_json)


def _expected(text: str | None) -> Hash | None:
    if text is None:
        return None
    return Hash(read_hex(text.removeprefix("0x"), HASH_BYTES, "--genesis-hash"))


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
def _shown(what: str) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done: bar.update(task, completed=done)
