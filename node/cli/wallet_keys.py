"""`poyong wallet new`, `import` and `export`. No secret is an argument, and none is printed but the
new phrase, once."""

import getpass
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ledger.errors import LocalError
from node.cli.accounts import complete_name, wallet_option
from node.cli.output import json_option, print_fields, print_json
from node.files.private_files import write_private
from node.keys import keystore
from node.wallet import phrases
from node.wallet.ethereum_keystore import MAX_KEYSTORE_BYTES, read_keystore
from node.wallet.folder import (
    AccountKind,
    WalletFolder,
    address_of,
    open_secret,
    read_account,
    require_key,
    write_key,
)
from node.wallet.phrases import MAX_INDEX, MAX_PHRASE_CHARACTERS, NEW_WORDS, Curve

CONFIRMED_WORDS: Final = 3
CONFIRMATIONS: Final = 3
"""How often the words may be typed wrong."""
WORDS_A_LINE: Final = 6
_FORGET_SCROLLED: Final = "\x1b[3J"  # what has left the screen upwards, in xterm and its like

Command = TypeVar("Command", bound=Callable[..., Any])

_NAME = click.argument("name", metavar="NAME", shell_complete=complete_name)
_NEW_NAME = click.argument("name", metavar="NAME")
_KIND = click.option(
    "--kind",
    type=click.Choice([curve.value for curve in Curve]),
    default=Curve.SECP256K1.value,
    show_default=True,
    help="secp256k1: also opens in Ethereum's wallets. ed25519: this chain's own.",
)
_PASSWORD_FILE = click.option(
    "--password-file", type=click.Path(path_type=Path), help="Else POYONG_KEY_PASSWORD, or asked."
)


@click.command()
@_NEW_NAME
@_KIND
@click.option(
    "--words",
    type=click.Choice([str(count) for count in phrases.WORD_COUNTS]),
    default=str(NEW_WORDS),
    show_default=True,
    help="Length of the phrase.",
)
@click.option(
    "--mnemonic-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the phrase to this new file instead of showing it; for scripts.",
)
@_PASSWORD_FILE
@wallet_option
@json_option
def new(
    name: str,
    kind: str,
    words: str,
    mnemonic_file: Path | None,
    password_file: Path | None,
    wallet: WalletFolder,
    as_json: bool,
) -> None:
    """Make a new account. Its phrase (a BIP-39 mnemonic) is shown once and kept nowhere.

    You type some of its words back before anything is made.
    """
    wallet.require_free(name)
    if mnemonic_file is None and not sys.stdin.isatty():
        raise LocalError(
            "a phrase is shown in a terminal only: start there, or name a new file for it with "
            "--mnemonic-file"
        )
    password = _new_password(password_file, f"the new account {name}")
    phrase = phrases.new_phrase(int(words))
    if mnemonic_file is None:
        _show_once(phrase)
    else:
        write_private(mnemonic_file, phrase.encode() + b"\n", "the phrase", "it would be lost")
    curve = Curve(kind)
    path = phrases.path_of(curve, 0)
    secret = phrases.derive(phrase, curve, path)
    wallet.add_key(name, curve, secret, password)
    _print(wallet, name, as_json, path)


@click.command("import")
@_NEW_NAME
@click.option("--mnemonic", is_flag=True, help="From a BIP-39 phrase, English or Korean.")
@click.option("--hex", "from_hex", is_flag=True, help="From a 32-byte key in hex.")
@click.option(
    "--keystore",
    "keystore_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="From a keystore: Ethereum's version 3, or one of poyong keys.",
)
@click.option(
    "--keystore-password-file",
    type=click.Path(path_type=Path),
    help="Password of FILE.  [default: the same as that of the new account]",
)
@_KIND
@click.option(
    "--index", type=click.IntRange(0, MAX_INDEX), help="Which account of the phrase.  [default: 0]"
)
@click.option("--path", help="Derivation path instead of --index.")
@click.option("--passphrase", is_flag=True, help="The phrase has an extra word of yours.")
@_PASSWORD_FILE
@wallet_option
@json_option
def import_command(
    name: str,
    mnemonic: bool,
    from_hex: bool,
    keystore_file: Path | None,
    keystore_password_file: Path | None,
    kind: str,
    index: int | None,
    path: str | None,
    passphrase: bool,
    password_file: Path | None,
    wallet: WalletFolder,
    as_json: bool,
) -> None:
    """Bring an existing account into the wallet.

    Phrase, passphrase and key are asked for, or read from standard input a line each.
    """
    if [mnemonic, from_hex, keystore_file is not None].count(True) != 1:
        raise LocalError("say what to import: one of --mnemonic, --hex and --keystore FILE")
    if not mnemonic and (index is not None or path is not None or passphrase):
        raise LocalError("--index, --path and --passphrase belong to --mnemonic")
    if index is not None and path is not None:
        raise LocalError("say --index or --path, not both")
    wallet.require_free(name)
    curve = Curve(kind)
    if keystore_file is not None:
        curve, secret = _from_keystore(keystore_file, keystore_password_file or password_file)
    elif from_hex:
        secret = _from_hex(_line("Key in hex"))
    else:
        path = path or phrases.path_of(curve, index or 0)
        phrase = phrases.checked_phrase(_line("Phrase"))
        secret = phrases.derive(phrase, curve, path, _line("Passphrase") if passphrase else "")
    wallet.require_free(name, address_of(curve, secret))  # before a password is asked for
    wallet.add_key(name, curve, secret, _new_password(password_file, f"the new account {name}"))
    _print(wallet, name, as_json, path)


@click.command()
@_NAME
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--new-password-file",
    type=click.Path(path_type=Path),
    help="Password of FILE.  [default: the same as that of the account]",
)
@_PASSWORD_FILE
@wallet_option
@json_option
def export(
    name: str,
    file: Path,
    new_password_file: Path | None,
    password_file: Path | None,
    wallet: WalletFolder,
    as_json: bool,
) -> None:
    """Write an account to FILE, a new encrypted keystore.

    A secp256k1 account becomes an Ethereum keystore of version 3, which other wallets import; an
    Ed25519 account a key file of this chain, as poyong keys makes them.
    """
    account = wallet.account(name)
    require_key(account)
    password = keystore.read_password(password_file, f"the account {name}")
    curve, secret = open_secret(account, password)
    if new_password_file is not None:
        password = keystore.read_password(new_password_file, f"the file {file}")
    write_key(file, curve, secret, password, account.name)
    is_ethereum = account.kind is AccountKind.SECP256K1
    found = {
        "name": account.name,
        "address": account.shown_address,
        "file": str(file),
        "format": "ethereum-keystore-3" if is_ethereum else "poyong-key-1",
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)


def _print(wallet: WalletFolder, name: str, as_json: bool, path: str | None) -> None:
    account = wallet.account(name)
    found: dict[str, Any] = {
        "name": account.name,
        "kind": account.kind.value,
        "address": account.shown_address,
        "path": path,
        "file": str(account.file),
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)


def _show_once(phrase: str) -> None:
    """Show the phrase on the terminal until some of its words came back; LocalError when they do
    not. Goes to stderr: standard output may be a file."""
    words = phrase.split()
    click.echo(
        f"\nWrite these {len(words)} words on paper, in this order. Whoever has them has the "
        "account;\nwithout them nobody can give it back to you.\n",
        err=True,
    )
    for start in range(0, len(words), WORDS_A_LINE):
        line = enumerate(words[start : start + WORDS_A_LINE], start + 1)
        click.echo("  " + "  ".join(f"{n:>2} {word:<8}" for n, word in line), err=True)
    click.echo("", err=True)
    for _ in range(CONFIRMATIONS):
        asked = sorted(secrets.SystemRandom().sample(range(len(words)), CONFIRMED_WORDS))
        typed = [
            click.prompt(f"Word {at + 1}", hide_input=True, err=True).strip().lower()
            for at in asked
        ]
        if typed == [words[at] for at in asked]:
            if sys.stdout.isatty():
                click.clear()
                click.echo(_FORGET_SCROLLED, nl=False)
            return
        click.echo("That is not what stands above; look again.", err=True)
    raise LocalError("the words were not confirmed, so no account was made: start again")


def _new_password(password_file: Path | None, purpose: str) -> str:
    """As keystore.read_password, but typed twice; LocalError when too short."""

    def twice(question: str) -> str:
        first = getpass.getpass(question)
        if getpass.getpass("The same once more: ") != first:
            raise LocalError("the two passwords differ: start again")
        return first

    prompt = twice if sys.stdin.isatty() else None
    password = keystore.read_password(password_file, purpose, prompt=prompt)
    if len(password) < keystore.MIN_PASSWORD_CHARACTERS:
        raise LocalError(
            f"the password has fewer than {keystore.MIN_PASSWORD_CHARACTERS} characters"
        )
    return password


def _line(what: str) -> str:
    """One secret, hidden while it is typed, or the next line of standard input."""
    if sys.stdin.isatty():
        text: str = click.prompt(what, hide_input=True, err=True)
        return text
    return sys.stdin.readline(MAX_PHRASE_CHARACTERS).rstrip("\r\n")


def _from_hex(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        secret = b""
    if len(secret) != keystore.SEED_BYTES:
        # Says nothing of what was typed: it is a secret, or close to one.
        raise LocalError(f"expected a key of {2 * keystore.SEED_BYTES} hex digits")
    return secret


def _from_keystore(file: Path, password_file: Path | None) -> tuple[Curve, bytes]:
    """What a keystore of either form holds. Those of other wallets may be open to others and name
    no address, so they are read with less demands than the wallet's own."""
    content = _content(file)
    if b"poyong-key-1" in content:
        account = read_account(file, file.stem)
        return open_secret(account, keystore.read_password(password_file, f"the keystore {file}"))
    read = read_keystore(content, str(file))
    password = keystore.read_password(password_file, f"the keystore {file}")
    return Curve.SECP256K1, read.open(password)


def _content(file: Path) -> bytes:
    with open(file, "rb") as opened:
        content = opened.read(MAX_KEYSTORE_BYTES + 1)
    if len(content) > MAX_KEYSTORE_BYTES:
        raise LocalError(f"{file} has more than {MAX_KEYSTORE_BYTES} bytes: it is no keystore")
    return content
