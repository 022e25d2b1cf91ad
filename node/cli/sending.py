"""Signing and sending one transaction, for `poyong tx` and for commands that do all of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from api import calls, results
from ledger.crypto import Signer, checksum_address
from ledger.errors import LocalError
from ledger.local_accounts import LOCAL_ACCOUNTS_OF_EACH_KIND, ed25519_accounts
from ledger.mempool import MAX_VALIDITY_BLOCKS
from ledger.message_registry import MessageType
from ledger.transaction import Draft, key_address, sign
from node.cli import tx_partial
from node.cli.accounts import complete_key, find_account
from node.cli.output import print_json
from node.cli.rpc import ask, ask_all
from node.cli.tx_files import hand_over
from node.cli.tx_partial import PartialTransaction
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.keys.threshold_account import ThresholdAccount
from node.wallet.folder import open_signer, require_key

VALIDITY_BLOCKS: Final = 1_000
GATHERING_BLOCKS: Final = MAX_VALIDITY_BLOCKS // 2
"""How long the members of a threshold account have to sign, unless --valid-until says it."""
WAIT_MS: Final = 30_000

Command = TypeVar("Command", bound=Callable[..., Any])


def signing_options(command: Command) -> Command:
    """--key FILE|NAME with --password-file, or --local N, handed over as `key`, `password_file`
    and `local`."""
    command = click.option(
        "--local",
        type=click.IntRange(0, LOCAL_ACCOUNTS_OF_EACH_KIND - 1),
        help="Ed25519 account of a local town instead; everybody has its key.",
    )(command)
    command = click.option(
        "--password-file", type=click.Path(path_type=Path), help="Else asked for."
    )(command)
    return click.option(
        "--key",
        metavar="FILE|NAME",
        type=click.Path(path_type=Path),
        shell_complete=complete_key,
        help="Key file of the account, or its name in your wallet.",
    )(command)


def signer_of(
    key: Path | None, password_file: Path | None, local: int | None, kind: KeyKind
) -> Signer:
    """The key that the options name, of an account either Ed25519 or secp256k1; LocalError when
    they name none or two."""
    if (key is None) == (local is None):
        raise LocalError(
            "say which key signs: --key FILE, or --local N for a local town; for FILE also the "
            "name of an account in your wallet"
        )
    if local is not None:
        return ed25519_accounts()[local].signer
    if key is None:  # ruled out above; the type checker cannot see it
        raise LocalError("--key is missing")
    if kind is not KeyKind.ACCOUNT:
        password = keystore.read_password(password_file, f"the {kind} key {key}")
        return keystore.open_signer(key, password, kind)
    account = find_account(key)
    require_key(account)
    return open_signer(account, keystore.read_password(password_file, f"the account {key}"))


def send_message(
    url: str, signer: Signer, message: MessageType, *values: object, as_json: bool
) -> None:
    """Build, sign and send a message of an Ed25519 account, and wait until it is final; LocalError
    when it had no effect."""
    sender = checksum_address(key_address(signer.public_key))
    asked: list[Any] = [calls.status(), calls.get_account(sender)]
    status, account = ask_all(url, asked)
    draft = Draft(
        chain_id=status["chain_id"],
        nonce=account["pending_nonce"],
        type=message.name,
        body=message.encode(*values),
        valid_until=status["height"] + VALIDITY_BLOCKS,
    )
    send_and_wait(url, sign(draft, signer).raw, as_json)


def draft_of_account(
    url: str, account: ThresholdAccount, nonce: int | None, message: MessageType, *values: object
) -> PartialTransaction:
    """A message of a threshold account without signatures, for its members to sign in turns; with
    the account's next nonce unless `nonce` says which."""
    asked: list[Any] = [calls.status(), calls.get_account(account.address)]
    status, found = ask_all(url, asked)
    draft = Draft(
        chain_id=status["chain_id"],
        nonce=found["pending_nonce"] if nonce is None else nonce,
        type=message.name,
        body=message.encode(*values),
        valid_until=status["height"] + GATHERING_BLOCKS,
    )
    return tx_partial.start(draft, account)


def hand_over_partial(partial: PartialTransaction, as_json: bool, output: Path | None) -> None:
    """Give the file to who signs next, and say where it stands."""
    hand_over(partial.fields(), as_json, output)
    click.echo(partial.status(), err=True)


def send_and_wait(url: str, raw: bytes, as_json: bool) -> None:
    """Send a signed transaction, print its receipt; LocalError when it had no effect."""
    receipt = ask(url, calls.send_transaction_and_wait(raw, WAIT_MS))
    print_receipt(receipt, as_json)
    if receipt["code"]:
        raise LocalError(f"the transaction had no effect: {receipt['reason'] or receipt['status']}")


def print_receipt(receipt: results.Receipt, as_json: bool) -> None:
    """What became of a transaction."""
    if as_json:
        print_json(receipt)
        return
    outcome = "took effect" if receipt["code"] == 0 else f"failed: {receipt['reason']}"
    click.echo(f"Final in block {receipt['height']:,} at {receipt['index']}: {outcome}.")
    for event in receipt["events"]:
        values = ", ".join(f"{name} {value}" for name, value in event["values"].items())
        click.echo(f"  {event['name']}: {values}")
