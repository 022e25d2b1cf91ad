"""`poyong status`: where a node stands, on one screen of 80 columns and 24 lines."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from api import calls, results
from api.calls import Call
from node import config, wall_clock
from node.backups.last_backup import age_of_backup, last_backup_ms
from node.cli.output import json_option, moment, print_fields, print_json, shown
from node.cli.rpc import ask, ask_all, rpc_options, url_of
from node.snapshots.restoring import Gathering, read_progress

COLUMNS: Final = 80
MAX_VALUE_LINES: Final = 3
"""Of one field; `poyong why-stalled` and --json have all of it."""


@click.command()
@rpc_options
@json_option
def status(rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """Show where a node stands, what it votes with, and what wants its operator."""
    gathering = _gathering(rpc_url, home)
    if gathering is not None:
        _show_gathering(gathering, as_json)
        return
    url = url_of(rpc_url, home)
    if as_json:
        answer: dict[str, Any] = {**ask(url, calls.status())}
        if home is not None:
            answer["last_backup_ms"] = last_backup_ms(_data(home))
        print_json(answer)
        return
    wanted: list[Call[Any]] = [
        calls.status(),
        calls.consensus_state(),
        calls.validators(),
        calls.peers(),
        calls.why_stalled(),
    ]
    now_ms = wall_clock.now_ms()
    # A node's own matter: its port for wallets does not tell it.
    backup = None if home is None else age_of_backup(_data(home), now_ms)
    for line in screen(*ask_all(url, wanted), backup=backup, now_ms=now_ms):
        click.echo(line)


def _data(home: Path) -> Path:
    loaded = config.load(home / config.CONFIG_FILE)
    return loaded.path(loaded.storage.path)


def _gathering(rpc_url: str | None, home: Path | None) -> Gathering | None:
    """How far a node of this machine is that has no chain yet and serves nobody."""
    if rpc_url is not None or home is None:
        return None
    return read_progress(_data(home))


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


def screen(
    found: results.Status,
    consensus: results.ConsensusState,
    validators: results.Validators,
    peers: list[results.Peer],
    stall: results.StallReport,
    *,
    now_ms: int,
    backup: str | None = None,
) -> list[str]:
    """The lines; now_ms: the own clock. backup: when one was last proved, None when that is not
    known here."""
    ago_s = max(0, now_ms - found["block_time_ms"]) // 1000
    fields: dict[str, object] = {
        "role": " ".join(part for part in (found["role"], found["organisation"]) if part),
        "height": f"{found['height']:,}, {_place(found)}",
        "block": found["block_hash"],
        "block time": f"{moment(found['block_time_ms'])}, {ago_s:,} s ago",
        "health": _health(stall),
        "consensus": _consensus(consensus, validators),
        "validators": _validators(found, validators, peers),
        "peers": found["peers"],
        "mempool": f"{found['mempool_transactions']:,} transactions, "
        f"{found['mempool_bytes']:,} bytes",
        "signs with": found["signing_key"] or "nothing: no vote at this height",
    }
    if backup is not None:
        fields["backup"] = backup
    if found["rotation"] is not None:
        fields["keys"] = f"{found['rotation']['stage']}: {found['rotation']['advice']}"
    fields |= {
        "chain id": str(found["chain_id"]),
        "genesis": found["genesis_hash"],
        "version": found["version"],
        "upgrade": _upgrade(found["upgrade"]),
    }
    return _lines(fields)


def _place(found: results.Status) -> str:
    return f"syncing to {found['target_height']:,}" if found["syncing"] else "at the head"


def _health(stall: results.StallReport) -> str:
    if not stall["stalled"]:
        return "blocks come as they should"
    first = stall["causes"][0]["finding"] if stall["causes"] else "the reason is not known"
    return f"STALLED: {first} (see `poyong why-stalled`)"


def _consensus(state: results.ConsensusState, validators: results.Validators) -> str:
    members, seat = validators["members"], state["proposer"]
    proposer = members[seat]["organisation"] if seat < len(members) else "-"
    votes = "votes" if state["signing"] else "does not vote"
    return (
        f"height {state['height']:,}, view {state['view']}, {state['phase']}; proposer {proposer}; "
        f"this node {votes}"
    )


def _validators(
    found: results.Status, validators: results.Validators, peers: list[results.Peer]
) -> str:
    seats = {peer["validator"] for peer in peers} - {None}
    here = len(seats) + (found["role"] == "validator")
    count, quorum = len(validators["members"]), validators["quorum"]
    late = [item["organisation"] for item in validators["members"] if not item["eligible"]]
    missing = f"; not in turn: {', '.join(late)}" if late else ""
    return f"{min(here, count)} of {count} here, a quorum is {quorum}{missing}"


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


def _lines(fields: Mapping[str, object]) -> list[str]:
    """One named value below the other, wrapped where it is longer than the screen is wide."""
    width = max(len(name) for name in fields) + 2
    lines: list[str] = []
    for name, value in fields.items():
        lines += textwrap.wrap(
            shown(value),
            COLUMNS,
            initial_indent=name.ljust(width),
            subsequent_indent=" " * width,
            max_lines=MAX_VALUE_LINES,
            placeholder=" …",
        )
    return lines
