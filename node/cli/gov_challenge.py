"""`poyong gov challenge`, `sign-challenge`, `challenges`: persons challenge a land value as one."""

from pathlib import Path
from typing import Any

import click

from api import calls
from governance.proposals.challenge_petitions import PETITION_CHALLENGE, SIGN_CHALLENGE
from node.cli.documents import document_hash
from node.cli.gov_send import Sending, sending_options
from node.cli.output import json_option, moment, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of
from tokenomics.oracle.challenges import GROUNDS


@click.command()
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only numbers above.")
@rpc_options
@json_option
def challenges(after: int, rpc_url: str | None, home: Path | None, as_json: bool) -> None:
    """List the petitions that challenge a land value, with their signatures."""
    found = ask(url_of(rpc_url, home), calls.list_challenge_petitions(after))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No petition challenges a land value from there on.")
        return
    print_table(
        "Petitions that challenge a land value",
        ("petition", "chamber", "zone", "round", "ground", "signatures", "opened", "challenged"),
        [
            (
                row["petition"],
                row["chamber"],
                row["zone"],
                row["round"],
                row["ground"],
                f"{row['signatures']} of {row['needed']}",
                moment(row["opened_ms"]),
                None if row["filed_ms"] is None else moment(row["filed_ms"]),
            )
            for row in found
        ],
    )


@click.command()
@click.argument("zone")
@click.argument("number", metavar="ROUND", type=click.IntRange(min=1))
@click.option("--ground", type=click.Choice(GROUNDS), required=True, help="What is wrong.")
@click.option("--evidence", metavar="FILE|HASH", required=True, help="The evidence, or its hash.")
@sending_options
def challenge(zone: str, number: int, ground: str, evidence: str, **options: Any) -> None:
    """Open a petition that challenges the value of ZONE in ROUND, and sign it.

    Enough signatures of your chamber make the challenge, as long as the value may be challenged.
    Others sign it with poyong gov sign-challenge. The chain has the hash of the evidence alone:
    keep the file.
    """
    evidence_hash = document_hash(evidence, "--evidence")
    Sending(**options).send(PETITION_CHALLENGE, zone, number, ground, evidence_hash)


@click.command("sign-challenge")
@click.argument("number", type=click.IntRange(min=1))
@sending_options
def sign_challenge(number: int, **options: Any) -> None:
    """Sign petition NUMBER, which challenges a land value: see poyong gov challenges."""
    Sending(**options).send(SIGN_CHALLENGE, number)
