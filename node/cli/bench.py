"""`poyong bench`: what this machine does, as ratios to limits measured in the same run."""

from importlib import import_module
from importlib.util import find_spec
from typing import Final

import click

from ledger.errors import LocalError
from node.cli.output import json_option

SUITE: Final = "node.bench.suite"


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    help="Of the throughput measurement alone; without it everything is measured.",
)
@json_option
def bench(seconds: float | None, as_json: bool) -> int:
    """Measure finalised transactions a second, latency and what they cost, in a town of four.

    The last line with --json has finalised_per_second, signature_bound_per_second, ratio and
    latency_ms.
    """
    # Imported here: signing, load processes and their libraries are not needed for --help.
    if find_spec(SUITE) is None:
        raise LocalError(f"this installation lacks {SUITE}: install Poyong with its benchmarks")
    code: int = import_module(SUITE).run(seconds=seconds, as_json=as_json)
    return code
