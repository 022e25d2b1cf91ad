"""Progress and summary of an import, and the options that every import has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from node.importers.outcome import Findings
from node.importers.table import Told

Command = TypeVar("Command", bound=Callable[..., Any])


def import_options(command: Command) -> Command:
    """--skip-bad and --dry-run."""
    command = click.option(
        "--dry-run", is_flag=True, help="Read and check, and say what would be made."
    )(command)
    return click.option(
        "--skip-bad", is_flag=True, help="Go on with the good rows when others are wrong."
    )(command)


@contextmanager
def bytes_shown(path: Path) -> Iterator[Told]:
    """Shows in a terminal how much of a file has been read."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("Reading {task.fields[name]}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        total = path.stat().st_size if path.is_file() else None
        task = bar.add_task("", total=total, name=path.name)
        yield lambda done: bar.update(task, completed=done)


def say_findings(findings: Findings) -> None:
    """Bad rows and counts on stderr, so that stdout holds the result alone."""
    click.echo(f"{findings.path} ({findings.encoding.removesuffix('-sig').upper()})", err=True)
    for line in findings.lines():
        click.echo(line, err=True)
