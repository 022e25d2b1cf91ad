"""`poyong gov template`, `propose`, `petition`: from a JSON document to a proposal on the chain."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from governance.proposals.petitions import PETITION
from governance.proposals.proposals import SUBMIT
from ledger.errors import LocalError
from ledger.message_registry import MessageType
from node.cli.gov_send import Sending, sending_options
from node.cli.output import json_option, print_fields, print_json
from node.cli.proposal_file import Content, read_content, template
from node.cli.tx_files import hand_over, known_type
from node.modules import build_executor

_FILE: Final = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Show it and send nothing.")
_YES: Final = click.option("--yes", is_flag=True, help="Send without asking in a terminal.")


@click.command("template")
@click.argument("types", metavar="TYPE...", nargs=-1)
@json_option
def template_command(types: tuple[str, ...], as_json: bool) -> None:
    """Print a proposal to fill in, with a message of each TYPE; without one it is a signal.

    poyong gov template land.certify_event > proposal.json
    """
    hand_over(template([known_type(name) for name in types]), as_json, None)


@click.command()
@_FILE
@_DRY_RUN
@_YES
@sending_options
def propose(file: Path, dry_run: bool, yes: bool, **options: Any) -> None:
    """Bring the proposal in FILE, a JSON document as poyong gov template prints it.

    It is shown before it is sent. Another organisation has to sponsor it.
    """
    _bring(SUBMIT, file, dry_run=dry_run, asks=not yes, sending=Sending(**options))


@click.command()
@_FILE
@_DRY_RUN
@_YES
@sending_options
def petition(file: Path, dry_run: bool, yes: bool, **options: Any) -> None:
    """Open a petition with the proposal in FILE, and sign it.

    It is shown before it is sent. Others sign it with poyong gov sign-petition.
    """
    _bring(PETITION, file, dry_run=dry_run, asks=not yes, sending=Sending(**options))


def _bring(
    message: MessageType, file: Path, *, dry_run: bool, asks: bool, sending: Sending
) -> None:
    drafts = sending.descriptor is not None
    if drafts and not dry_run and sending.output is None and not sending.as_json:
        raise LocalError("--from: say by --output FILE where the draft goes; it is shown here")
    content = read_content(file, build_executor().registry)
    _show(message, content, sending.as_json, dry_run=dry_run)
    if dry_run:
        return
    if asks and not drafts and not sending.as_json and sys.stdin.isatty():
        click.confirm(f"Send this as {message.name}?", abort=True)
    sending.send(message, *content.values())


def _show(message: MessageType, content: Content, as_json: bool, *, dry_run: bool) -> None:
    """What will be sent; --json keeps standard output for its one value."""
    found = {"message_type": message.name, **content.shown()}
    if as_json:
        if dry_run:
            print_json({**found, "arguments": tx_arguments(content)})
        else:
            click.echo(json.dumps(found, ensure_ascii=False), err=True)
        return
    print_fields({name: value for name, value in found.items() if name != "messages"})
    for index, item in enumerate(found["messages"]):
        click.echo(f"Message {index}: {item['type']}, {len(content.messages[index].encoded)} bytes")
        for name, value in item["fields"].items():
            click.echo(f"  {name} {json.dumps(value, ensure_ascii=False)}")
    if not content.messages:
        click.echo("No message: a signal, which changes nothing on the chain.")


def tx_arguments(content: Content) -> list[str]:
    """NAME=VALUE for `poyong tx build`, by which the members of a threshold account sign."""
    carried = [[item.type.name, f"0x{item.encoded.hex()}"] for item in content.messages]
    return [
        f"title={content.title}",
        f"document_hash=0x{content.document_hash.hex()}",
        f"legal_basis={content.legal_basis}",
        f"messages={json.dumps(carried)}",
    ]
