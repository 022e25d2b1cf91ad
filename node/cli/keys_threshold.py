"""`poyong keys threshold`: an account of which m of n members sign, from their public keys."""

import re
from pathlib import Path
from typing import Any, Final

import click

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.threshold import MAX_MEMBERS
from ledger.transaction import key_address
from node.cli.output import json_option, print_fields, print_json
from node.files.disk_errors import os_error
from node.keys import keystore, threshold_account
from node.keys.keystore import KeyKind
from node.keys.threshold_account import ThresholdAccount

_HEX_KEY: Final = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{66})")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--threshold", "needed", type=click.IntRange(1), required=True, help="How many have to sign."
)
@click.option(
    "--key",
    "sources",
    metavar="[NAME=]KEY",
    multiple=True,
    required=True,
    help="A member: its key in hex, its key file, or a threshold account with all its members.",
)
@click.option("--salt", metavar="HEX", help="Another account of the same members; 32 bytes.")
@click.option(
    "--rotated", metavar="ADDRESS", help="An account whose members were replaced by these."
)
@json_option
def threshold(
    file: Path | None,
    needed: int,
    sources: tuple[str, ...],
    salt: str | None,
    rotated: str | None,
    as_json: bool,
) -> None:
    """Describe an account that acts when so many of its members sign.

    Writes FILE (by default ADDRESS.json), which holds no secret and must not exist. The same keys
    and threshold give the same address to everybody, in whatever order they are named.
    """
    if rotated is not None and salt is not None:
        raise LocalError("--rotated names an account that exists: leave --salt out")
    account = threshold_account.new_account(
        needed,
        _members(sources),
        salt=threshold_account.NO_SALT
        if salt is None
        else threshold_account.salt_of(salt, "--salt"),
        rotated=None if rotated is None else threshold_account.address_of(rotated, "--rotated"),
    )
    path = Path(f"{account.address}.json") if file is None else file
    try:
        with path.open("x", encoding="utf-8") as written:
            written.write(account.text())
    except FileExistsError as error:
        raise LocalError(f"{path} exists and is not replaced: name another file") from error
    except OSError as error:
        raise os_error("write", path, error) from error
    show_account(account, path, as_json)


def show_account(account: ThresholdAccount, file: Path, as_json: bool) -> None:
    """Print what a descriptor says, after it was checked."""
    members = [
        {"name": name, "public_key": key.hex(), "address": checksum_address(key_address(key))}
        for name, key in zip(account.names, account.keys, strict=True)
    ]
    found: dict[str, Any] = {
        "file": str(file),
        "kind": "threshold",
        "address": account.address,
        "threshold": account.threshold,
        "members": members,
        "salt": account.witness.salt.hex(),
        "rotated": account.rotated,
    }
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "file": str(file),
            "kind": "threshold",
            "address": account.address,
            "needed": f"{account.threshold} of {len(members)} signatures",
            **{
                f"member {index}": f"{member['public_key']}  {member['name']}"
                for index, member in enumerate(members)
            },
        }
    )
    if account.rotated:
        click.echo("Its members were replaced: the chain alone can confirm these.")


def _members(sources: tuple[str, ...]) -> dict[bytes, str]:
    """Names by key of everybody that --key names."""
    if len(sources) > MAX_MEMBERS:
        raise LocalError(
            f"a threshold account has at most {MAX_MEMBERS} keys, found {len(sources)}"
        )
    found: dict[bytes, str] = {}
    for source in sources:
        for key, name in _named(source).items():
            if key in found:
                raise LocalError(f"the key {key.hex()} is named twice: each member signs once")
            found[key] = name
    return found


def _named(source: str) -> dict[bytes, str]:
    """What one --key names. A file whose name holds "=" has to have a name before it."""
    name, equals, place = source.partition("=")
    if not equals or Path(source).exists():
        return _keys_in(source)
    found = _keys_in(place)
    if len(found) > 1:
        raise LocalError(f"--key {name:.60}=...: {place} has {len(found)} members with names")
    return dict.fromkeys(found, name)


def _keys_in(place: str) -> dict[bytes, str]:
    path = Path(place)
    if _HEX_KEY.fullmatch(place):
        return {threshold_account.public_key_of(place, "--key"): ""}
    if not path.is_file():
        raise LocalError(
            f"--key: expected a key of 64 or 66 hex digits, or a file, found {place!r:.80}"
        )
    if threshold_account.describes_account(path):
        account = threshold_account.read_account(path)
        return dict(zip(account.keys, account.names, strict=True))
    info = keystore.read_key_info(path)
    if info.kind is not KeyKind.ACCOUNT:
        raise LocalError(
            f"{path} is a key of kind {info.kind}; members sign with keys of kind account: make "
            "one with poyong keys new --kind account"
        )
    return {info.public_key: info.label}
