"""`poyong wallet history`: what concerned an account, newest first, a page at a time."""

from pathlib import Path
from typing import Any, Final

import click

from api.calls import Call
from api.encoding import hex_of
from ledger.crypto import checksum_address
from ledger.errors import LocalError
from node.cli.accounts import address_or_name, complete_name, wallet_option
from node.cli.output import json_option, moment, print_json, print_table
from node.cli.rpc import ask, rpc_options, url_of
from node.wallet.folder import WalletFolder

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
    page = _page(url_of(rpc_url, home), hex_of(address), cursor, limit)
    if as_json:
        print_json(page)
        return
    print_table(
        f"{name} ({checksum_address(address)})",
        ("height", "time", "what", "outcome", "transaction"),
        [
            (
                item["height"],
                moment(item["time_ms"]),
                item["type"],
                item["status"],
                item["hash"][:_SHOWN_DIGITS] + "…",
            )
            for item in page["items"]
        ],
    )
    if page["next_cursor"] is not None:
        click.echo(f"There is more: poyong wallet history {name} --cursor {page['next_cursor']}")


def _page(url: str, account: str, cursor: str | None, limit: int) -> dict[str, Any]:
    asked: Call[Any] = Call(
        "poyong_getAccountHistory", {"account": account, "cursor": cursor, "limit": limit}
    )
    found: Any = ask(url, asked)
    if not isinstance(found, dict) or not {"items", "next_cursor"} <= found.keys():
        raise LocalError(f"{url} gives no account history: name a node of this version with --rpc")
    page: dict[str, Any] = found
    return page
