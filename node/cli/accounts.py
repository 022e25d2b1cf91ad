"""Naming an account on the command line: by its name in the wallet, its file or its address."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from api.encoding import from_hex
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.primitives import ADDRESS_BYTES, Address
from node.wallet.folder import (
    FOLDER_VARIABLE,
    Account,
    WalletFolder,
    default_folder,
    read_account,
)

_FILE: Final = "file"  # to the shell: complete as a path

Command = TypeVar("Command", bound=Callable[..., Any])


def wallet_option(command: Command) -> Command:
    """--wallet DIR, handed to the command as `wallet`: a WalletFolder."""

    def opened(context: click.Context, parameter: click.Parameter, value: Path | None) -> Any:
        del context, parameter
        return WalletFolder(default_folder() if value is None else value)

    return click.option(
        "--wallet",
        type=click.Path(path_type=Path, file_okay=False),
        callback=opened,
        help=f"Folder of the wallet.  [default: {FOLDER_VARIABLE}, or ~/.poyong/wallet]",
    )(command)


def complete_name(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of the wallet's accounts that begin so; none when it cannot be read."""
    del parameter
    wallet = context.params.get("wallet")
    folder = wallet if isinstance(wallet, WalletFolder) else WalletFolder(default_folder())
    try:
        names = folder.names()
    except LocalError:  # a shell has no place for the sentence; the command itself says it
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_key(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of accounts, or else files."""
    return complete_name(context, parameter, incomplete) or [CompletionItem(incomplete, type=_FILE)]


def find_account(key: Path) -> Account:
    """The account whose file this is, else the one of the wallet with this name; LocalError when
    there is neither."""
    text = str(key)
    if not key.exists() and key.name == text and not text.endswith(".json"):
        return WalletFolder(default_folder()).account(text)
    return read_account(key, key.stem)


def parse_address(text: str) -> Address:
    """An address as typed; LocalError when it is none. Mixed case has to be the EIP-55 checksum,
    which finds mistyped digits."""
    try:
        address = from_hex(text)
    except DecodeError:
        address = b""
    if len(address) != ADDRESS_BYTES:
        raise LocalError(f"{text!r:.60} is no address: expected 0x and 40 hex digits")
    if text not in (text.lower(), checksum_address(address)):
        raise LocalError(
            f"{text:.60} fails the checksum in its capital letters, so a digit is wrong: copy the "
            "address again"
        )
    return Address(address)


def address_or_name(text: str, wallet: WalletFolder) -> Address:
    """An address, or that of the wallet's account with this name."""
    if text.lower().startswith("0x"):
        return parse_address(text)
    return wallet.account(text).address
