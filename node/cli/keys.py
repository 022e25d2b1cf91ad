"""`poyong keys`: make, import, show and replace keys. No secret is ever an argument or printed."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from ledger.crypto import checksum_address, ed25519_address
from ledger.errors import LocalError
from node.cli.keys_api import api_key
from node.cli.keys_rotate import rotate
from node.cli.keys_threshold import show_account, threshold
from node.cli.output import json_option, print_fields, print_json
from node.keys import keystore, threshold_account
from node.keys.keystore import KeyInfo, KeyKind
from node.wallet import phrases
from node.wallet.phrases import Curve

DEFAULT_PATH: Final = phrases.path_of(Curve.ED25519, 0)

_KIND = click.option(
    "--kind",
    type=click.Choice([kind.value for kind in KeyKind]),
    required=True,
    help="validator: votes; node: TLS between peers; account: transactions.",
)
_PASSWORD_FILE = click.option(
    "--password-file", type=click.Path(path_type=Path), help="Else POYONG_KEY_PASSWORD, or asked."
)
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_LABEL = click.option("--label", default="", help="Shown; no part of the key.")


@click.group()
def keys() -> None:
    """Make, import, show and replace keys."""


keys.add_command(threshold)
keys.add_command(api_key)
keys.add_command(rotate)


@keys.command()
@_FILE
@_KIND
@_LABEL
@_PASSWORD_FILE
@json_option
def new(file: Path, kind: str, label: str, password_file: Path | None, as_json: bool) -> None:
    """Make a new random key in FILE, which must not exist."""
    password = keystore.read_password(password_file, f"the new key {file}")
    _show(keystore.create_key(file, KeyKind(kind), password, label=label), file, as_json)


@keys.command("import")
@_FILE
@_KIND
@_LABEL
@_PASSWORD_FILE
@click.option("--mnemonic", is_flag=True, help="Standard input is a BIP-39 mnemonic, not hex.")
@click.option("--path", default=DEFAULT_PATH, show_default=True, help="SLIP-10 path, with it.")
@json_option
def import_command(
    file: Path,
    kind: str,
    label: str,
    password_file: Path | None,
    mnemonic: bool,
    path: str,
    as_json: bool,
) -> None:
    """Put an existing Ed25519 key in FILE: its 32-byte seed in hex, read from standard input."""
    what = "mnemonic" if mnemonic else "seed in hex"
    if sys.stdin.isatty():
        secret = click.prompt(f"The {what}", hide_input=True)
    else:
        secret = sys.stdin.readline(phrases.MAX_PHRASE_CHARACTERS)
    if mnemonic:
        seed = phrases.derive(phrases.checked_phrase(secret), Curve.ED25519, path)
    else:
        seed = _from_hex(secret)
    password = keystore.read_password(password_file, f"the new key {file}")
    info = keystore.create_key(file, KeyKind(kind), password, label=label, seed=seed)
    _show(info, file, as_json)


@keys.command()
@_FILE
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show the open part of a key file, or a threshold account; needs no password."""
    if threshold_account.describes_account(file):
        show_account(threshold_account.read_account(file), file, as_json)
        return
    _show(keystore.read_key_info(file), file, as_json)


def _show(info: KeyInfo, file: Path, as_json: bool) -> None:
    found: dict[str, Any] = {
        "file": str(file),
        "kind": info.kind.value,
        "label": info.label,
        "public_key": info.public_key.hex(),
    }
    if info.kind is KeyKind.ACCOUNT:
        found["address"] = checksum_address(ed25519_address(info.public_key))
    if as_json:
        print_json(found)
    else:
        print_fields(found)


def _from_hex(secret: str) -> bytes:
    try:
        seed = bytes.fromhex(secret.strip().removeprefix("0x"))
    except ValueError:
        seed = b""
    if len(seed) != keystore.SEED_BYTES:
        # Says nothing of what was typed: it is a secret, or close to one.
        raise LocalError(f"expected {2 * keystore.SEED_BYTES} hex digits on standard input")
    return seed
