"""`poyong keys api-key`: who may call a node, and at which rate."""

import re
from pathlib import Path
from typing import Final

import click

from api.keys import MAX_BURST, MAX_NAME_CHARACTERS, MAX_RATE
from ledger.errors import LocalError
from node.cli.output import json_option, print_fields, print_json, print_table
from node.keys import api_keys

_NAME_FORM: Final = re.compile(f"[a-z0-9-]{{1,{MAX_NAME_CHARACTERS}}}")
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_NAME = click.argument("name")


@click.group("api-key")
def api_key() -> None:
    """Make, list and remove API keys of a node; `poyong admin reload` lets it read FILE again."""


@api_key.command()
@_FILE
@_NAME
@click.option(
    "--calls-per-second",
    type=click.IntRange(1, MAX_RATE),
    default=2_000,
    show_default=True,
    help="Calls a second, on average.",
)
@click.option(
    "--burst-calls",
    type=click.IntRange(1, MAX_BURST),
    default=10_000,
    show_default=True,
    help="Calls that may be saved up.",
)
@json_option
def new(file: Path, name: str, calls_per_second: int, burst_calls: int, as_json: bool) -> None:
    """Make a key called NAME and add it to FILE, which then holds a hash of it.

    The key is shown now and never again.
    """
    if not _NAME_FORM.fullmatch(name):
        raise LocalError(
            f"a key's name has 1 to {MAX_NAME_CHARACTERS} of a-z, 0-9 and -, found {name!r:.80}"
        )
    text = api_keys.add_key(file, name, calls_per_second, burst_calls)
    found = {
        "name": name,
        "key": text,
        "calls_per_second": calls_per_second,
        "burst_calls": burst_calls,
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)


@api_key.command("list")
@_FILE
@json_option
def list_command(file: Path, as_json: bool) -> None:
    """Show the keys of FILE: names and rates, no secret."""
    entries = api_keys.read_keys(file)
    if as_json:
        print_json(
            [
                {
                    "name": key.name,
                    "calls_per_second": key.calls_per_second,
                    "burst_calls": key.burst_calls,
                }
                for key in entries
            ]
        )
    else:
        rows = [(key.name, key.calls_per_second, key.burst_calls) for key in entries]
        print_table("API keys", ["name", "calls a second", "saved up"], rows)


@api_key.command()
@_FILE
@_NAME
@json_option
def remove(file: Path, name: str, as_json: bool) -> None:
    """Take the key called NAME out of FILE; the node refuses it after `poyong admin reload`."""
    api_keys.remove_key(file, name)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"removed {name}; `poyong admin reload` lets the node refuse it")
