"""`poyong tx`: build, sign, combine, send and show transactions.

The steps are apart, so that a key can stay on a machine without network. Each reads what the one
before printed, from a file or (as -) from a pipe. A threshold account's transaction is signed by
one member after another, or by all at once and then combined.
"""

import sys
from pathlib import Path
from typing import IO, Any, Final

import click

from api import calls
from api.encoding import from_hex, hex_of
from ledger import codec
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.primitives import ADDRESS_BYTES
from ledger.threshold import ROTATE
from ledger.transaction import decode_transaction, verify_transaction
from node.cli import tx_partial
from node.cli.accounts import complete_key
from node.cli.message_fields import body_of
from node.cli.output import json_option, print_fields, print_json, write_json
from node.cli.rpc import ask, ask_all, rpc_options, url_of
from node.cli.sending import (
    GATHERING_BLOCKS,
    VALIDITY_BLOCKS,
    hand_over_partial,
    print_receipt,
    send_and_wait,
    signing_options,
)
from node.cli.tx_ethereum import ethereum_fields, transfer_draft
from node.cli.tx_files import (
    FROM,
    complete_type,
    draft_of,
    hand_over,
    hex_field,
    json_of,
    known_type,
    require_chain,
)
from node.cli.tx_partial import PartialTransaction, partial_of
from node.cli.tx_show import explain, show_file
from node.cli.tx_signing import signed_by_member, signed_by_one, with_foreign_signature
from node.keys import threshold_account
from node.keys.threshold_account import ThresholdAccount
from node.wallet.folder import WalletFolder, default_folder

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
@click.argument("message_type", metavar="TYPE", shell_complete=complete_type)
@click.argument("fields", metavar="NAME=VALUE...", nargs=-1)
@click.option(
    "--from",
    "sender",
    metavar="ADDRESS|NAME|FILE",
    shell_complete=complete_key,
    help="Whose nonce to ask the node for: an address, an account of your wallet (watched will "
    "do), or the file of a threshold account, whose members sign.",
)
@click.option("--nonce", type=click.IntRange(min=0), help="Offline: nonce of the sender.")
@click.option("--chain-id", type=click.IntRange(min=0), help="Offline: id of the chain.")
@click.option("--valid-until", type=click.IntRange(min=1), help="Last height of inclusion.")
@click.option("--fee", type=click.IntRange(min=0), default=0, help="Orders replacement only.")
@click.option("--ethereum", is_flag=True, help="A transfer in an Ethereum envelope (EIP-1559).")
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
    ethereum: bool,
    rpc_url: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Build a transaction of TYPE, unsigned. For example:

    poyong tx build transfer.send to=0x… amount=1.5 --from 0x…
    """
    message = known_type(message_type)
    body = body_of(message, fields)
    account = None if sender is None else _threshold_account(sender)
    address = None if sender is None else (account.address if account else _address_of(sender))
    if message_type == ROTATE.name and account is None:
        raise LocalError(f"only a threshold account sends {ROTATE.name}: name its file by --from")
    if ethereum and (account is not None or valid_until is not None):
        raise LocalError(
            "an Ethereum envelope has one signature and no last height: leave out --valid-until "
            "and threshold accounts, or --ethereum"
        )
    if nonce is None or chain_id is None or (valid_until is None and not ethereum):
        if address is None:
            raise LocalError("say --from ADDRESS, or all of --nonce, --chain-id and --valid-until")
        asked: list[Any] = [calls.status(), calls.get_account(address)]
        status, found = ask_all(url_of(rpc_url, home), asked)
        chain_id = status["chain_id"] if chain_id is None else chain_id
        nonce = found["pending_nonce"] if nonce is None else nonce
        waits = VALIDITY_BLOCKS if account is None else GATHERING_BLOCKS
        valid_until = valid_until or status["height"] + waits
    if ethereum:
        made = transfer_draft(message, body, chain_id=chain_id, nonce=nonce, fee=fee)
        draft = ethereum_fields(made)
    else:
        draft = {
            "chain_id": chain_id,
            "nonce": nonce,
            "type": message_type,
            "body": hex_of(codec.encode(body)),
            "valid_until": valid_until,
            "fee": fee,
        }
    if account is not None:
        draft = tx_partial.start(draft_of(draft), account).fields()
    elif address is not None:
        draft[FROM] = address
    hand_over(draft, as_json, None)


@tx.command("sign")
@click.argument("draft_file", metavar="DRAFT", type=click.File("rb"))
@signing_options
@click.option(
    "--signature",
    metavar="KEY=SIGNATURE",
    help="Made elsewhere by a member of a threshold account; both in hex.",
)
@click.option("--chain-id", type=click.IntRange(min=0), help="Refuse a draft for any other chain.")
@click.option("--yes", is_flag=True, help="Do not ask before it is signed.")
@_OUTPUT
@json_option
def sign_command(
    draft_file: IO[bytes],
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    signature: str | None,
    chain_id: int | None,
    yes: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Sign what `tx build` printed (DRAFT is a file, or - for a pipe); needs no network.

    What is to be signed is shown first, on stderr; in a terminal you are asked. Of a threshold
    account each member adds one signature, to DRAFT or to what another one signed.
    """
    fields = json_of(draft_file)
    partial = partial_of(fields, draft_file.name)

    def agree() -> None:
        explain(fields, partial)
        if not yes and sys.stdin.isatty():
            click.confirm("Sign this?", abort=True, err=True)

    if chain_id is not None:
        require_chain(fields, chain_id)
    if partial is not None:
        if signature is not None and key is None and local is None:
            signed_more = with_foreign_signature(partial, signature)
        elif signature is not None:
            raise LocalError("say one of --key, --local and --signature")
        else:
            signed_more = signed_by_member(partial, key, password_file, local, agree)
        hand_over_partial(signed_more, as_json, output)
        return
    if signature is not None:
        raise LocalError("--signature adds to the file of a threshold account, DRAFT is none")
    signed = signed_by_one(fields, key, password_file, local, agree)
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
        hand_over_partial(combined, as_json, output)


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
        write_json(proof_file, proof)
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


def _threshold_account(sender: str) -> ThresholdAccount | None:
    """The threshold account whose file --from names; None when it names a single key."""
    file = Path(sender)
    return threshold_account.read_account(file) if file.is_file() else None


def _address_of(sender: str) -> str:
    """The account of one key that --from names, by its address or its name in the wallet."""
    try:
        if len(from_hex(sender)) == ADDRESS_BYTES:
            return checksum_address(from_hex(sender))
    except DecodeError:
        pass
    wallet = WalletFolder(default_folder())
    if sender not in wallet.names():
        raise LocalError(
            "--from: expected an address (0x and 40 hex digits), the name of an account in your "
            f"wallet, or the file of a threshold account, found {sender!r:.60}"
        )
    return wallet.account(sender).shown_address


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
