"""`poyong tx`: build, sign, send and show transactions.

The steps are apart, so that a key can stay on a machine without network. Each reads what the one
before printed, from a file or (as -) from a pipe.
"""

import json
from pathlib import Path
from typing import IO, Any, Final

import click

from api import calls, results
from api.encoding import from_hex, hex_of
from ledger import codec
from ledger.crypto import Signer, checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.local_accounts import LOCAL_ACCOUNTS_OF_EACH_KIND, ed25519_accounts
from ledger.message_registry import MessageType
from ledger.primitives import ADDRESS_BYTES
from ledger.set_changes import PROBE
from ledger.transaction import Draft, decode_transaction, sign, verify_transaction
from node import keystore
from node.cli.message_fields import body_of
from node.cli.output import json_option, print_fields, print_json
from node.cli.rpc import ask, ask_all, rpc_options, url_of
from node.keystore import KeyKind
from node.modules import build_executor

VALIDITY_BLOCKS: Final = 1_000
MAX_FILE_BYTES: Final = 256 * 1024
WAIT_MS: Final = 30_000


@click.group()
def tx() -> None:
    """Build, sign, send and show transactions."""


@tx.command()
@click.argument("message_type", metavar="TYPE")
@click.argument("fields", metavar="NAME=VALUE...", nargs=-1)
@click.option("--from", "sender", metavar="ADDRESS", help="Whose nonce to ask the node for.")
@click.option("--nonce", type=click.IntRange(min=0), help="Offline: nonce of the sender.")
@click.option("--chain-id", type=click.IntRange(min=0), help="Offline: id of the chain.")
@click.option("--valid-until", type=click.IntRange(min=1), help="Last height of inclusion.")
@click.option("--fee", type=click.IntRange(min=0), default=0, help="Orders replacement only.")
@rpc_options
@json_option
def build(
    message_type: str,
    fields: tuple[str, ...],
    sender: str | None,
    nonce: int | None,
    chain_id: int | None,
    valid_until: int | None,
    fee: int,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Build a transaction of TYPE, unsigned. For example:

    poyong tx build transfer.send to=0x… amount=1.5 --from 0x…
    """
    body = body_of(_known_type(message_type), fields)
    if nonce is None or chain_id is None or valid_until is None:
        if sender is None:
            raise LocalError("say --from ADDRESS, or all of --nonce, --chain-id and --valid-until")
        asked: list[Any] = [calls.status(), calls.get_account(_address_text(sender))]
        status, account = ask_all(url_of(rpc_url, home), asked)
        chain_id = status["chain_id"] if chain_id is None else chain_id
        nonce = account["pending_nonce"] if nonce is None else nonce
        valid_until = valid_until or status["height"] + VALIDITY_BLOCKS
    draft = {
        "chain_id": chain_id,
        "nonce": nonce,
        "type": message_type,
        "body": hex_of(codec.encode(body)),
        "valid_until": valid_until,
        "fee": fee,
    }
    # Both forms are JSON: the next step reads either.
    click.echo(json.dumps(draft, indent=None if as_json else 2))


@tx.command("sign")
@click.argument("draft_file", metavar="DRAFT", type=click.File("rb"))
@click.option("--key", type=click.Path(path_type=Path), help="Key file of the account.")
@click.option("--password-file", type=click.Path(path_type=Path), help="Else asked for.")
@click.option(
    "--local",
    type=click.IntRange(0, LOCAL_ACCOUNTS_OF_EACH_KIND - 1),
    help="Ed25519 account of a local town instead; everybody has its key.",
)
@json_option
def sign_command(
    draft_file: IO[bytes],
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    as_json: bool,
) -> None:
    """Sign what `tx build` printed (DRAFT is a file, or - for a pipe)."""
    draft = _draft(_json_of(draft_file))
    # A joiner proves with its consensus key that it follows the chain; that key signs nothing else.
    kind = KeyKind.VALIDATOR if draft.type == PROBE.name else KeyKind.ACCOUNT
    signed = sign(draft, _signer(key, password_file, local, kind))
    found = {
        "hash": hex_of(signed.hash),
        "sender": checksum_address(signed.sender),
        "raw": hex_of(signed.raw),
    }
    click.echo(json.dumps(found, indent=None if as_json else 2))


@tx.command()
@click.argument("signed_file", metavar="SIGNED", type=click.File("rb"))
@click.option("--wait", is_flag=True, help="Until it is final; fails when it had no effect.")
@rpc_options
@json_option
def send(
    signed_file: IO[bytes], wait: bool, rpc_url: str | None, home: Path | None, as_json: bool
) -> None:
    """Send what `tx sign` printed (SIGNED is a file, or - for a pipe)."""
    raw = _hex_field(_json_of(signed_file), "raw")
    url = url_of(rpc_url, home)
    if not wait:
        found = ask(url, calls.send_transaction(raw))
        if as_json:
            print_json({"hash": found})
        else:
            click.echo(found)
        return
    receipt = ask(url, calls.send_transaction_and_wait(raw, WAIT_MS))
    _print_receipt(receipt, as_json)
    if receipt["code"]:
        raise LocalError(f"the transaction had no effect: {receipt['reason'] or receipt['status']}")


@tx.command()
@click.argument("transaction_hash", metavar="HASH")
@click.option(
    "--proof",
    "proof_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write its proof to this file, for `poyong verify`.",
)
@rpc_options
@json_option
def show(
    transaction_hash: str,
    proof_file: Path | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show a transaction and what became of it."""
    url = url_of(rpc_url, home)
    questions: list[Any] = [
        calls.get_transaction(transaction_hash),
        calls.get_receipt(transaction_hash),
        calls.get_transaction_proof(transaction_hash),
    ]
    transaction, receipt, proof = ask_all(url, questions)
    if transaction is None:
        raise LocalError(f"{url} knows no transaction {transaction_hash}: ask another node")
    if proof_file is not None:
        if proof is None:
            raise LocalError("the transaction is not final yet, so there is no proof of it")
        proof_file.write_text(json.dumps(proof, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json({"transaction": transaction, "receipt": receipt})
        return
    print_fields(
        {
            "hash": transaction["hash"],
            "sender": transaction["sender"],
            "nonce": transaction["nonce"],
            "message": transaction["message_type"],
            **{f"  {name}": value for name, value in (transaction["fields"] or {}).items()},
            "valid until": transaction["valid_until"],
        }
    )
    if receipt is None:
        click.echo("It waits in the mempool.")
    else:
        _print_receipt(receipt, as_json=False)


def _print_receipt(receipt: results.Receipt, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    outcome = "took effect" if receipt["code"] == 0 else f"failed: {receipt['reason']}"
    click.echo(f"Final in block {receipt['height']:,} at {receipt['index']}: {outcome}.")
    for event in receipt["events"]:
        values = ", ".join(f"{name} {value}" for name, value in event["values"].items())
        click.echo(f"  {event['name']}: {values}")


def _known_type(name: str) -> MessageType:
    registry = build_executor().registry
    found = registry.find(name)
    if found is None:
        known = ", ".join(item.name for item in registry.all())
        raise LocalError(f"no message type is called {name!r:.60}; there are {known}")
    return found


def _address_text(text: str) -> str:
    try:
        if len(from_hex(text)) == ADDRESS_BYTES:
            return text
    except DecodeError:
        pass
    raise LocalError(f"expected an address (0x and 40 hex digits), found {text!r:.60}")


def _json_of(file: IO[bytes]) -> dict[str, Any]:
    content = file.read(MAX_FILE_BYTES + 1)
    try:
        found = json.loads(content)
    except ValueError as error:
        raise LocalError(f"{file.name}: expected JSON as the step before prints it") from error
    if len(content) > MAX_FILE_BYTES or not isinstance(found, dict):
        raise LocalError(f"{file.name}: expected one JSON object of at most {MAX_FILE_BYTES} bytes")
    return found


def _hex_field(fields: dict[str, Any], name: str) -> bytes:
    try:
        return from_hex(fields.get(name))
    except DecodeError as error:
        raise LocalError(f"{name}: {error}; expected what the step before prints") from error


def _draft(fields: dict[str, Any]) -> Draft:
    try:
        draft = Draft(
            chain_id=codec.as_uint(fields.get("chain_id"), "chain_id"),
            nonce=codec.as_uint(fields.get("nonce"), "nonce"),
            type=str(fields.get("type")),
            body=codec.decode(_hex_field(fields, "body")),
            valid_until=codec.as_uint(fields.get("valid_until"), "valid_until"),
            fee=codec.as_uint(fields.get("fee", 0), "fee"),
        )
        _known_type(draft.type).decode(draft.body)
    except DecodeError as error:
        raise LocalError(f"the draft is wrong: {error}; build it with poyong tx build") from error
    return draft


def _signer(
    key: Path | None, password_file: Path | None, local: int | None, kind: KeyKind
) -> Signer:
    if (key is None) == (local is None):
        raise LocalError("say which key signs: --key FILE, or --local N for a local town")
    if local is not None:
        return ed25519_accounts()[local].signer
    if key is None:  # ruled out above; the type checker cannot see it
        raise LocalError("--key is missing")
    password = keystore.read_password(password_file, f"the {kind} key {key}")
    return keystore.open_signer(key, password, kind)


@tx.command()
@click.argument("signed_file", metavar="SIGNED", type=click.File("rb"))
@click.option("--chain-id", type=click.IntRange(min=0), required=True)
@json_option
def decode(signed_file: IO[bytes], chain_id: int, as_json: bool) -> None:
    """Show offline what a signed transaction would do, and whether its signature is valid."""
    signed = decode_transaction(_hex_field(_json_of(signed_file), "raw"), chain_id)
    found = {
        "hash": hex_of(signed.hash),
        "sender": checksum_address(signed.sender),
        "nonce": signed.nonce,
        "type": signed.type,
        "valid_until": signed.valid_until,
        "signature_valid": verify_transaction(signed),
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)
