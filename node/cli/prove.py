"""`poyong prove`: asks a node for a file that proves a statement offline."""

from pathlib import Path
from typing import Any, Final

import click

from api import calls
from api.encoding import from_hex
from api.statements import STATEMENTS
from ledger.errors import DecodeError, LocalError
from node.cli.output import json_option, print_json, write_json
from node.cli.rpc import ask, rpc_options, url_of

MAX_DIGITS: Final = 18
_KINDS: Final = "\n\n".join(f"{item.name}: {item.doc}." for item in STATEMENTS.values())


@click.command(
    help=f"""Write a file that proves STATEMENT offline, with `poyong verify FILE`.

WHAT is the account of a balance, the round of land_index or issuance, or the number of a proposal.

{_KINDS}

The node that answers need not be trusted: the file holds the rows of the state that the statement
depends on, each proven against a block that a quorum of validators sealed.
"""
)
@click.argument("statement", type=click.Choice(tuple(STATEMENTS)))
@click.argument("what", required=False)
@click.option(
    "--out",
    "out_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.  [default: STATEMENT.proof.json]",
)
@rpc_options
@json_option
def prove(
    statement: str,
    what: str | None,
    out_file: Path | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Ask for the proof and write it."""
    path = out_file or Path(f"{statement}.proof.json")
    asked = calls.get_statement(statement, **_argument(statement, what))
    proof = ask(url_of(rpc_url, home), asked)
    if proof is None:
        raise LocalError("the chain has no block yet, so there is nothing to prove")
    write_json(path, proof)
    found = {"file": str(path), "height": proof["chain"]["height"], "rows": len(proof["rows"])}
    if as_json:
        print_json(found)
    else:
        click.echo(
            f"Wrote {path}: {found['rows']} rows under block {found['height']:,}. "
            f"Check it with: poyong verify {path}"
        )


def _argument(statement: str, what: str | None) -> dict[str, Any]:
    takes = STATEMENTS[statement].argument
    if what is None:
        if takes == "account":
            raise LocalError(f"{statement}: name the account, 0x and 40 hex digits")
        return {}
    if not takes:
        raise LocalError(f"{statement} takes nothing, found {what!r:.60}: leave it out")
    if takes == "account":
        try:
            return {"account": from_hex(what)}
        except DecodeError as error:
            raise LocalError(f"account: {error}, found {what!r:.60}") from error
    if not (what.isascii() and what.isdigit() and len(what) <= MAX_DIGITS):
        raise LocalError(f"{statement}: expected a number, found {what!r:.60}")
    return {"number": int(what)}
