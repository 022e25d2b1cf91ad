"""`poyong wallet history`: what concerned an account, newest first, a page at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from api import calls
from api.history_results import HistoryItem
from ledger.crypto import checksum_address
from node.cli.accounts import address_or_name, complete_name, wallet_option
from node.cli.output import SYMBOL, json_option, moment, print_json, print_table, tokens
from node.cli.rpc import ask, rpc_options, url_of
from node.wallet.folder import WalletFolder, known_addresses

MAX_PAGE: Final = 100
_SHOWN_DIGITS: Final = 18


@click.command()
@click.argument("name", metavar="NAME|ADDRESS", shell_complete=complete_name)
@click.option(
    "--limit", type=click.IntRange(1, MAX_PAGE), default=20, show_default=True, help="Of a page."
)
@click.option("--cursor", help="Where the page before ended, as it printed it.")
@wallet_option
@rpc_options
@json_option
def history(
    name: str,
    limit: int,
    cursor: str | None,
    wallet: WalletFolder,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """List what an account sent and received, newest first."""
    address = address_or_name(name, wallet)
    page = ask(url_of(rpc_url, home), calls.get_account_history(address, cursor, limit))
    if as_json:
        print_json(page)
        return
    names = known_addresses(wallet.accounts())
    print_table(
        f"{name} ({checksum_address(address)}), in {SYMBOL}",
        ("height", "time", "what", "change", "with", "outcome", "transaction"),
        [_row(item, names) for item in page["items"]],
    )
    if page["more"]:
        click.echo(f"There is more: poyong wallet history {name} --cursor {page['next_cursor']}")
    if page["complete_from_height"] > 1:
        click.echo(
            f"This node knows nothing of blocks below {page['complete_from_height']:,}; another "
            "one may."
        )


def _row(item: HistoryItem, names: Mapping[str, str]) -> tuple[object, ...]:
    change, other, hash_text = int(item["change"]), item["counterparty"], item["transaction_hash"]
    sign = {True: "+", False: "-"}[change > 0] if change else ""
    return (
        item["height"],
        moment(item["time_ms"]),
        item["message_type"] or "by the chain",
        f"{sign}{tokens(abs(change))}",
        None if other is None else names.get(other, other),
        item["status"],
        None if hash_text is None else f"{hash_text[:_SHOWN_DIGITS]}…",
    )
