"""`poyong wallet`: a person's accounts, from the phrase on paper to sending tokens."""

from typing import Final

import click

from node.cli.lazy import LazyCommand, LazyGroup

_COMMANDS: Final = {
    "new": LazyCommand("node.cli.wallet_keys:new", "Make an account and the phrase to write down."),
    "import": LazyCommand(
        "node.cli.wallet_keys:import_command", "Bring an account: phrase, hex key or keystore."
    ),
    "watch": LazyCommand("node.cli.wallet_accounts:watch", "Follow an address without its key."),
    "list": LazyCommand("node.cli.wallet_accounts:list_command", "The accounts of the wallet."),
    "show": LazyCommand("node.cli.wallet_accounts:show", "One account; needs no password."),
    "address": LazyCommand("node.cli.wallet_accounts:address", "An account's address alone."),
    "qr": LazyCommand("node.cli.wallet_accounts:qr", "An address as a QR code to scan."),
    "balance": LazyCommand("node.cli.wallet_tokens:balance", "What accounts have."),
    "send": LazyCommand("node.cli.wallet_tokens:send", "Send tokens, and wait until it is final."),
    "history": LazyCommand("node.cli.wallet_history:history", "What an account sent and received."),
    "export": LazyCommand("node.cli.wallet_keys:export", "An account as a keystore file."),
    "remove": LazyCommand("node.cli.wallet_accounts:remove", "Delete an account, key and all."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def wallet() -> None:
    """Accounts of your own: make, import, watch, send, follow."""
