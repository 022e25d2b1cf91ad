"""`poyong keys rotate`: leads an operator through new keys of a node, from making to destroying.

Each run does what can be done now and says what comes next, so that it may be run again at any
time: next keys that are named already are never made anew.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from api import admin_calls, calls, results
from ledger.crypto import ED25519_KEY_BYTES
from ledger.errors import LocalError
from node import config
from node.cli.admin_socket import ask_operator, listens
from node.cli.home import home_option
from node.cli.output import json_option, print_json
from node.cli.rpc import ask, url_of
from node.config import CONFIG_FILE, Config
from node.config_edit import change_options
from node.keys import keystore
from node.keys.keystore import KeyKind
from node.signing.settings import read_hex

ASKS_EVERY_S: Final = 0.5
STAKEHOLDERS: Final = "stakeholders"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the options say of the keys to make."""

    node_key: bool
    public_key: str
    key_label: str
    key_id: str


@click.command()
@home_option("Folder of the node.")
@click.option("--node-key", is_flag=True, help="Replace the node key (TLS) too.")
@click.option("--public-key", default="", help="Next key in hex, made in a signer or a module.")
@click.option("--key-label", default="", help="Its label in the module.")
@click.option("--key-id", default="", help="Its id in the module.")
@click.option("--wait", is_flag=True, help="Return when the next keys are in use.")
@click.option(
    "--within",
    type=click.IntRange(1, 30 * 86_400),
    default=3_600,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait waits.",
)
@click.option("--finish", is_flag=True, help="Make the next keys the present ones.")
@json_option
def rotate(
    home: Path,
    node_key: bool,
    public_key: str,
    key_label: str,
    key_id: str,
    wait: bool,
    within: int,
    finish: bool,
    as_json: bool,
) -> None:
    """Give a node new keys without a restart: make them, say what to sign, follow, and finish."""
    file = home / CONFIG_FILE
    settings = config.load(file)
    if finish:
        _told(_finish(home, file, settings), as_json)
        return
    if not _has_next(settings):
        settings = _make(file, settings, _Wanted(node_key, public_key, key_label, key_id))
    loaded = listens(home)
    if loaded:
        ask_operator(home, admin_calls.reload())
    found = _situation(settings, loaded=loaded)
    if wait:
        found |= _followed(home, within)
    _told(found, as_json)


def _has_next(settings: Config) -> bool:
    node, signer = settings.node, settings.signer
    return bool(node.next_validator_key or node.next_node_key or signer.next_public_key)


def _make(file: Path, settings: Config, wanted: _Wanted) -> Config:
    """Make the key files, and name all next keys in the configuration."""
    node, signer = settings.node, settings.signer
    changes: dict[tuple[str, str], str] = {}
    if signer.kind == "file":
        if wanted.public_key:
            raise LocalError("--public-key: the node's key is in a file, and the next one is made")
        if not node.validator_key and not wanted.node_key:
            raise LocalError("an observer has a node key alone: --node-key replaces it")
    else:
        read_hex(wanted.public_key, ED25519_KEY_BYTES, "--public-key")
        changes["signer", "next_public_key"] = wanted.public_key.lower()
        if signer.kind == "pkcs11":
            changes["pkcs11", "next_key_label"] = wanted.key_label
            changes["pkcs11", "next_key_id"] = wanted.key_id
    named = node.password_file
    password = keystore.read_password(settings.path(named) if named else None, "the new keys")
    files = {KeyKind.VALIDATOR: node.validator_key} if node.validator_key else {}
    files |= {KeyKind.NODE: node.node_key} if wanted.node_key else {}
    for kind, present in files.items():
        path = _free_name(settings.path(present))
        keystore.create_key(path, kind, password, label=node.name)
        option = "next_validator_key" if kind is KeyKind.VALIDATOR else "next_node_key"
        changes["node", option] = str(path.relative_to(settings.home))
    return change_options(file, changes)


def _free_name(present: Path) -> Path:
    """validator-2.json beside validator.json, or the next number that is free."""
    stem = present.stem.rstrip("0123456789").removesuffix("-")
    number = 2
    while (path := present.with_name(f"{stem}-{number}{present.suffix}")).exists():
        number += 1
    return path


def _public_key(settings: Config, file: str) -> str:
    return keystore.read_key_info(settings.path(file)).public_key.hex()


def _situation(settings: Config, *, loaded: bool) -> dict[str, Any]:
    """The next keys, and the message that names them to the chain."""
    node, signer = settings.node, settings.signer
    next_key = signer.next_public_key
    if node.next_validator_key:
        next_key = _public_key(settings, node.next_validator_key)
    node_key = _public_key(settings, node.next_node_key or node.node_key)
    found: dict[str, Any] = {
        "loaded": loaded,
        "next_validator_key": next_key or None,
        "next_node_key": node_key if node.next_node_key else None,
        "files": [name for name in (node.next_validator_key, node.next_node_key) if name],
        "send": _message(settings, next_key, node_key),
    }
    return found


def _message(settings: Config, validator_key: str, node_key: str) -> str:
    """The command that builds what the organisation's account, or the authority, signs."""
    if not validator_key:
        return (
            f"poyong tx build governance.add_observer node_key=0x{node_key} name=NAME "
            "--from AUTHORITY.json > draft.json"
        )
    keys = f"public_key=0x{validator_key} node_key=0x{node_key}"
    # What knows genesis and messages takes a while to import; the other commands need none of it.
    from governance.deciding import ROTATE_KEY
    from governance.stakeholders.key_rotation import ROTATE_OWN_KEY
    from node.opening import read_genesis

    document = read_genesis(settings.path(settings.node.genesis))
    if STAKEHOLDERS in document.sections:
        return f"poyong tx build {ROTATE_OWN_KEY.name} {keys} --from ORGANISATION.json > draft.json"
    return (
        f"poyong tx build {ROTATE_KEY.name} organisation=ORGANISATION {keys} "
        "--from AUTHORITY.json > draft.json"
    )


def _followed(home: Path, within_s: int) -> dict[str, Any]:
    """Wait until the next keys are in use; LocalError when the time is over."""
    end = time.monotonic() + within_s
    while True:
        rotation = _rotation(home)
        if rotation["stage"] == "done":
            return {"stage": "done", "since": rotation["since"]}
        if time.monotonic() > end:
            raise LocalError(
                f"the next keys are not in use after {within_s} s ({rotation['stage']}): "
                f"{rotation['advice']}"
            )
        time.sleep(ASKS_EVERY_S)


def _rotation(home: Path) -> results.KeyRotation:
    found = ask(url_of(None, home), calls.status())["rotation"]
    if found is None:
        raise LocalError(
            f"the node of {home} has not loaded the next keys: `poyong admin reload --home {home}`"
        )
    return found


def _finish(home: Path, file: Path, settings: Config) -> dict[str, Any]:
    """Name the next keys as the present ones, once the chain does."""
    if not _has_next(settings):
        raise LocalError(
            f"{file} names no next keys: `poyong keys rotate --home {home}` makes them"
        )
    rotation = _rotation(home)
    if rotation["stage"] != "done":
        raise LocalError(
            f"the next keys are not in use yet ({rotation['stage']}): {rotation['advice']}"
        )
    node, signer, module = settings.node, settings.signer, settings.pkcs11
    changes: dict[tuple[str, str], str] = {}
    pairs = (
        ("node", "validator_key", node.next_validator_key),
        ("node", "node_key", node.next_node_key),
        ("signer", "public_key", signer.next_public_key),
        ("pkcs11", "key_label", module.next_key_label if signer.next_public_key else ""),
        ("pkcs11", "key_id", module.next_key_id if signer.next_public_key else ""),
    )
    for section, name, value in pairs:
        if value:
            changes[section, name] = value
            changes[section, f"next_{name}"] = ""
    old = [
        present
        for present, coming in (
            (node.validator_key, node.next_validator_key),
            (node.node_key, node.next_node_key),
        )
        if coming
    ]
    change_options(file, changes)
    ask_operator(home, admin_calls.reload())
    return {"finished": True, "since": rotation["since"], "of_no_use_any_more": old}


def _told(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if found.get("finished"):
        click.echo("The next keys are the present ones; the node runs on.")
        for name in found["of_no_use_any_more"]:
            click.echo(f"Destroy {name} and its backups: it signs nothing any more.")
        return
    if found["next_validator_key"]:
        click.echo(f"next validator key  {found['next_validator_key']}")
    if found["next_node_key"]:
        click.echo(f"next node key       {found['next_node_key']}")
    for name in found["files"]:
        click.echo(f"in                  {name}: back it up with its password")
    if "since" in found:
        click.echo(
            f"In use since height {found['since']:,}: `poyong keys rotate --finish` ends it."
        )
        return
    if found["loaded"]:
        click.echo("The running node has loaded them and signs with the present ones meanwhile.")
    else:
        click.echo("The node does not run: it loads them at its start.")
    click.echo("Have the chain name them; the account's members sign the draft:")
    click.echo(f"  {found['send']}")
    click.echo("  poyong tx sign draft.json --key account.json --output signed.json")
    click.echo("  poyong tx send signed.json --wait")
    click.echo("Then `poyong keys rotate --wait` tells when they are in use.")
