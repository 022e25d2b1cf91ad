"""`poyong gov sponsor`, `vote`, `delegate` and the like: one message, signed, sent and awaited."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from api.encoding import from_hex
from governance.proposals.classes import ProposalClass
from governance.proposals.delegation import DELEGATE, UNDELEGATE
from governance.proposals.petitions import RECALL, SIGN
from governance.proposals.proposal_rows import Choice
from governance.proposals.proposals import SPONSOR, WITHDRAW
from governance.proposals.voting import VOTE
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.message_registry import MessageType
from ledger.primitives import ADDRESS_BYTES, Address
from node.cli.output import json_option
from node.cli.rpc import rpc_options, url_of
from node.cli.sending import send_message, signer_of, signing_options
from node.keystore import KeyKind

Command = TypeVar("Command", bound=Callable[..., Any])


class Sending(NamedTuple):
    """What the options of a sending command name."""

    key: Path | None
    password_file: Path | None
    local: int | None
    rpc_url: str | None
    home: Path | None
    as_json: bool

    def send(self, message: MessageType, *values: object) -> None:
        """Sign the message, send it, and wait until it is final."""
        url = url_of(self.rpc_url, self.home)
        signer = signer_of(self.key, self.password_file, self.local, KeyKind.ACCOUNT)
        send_message(url, signer, message, *values, as_json=self.as_json)


def sending_options(command: Command) -> Command:
    """--key or --local, --rpc or --home, --json; handed over as the fields of a Sending."""
    return signing_options(rpc_options(json_option(command)))


_NUMBER: Final = click.argument("number", type=click.IntRange(min=1))
_CLASS: Final = click.argument(
    "proposal_class",
    metavar="CLASS",
    type=click.Choice([each.name for each in ProposalClass], case_sensitive=False),
)
_CHOICE: Final = click.argument(
    "choice", type=click.Choice([each.name.lower() for each in Choice if each is not Choice.NONE])
)


@click.command()
@_NUMBER
@sending_options
def sponsor(number: int, **options: Any) -> None:
    """Sponsor proposal NUMBER of another organisation, which puts it up for review."""
    Sending(**options).send(SPONSOR, number)


@click.command()
@_NUMBER
@sending_options
def withdraw(number: int, **options: Any) -> None:
    """Withdraw your proposal NUMBER, until voting starts."""
    Sending(**options).send(WITHDRAW, number)


@click.command("sign-petition")
@_NUMBER
@sending_options
def sign_petition(number: int, **options: Any) -> None:
    """Sign petition NUMBER."""
    Sending(**options).send(SIGN, number)


@click.command()
@_NUMBER
@_CHOICE
@sending_options
def vote(number: int, choice: str, **options: Any) -> None:
    """Vote on proposal NUMBER, or change your vote; what stands at the end counts."""
    Sending(**options).send(VOTE, number, choice)


@click.command()
@_CLASS
@click.argument("account")
@sending_options
def delegate(proposal_class: str, account: str, **options: Any) -> None:
    """Delegate your votes of CLASS to ACCOUNT, a member of your chamber, for at most a year.

    Your own vote goes first, whenever you cast one.
    """
    Sending(**options).send(DELEGATE, proposal_class, _address(account))


@click.command()
@_CLASS
@sending_options
def undelegate(proposal_class: str, **options: Any) -> None:
    """End your delegation of CLASS for votes that start later."""
    Sending(**options).send(UNDELEGATE, proposal_class)


@click.command()
@_NUMBER
@sending_options
def recall(number: int, **options: Any) -> None:
    """Ask that proposal NUMBER, which has passed and waits, faces one further vote."""
    Sending(**options).send(RECALL, number)


def _address(text: str) -> Address:
    try:
        found = from_hex(text)
    except DecodeError:
        found = b""
    # Mixed case must be the right checksum: it catches mistyped digits.
    if len(found) != ADDRESS_BYTES or text not in (text.lower(), checksum_address(found)):
        raise LocalError(
            f"ACCOUNT: expected 0x and 40 hex digits with the right checksum, found {text!r:.60}"
        )
    return Address(found)
