"""`poyong gov preview`: what a proposal would change, on a copy of a stopped node's state."""

import json
from pathlib import Path

import click

from ledger import genesis
from ledger.block import decode_block
from ledger.errors import DecodeError, LocalError
from ledger.genesis import Genesis
from ledger.module import BlockInfo
from ledger.registry import Participation
from node import audit, config
from node.audit import NoChainError
from node.cli.home import home_option
from node.cli.output import json_option, moment, print_fields, print_json, print_table
from node.modules import build_executor
from node.opening import read_genesis
from node.reads.preview import MAX_SHOWN_ROWS, ChangedRow, Preview, mandate_of, plain_row, preview
from node.store.block_store import BlockStore


@click.command("preview")
@click.argument("number", type=click.IntRange(min=1))
@home_option("Folder of a node, which must not be running.")
@json_option
def preview_command(number: int, home: Path, as_json: bool) -> None:
    """Execute proposal NUMBER on a copy of a stopped node's state, and show what would change.

    Everything or nothing, as the chain does it once a vote has passed. The chain is only read.
    """
    found = preview_home(home, number)
    if as_json:
        print_json(found.as_json())
    else:
        _show(found)


def preview_home(home: Path, number: int) -> Preview:
    """preview() on the state at the head of the node in `home`."""
    options = config.load(home / config.CONFIG_FILE)
    document = read_genesis(options.path(options.node.genesis))
    with audit.opened(home) as (_, blocks):
        info = _next_block(blocks, document, home)
        return preview(blocks.state(), mandate_of(build_executor().modules), info, number)


def _next_block(blocks: BlockStore, document: Genesis, home: Path) -> BlockInfo:
    """The block after the head, at the head's time: the state of today, not of a later day."""
    head = blocks.head()
    if head is None:
        raise NoChainError(home)
    executor = build_executor()
    try:
        parent = (
            genesis.header(document, executor)
            if head.height == 0
            else decode_block(
                blocks.block_bytes(head.height) or b"",
                document.chain_id,
                executor.contracts.decode_call,
            ).header
        )
    except DecodeError as error:
        raise LocalError(
            f"block {head.height} of the database is unreadable: {error}; run poyong doctor"
        ) from error
    return BlockInfo(
        chain_id=document.chain_id,
        height=parent.height + 1,
        time_ms=parent.time_ms,
        parent_hash=parent.hash,
        parent_time_ms=parent.time_ms,
        proposer=parent.proposer,
        participation=Participation(None),
        parent_state_root=parent.state_root,
    )


def _show(found: Preview) -> None:
    print_fields(
        {
            "proposal": f"{found.proposal}, {found.status}",
            "executed as in": f"block {found.height:,} at {moment(found.time_ms)}",
        }
    )
    for obstacle in found.obstacles:
        click.echo(f"The chain would not execute it today: {obstacle}.")
    if found.refusal is not None:
        click.echo(f"REFUSED, and nothing would change: {found.refusal}.")
        return
    for name in dict.fromkeys(row.table for row in found.changes):
        rows = [row for row in found.changes if row.table == name]
        print_table(
            f"{name}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}",
            ("row", "what", "before", "after"),
            [cells for row in rows for cells in _cells(row)],
        )
    if found.changed_rows > MAX_SHOWN_ROWS:
        click.echo(f"{found.changed_rows:,} rows change; the first {MAX_SHOWN_ROWS:,} are shown.")
    if not found.changed_rows:
        click.echo("No row would change.")
    for event in found.as_json()["events"]:
        values = ", ".join(f"{name} {value}" for name, value in event["values"].items())
        click.echo(f"  {event['name']}: {values}")


def _cells(row: ChangedRow) -> list[tuple[str, str, str | None, str | None]]:
    """One line for each field that differs; one for a row that is no record."""
    key = (
        row.key.decode() if row.key.isascii() and row.key.decode().isprintable() else row.key.hex()
    )
    before, after = plain_row(row.before), plain_row(row.after)
    names = [*dict.fromkeys([*_names(before), *_names(after)])]
    if not names:
        return [(key, "", _text(before), _text(after))]
    return [
        (key, name, _text(_member(before, name)), _text(_member(after, name)))
        for name in names
        if _member(before, name) != _member(after, name)
    ]


def _names(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
