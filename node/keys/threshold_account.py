"""Descriptor files of threshold accounts: who has to sign, as everybody can check it.

A descriptor is JSON without any secret: address, threshold, salt, and the members in the order of
their keys (ascending bytes) with a name for people. The address follows from threshold, salt and
keys, which is checked at every reading; names are no part of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from nacl.bindings import crypto_core_ed25519_is_valid_point

from ledger import threshold
from ledger.crypto import ED25519_KEY_BYTES, checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.primitives import ADDRESS_BYTES, Address
from ledger.strict_json import read_json
from ledger.threshold import MAX_MEMBERS, SALT_BYTES, Members, Witness
from ledger.transaction import key_address
from node.files.disk_errors import os_error
from node.files.file_formats import require_format
from node.keys.keystore import MAX_LABEL_CHARACTERS

FORMAT: Final = "poyong-threshold-1"
MAX_DESCRIPTOR_BYTES: Final = 64 * 1024
MAX_NAME_CHARACTERS: Final = MAX_LABEL_CHARACTERS
NO_SALT: Final = bytes(SALT_BYTES)
_SHOWN_DIGITS: Final = 8


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    public_key: str


class _Descriptor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["poyong-threshold-1"]
    address: str
    threshold: int
    salt: str
    members: tuple[_Member, ...]
    rotated: bool = False


@dataclass(frozen=True, slots=True)
class ThresholdAccount:
    """What a transaction reveals of the account, and what people call its members.

    names: by index into witness.members.keys; "" for none. rotated: the members are those of a
    later rotation, so that the address does not follow from them; the chain alone can confirm it.
    """

    witness: Witness
    names: tuple[str, ...]
    rotated: bool = False

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Of the members, ascending."""
        return self.witness.members.keys

    @property
    def threshold(self) -> int:
        """How many members have to sign."""
        return self.witness.members.threshold

    @property
    def address(self) -> str:
        """0x hex with the EIP-55 checksum."""
        return checksum_address(self.witness.address)

    def name(self, index: int) -> str:
        """What to call a member: its name, else the first digits of its key."""
        return self.names[index] or f"0x{self.keys[index].hex()[:_SHOWN_DIGITS]}…"

    def document(self) -> dict[str, Any]:
        """The descriptor, as account_of reads it."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "address": self.address,
            "threshold": self.threshold,
            "salt": self.witness.salt.hex(),
            "members": [
                {"name": name, "public_key": key.hex()}
                for name, key in zip(self.names, self.keys, strict=True)
            ],
        }
        return document | {"rotated": True} if self.rotated else document

    def text(self) -> str:
        """The descriptor as the content of a file."""
        return json.dumps(self.document(), ensure_ascii=False, indent=2) + "\n"


def new_account(
    needed: int,
    members: Mapping[bytes, str],
    *,
    salt: bytes = NO_SALT,
    rotated: Address | None = None,
) -> ThresholdAccount:
    """The account of which `needed` of `members` (names by key, in any order) have to sign.

    rotated: address of an account that exists and has rotated to these members. LocalError when
    the ledger would not accept the members, or when two have one name.
    """
    if not 1 <= len(members) <= MAX_MEMBERS:
        raise LocalError(f"a threshold account has 1 to {MAX_MEMBERS} keys, found {len(members)}")
    if not 1 <= needed <= len(members):
        raise LocalError(
            f"the threshold is {needed}, with {len(members)} keys it can be 1 to {len(members)}: "
            "change it, or name more keys"
        )
    keys = tuple(sorted(members))
    try:
        if rotated is None:
            witness = threshold.create(salt, needed, keys)
        else:
            witness = Witness(rotated, salt, Members(needed, keys))
    except DecodeError as error:
        raise LocalError(f"the ledger has no such threshold account: {error}") from error
    names = tuple(members[key] for key in keys)
    _check_names(names)
    return ThresholdAccount(witness, names, rotated is not None)


def _check_names(names: tuple[str, ...]) -> None:
    for position, name in enumerate(names):
        if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
            raise LocalError(
                f"a member's name has at most {MAX_NAME_CHARACTERS} characters, none of them a "
                f"control character: found {name!r:.80}"
            )
        if name and name in names[:position]:
            raise LocalError(f"two members are called {name!r:.80}: give each a name of its own")


def public_key_of(text: str, place: str) -> bytes:
    """A key in hex (with or without 0x) that signatures can verify under; LocalError else."""
    try:
        key = threshold.check_key(bytes.fromhex(text.removeprefix("0x")), place)
        key_address(key)  # a secp256k1 key must be a point
    except (ValueError, DecodeError) as error:
        raise LocalError(
            f"{place}: expected an Ed25519 key (64 hex digits) or a compressed secp256k1 key "
            f"(66 hex digits), found {text!r:.80}"
        ) from error
    if len(key) == ED25519_KEY_BYTES and not crypto_core_ed25519_is_valid_point(key):
        raise LocalError(f"{place}: {text!r:.80} is no Ed25519 key; compare it digit by digit")
    return key


def account_of(value: object, source: str) -> ThresholdAccount:
    """The account that a descriptor describes; LocalError names what contradicts itself.

    source: file (or what else) that errors name. The ledger's limits, the order of the keys and
    the address are checked.
    """
    try:
        found = msgspec.convert(value, _Descriptor)
    except msgspec.ValidationError as error:
        raise LocalError(
            f"{source} describes no threshold account ({error!s:.200}); make one with "
            "poyong keys threshold"
        ) from error
    members: dict[bytes, str] = {}
    for position, member in enumerate(found.members[: MAX_MEMBERS + 1]):
        key = public_key_of(member.public_key, f"{source}: members[{position}].public_key")
        if members and key <= max(members):
            raise LocalError(
                f"{source}: members[{position}]: keys have to be distinct and ascending; make the "
                "file again with poyong keys threshold"
            )
        members[key] = member.name
    address = address_of(found.address, f"{source}: address")
    try:
        account = new_account(
            found.threshold,
            members,
            salt=salt_of(found.salt, "salt"),
            rotated=address if found.rotated else None,
        )
    except LocalError as error:
        raise LocalError(f"{source}: {error}") from error
    if account.witness.address != address:
        raise LocalError(
            f"{source}: its members and threshold give the account {account.address}, not "
            f"{found.address:.60}: the file was changed; make it again with poyong keys threshold"
        )
    return account


def address_of(text: str, place: str) -> Address:
    """An address in hex, of which mixed case has to be the right checksum."""
    digits = text.removeprefix("0x")
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    shown = checksum_address(address).removeprefix("0x")
    if len(address) != ADDRESS_BYTES or digits not in (digits.lower(), shown):
        raise LocalError(
            f"{place}: expected an address (0x and {2 * ADDRESS_BYTES} hex digits), "
            f"found {text!r:.60}"
        )
    return Address(address)


def salt_of(text: str, place: str) -> bytes:
    """32 bytes in hex, with or without 0x."""
    try:
        salt = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        salt = b""
    if len(salt) != SALT_BYTES:
        raise LocalError(f"{place}: expected {2 * SALT_BYTES} hex digits, found {text!r:.80}")
    return salt


def describes_account(path: Path) -> bool:
    """Whether the file says that it is a descriptor; LocalError when it cannot be read.

    False for what is malformed: whoever reads key files then says what is wrong.
    """
    content = _content(path)
    try:
        found = read_json(content, str(path), MAX_DESCRIPTOR_BYTES)
    except LocalError:
        return False
    return isinstance(found, dict) and found.get("format") == FORMAT


def read_account(path: Path) -> ThresholdAccount:
    """The account of a descriptor file; LocalError names the file and what is wrong."""
    content = _content(path)
    require_format(content, path, FORMAT)
    return account_of(read_json(content, str(path), MAX_DESCRIPTOR_BYTES), str(path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_DESCRIPTOR_BYTES + 1)
    except OSError as error:
        raise os_error("read", path, error) from error
