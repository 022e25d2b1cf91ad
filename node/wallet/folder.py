"""The folder of a wallet: one file an account, named after it.

NAME.json is one of three: an own key file (Ed25519, node.keys.keystore), an Ethereum keystore
(secp256k1, node.wallet.ethereum_keystore), or an address that is watched, without a key. Each can
be used, moved and backed up alone. Folder and files belong to their owner alone, which is checked
at every opening.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import msgspec

from ledger.crypto import (
    Ed25519Signer,
    Secp256k1Signer,
    checksum_address,
    ed25519_address,
    secp256k1_address,
)
from ledger.errors import DecodeError, LocalError
from ledger.primitives import ADDRESS_BYTES, Address
from node.files.disk_errors import os_error
from node.files.file_formats import LATER_RELEASE, require_format
from node.files.private_files import read_private, write_private
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.options import nearest
from node.version import other_format
from node.wallet import ethereum_keystore
from node.wallet.ethereum_keystore import ScryptCost
from node.wallet.phrases import Curve

FOLDER_VARIABLE: Final = "POYONG_WALLET"
MAX_ACCOUNTS: Final = 1_000
MAX_NAME_CHARACTERS: Final = 64
_MAX_FILE_BYTES: Final = 16 * 1024
_SUFFIX: Final = ".json"
_NAME: Final = re.compile(r"\w[\w.-]*")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class AccountKind(StrEnum):
    """What a wallet holds of an account."""

    ED25519 = "ed25519"
    SECP256K1 = "secp256k1"
    WATCH = "watch"  # its address, and no key


@dataclass(frozen=True, slots=True)
class Cost:
    """What each guess of a password costs, for each kind of file."""

    ed25519: keystore.Cost = keystore.STANDARD_COST
    secp256k1: ScryptCost = ethereum_keystore.STANDARD_COST


STANDARD_COST: Final = Cost()


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a wallet; what its file says in the open."""

    name: str
    kind: AccountKind
    address: Address
    file: Path

    @property
    def shown_address(self) -> str:
        """0x hex with the EIP-55 checksum."""
        return checksum_address(self.address)


class _Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["poyong-watch-1"]
    address: str


class _AnyFile(msgspec.Struct, frozen=True):
    """Only what tells the three kinds of file apart."""

    format: str = ""
    version: int = 0


def default_folder() -> Path:
    """POYONG_WALLET, else a folder in the home of whoever runs the command."""
    named = os.environ.get(FOLDER_VARIABLE, "")
    return Path(named) if named else Path.home() / ".poyong" / "wallet"


def checked_name(name: str) -> str:
    """A name in the one form that files have; LocalError when it can be none."""
    composed = unicodedata.normalize("NFC", name)
    if (
        not _NAME.fullmatch(composed)
        or len(composed) > MAX_NAME_CHARACTERS
        or composed.lower().startswith("0x")
    ):
        raise LocalError(
            f"{name!r:.80} cannot be the name of an account: expected 1 to {MAX_NAME_CHARACTERS} "
            "letters, digits, dots, - and _, not beginning with 0x, - or a dot"
        )
    return composed


def address_of(curve: Curve, secret: bytes) -> Address:
    """The address that a 32-byte secret controls; LocalError when it is no key of the curve."""
    if curve is Curve.ED25519:
        return ed25519_address(Ed25519Signer(secret).public_key)
    try:
        return secp256k1_address(Secp256k1Signer(secret).public_key)
    except ValueError as error:
        raise LocalError("these 32 bytes are no secp256k1 key: use 32 random bytes") from error


def read_account(file: Path, name: str) -> Account:
    """The open part of an account's file; needs no password. LocalError names what is wrong."""
    content = _read(file)
    try:
        found = msgspec.json.decode(content, type=_AnyFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LocalError(f"{file} is no file of a wallet ({error!s:.120}): move it away") from error
    require_format(content, file, "poyong-watch-1")
    if not found.format and found.version > ethereum_keystore.VERSION:
        raise other_format(file, found.version, ethereum_keystore.VERSION, LATER_RELEASE)
    if found.version == ethereum_keystore.VERSION:
        address = ethereum_keystore.read_keystore(content, str(file)).address
        if address is None:
            raise LocalError(f"{file} names no address: add it with poyong wallet import")
        return Account(name, AccountKind.SECP256K1, address, file)
    if found.format == "poyong-watch-1":
        return Account(name, AccountKind.WATCH, _watched(content, file), file)
    info = keystore.read_key_info(file)
    if info.kind is not KeyKind.ACCOUNT:
        raise LocalError(f"{file} is a key of kind {info.kind}, one of kind account is needed here")
    return Account(name, AccountKind.ED25519, ed25519_address(info.public_key), file)


def open_secret(account: Account, password: str) -> tuple[Curve, bytes]:
    """The secret of an account; LocalError when the password is wrong, or there is no key."""
    match account.kind:
        case AccountKind.WATCH:
            raise _has_no_key(account)
        case AccountKind.ED25519:
            return Curve.ED25519, keystore.open_seed(account.file, password, KeyKind.ACCOUNT)
        case AccountKind.SECP256K1:
            read = ethereum_keystore.read_keystore(_read(account.file), str(account.file))
            return Curve.SECP256K1, read.open(password)


def require_key(account: Account) -> None:
    """LocalError when the account is watched only; ask before asking for a password."""
    if account.kind is AccountKind.WATCH:
        raise _has_no_key(account)


def open_signer(account: Account, password: str) -> Ed25519Signer | Secp256k1Signer:
    """The key of an account as a signer in this process; errors as open_secret."""
    curve, secret = open_secret(account, password)
    return Ed25519Signer(secret) if curve is Curve.ED25519 else Secp256k1Signer(secret)


def write_key(
    file: Path, curve: Curve, secret: bytes, password: str, label: str, cost: Cost = STANDARD_COST
) -> None:
    """A key as a new file of the form of its kind; an existing file is never replaced."""
    if curve is Curve.ED25519:
        keystore.create_key(
            file, KeyKind.ACCOUNT, password, label=label, seed=secret, cost=cost.ed25519
        )
        return
    content = ethereum_keystore.write_keystore(secret, password, cost.secp256k1)
    write_private(file, content, "the keystore", "a key that is overwritten is lost")


class WalletFolder:
    """The accounts in one folder, which is made with the first of them."""

    def __init__(self, path: Path, cost: Cost = STANDARD_COST) -> None:
        self.path = path
        self._cost = cost

    def names(self) -> list[str]:
        """Of all accounts, sorted; nothing is opened. LocalError when others can read the folder
        or it holds too much."""
        try:
            mode = self.path.stat().st_mode
            found = sorted(
                unicodedata.normalize("NFC", file.stem) for file in self.path.glob(f"*{_SUFFIX}")
            )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise os_error("read", self.path, error) from error
        if mode & _OTHERS:
            raise LocalError(
                f"{self.path} is open to others (mode {stat.S_IMODE(mode):04o}): "
                f"chmod 700 {self.path}"
            )
        if len(found) > MAX_ACCOUNTS:
            raise LocalError(f"{self.path} has {len(found)} accounts, at most {MAX_ACCOUNTS}")
        return found

    def accounts(self) -> list[Account]:
        """All of them, by name."""
        return [read_account(self._file(name), name) for name in self.names()]

    def account(self, name: str) -> Account:
        """One of them; LocalError with the nearest name when there is none."""
        composed = checked_name(name)
        known = self.names()
        if composed not in known:
            near = nearest(composed, known) or "; poyong wallet list shows them"
            raise LocalError(f"the wallet {self.path} has no account {name!r:.80}{near}")
        return read_account(self._file(composed), composed)

    def add_key(self, name: str, curve: Curve, secret: bytes, password: str) -> Account:
        """Keep a key under a new name; LocalError when name or address are there already."""
        composed = self.require_free(name, address_of(curve, secret))
        write_key(self._file(composed), curve, secret, password, composed, self._cost)
        return self.account(composed)

    def add_watched(self, name: str, address: Address) -> Account:
        """Follow an address without a key; LocalError as add_key."""
        composed = self.require_free(name, address)
        content = msgspec.json.encode(_Watch("poyong-watch-1", checksum_address(address)))
        write_private(self._file(composed), content + b"\n", "the account", "it would be lost")
        return self.account(composed)

    def require_free(self, name: str, address: Address | None = None) -> str:
        """The name as it will be kept; LocalError when name or address are there already."""
        composed = checked_name(name)
        accounts = self.accounts()
        if len(accounts) >= MAX_ACCOUNTS:
            raise LocalError(f"{self.path} has {MAX_ACCOUNTS} accounts, the most allowed")
        for account in accounts:
            if account.name == composed:
                raise LocalError(f"the wallet has an account {composed!r}: choose another name")
            if account.address == address:
                how = "watched" if account.kind is AccountKind.WATCH else "kept"
                raise LocalError(
                    f"{account.shown_address} is {how} as {account.name!r} already: use that, or "
                    f"remove it first with poyong wallet remove {account.name}"
                )
        return composed

    def remove(self, account: Account) -> None:
        """Delete the file of an account, key and all."""
        try:
            account.file.unlink()
        except OSError as error:
            raise os_error("remove", account.file, error) from error

    def _file(self, name: str) -> Path:
        return self.path / f"{name}{_SUFFIX}"


def _has_no_key(account: Account) -> LocalError:
    return LocalError(
        f"{account.name} is watched only, its key is elsewhere: sign there, or remove this entry "
        "and bring the key with poyong wallet import"
    )


def known_addresses(accounts: Iterable[Account]) -> dict[str, str]:
    """Names by address as it is shown."""
    return {account.shown_address: account.name for account in accounts}


def _watched(content: bytes, file: Path) -> Address:
    try:
        found = msgspec.json.decode(content, type=_Watch)
        address = bytes.fromhex(found.address.removeprefix("0x"))
        if len(address) != ADDRESS_BYTES or checksum_address(address) != found.address:
            raise DecodeError("address is none, or its checksum is wrong")
    except (msgspec.DecodeError, DecodeError, ValueError) as error:
        raise LocalError(f"{file} is no watched address ({error!s:.120}): remove it") from error
    return Address(address)


def _read(file: Path) -> bytes:
    return read_private(
        file, _MAX_FILE_BYTES, "account of a wallet", "make one with `poyong wallet new`"
    )
