"""`poyong history`: the history of accounts of a stopped node."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from node import audit
from node.cli.home import home_option
from node.cli.output import json_option, print_fields, print_json
from node.store.index_rebuild import fill_in


@click.group()
def history() -> None:
    """Fill in the history of accounts of a stopped node."""


@history.command("rebuild")
@home_option("Folder of the node, which must not be running.")
@json_option
def rebuild_command(home: Path, as_json: bool) -> None:
    """Index the blocks that were committed while the node kept no history of accounts.

    Goes from the newest such block to the oldest that history.keep_blocks asks for. It can be
    interrupted at any time: the next run goes on where it was.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("Indexing blocks"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        read = audit.block_decoder(audit.genesis_of(home))
        with audit.opened(home) as (_, blocks):
            lowest = blocks.lowest_height
            first, done = fill_in(
                blocks,
                read,
                lambda done, whole: bar.update(task, completed=done, total=whole),
            )
    found = {
        "complete_from_height": first,
        "blocks_indexed": done,
        "lowest_block_held": lowest,
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)
