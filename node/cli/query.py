"""`poyong peers`, `validators`, `why-stalled`: questions to a running node."""

from pathlib import Path

import click

from api import calls
from ledger.errors import LocalError
from node.cli.output import json_option, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of

KEY_SHOWN = 18


def _short(text: str) -> str:
    return text[:KEY_SHOWN] + "…"


@click.command()
@rpc_options
@json_option
def peers(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the peers that a node is connected with."""
    found = ask(url_of(rpc_url, home), calls.peers())
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found)} peers",
        ("organisation", "seat", "address", "height", "round trip ms", "connected s", "node key"),
        [
            (
                peer["organisation"],
                peer["validator"],
                peer["address"] + (" (out)" if peer["outbound"] else " (in)"),
                peer["height"],
                peer["round_trip_ms"],
                peer["connected_ms"] // 1000,
                _short(peer["node_key"]),
            )
            for peer in found
        ],
    )


@click.command()
@rpc_options
@click.option("--height", type=click.IntRange(min=1), help="Of this height, not the running one.")
@json_option
def validators(rpc_url: str | None, home: Path | None, height: int | None, as_json: bool) -> None:
    """List who votes, and which height each signed last."""
    found = ask(url_of(rpc_url, home), calls.validators(height))
    if found is None:
        raise LocalError(f"the set of height {height} is not decided yet; ask for a lower height")
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found['members'])} validators of height {found['height']:,}, "
        f"a quorum is {found['quorum']}",
        ("seat", "organisation", "last signed", "proposes", "key"),
        [
            (
                member["index"],
                member["organisation"],
                member["last_signed_height"],
                member["eligible"],
                _short(member["public_key"]),
            )
            for member in found["members"]
        ],
    )


@click.command("why-stalled")
@rpc_options
@json_option
def why_stalled(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Say why no block comes, and what to do."""
    found = ask(url_of(rpc_url, home), calls.why_stalled())
    if as_json:
        print_json(found)
        return
    ago = f"the last block came {found['last_commit_ms'] / 1000:,.1f} s ago"
    click.echo(f"Stalled: {ago}." if found["stalled"] else f"Not stalled: {ago}.")
    for cause in found["causes"]:
        click.echo(f"- {cause['finding']}\n  Remedy: {cause['remedy']}")
