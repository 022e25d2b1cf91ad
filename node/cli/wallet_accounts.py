"""`poyong wallet list`, `show`, `address`, `qr`, `watch` and `remove`: none needs a password."""

import io
import sys
from pathlib import Path
from typing import Any, Final

import click

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from node.cli.accounts import address_or_name, complete_name, parse_address, wallet_option
from node.cli.output import json_option, parse_amount, print_fields, print_json, print_table
from node.keys import keystore
from node.wallet.folder import Account, AccountKind, WalletFolder, open_signer, require_key

_NAME = click.argument("name", metavar="NAME", shell_complete=complete_name)
_WHITE_ON_BLACK: Final = "\x1b[97;40m"
_AS_BEFORE: Final = "\x1b[0m"


@click.command("list")
@wallet_option
@json_option
def list_command(wallet: WalletFolder, as_json: bool) -> None:
    """List the accounts of the wallet."""
    accounts = wallet.accounts()
    if as_json:
        print_json([_open_part(account) for account in accounts])
        return
    print_table(
        f"{len(accounts)} accounts in {wallet.path}",
        ("name", "kind", "address"),
        [(account.name, account.kind.value, account.shown_address) for account in accounts],
    )


@click.command()
@_NAME
@click.option(
    "--public-key",
    "with_public_key",
    is_flag=True,
    help="Also of a secp256k1 account, whose keystore holds it encrypted: asks for the password.",
)
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for, with it.")
@wallet_option
@json_option
def show(
    name: str,
    with_public_key: bool,
    password_file: Path | None,
    wallet: WalletFolder,
    as_json: bool,
) -> None:
    """Show the open part of an account."""
    account = wallet.account(name)
    found = _open_part(account)
    if account.kind is AccountKind.ED25519:
        found["public_key"] = keystore.read_key_info(account.file).public_key.hex()
    elif with_public_key:
        require_key(account)
        password = keystore.read_password(password_file, f"the account {name}")
        found["public_key"] = open_signer(account, password).public_key.hex()
    if as_json:
        print_json(found)
    else:
        print_fields(found)


@click.command()
@_NAME
@wallet_option
@json_option
def address(name: str, wallet: WalletFolder, as_json: bool) -> None:
    """Print an account's address and nothing else."""
    found = wallet.account(name).shown_address
    if as_json:
        print_json(found)
    else:
        click.echo(found)


@click.command()
@click.argument("name", metavar="NAME|ADDRESS", shell_complete=complete_name)
@click.option("--amount", metavar="AMOUNT", help="Ask for so much; wallets fill it in (EIP-681).")
@click.option("--chain-id", type=click.IntRange(min=1), help="Of the chain to pay on, with it.")
@wallet_option
@json_option
def qr(
    name: str, amount: str | None, chain_id: int | None, wallet: WalletFolder, as_json: bool
) -> None:
    """Show an address as a QR code, for the camera of whoever pays."""
    if (amount is None) != (chain_id is None):
        raise LocalError(
            "say --amount and --chain-id together: a wallet would ask for the coin of whichever "
            "chain it shows"
        )
    content = checksum_address(address_or_name(name, wallet))
    if amount is not None:
        content = f"ethereum:{content}@{chain_id}?value={parse_amount(amount)}"
    import segno

    code = segno.make_qr(content, error="m")
    if as_json:
        rows = ["".join("1" if dark else "0" for dark in row) for row in code.matrix]
        print_json({"content": content, "rows": rows})
        return
    drawn = io.StringIO()
    code.terminal(out=drawn, compact=True)
    # Light modules are drawn, dark ones left out; colours of our own make it right on any ground.
    before, after = (_WHITE_ON_BLACK, _AS_BEFORE) if sys.stdout.isatty() else ("", "")
    for line in drawn.getvalue().splitlines():
        click.echo(f"{before}{line}{after}")
    click.echo(content)


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("address_text", metavar="ADDRESS")
@wallet_option
@json_option
def watch(name: str, address_text: str, wallet: WalletFolder, as_json: bool) -> None:
    """Follow ADDRESS under a name: its balance and history, without its key."""
    account = wallet.add_watched(name, parse_address(address_text))
    if as_json:
        print_json(_open_part(account))
    else:
        print_fields(_open_part(account))


@click.command()
@_NAME
@click.option("--yes", is_flag=True, help="Ask nothing.")
@wallet_option
@json_option
def remove(name: str, yes: bool, wallet: WalletFolder, as_json: bool) -> None:
    """Delete an account from the wallet. Its key is gone unless you have phrase or backup."""
    account = wallet.account(name)
    if not yes:
        if not sys.stdin.isatty():
            raise LocalError(f"removing {name} needs a yes: run in a terminal, or add --yes")
        loses = "" if account.kind is AccountKind.WATCH else ", and with it its key on this machine"
        click.confirm(f"Remove {name}, {account.shown_address}{loses}?", abort=True, err=True)
    wallet.remove(account)
    if as_json:
        print_json(_open_part(account))
    else:
        click.echo(f"Removed {account.name}, {account.shown_address}.")


def _open_part(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "kind": account.kind.value,
        "address": account.shown_address,
        "file": str(account.file),
    }
