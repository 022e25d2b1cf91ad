"""`poyong genesis`: the document that all nodes of a chain have to agree on."""

import json
from pathlib import Path
from typing import Any, Final

import click

from api.encoding import hex_of
from ledger import accounts, genesis
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.kv import MemoryStore, WriteBatch
from ledger.registry import MAX_ORGANISATION_BYTES, MAX_VALIDATORS, Validator
from ledger.state import State
from ledger.strict_json import JsonReader, read_json
from node import wall_clock
from node.cli.ceremony import ceremony
from node.cli.output import SYMBOL, json_option, moment, print_fields, print_json, tokens
from node.cli.state import rows_shown
from node.files.disk_errors import os_error
from node.files.whole_files import replace_whole
from node.modules import build_executor
from node.opening import read_genesis
from node.state_files.restart import STATE_ENDING, Wish, new_genesis, state_path

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
KEY_HEX: Final = 64


@click.group("genesis")
def genesis_group() -> None:
    """Make, extend, show and check a genesis document; go on from an exported state."""


genesis_group.add_command(ceremony)


@genesis_group.command()
@_FILE
@click.option("--chain-id", type=click.IntRange(1, genesis.MAX_CHAIN_ID), required=True)
@click.option("--name", required=True, help="Of the chain, for people.")
@json_option
def new(file: Path, chain_id: int, name: str, as_json: bool) -> None:
    """Write a document without validators to FILE; edit the sections of its modules by hand."""
    if file.exists():
        raise LocalError(f"{file} exists and is not replaced: name another file")
    document: dict[str, Any] = {
        "chain_id": chain_id,
        "name": name,
        "time_ms": wall_clock.now_ms(),
        "validators": [],
        "observers": [],
        "modules": {"accounts": {"accounts": []}},
    }
    _write(file, document)
    _done(file, document, as_json)


@genesis_group.command("add-validator")
@_FILE
@click.option("--organisation", required=True)
@click.option("--public-key", metavar="HEX", help="Of votes; left out for an observer.")
@click.option("--node-key", metavar="HEX", required=True, help="Of TLS between peers.")
@json_option
def add_validator(
    file: Path, organisation: str, public_key: str | None, node_key: str, as_json: bool
) -> None:
    """Add the node that `poyong init` described; without --public-key it is an observer."""
    document = _document(file)
    if "restart" in document:
        raise LocalError(
            f"{file} names the state root of its validators: make it anew with poyong genesis "
            "from-state --add ENTRY"
        )
    entry = {"node_key": _key(node_key, "--node-key")}
    if public_key is None:
        seats, entry = document.setdefault("observers", []), {"name": organisation, **entry}
    else:
        seats = document.setdefault("validators", [])
        entry = {
            "organisation": organisation,
            "public_key": _key(public_key, "--public-key"),
            **entry,
        }
        if len(seats) >= MAX_VALIDATORS:
            raise LocalError(f"{file} has {len(seats)} validators, the most that are possible")
    seats.append(entry)
    # Parsed before it is written: a double key or name shows now, not at the first start.
    genesis.parse(json.dumps(document).encode(), str(file))
    _write(file, document)
    _done(file, document, as_json)


@genesis_group.command("from-state")
@_FILE
@click.option(
    "--state",
    "state_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="What poyong state export wrote.",
)
@click.option("--chain-id", type=click.IntRange(1, genesis.MAX_CHAIN_ID), required=True)
@click.option("--name", help="Of the chain, for people.  [default: the old one's]")
@click.option("--authority", metavar="ADDRESS", help="Who decides.  [default: as it was]")
@click.option("--without", multiple=True, metavar="ORGANISATION", help="Whose validator is gone.")
@click.option(
    "--add",
    "entries",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Entry of a new validator, as poyong init printed it.",
)
@json_option
def from_state(
    file: Path,
    state_file: Path,
    chain_id: int,
    name: str | None,
    authority: str | None,
    without: tuple[str, ...],
    entries: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write FILE, the genesis of a chain that goes on from an exported state.

    The validators are the old ones but for those --without, then those that --add names. Every
    node needs the exported state beside FILE, with the ending .state, at its first start.
    """
    if file.exists():
        raise LocalError(f"{file} exists and is not replaced: name another file")
    wish = Wish(
        chain_id=chain_id,
        now_ms=wall_clock.now_ms(),
        name=name,
        authority=authority,
        without=without,
        added=[_entry(path) for path in entries],
    )
    with rows_shown("Reading") as told:
        made = new_genesis(state_file, wish, build_executor(), told)
    _write(file, made.document())
    found = {
        "file": str(file),
        "state_file": str(state_path(file)),
        "genesis_hash": hex_of(genesis.header(made, build_executor()).hash),
        "validators": [validator.organisation for validator in made.validators.validators],
    }
    if as_json:
        print_json(found)
        return
    print_fields({**_facts(made), "genesis hash": found["genesis_hash"]})
    click.echo(
        f"Every node needs {state_file} beside this document, under the same name with the ending "
        f"{STATE_ENDING}: genesis.json and genesis{STATE_ENDING}."
    )


@genesis_group.command()
@_FILE
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show what a document says."""
    document = read_genesis(file)
    if as_json:
        print_json(document.document())
        return
    print_fields(_facts(document))
    for index, seat in enumerate(document.validators.validators):
        click.echo(f"validator {index}  {seat.public_key.hex()}  {seat.organisation}")
    for node_key, name in document.observers.items():
        click.echo(f"observer     {node_key.hex()}  {name}")


@genesis_group.command()
@_FILE
@json_option
def check(file: Path, as_json: bool) -> None:
    """Build the first state from a document, and show the hash that all nodes must see."""
    document = read_genesis(file)
    built = genesis.build(document, build_executor())
    batch = WriteBatch()
    batch.operations.extend(built.rows)
    store = MemoryStore()
    store.write(batch, sync=False)
    supply = accounts.supply(State(store))
    found = {
        "genesis_hash": hex_of(built.block.hash),
        "state_root": hex_of(built.block.header.state_root),
        "rows": len(built.rows),
        "supply": str(supply),
        "local": document.local,
    }
    if as_json:
        print_json(found)
        return
    shown = {**_facts(document), **found, "supply": f"{tokens(supply)} {SYMBOL}"}
    print_fields(shown)


def _facts(document: Genesis) -> dict[str, object]:
    n = len(document.validators)
    restart = document.restart
    old = (
        {
            "goes on from": f"chain {restart.chain_id} at height {restart.height:,}, block "
            f"{hex_of(restart.block_hash)}",
            "exported state": f"SHA-256 {restart.state_file_hash.hex()}",
        }
        if restart is not None
        else {}
    )
    return {
        "name": document.name,
        "chain id": str(document.chain_id),
        "time": moment(document.time_ms),
        "validators": f"{n}, a quorum is {document.validators.quorum}, "
        f"{document.validators.max_faulty} may fail",
        "observers": len(document.observers),
        "sections": ", ".join(sorted(document.sections)),
        **old,
    }


def _document(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise os_error("read", file, error) from error
    found = read_json(data, str(file), genesis.MAX_GENESIS_BYTES)
    if not isinstance(found, dict):
        raise LocalError(f"{file}: expected an object; make one with poyong genesis new")
    return found


def _entry(path: Path) -> Validator:
    reader = JsonReader(str(path))
    names = ("organisation", "public_key", "node_key")
    fields = reader.fields(_document(path), "", required=names)
    return Validator(
        reader.text(fields["organisation"], "organisation", MAX_ORGANISATION_BYTES),
        reader.key(fields["public_key"], "public_key"),
        reader.key(fields["node_key"], "node_key"),
    )


def _key(text: str, option: str) -> str:
    digits = text.removeprefix("0x").lower()
    if len(digits) != KEY_HEX or any(digit not in "0123456789abcdef" for digit in digits):
        raise LocalError(f"{option}: expected {KEY_HEX} hex digits, found {text!r:.80}")
    return digits


def _write(file: Path, document: dict[str, Any]) -> None:
    replace_whole(file, (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode())


def _done(file: Path, document: dict[str, Any], as_json: bool) -> None:
    counts = {"file": str(file), "validators": len(document.get("validators", []))}
    if as_json:
        print_json(counts)
    else:
        click.echo(f"{file}: {counts['validators']} validators.")
