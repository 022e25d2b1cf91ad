"""`poyong admin`: what the operator does with a running node, by its Unix socket."""

import time
from pathlib import Path

import click

from api import admin_calls, admin_results
from ledger.errors import LocalError
from node.cli.admin_socket import (
    ASKS_EVERY_S,
    ask_operator,
    have_snapshot_made,
    listens,
    within_option,
)
from node.cli.home import home_option
from node.cli.output import json_option, moment, print_fields, print_json, print_table
from node.cli.query import PEER_COLUMNS, peer_cells, short

_HOME = home_option("Folder of the node, which runs on this machine.")


@click.group()
def admin() -> None:
    """Look after a node that runs on this machine; only its owner can."""


@admin.command()
@_HOME
@json_option
def peers(home: Path, as_json: bool) -> None:
    """Show whom the node reaches, with scores, and whom it does not, with the reason."""
    found = ask_operator(home, admin_calls.peers())
    if as_json:
        print_json(found)
        return
    print_table(
        f"{len(found['connected'])} peers",
        (*PEER_COLUMNS, "score", "knows us as"),
        [
            (*peer_cells(peer), peer["score"], short(peer["known_as"]))
            for peer in found["connected"]
        ],
    )
    for peer in found["unreachable"]:
        click.echo(f"not reached: {peer['address']} {peer['node_key']}: {peer['reason']}")


@admin.command()
@_HOME
@click.option("--stop/--no-stop", default=False, show_default=True, help="End the node then.")
@click.option(
    "--within",
    type=click.IntRange(1, 3_600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until it is drained.",
)
@json_option
def drain(home: Path, stop: bool, within: int, as_json: bool) -> int:
    """Take no more transactions, finish the height that was voted in, and vote no more."""
    end = time.monotonic() + within
    found = ask_operator(home, admin_calls.drain(stop=stop))
    while not found["drained"] or (stop and listens(home)):
        if time.monotonic() > end:
            raise LocalError(
                f"not drained within {within} s: height {found['finishing']}, in which the node "
                "voted, is not final. It goes on as soon as a quorum does (`poyong why-stalled`); "
                "to stop now send it SIGTERM: its votes are on disk, and it stands by them"
            )
        time.sleep(ASKS_EVERY_S)
        if not stop or listens(home):
            found = _asked_again(home, found, stop=stop)
        else:
            found["drained"] = True
    if as_json:
        print_json(found)
    else:
        done = "it ended" if stop else "`poyong admin resume` ends the drain"
        click.echo(f"drained at height {found['height']:,}: {done}")
    return 0


def _asked_again(home: Path, before: admin_results.Drain, *, stop: bool) -> admin_results.Drain:
    """How far it is; a node that ends while it is asked was drained."""
    try:
        return ask_operator(home, admin_calls.drain(stop=stop))
    except LocalError:
        if stop and not listens(home):
            before["drained"] = True
            return before
        raise


@admin.command()
@_HOME
@json_option
def resume(home: Path, as_json: bool) -> None:
    """End a drain: take transactions again, and vote from the next height on."""
    found = ask_operator(home, admin_calls.resume())
    if as_json:
        print_json(found)
    else:
        click.echo(f"takes transactions, and votes from height {found['height'] + 2:,} on at last")


@admin.command("log-level")
@_HOME
@click.argument("level", required=False, type=click.Choice(["debug", "info", "warning", "error"]))
@json_option
def log_level(home: Path, level: admin_results.LogLevel | None, as_json: bool) -> None:
    """Show the least important level that the node logs; with LEVEL, change it until it ends."""
    found = ask_operator(home, admin_calls.log_level(level))
    if as_json:
        print_json(found)
    else:
        click.echo(found["level"])


@admin.command()
@_HOME
@json_option
def reload(home: Path, as_json: bool) -> None:
    """Let the node read its configuration again: keys, API keys and network.peers."""
    found = ask_operator(home, admin_calls.reload())
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "validator keys": ", ".join(found["validator_keys"]) or "none: an observer",
            "node keys": ", ".join(found["node_keys"]),
            "API keys": ", ".join(found["api_keys"]) or "none",
            "peers": found["peers"],
        }
    )


@admin.command()
@_HOME
@within_option
@json_option
def snapshot(home: Path, within: int, as_json: bool) -> None:
    """Have the node make a snapshot of its last block, and wait for it."""
    made = have_snapshot_made(home, within)
    if as_json:
        print_json(made)
    else:
        print_fields({"height": made["height"], "file": made["file"]})


@admin.command()
@_HOME
@json_option
def backup(home: Path, as_json: bool) -> None:
    """Show whether a backup is being taken of the node, and when one was last proved.

    `poyong backup` takes one.
    """
    found = ask_operator(home, admin_calls.backup())
    if as_json:
        print_json(found)
        return
    since, proved = found["giving_since_ms"], found["proved_ms"]
    size = f"{found['given_bytes']:,} bytes"
    if since is not None:
        rows = f"are being given since {moment(since)}, {size} so far"
    elif found["broken_off"] is not None:
        rows = f"the last time broken off after {size}: {found['broken_off']}"
    else:
        rows = f"given, {size}" if found["given_bytes"] else "not asked for since the start"
    print_fields({"rows": rows, "last proved": "never" if proved is None else moment(proved)})
