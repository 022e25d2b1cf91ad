"""An import's messages as transactions: unsigned drafts, or signed, sent and followed."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from api import calls, results
from api.client import ClientError, NodeError, UnreachableError
from ledger.crypto import Signer, checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.local_accounts import LOCAL_ACCOUNTS_OF_EACH_KIND, ed25519_accounts
from ledger.transaction import Draft, key_address, sign
from node.cli.rpc import ask_all, client_of, rpc_options, url_of
from node.cli.tx_files import draft_fields
from node.files.whole_files import replace_whole
from node.importers.messages import Message
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.modules import build_executor

MAX_MESSAGES: Final = 2_000
"""A node holds a few more of one sender."""
VALIDITY_BLOCKS: Final = 1_000
WAIT_S: Final = 60.0

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends, and how: options of the command line."""

    key: Path | None
    password_file: Path | None
    local: int | None
    sender: str | None
    nonce: int | None
    chain_id: int | None
    valid_until: int | None
    out: Path | None
    rpc_url: str | None
    home: Path | None

    @property
    def signs(self) -> bool:
        """Signed and sent, rather than written down."""
        return self.key is not None or self.local is not None


def sending_options(command: Command) -> Command:
    """The options of Sending, handed to the command by name."""
    file = click.Path(path_type=Path, dir_okay=False)
    command = rpc_options(command)
    for option in (
        click.option("--out", type=file, help="Unsigned: write the drafts there, one a line."),
        click.option("--valid-until", type=click.IntRange(min=1), help="Last height of inclusion."),
        click.option("--chain-id", type=click.IntRange(min=0), help="Offline: id of the chain."),
        click.option("--nonce", type=click.IntRange(min=0), help="Offline: first nonce."),
        click.option(
            "--from", "sender", metavar="ADDRESS", help="Unsigned: whose nonce to ask for."
        ),
        click.option(
            "--local",
            type=click.IntRange(0, LOCAL_ACCOUNTS_OF_EACH_KIND - 1),
            help="Sign as an account of a local town, and send.",
        ),
        click.option("--password-file", type=file, help="Of the key; else asked for."),
        click.option("--key", type=file, help="Sign with this key file, and send."),
    ):
        command = option(command)
    return command


def hand_over(messages: Sequence[Message], sending: Sending) -> dict[str, Any]:
    """Sign, send and follow the messages, or write their drafts.

    Returns how many became final and took effect, those that failed by line and reason, and the
    drafts unless --out took them.
    """
    if len(messages) > MAX_MESSAGES:
        raise LocalError(
            f"{len(messages):,} messages, at most {MAX_MESSAGES:,} at once: split the file"
        )
    if not sending.signs:
        drafts = _drafts(messages, sending, sending.sender)
        fields = [draft_fields(draft) for draft in drafts]
        if sending.out is not None:
            _write(fields, sending.out)
            fields = []
        return {"final": 0, "drafts": fields, "failed": []}
    signer = _signer(sending)
    drafts = _drafts(messages, sending, checksum_address(key_address(signer.public_key)))
    url = url_of(sending.rpc_url, sending.home)
    raws = [sign(draft, signer).raw for draft in drafts]
    outcomes = _sent(url, raws)
    failed = [
        {"line": line, "reason": reason}
        for (line, _, _), outcome in zip(messages, outcomes, strict=True)
        if (reason := _reason(outcome)) is not None
    ]
    return {"final": len(messages) - len(failed), "drafts": [], "failed": failed}


def _drafts(messages: Sequence[Message], sending: Sending, sender: str | None) -> list[Draft]:
    nonce, chain_id, valid_until = sending.nonce, sending.chain_id, sending.valid_until
    if nonce is None or chain_id is None or valid_until is None:
        if sender is None:
            raise LocalError(
                "say --key FILE to sign and send, --from ADDRESS for unsigned drafts, or all of "
                "--nonce, --chain-id and --valid-until; --dry-run only checks the file"
            )
        asked: list[Any] = [calls.status(), calls.get_account(sender)]
        status, account = ask_all(url_of(sending.rpc_url, sending.home), asked)
        chain_id = status["chain_id"] if chain_id is None else chain_id
        nonce = account["pending_nonce"] if nonce is None else nonce
        valid_until = valid_until or status["height"] + VALIDITY_BLOCKS
    return [
        Draft(
            chain_id=chain_id,
            nonce=at,
            type=name,
            body=_body(name, values),
            valid_until=valid_until,
        )
        for at, (_, name, values) in enumerate(messages, start=nonce)
    ]


def _body(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The wire form by the chain's own message type; LocalError when it has none of this name."""
    found = build_executor().registry.find(name)
    if found is None:
        raise LocalError(f"this version knows no message {name}: --dry-run still checks the file")
    body = found.encode(*values)
    try:
        found.decode(body)
    except DecodeError as error:
        raise LocalError(f"{name}: {error}") from error
    return body


def draft_line(fields: dict[str, Any]) -> str:
    """A draft on one line, as `poyong tx sign` reads it."""
    return json.dumps(fields, ensure_ascii=False)


def _write(drafts: Sequence[dict[str, Any]], out: Path) -> None:
    text = "".join(f"{draft_line(draft)}\n" for draft in drafts)
    replace_whole(out, text.encode())


def _signer(sending: Sending) -> Signer:
    if sending.local is not None:
        if sending.key is not None:
            raise LocalError("say one of --key and --local")
        return ed25519_accounts()[sending.local].signer
    if sending.key is None:  # hand_over asked for a signature
        raise LocalError("--key is missing")
    password = keystore.read_password(sending.password_file, f"the account key {sending.key}")
    return keystore.open_signer(sending.key, password, KeyKind.ACCOUNT)


def _sent(url: str, raws: Sequence[bytes]) -> list[results.Receipt | NodeError]:
    async def exchange() -> list[results.Receipt | NodeError]:
        async with client_of(url) as client:
            return await client.send_and_wait(raws, WAIT_S)

    try:
        return asyncio.run(exchange())
    except UnreachableError as error:
        raise LocalError(
            f"no node answers at {url}: start it, or name another with --rpc or --home"
        ) from error
    except ClientError as error:
        raise LocalError(f"{error}") from error


def _reason(outcome: results.Receipt | NodeError) -> str | None:
    """Why a message had no effect; None when it had."""
    if isinstance(outcome, NodeError):
        return f"refused: {outcome.message}"
    return (outcome["reason"] or outcome["status"]) if outcome["code"] else None
