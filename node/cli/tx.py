"""`poyong tx`: build, sign, combine, send and show transactions.

The steps are apart, so that a key can stay on a machine without network. Each reads what the one
before printed, from a file or (as -) from a pipe. A threshold account's transaction is signed by
one member after another, or by all at once and then combined.
"""

import json
from pathlib import Path
from typing import IO, Any, Final

import click

from api import calls
from api.encoding import from_hex, hex_of
from ledger import codec
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.mempool import MAX_VALIDITY_BLOCKS
from ledger.primitives import ADDRESS_BYTES
from ledger.set_changes import PROBE
from ledger.threshold import ROTATE
from ledger.transaction import decode_transaction, sign, verify_transaction
from node import keystore, threshold_account
from node.cli import tx_partial
from node.cli.message_fields import body_of
from node.cli.output import json_option, print_fields, print_json
from node.cli.rpc import ask, ask_all, rpc_options, url_of
from node.cli.sending import (
    VALIDITY_BLOCKS,
    print_receipt,
    send_and_wait,
    signer_of,
    signing_options,
)
from node.cli.tx_files import draft_of, hand_over, hex_field, json_of, known_type
from node.cli.tx_partial import PartialTransaction, partial_of
from node.cli.tx_show import show_file
from node.keystore import KeyKind
from node.threshold_account import ThresholdAccount

GATHERING_BLOCKS: Final = MAX_VALIDITY_BLOCKS // 2
"""How long the members of a threshold account have to sign, unless --valid-until says it."""
MAX_COMBINED_FILES: Final = 64

_OUTPUT = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write there instead of printing; may be a file that was read.",
)


@click.group()
def tx() -> None:
    """Build, sign, send and show transactions."""


@tx.command()
@click.argument("message_type", metavar="TYPE")
@click.argument("fields", metavar="NAME=VALUE...", nargs=-1)
@click.option(
    "--from",
    "sender",
    metavar="ADDRESS|FILE",
    help="Whose nonce to ask the node for; the file of a threshold account, whose members sign.",
)
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
    body = body_of(known_type(message_type), fields)
    account = None if sender is None else _account(sender)
    if message_type == ROTATE.name and account is None:
        raise LocalError(f"only a threshold account sends {ROTATE.name}: name its file by --from")
    if nonce is None or chain_id is None or valid_until is None:
        if sender is None:
            raise LocalError("say --from ADDRESS, or all of --nonce, --chain-id and --valid-until")
        address = sender if account is None else account.address
        asked: list[Any] = [calls.status(), calls.get_account(address)]
        status, found = ask_all(url_of(rpc_url, home), asked)
        chain_id = status["chain_id"] if chain_id is None else chain_id
        nonce = found["pending_nonce"] if nonce is None else nonce
        waits = VALIDITY_BLOCKS if account is None else GATHERING_BLOCKS
        valid_until = valid_until or status["height"] + waits
    draft: dict[str, Any] = {
        "chain_id": chain_id,
        "nonce": nonce,
        "type": message_type,
        "body": hex_of(codec.encode(body)),
        "valid_until": valid_until,
        "fee": fee,
    }
    if account is not None:
        draft = tx_partial.start(draft_of(draft), account).fields()
    hand_over(draft, as_json, None)


@tx.command("sign")
@click.argument("draft_file", metavar="DRAFT", type=click.File("rb"))
@signing_options
@click.option(
    "--signature",
    metavar="KEY=SIGNATURE",
    help="Made elsewhere by a member of a threshold account; both in hex.",
)
@_OUTPUT
@json_option
def sign_command(
    draft_file: IO[bytes],
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    signature: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Sign what `tx build` printed (DRAFT is a file, or - for a pipe).

    Of a threshold account each member adds one signature, to DRAFT or to what another one signed.
    """
    fields = json_of(draft_file)
    partial = partial_of(fields, draft_file.name)
    if partial is not None:
        if signature is not None and key is None and local is None:
            signed_more = _with_foreign_signature(partial, signature)
        else:
            signed_more = _with_own_signature(partial, key, password_file, local, signature)
        _hand_over_partial(signed_more, as_json, output)
        return
    if signature is not None:
        raise LocalError("--signature adds to the file of a threshold account, DRAFT is none")
    draft = draft_of(fields)
    # A joiner proves with its consensus key that it follows the chain; that key signs nothing else.
    kind = KeyKind.VALIDATOR if draft.type == PROBE.name else KeyKind.ACCOUNT
    signed = sign(draft, signer_of(key, password_file, local, kind))
    found = {
        "hash": hex_of(signed.hash),
        "sender": checksum_address(signed.sender),
        "raw": hex_of(signed.raw),
    }
    hand_over(found, as_json, output)


@tx.command()
@click.argument("files", metavar="SIGNED...", nargs=-1, required=True, type=click.File("rb"))
@_OUTPUT
@json_option
def combine(files: tuple[IO[bytes], ...], output: Path | None, as_json: bool) -> None:
    """Put together what several members of a threshold account signed, each on its own."""
    if len(files) > MAX_COMBINED_FILES:
        raise LocalError(f"combine at most {MAX_COMBINED_FILES} files at once")
    combined: PartialTransaction | None = None
    for file in files:
        partial = partial_of(json_of(file), file.name)
        if partial is None:
            raise LocalError(f"{file.name}: its account has one key, so nothing is to be combined")
        combined = combined.with_those_of(partial, file.name) if combined else partial
    if combined is not None:  # at least one file is required
        _hand_over_partial(combined, as_json, output)


@tx.command()
@click.argument("signed_file", metavar="SIGNED", type=click.File("rb"))
@click.option("--wait", is_flag=True, help="Until it is final; fails when it had no effect.")
@rpc_options
@json_option
def send(
    signed_file: IO[bytes], wait: bool, rpc_url: str | None, home: Path | None, as_json: bool
) -> None:
    """Send what `tx sign` printed (SIGNED is a file, or - for a pipe)."""
    raw = _raw_of(signed_file)
    url = url_of(rpc_url, home)
    if not wait:
        found = ask(url, calls.send_transaction(raw))
        if as_json:
            print_json({"hash": found})
        else:
            click.echo(found)
        return
    send_and_wait(url, raw, as_json)


@tx.command()
@click.argument("what", metavar="HASH|FILE")
@click.option(
    "--proof",
    "proof_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write its proof to this file, for `poyong verify`.",
)
@rpc_options
@json_option
def show(
    what: str,
    proof_file: Path | None,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show a transaction and what became of it, or (a file) what it would do and who signed it."""
    if not what.startswith("0x") or Path(what).is_file():
        if proof_file is not None:
            raise LocalError("--proof is of a transaction in a block: name it by its hash")
        show_file(what, as_json)
        return
    url = url_of(rpc_url, home)
    questions: list[Any] = [
        calls.get_transaction(what),
        calls.get_receipt(what),
        calls.get_transaction_proof(what),
    ]
    transaction, receipt, proof = ask_all(url, questions)
    if transaction is None:
        raise LocalError(f"{url} knows no transaction {what}: ask another node")
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
        print_receipt(receipt, as_json=False)


def _account(sender: str) -> ThresholdAccount | None:
    """The threshold account whose file --from names; None when it names an address."""
    try:
        if len(from_hex(sender)) == ADDRESS_BYTES:
            return None
    except DecodeError:
        pass
    if Path(sender).is_file():
        return threshold_account.read_account(Path(sender))
    raise LocalError(
        "--from: expected an address (0x and 40 hex digits), or the file of a threshold account, "
        f"found {sender!r:.60}"
    )


def _raw_of(file: IO[bytes]) -> bytes:
    """The envelope in what `tx sign` printed; LocalError when signatures are missing."""
    fields = json_of(file)
    partial = partial_of(fields, file.name)
    if partial is None:
        return hex_field(fields, "raw")
    complete = partial.transaction()
    if complete is None:
        raise LocalError(f"{file.name} cannot be sent yet: {partial.status()}")
    return complete.raw


def _hand_over_partial(partial: PartialTransaction, as_json: bool, output: Path | None) -> None:
    hand_over(partial.fields(), as_json, output)
    click.echo(partial.status(), err=True)


def _with_own_signature(
    partial: PartialTransaction,
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    signature: str | None,
) -> PartialTransaction:
    if signature is not None:
        raise LocalError("say one of --key, --local and --signature")
    if key is not None and local is None:
        # Before a password is asked for; the open part of the file needs none.
        partial.member(keystore.read_key_info(key).public_key)
    signer = signer_of(key, password_file, local, KeyKind.ACCOUNT)
    partial.member(signer.public_key)
    return partial.with_signature(signer.public_key, signer.sign(partial.signing_bytes))


def _with_foreign_signature(partial: PartialTransaction, text: str) -> PartialTransaction:
    key, _, signature = text.partition("=")
    public_key = threshold_account.public_key_of(key, "--signature")
    try:
        return partial.with_signature(public_key, bytes.fromhex(signature.removeprefix("0x")))
    except ValueError as error:
        raise LocalError(
            f"--signature: expected KEY=SIGNATURE in hex, found {text!r:.80}"
        ) from error


@tx.command()
@click.argument("signed_file", metavar="SIGNED", type=click.File("rb"))
@click.option("--chain-id", type=click.IntRange(min=0), required=True)
@json_option
def decode(signed_file: IO[bytes], chain_id: int, as_json: bool) -> None:
    """Show offline what a signed transaction would do, and whether its signature is valid."""
    from node.modules import build_executor

    decode_call = build_executor().contracts.decode_call
    signed = decode_transaction(_raw_of(signed_file), chain_id, decode_call)
    valid = verify_transaction(signed)
    known = valid or signed.named_sender is not None  # else only a valid signature would tell
    found = {
        "hash": hex_of(signed.hash),
        "sender": checksum_address(signed.sender) if known else None,
        "nonce": signed.nonce,
        "type": signed.type,
        "valid_until": signed.valid_until,
        "signature_valid": valid,
    }
    if as_json:
        print_json(found)
    else:
        print_fields(found)
