"""`poyong gov params`: the numbers that the rules leave open, and how each came to be."""

from pathlib import Path
from typing import Final

import click

from api import calls, governance_results
from api.parameters import MAX_CHANGES, MODULE, USUAL_CHANGES
from governance.proposals.classes import ProposalClass
from ledger.errors import LocalError
from ledger.strict_json import nearest
from node.cli.output import json_option, moment, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of

_CLASSES: Final = tuple(each.name for each in ProposalClass)


@click.command()
@click.argument("name", required=False)
@click.option("--module", type=click.Choice(MODULE.schema["enum"]), help="Only of this one.")
@click.option(
    "--changes",
    type=click.IntRange(0, MAX_CHANGES),
    default=USUAL_CHANGES,
    show_default=True,
    help="How many of each module's changes to look at, the newest first.",
)
@rpc_options
@json_option
def params(
    name: str | None,
    module: str | None,
    changes: int,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """List the parameters of a chain, or show NAME with its history."""
    url = url_of(rpc_url, home)
    found = ask(url, calls.get_params(module, name, changes))
    if name is not None and not found:
        known = {row["name"] for row in ask(url, calls.get_params(module, None, 0))}
        raise LocalError(f"{url} knows no parameter {name!r:.60}{nearest(name, known)}")
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("This chain has no parameters of these.")
        return
    print_table(
        "Parameters",
        ("module", "name", "value", "coming", "lowest", "highest", "unit", "class", "class D when"),
        [
            (
                row["module"],
                _name(row),
                int(row["value"]),
                None if row["coming"] is None else int(row["coming"]),
                int(row["lowest"]),
                int(row["highest"]),
                row["unit"],
                row["class"] or "fixed",
                row["loosens"],
            )
            for row in found
        ],
    )
    _show_changes(found)


def _name(row: governance_results.Parameter) -> str:
    position = row["position"]
    return row["name"] if position is None else f"{row['name']} {_CLASSES[position]}"


def _show_changes(found: list[governance_results.Parameter]) -> None:
    rows = [(row, change) for row in found for change in row["changes"]]
    if not rows:
        click.echo("No vote has changed one of them.")
        return
    print_table(
        "Changes",
        ("module", "name", "before", "after", "from round", "time", "proposal"),
        [
            (
                row["module"],
                _name(row),
                int(change["before"]),
                int(change["after"]),
                change["from_round"],
                moment(change["time_ms"]),
                change["proposal"],
            )
            for row, change in sorted(rows, key=lambda each: -each[1]["time_ms"])
        ],
    )
