"""`poyong export`: blocks, accounts or events for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.client import ClientError
from api.sync_client import SyncClient
from ledger.errors import LocalError
from node.cli.output import json_option, print_fields, print_json
from node.cli.rpc import DEFAULT_URL, TIMEOUT_S, url_of

if TYPE_CHECKING:
    from node.chain_export import Format, Kind


@click.command("export")
@click.argument("kind", type=click.Choice(["blocks", "accounts", "events"]))
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
@click.option(
    "--from",
    "first",
    type=click.IntRange(min=1),
    help="First block.  [default: the lowest that the node holds]",
)
@click.option("--to", "last", type=click.IntRange(min=1), help="Last block.  [default: the head]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; without it, stdout.",
)
@click.option("--rpc", "rpc_url", metavar="URL", help=f"A running node.  [default: {DEFAULT_URL}]")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a node that does not run: its files are read instead.",
)
@json_option
def export_command(
    kind: "Kind",
    form: "Format",
    first: int | None,
    last: int | None,
    out: Path | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Write blocks, accounts or events, one a line, as JSON or CSV.

    Blocks and events come from a running node, or with --home from the files of a stopped one;
    accounts from files alone. The file of --out appears when it is whole. With --json, which needs
    --out, what was written is told as one JSON value.
    """
    from node import chain_export

    if kind == "accounts" and (first, last) != (None, None):
        raise click.UsageError("--from and --to choose blocks; accounts are those of the head")
    if as_json and out is None:
        raise click.UsageError("--json needs --out FILE, since stdout holds the rows without it")
    if home is not None and rpc_url is None:
        rows = chain_export.rows_of_files(home, kind, first, last)
        count = chain_export.write(rows, kind, form, out)
    else:
        url = url_of(rpc_url, home)
        try:
            with SyncClient(url, timeout_s=TIMEOUT_S) as client:
                rows = chain_export.rows_by_rpc(client, kind, first, last)
                count = chain_export.write(rows, kind, form, out)
        except ClientError as error:
            raise LocalError(str(error)) from error
    if out is None:
        return
    found = {"kind": kind, "rows": count, "file": str(out), "size_bytes": out.stat().st_size}
    if as_json:
        print_json(found)
    else:
        print_fields(found)
