"""`poyong issuance`: what issuance would do on a series, under these rules or others."""

from typing import Final

import click

from node.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Final = {
    "simulate": LazyCommand(
        "node.cli.simulate:simulate",
        "Replay a land-price series under other parameters, offline.",
    ),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def issuance() -> None:
    """Issuance on a land-price series, before anybody votes on its parameters."""
