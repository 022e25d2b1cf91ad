"""`poyong wallet balance` and `send`: tokens of the wallet's accounts."""

import sys
from pathlib import Path
from typing import Any

import click

from api import calls
from ledger.crypto import Secp256k1Signer, checksum_address
from ledger.errors import LocalError
from ledger.ethereum_draft import sign_ethereum, transfer
from ledger.primitives import Address
from ledger.transaction import Draft, sign
from ledger.transfers import SEND
from node.cli.accounts import address_or_name, complete_name, wallet_option
from node.cli.output import SYMBOL, json_option, parse_amount, print_json, print_table, tokens
from node.cli.rpc import ask, ask_all, rpc_options, url_of
from node.cli.sending import VALIDITY_BLOCKS, send_and_wait
from node.keys import keystore
from node.wallet.folder import WalletFolder, open_signer, require_key


@click.command()
@click.argument("names", metavar="[NAME|ADDRESS]...", nargs=-1, shell_complete=complete_name)
@wallet_option
@rpc_options
@json_option
def balance(
    names: tuple[str, ...],
    wallet: WalletFolder,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show what accounts have; all of the wallet when none is named."""
    asked = [(name, address_or_name(name, wallet)) for name in names or wallet.names()]
    if not asked:
        raise LocalError(f"the wallet {wallet.path} is empty: poyong wallet new makes an account")
    found = ask_all(url_of(rpc_url, home), [calls.get_account(address) for _, address in asked])
    if as_json:
        print_json([{"name": name, **row} for (name, _), row in zip(asked, found, strict=True)])
        return
    print_table(
        f"At height {max(row['height'] for row in found):,}, in {SYMBOL}",
        ("account", "balance", "sent", "address"),
        [
            (name, tokens(int(row["balance"])), row["nonce"], row["address"])
            for (name, _), row in zip(asked, found, strict=True)
        ],
    )


@click.command()
@click.argument("name", metavar="NAME", shell_complete=complete_name)
@click.argument("to", metavar="TO", shell_complete=complete_name)
@click.argument("amount", metavar="AMOUNT")
@click.option("--yes", is_flag=True, help="Do not ask before it is sent.")
@click.option("--no-wait", is_flag=True, help="Print the hash instead of waiting until final.")
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@wallet_option
@rpc_options
@json_option
def send(
    name: str,
    to: str,
    amount: str,
    yes: bool,
    no_wait: bool,
    password_file: Path | None,
    wallet: WalletFolder,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Send AMOUNT tokens of NAME to TO, an address or an account of the wallet. For example:

    poyong wallet send mine 0x… 1.5

    An amount such as 1500wei is in smallest units, 10^-18 of a token.
    """
    account, receiver = wallet.account(name), address_or_name(to, wallet)
    require_key(account)
    units = parse_amount(amount)
    url = url_of(rpc_url, home)
    asked: list[Any] = [calls.status(), calls.get_account(account.address)]
    status, state = ask_all(url, asked)
    if units > int(state["balance"]):
        raise LocalError(
            f"{account.name} has {tokens(int(state['balance']))} {SYMBOL}, "
            f"{tokens(units)} were to be sent: send less, or to it first"
        )
    question = (
        f"Send {tokens(units)} {SYMBOL} from {account.name} to {checksum_address(receiver)} "
        f"on chain {status['chain_id']}"
    )
    click.echo(f"{question}.", err=True)
    if not yes and sys.stdin.isatty():
        click.confirm("Is that right?", abort=True, err=True)
    password = keystore.read_password(password_file, f"the account {account.name}")
    signer = open_signer(account, password)
    if isinstance(signer, Secp256k1Signer):
        raw = _ethereum(status["chain_id"], state["pending_nonce"], receiver, units, signer)
    else:
        draft = Draft(
            chain_id=status["chain_id"],
            nonce=state["pending_nonce"],
            type=SEND.name,
            body=SEND.encode(receiver, units, b""),
            valid_until=status["height"] + VALIDITY_BLOCKS,
        )
        raw = sign(draft, signer).raw
    if no_wait:
        sent = ask(url, calls.send_transaction(raw))
        if as_json:
            print_json({"hash": sent})
        else:
            click.echo(sent)
        return
    send_and_wait(url, raw, as_json)


def _ethereum(chain_id: int, nonce: int, to: Address, units: int, signer: Secp256k1Signer) -> bytes:
    """As an Ethereum wallet would send it, so that such a wallet shows it as its own."""
    draft = transfer(chain_id=chain_id, nonce=nonce, to=to, value=units)
    return sign_ethereum(draft, signer).raw
