"""`poyong gov sponsor`, `vote`, `delegate` and the like: one message, signed, sent and awaited."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from api.encoding import from_hex
from governance.emergency.council import NAME_SEAT
from governance.proposals.classes import ProposalClass
from governance.proposals.delegation import DELEGATE, UNDELEGATE
from governance.proposals.petitions import RECALL, SIGN
from governance.proposals.proposal_rows import Choice
from governance.proposals.proposals import SPONSOR, WITHDRAW
from governance.proposals.voting import VOTE
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.message_registry import MessageType
from ledger.primitives import ADDRESS_BYTES, ZERO_ADDRESS, Address
from node.cli.output import json_option
from node.cli.rpc import rpc_options, url_of
from node.cli.sending import (
    draft_of_account,
    hand_over_partial,
    send_message,
    signer_of,
    signing_options,
)
from node.keys.keystore import KeyKind
from node.keys.threshold_account import read_account
from tokenomics.oracle.panels import NOMINATE
from tokenomics.oracle.registry import NOMINATORS

Command = TypeVar("Command", bound=Callable[..., Any])


class Sending(NamedTuple):
    """What the options of a sending command name."""

    descriptor: Path | None
    output: Path | None
    nonce: int | None
    key: Path | None
    password_file: Path | None
    local: int | None
    rpc_url: str | None
    home: Path | None
    as_json: bool

    def send(self, message: MessageType, *values: object) -> None:
        """Sign the message, send it, and wait until it is final; of a threshold account hand over
        the draft that its members sign."""
        url = url_of(self.rpc_url, self.home)
        if self.descriptor is not None:
            self._draft(url, self.descriptor, message, values)
            return
        if self.output is not None or self.nonce is not None:
            raise LocalError("--output and --nonce are of a threshold account: name it by --from")
        signer = signer_of(self.key, self.password_file, self.local, KeyKind.ACCOUNT)
        send_message(url, signer, message, *values, as_json=self.as_json)

    def _draft(
        self, url: str, file: Path, message: MessageType, values: tuple[object, ...]
    ) -> None:
        if self.key is not None or self.local is not None:
            raise LocalError(
                "say one of --from, --key and --local: the members of a threshold account sign "
                "the draft by poyong tx sign"
            )
        account = read_account(file)
        partial = draft_of_account(url, account, self.nonce, message, *values)
        hand_over_partial(partial, self.as_json, self.output)


def sending_options(command: Command) -> Command:
    """--key or --local, or --from with --output and --nonce; --rpc or --home, --json; handed over
    as the fields of a Sending."""
    command = click.option(
        "--nonce", type=click.IntRange(min=0), help="With --from, when another draft waits."
    )(command)
    command = click.option(
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help="With --from: write the draft there instead of printing it.",
    )(command)
    command = click.option(
        "--from",
        "descriptor",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File of a threshold account: makes the draft that its members sign, sends nothing.",
    )(command)
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


@click.command("name-seat")
@click.argument("account", metavar="ACCOUNT|nobody")
@sending_options
def name_seat(account: str, **options: Any) -> None:
    """Name ACCOUNT for your chamber's seat in the emergency council, or nobody."""
    named = ZERO_ADDRESS if account == "nobody" else _address(account)
    Sending(**options).send(NAME_SEAT, named)


@click.command()
@click.argument("chamber", type=click.Choice(NOMINATORS))
@click.argument("zone")
@click.argument("term", type=click.IntRange(min=1))
@click.argument("appraiser", metavar="ACCOUNT")
@sending_options
def nominate(chamber: str, zone: str, term: int, appraiser: str, **options: Any) -> None:
    """Name ACCOUNT, an appraiser, for CHAMBER's seat on the panel of ZONE in TERM.

    A chamber of organisations acts by any member, one of persons by its council seat.
    """
    Sending(**options).send(NOMINATE, chamber, zone, term, _address(appraiser))


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
