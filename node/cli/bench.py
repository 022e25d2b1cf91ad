"""`poyong bench`: measure this machine with a town under load."""

import asyncio
from typing import Any

import click
from rich.console import Console

from node.bench import report, run
from node.cli.output import json_option, print_json
from node.localnet.layout import DEFAULT_VALIDATORS, MAX_VALIDATORS


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(1.0, 600.0),
    help="Short form: this long under load (at most 15 s), 100,000 accounts, under 45 s in all.",
)
@click.option(
    "--accounts",
    type=click.IntRange(10_000, 10_000_000),
    default=run.FULL_ACCOUNTS,
    show_default=True,
    help="Accounts in the large state of the full form.",
)
@click.option(
    "--validators",
    type=click.IntRange(1, MAX_VALIDATORS),
    default=DEFAULT_VALIDATORS,
    show_default=True,
)
@json_option
def bench(seconds: float | None, accounts: int, validators: int, as_json: bool) -> None:
    """Measure this machine with a town of processes under load.

    Figures are held against the signature bound of the same run: what the cores could finalise if
    validators did nothing but verify each transaction once. Let nothing else run meanwhile.
    """
    console = Console(stderr=True)

    def tell(what: str) -> None:
        console.print(f"[dim]{what} ...[/dim]")

    result: dict[str, Any]
    if seconds is not None:
        short = asyncio.run(run.short(validators, seconds, tell))
        result, table = report.short_json(short), report.short_table(short)
    else:
        whole = asyncio.run(run.full(validators, run.FULL_SECONDS, accounts, tell))
        result, table = report.full_json(whole), report.full_table(whole)
    if as_json:
        print_json(result)
    else:
        Console().print(table)
