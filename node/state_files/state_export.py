"""Exports the state of a node that does not run (`poyong state export`)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api import views
from api.light import TrustedGenesis, verify_chain
from api.ports import ChainProof
from ledger.block import Block, decode_block
from ledger.errors import DecodeError, LocalError, PeerError
from ledger.genesis import Genesis
from ledger.primitives import Hash
from node import audit, config
from node.files.disk_errors import os_error
from node.modules import build_executor
from node.opening import read_genesis
from node.reads.chain_proofs import chain_proof
from node.state_files import state_file
from node.state_files.state_file import Description, Told
from node.state_files.state_verification import proof_path, require_root
from node.store.block_store import BlockStore
from node.store.storage import STATE_START, STATE_STOP

_DOCTOR: Final = "run poyong doctor on this node, and export from another one"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. file_hash: SHA-256 of the whole file, which a restart names."""

    description: Description
    row_count: int
    size_bytes: int
    file_hash: Hash


def export(home: Path, out: Path, told: Told = lambda _: None) -> Exported:
    """Write the state at the head of the node in `home` to `out`, and its proof beside it.

    The chain is only read. LocalError when the node runs, when `out` exists, when the chain has no
    block yet, or when what is stored does not add up.
    """
    for path in (out, proof_path(out)):
        if path.exists():
            raise LocalError(f"{path} exists and is not replaced: name another file")
    options = config.load(home / config.CONFIG_FILE)
    document = read_genesis(options.path(options.node.genesis))
    with audit.opened(home) as (_, blocks):
        first, block = _first_and_head(blocks, document)
        proof = chain_proof(blocks, block.header)
        trusted = TrustedGenesis(document.chain_id, first.hash, document.validators)
        try:
            verify_chain(trusted, proof)
        except PeerError as error:
            raise LocalError(f"the database does not prove its own head: {error}; {_DOCTOR}") from (
                error
            )
        description = Description(
            chain_id=document.chain_id,
            name=document.name,
            genesis_hash=first.hash,
            local=document.local,
            bucket_count=document.bucket_count,
            parameters=document.parameters,
            header=block.header,
        )
        rows = blocks.state().iterate(STATE_START, STATE_STOP)
        with state_file.writing(out, description) as writer:
            # The rows are hashed on their way to the file: a damaged state is never exported.
            require_root(description, writer.through(rows, told), f"the database; {_DOCTOR}")
            _write_proof(proof_path(out), proof)
    return Exported(description, writer.row_count, out.stat().st_size, state_file.file_hash(out))


def _first_and_head(blocks: BlockStore, document: Genesis) -> tuple[Block, Block]:
    head = blocks.head()
    if head is None or head.height == 0:
        raise LocalError(
            "the chain has no block beyond genesis yet: there is nothing to export, write another "
            "genesis document instead"
        )
    raw_first, raw_head = blocks.block_bytes(0), blocks.block_bytes(head.height)
    try:
        decode_call = build_executor().contracts.decode_call
        first = decode_block(raw_first or b"", document.chain_id, decode_call)
        block = decode_block(raw_head or b"", document.chain_id, decode_call)
    except DecodeError as error:
        raise LocalError(f"a block of the database is unreadable: {error}; {_DOCTOR}") from error
    if first.header.parent_hash != document.document_hash():
        raise LocalError(
            f"the database holds the chain of genesis document {first.header.parent_hash.hex()}, "
            f"the genesis file is {document.document_hash().hex()}: put the right file back"
        )
    if block.hash != head.block_hash:
        raise LocalError(f"the head row of the database names another block; {_DOCTOR}")
    return first, block


def _write_proof(path: Path, proof: ChainProof) -> None:
    text = json.dumps({"kind": "block", "chain": views.chain_proof(proof)}, indent=2) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise os_error("write", path, error) from error
