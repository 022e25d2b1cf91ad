"""`poyong status`, `peers`, `validators`, `why-stalled`: questions to a running node."""

from dataclasses import asdict
from pathlib import Path

import click

from api import calls, results
from ledger.errors import LocalError
from node import config
from node.cli.output import json_option, moment, print_fields, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of
from node.snapshots.restoring import Gathering, read_progress

KEY_SHOWN = 18


def _short(text: str) -> str:
    return text[:KEY_SHOWN] + "…"


@click.command()
@rpc_options
@json_option
def status(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show where a node stands."""
    gathering = _gathering(rpc_url, home)
    if gathering is not None:
        _show_gathering(gathering, as_json)
        return
    found = ask(url_of(rpc_url, home), calls.status())
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "role": " ".join(part for part in (found["role"], found["organisation"]) if part),
            "height": found["height"],
            "block": found["block_hash"],
            "block time": moment(found["block_time_ms"]),
            "syncing": f"to {found['target_height']:,}" if found["syncing"] else "no",
            "peers": found["peers"],
            "mempool": f"{found['mempool_transactions']:,} transactions, "
            f"{found['mempool_bytes']:,} bytes",
            "chain id": str(found["chain_id"]),
            "genesis": found["genesis_hash"],
            "version": found["version"],
            "upgrade": _upgrade(found["upgrade"]),
        }
    )


def _gathering(rpc_url: str | None, home: Path | None) -> Gathering | None:
    """How far a node of this machine is that has no chain yet and serves nobody."""
    if rpc_url is not None or home is None:
        return None
    loaded = config.load(home / config.CONFIG_FILE)
    return read_progress(loaded.path(loaded.storage.path))


def _show_gathering(found: Gathering, as_json: bool) -> None:
    if as_json:
        print_json({"joining": asdict(found)})
        return
    left = "" if found.seconds_left is None else f", about {found.seconds_left:,} s left"
    print_fields(
        {
            "joining": f"gathers the snapshot of block {found.height:,}{left}",
            "items": f"{found.items:,} of {found.items_in_all:,}",
            "bytes": f"{found.bytes:,}, {found.bytes_per_second:,} a second",
        }
    )


def _upgrade(planned: results.UpgradePlan | None) -> str | None:
    if planned is None:
        return None
    needed = f"{planned['from_version']} or later, below {planned['below_version']}"
    ready = (
        "this release goes on"
        if planned["suffices"]
        else "this release stops before it: install the one whose SHA-256 is "
        + planned["artefact_hash"]
    )
    return f"{planned['name']} at height {planned['height']:,}, version {needed}; {ready}"


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
