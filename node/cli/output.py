"""What commands print: one JSON value for scripts, tables for people; amounts and times as text."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ledger.errors import LocalError
from ledger.primitives import DECIMALS, MAX_AMOUNT, UNIT
from node.files.disk_errors import os_error

SYMBOL: Final = "BJT"
MAX_AMOUNT_TEXT: Final = 60
PIPE_COLUMNS: Final = 160
"""Width of a table that goes to a file or a pipe."""
_EXACT: Final = Context(prec=2 * MAX_AMOUNT_TEXT)

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """The option --json, handed to the command as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")(command)


def print_json(value: object) -> None:
    """One line of JSON on stdout, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    sys.stdout.flush()


def write_json(path: Path, value: object) -> None:
    """A file for people and programs; LocalError when it cannot be written."""
    try:
        path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise os_error("write", path, error) from error


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; numbers stand right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | None) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(cell) for cell in row))
    # Cells are text of nodes and files: "[rpc]" in them is no markup.
    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


def print_fields(fields: Mapping[str, object], *, err: bool = False) -> None:
    """One named value a line, values below each other; on stderr if `err`."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {shown(value)}", err=err)


def shown(value: object) -> str:
    """A cell as text: thousands separated, yes and no, a dash for nothing."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def tokens(units: int) -> str:
    """Smallest units as tokens without loss: 1500000000000000000 is "1.5"."""
    whole, fraction = divmod(units, UNIT)
    decimals = f"{fraction:0{DECIMALS}d}".rstrip("0")
    return f"{whole:,}" + (f".{decimals}" if decimals else "")


def parse_tokens(text: str) -> int:
    """Tokens as typed ("1.5", "1,000") in smallest units; LocalError when it is no amount."""
    try:
        if len(text) > MAX_AMOUNT_TEXT:
            raise InvalidOperation
        units = Decimal(text.replace(",", "").replace("_", ""))
        units = units.scaleb(DECIMALS, _EXACT)
        # The bounds come first: int() of a large exponent would write out all its digits.
        if units.is_finite() and 0 <= units <= MAX_AMOUNT and units == int(units):
            return int(units)
    except ArithmeticError:  # no number at all, or an exponent beyond every bound
        pass
    raise LocalError(
        f"expected tokens such as 12 or 0.5 with at most {DECIMALS} decimals, found {text[:40]!r}"
    )


def parse_amount(text: str) -> int:
    """As parse_tokens, or smallest units with "wei" behind them ("1500wei"), which programs and
    Ethereum's tools count in; "BJT" may stand behind tokens."""
    digits = text.removesuffix("wei")
    if digits == text:
        return parse_tokens(text.removesuffix(SYMBOL).strip())
    digits = digits.strip()
    if digits.isascii() and digits.isdecimal() and len(digits) <= MAX_AMOUNT_TEXT:
        units = int(digits)
        if units <= MAX_AMOUNT:
            return units
    raise LocalError(
        f"expected smallest units such as 1500wei, at most 2^128-1, found {text[:40]!r}"
    )


def moment(time_ms: int) -> str:
    """Block time as UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
