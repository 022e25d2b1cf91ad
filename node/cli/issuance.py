"""`poyong issuance`: how a round came to its mint, and what other rules would do on a series."""

from typing import Final

import click

from node.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Final = {
    "show": LazyCommand(
        "node.cli.issuance_show:show", "How a round came to its mint, to be recomputed."
    ),
    "simulate": LazyCommand(
        "node.cli.simulate:simulate",
        "Replay a land-price series under other parameters, offline.",
    ),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def issuance() -> None:
    """The mint of a round, line by line; and other parameters on a series, before a vote."""
