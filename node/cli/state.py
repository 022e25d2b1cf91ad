"""`poyong state`: export the state of a stopped node, and check such a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from node.cli.home import home_option
from node.cli.output import json_option, moment, print_fields, print_json
from node.modules import build_executor
from node.opening import read_genesis
from node.state_files.state_export import export
from node.state_files.state_file import Description, Told
from node.state_files.state_verification import Seals, proof_path, verify


@click.group("state")
def state_group() -> None:
    """Export the state at the head of a stopped node, and check such a file."""


@state_group.command("export")
@home_option("Folder of the node, which must not be running.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write; FILE.proof.json is written beside it.",
)
@json_option
def export_command(home: Path, out: Path, as_json: bool) -> None:
    """Write all state rows at the head of a stopped node to a file.

    Two nodes at one height write the same bytes. The chain is only read.
    """
    with rows_shown("Exporting") as told:
        exported = export(home, out, told)
    found = {
        **_described(exported.description),
        "rows": exported.row_count,
        "size_bytes": exported.size_bytes,
        "file_hash": exported.file_hash.hex(),
        "file": str(out),
        "proof": str(proof_path(out)),
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)


@state_group.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--genesis",
    "genesis_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Genesis document of the exported chain, from a source you trust.",
)
@json_option
def verify_command(file: Path, genesis_file: Path | None, as_json: bool) -> None:
    """Check FILE, an exported state, and say what that proves and what not.

    With --genesis, FILE.proof.json has to prove that the block is final.
    """
    document = None if genesis_file is None else read_genesis(genesis_file)
    with rows_shown("Reading") as told:
        found = verify(file, document, build_executor(), told)
    proven, unproven = _proves(found.seals)
    facts = {
        **_described(found.description),
        "rows": found.row_count,
        "size_bytes": found.size_bytes,
        "file_hash": found.file_hash.hex(),
        "sealed_by": _sealed_by(found.seals),
    }
    if as_json:
        final = found.seals is not None and found.seals.from_genesis
        print_json({**facts, "final": final, "proven": proven, "not_proven": unproven})
        return
    print_fields(facts)
    for sentence in proven:
        click.echo(f"Proven: {sentence}.")
    for sentence in unproven:
        click.echo(f"NOT proven: {sentence}.")


@contextmanager
def rows_shown(what: str) -> Iterator[Told]:
    """Shows in a terminal how many rows have passed, and how fast."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda rows: bar.advance(task, rows)


def _described(of: Description) -> dict[str, Any]:
    return {
        "chain_id": of.chain_id,
        "name": of.name,
        "height": of.header.height,
        "block": hex_of(of.header.hash),
        "time": moment(of.header.time_ms),
        "state_root": hex_of(of.header.state_root),
    }


def _sealed_by(seals: Seals | None) -> str | None:
    if seals is None:
        return None
    return f"{seals.sealed} of {seals.of} validators in view {seals.view}"


def _proves(seals: Seals | None) -> tuple[list[str], list[str]]:
    """Sentences about what a check without an error proves, and what it leaves open."""
    proven = ["the file is complete, and its rows have the state root of the header that it holds"]
    unproven = ["that no later block is final: only the nodes that you have not asked can know one"]
    if seals is not None and seals.from_genesis:
        proven.append(
            "a quorum made this header final, from the genesis document on through "
            f"{seals.set_changes} changes of the validator set"
        )
        return proven, unproven
    if seals is not None:
        proven.append("a quorum of the validators that the file itself names sealed this header")
    unproven.insert(
        0,
        "that this is the chain you mean: anybody can write such a file; give --genesis with the "
        "document of a source that you trust",
    )
    return proven, unproven
