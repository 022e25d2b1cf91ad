"""`poyong verify`: checks a proof with nothing but the genesis document."""

import json
from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from api.light import (
    FinalHeader,
    FinalRow,
    FinalStatement,
    FinalTransaction,
    Proven,
    TrustedGenesis,
    TrustedHeader,
    anchor_to_json,
    verify_json,
)
from ledger import genesis
from ledger.crypto import checksum_address
from ledger.errors import LocalError, PeerError
from node.cli.output import json_option, moment, print_fields, print_json, write_json
from node.files.file_formats import PROOF_FORMAT
from node.files.proof_files import read_json, read_trusted_header
from node.modules import build_executor
from node.opening import read_genesis


@click.command()
@click.argument("proof_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--genesis",
    "genesis_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("genesis.json"),
    show_default=True,
    help="The chain's genesis document, from a source you trust.",
)
@click.option(
    "--trusted",
    "trusted_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Start from this header instead of genesis: what --keep wrote.",
)
@click.option(
    "--keep",
    "kept_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the proven header here, to start from it next time.",
)
@json_option
def verify(
    proof_file: Path,
    genesis_file: Path,
    trusted_file: Path | None,
    kept_file: Path | None,
    as_json: bool,
) -> None:
    """Check FILE, a proof of a statement, a transaction, a state row or a block, offline.

    FILE is what `poyong prove` or `poyong tx show HASH --proof FILE` writes, or the answer of a
    node to poyong_getStatement, poyong_getTransactionProof or poyong_getProof. Nothing is asked of
    any node. A trusted header is safer than genesis against keys of validators that were replaced
    and stolen since.
    """
    proof = read_json(proof_file, PROOF_FORMAT)
    trusted = _genesis(genesis_file) if trusted_file is None else read_trusted_header(trusted_file)
    try:
        found = verify_json(trusted, proof, build_executor().contracts.decode_call)
    except PeerError as error:
        raise LocalError(
            f"{proof_file} proves nothing on the chain of {trusted_file or genesis_file}: {error}; "
            "ask another node for the proof"
        ) from error
    if kept_file is not None:
        header = found if isinstance(found, FinalHeader) else found.block
        kept = TrustedHeader(trusted.chain_id, trusted.genesis_hash, header.anchor)
        write_json(kept_file, anchor_to_json(kept))
    described = _described(found)
    if as_json:
        print_json({"valid": True, **described})
    else:
        answer = described.pop("answer", None)
        print_fields({"proven": described.pop("kind"), **described})
        if isinstance(found, FinalStatement):
            click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _genesis(path: Path) -> TrustedGenesis:
    document = read_genesis(path)
    first = genesis.header(document, build_executor())
    return TrustedGenesis(document.chain_id, first.hash, document.validators)


def _described(found: Proven) -> dict[str, Any]:
    match found:
        case FinalHeader():
            return {"kind": "block", **_block(found)}
        case FinalTransaction():
            transaction = found.transaction
            return {
                "kind": "transaction",
                "hash": hex_of(transaction.hash),
                "sender": checksum_address(transaction.sender),
                "nonce": transaction.nonce,
                "message": transaction.type,
                "index": found.index,
                **_block(found.block),
            }
        case FinalStatement():
            return {
                "kind": "statement",
                "statement": found.statement,
                **found.arguments,
                "answer": found.answer,
                "rows": found.rows,
                **_block(found.block),
            }
        case FinalRow():
            return {
                "kind": "state",
                "key": hex_of(found.key),
                "value": None if found.value is None else hex_of(found.value),
                **_block(found.block),
            }


def _block(final: FinalHeader) -> dict[str, Any]:
    return {
        "height": final.header.height,
        "block": hex_of(final.header.hash),
        "time": moment(final.header.time_ms),
        "sealed_by": f"{final.seals} of {final.validators} validators in view {final.view}",
        "set_changes": final.set_changes,
    }
