"""`poyong wallet history`: what concerned an account, newest first, a page at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from api.calls import Call
from api.encoding import hex_of
from ledger.crypto import checksum_address
from ledger.errors import LocalError
from node.cli.accounts import address_or_name, complete_name, wallet_option
from node.cli.output import SYMBOL, json_option, moment, print_json, print_table, tokens
from node.cli.rpc import ask, rpc_options, url_of
from node.wallet.folder import WalletFolder, known_addresses

MAX_PAGE: Final = 100
_SHOWN_DIGITS: Final = 18
_PAGE_MEMBERS: Final = {"items", "next_cursor", "more", "complete_from_height"}


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
    page = _page(url_of(rpc_url, home), hex_of(address), cursor, limit)
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


def _row(item: dict[str, Any], names: Mapping[str, str]) -> tuple[object, ...]:
    change, other, hash_text = int(item["change"]), item["counterparty"], item["transaction_hash"]
    sign = {True: "+", False: "-"}[change > 0] if change else ""
    return (
        item["height"],
        moment(item["time_ms"]),
        item["message_type"] or "by the chain",
        f"{sign}{tokens(abs(change))}",
        names.get(other, other),
        item["status"],
        None if hash_text is None else f"{hash_text[:_SHOWN_DIGITS]}…",
    )


def _page(url: str, account: str, cursor: str | None, limit: int) -> dict[str, Any]:
    asked: Call[Any] = Call("poyong_getAccountHistory", {"account": account, "limit": limit})
    if cursor is not None:
        asked.params["cursor"] = cursor
    found: Any = ask(url, asked)
    if not isinstance(found, dict) or not found.keys() >= _PAGE_MEMBERS:
        raise LocalError(f"{url} gives no account history: name a node of this version with --rpc")
    page: dict[str, Any] = found
    return page
