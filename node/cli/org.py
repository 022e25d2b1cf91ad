"""`poyong org`: the organisations of a chain."""

from pathlib import Path

import click

from api import calls, governance_results
from api.parameters import MAX_ITEMS
from ledger.errors import LocalError
from node.cli.output import json_option, moment, print_fields, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of


@click.group()
def org() -> None:
    """List and show the organisations of a chain."""


@org.command("list")
@click.option("--after", default="", help="Only ids above.")
@rpc_options
@json_option
def list_command(after: str, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the organisations by id, whatever their status."""
    found = ask(url_of(rpc_url, home), calls.list_organisations(after or None))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No organisation is registered from there on.")
        return
    print_table(
        "Organisations",
        ("id", "name", "이름", "chamber", "status", "validator", "account"),
        [
            (
                row["id"],
                row["name_en"],
                row["name_ko"],
                row["chamber"],
                row["status"],
                row["validator_key"] is not None,
                row["account"],
            )
            for row in found
        ],
    )
    if len(found) == MAX_ITEMS:
        click.echo(f"There may be more: --after {found[-1]['id']}")


@org.command()
@click.argument("organisation", metavar="ID")
@rpc_options
@json_option
def show(organisation: str, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show the organisation ID: names, seat, account, keys."""
    url = url_of(rpc_url, home)
    found = _find(url, organisation)
    if found is None:
        raise LocalError(f"{url} knows no organisation {organisation!r:.60}: see poyong org list")
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "id": found["id"],
            "name": found["name_en"],
            "이름": found["name_ko"],
            "chamber": found["chamber"],
            "status": found["status"] + (f": {found['reason']}" if found["reason"] else ""),
            "account": found["account"],
            "validator key": found["validator_key"],
            "node key": found["node_key"],
            "observers": ", ".join(found["observers"]) or None,
            "registered": moment(found["registered_ms"]),
            "changed": moment(found["changed_ms"]),
        }
    )
    print_table(
        "Seats, by snapshot",
        ("chamber", "began", "ended"),
        [(row["chamber"], row["began"], row["ended"]) for row in found["memberships"]],
    )


def _find(url: str, wanted: str) -> governance_results.Organisation | None:
    """The organisation with this id, page by page; the list goes by id."""
    after: str | None = None
    while True:
        rows = ask(url, calls.list_organisations(after))
        for row in rows:
            if row["id"] == wanted:
                return row
        if len(rows) < MAX_ITEMS or rows[-1]["id"] > wanted:
            return None
        after = rows[-1]["id"]
