"""Checks an exported state, and the proof that stands beside it (`poyong state verify`).

Beside FILE, which two honest nodes write alike, stands FILE.proof.json: the head's commit
certificate and every change of the validator set before it, in the form that `poyong verify`
reads. It is apart because certificates differ from node to node (consensus.md, "Header").
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.light import MAX_PROOF_BYTES, FinalHeader, TrustedGenesis, chain_from_json, verify_chain
from api.ports import ChainProof
from consensus.certificate import verify_certificate
from consensus.messages import SigningDomain
from ledger import genesis
from ledger.commitment import StateCommitment
from ledger.errors import DecodeError, InvariantViolation, LocalError, PeerError
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis
from ledger.kv import MemoryStore, WriteBatch
from ledger.primitives import Hash
from ledger.registry import ValidatorSet
from ledger.restart import CONSENSUS_PREFIX
from ledger.state import State
from ledger.validator_tables import observers, set_at
from node.files.disk_errors import os_error
from node.files.file_formats import PROOF_FORMAT, require_format
from node.state_files import state_file
from node.state_files.state_file import Description, Row, Told


@dataclass(frozen=True, slots=True)
class StateRows:
    """What the rows of an intact file say; they have the state root that its header names.

    sealers: the validators of the head. coming: those of two heights later, the newest set.
    """

    description: Description
    row_count: int
    sealers: ValidatorSet
    coming: ValidatorSet
    observers: Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class Seals:
    """Who sealed the head. from_genesis: proven from a genesis document that the reader trusts;
    else by the set that the file itself names, which anybody could have written."""

    sealed: int
    of: int
    view: int
    set_changes: int
    from_genesis: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """An intact file. seals: None when its proof is not beside it."""

    description: Description
    row_count: int
    size_bytes: int
    file_hash: Hash
    seals: Seals | None


def proof_path(path: Path) -> Path:
    """Where the proof of an exported state stands."""
    return path.with_name(f"{path.name}.proof.json")


def require_root(description: Description, rows: Iterable[Row], where: str) -> None:
    """LocalError unless the rows have the state root of the header; says not to use `where`."""
    # 65 bytes of leaf for each row are held: what a running node holds too.
    root = StateCommitment.build(rows, description.bucket_count).root
    expected = description.header.state_root
    if root != expected:
        raise LocalError(
            f"the state rows give the root {root.hex()}, the header of block "
            f"{description.header.height} says {expected.hex()}: do not use {where}"
        )


def check_rows(path: Path, told: Told = lambda _: None) -> StateRows:
    """Read the whole file: it is intact, and its rows have the state root of its header.

    LocalError otherwise. Nothing is said about who made the header final.
    """
    description = state_file.describe(path)
    kept = WriteBatch()
    count = 0

    def watched() -> Iterator[Row]:
        nonlocal count
        for row in state_file.read_rows(path, told):
            count += 1
            if row[0].startswith(CONSENSUS_PREFIX):
                kept.operations.append(row)
            yield row

    require_root(description, watched(), str(path))
    store = MemoryStore()
    store.write(kept, sync=False)
    state, height = State(store), description.header.height
    try:
        return StateRows(
            description, count, set_at(state, height), set_at(state, height + 2), observers(state)
        )
    except InvariantViolation as violation:
        raise LocalError(f"{path} is the state of no chain: {violation}") from violation


def verify(
    path: Path,
    document: Genesis | None,
    executor: BlockExecutor,
    told: Told = lambda _: None,
) -> Verified:
    """Check an exported state, and the proof beside it when there is one.

    document: the chain's genesis from a source that the reader trusts; then the proof must be
    there, and has to prove the head from it. None when there is no such source. LocalError says
    what is wrong.
    """
    rows = check_rows(path, told)
    proof = _read_proof(proof_path(path))
    if document is not None:
        if proof is None:
            raise LocalError(
                f"{proof_path(path)} is missing: without it nothing shows that the block is final. "
                "Copy it too from where the state was exported"
            )
        trusted = TrustedGenesis(
            document.chain_id, genesis.header(document, executor).hash, document.validators
        )
        _require_same_chain(rows.description, document, trusted.genesis_hash)
        seals: Seals | None = _seals_from_genesis(trusted, rows.description, proof)
    else:
        seals = None if proof is None else _seals_by_itself(rows, proof)
    return Verified(
        rows.description, rows.row_count, path.stat().st_size, state_file.file_hash(path), seals
    )


def _read_proof(path: Path) -> ChainProof | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PROOF_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise os_error("read", path, error) from error
    require_format(content, path, PROOF_FORMAT)
    try:
        if len(content) > MAX_PROOF_BYTES:
            raise DecodeError(f"it has more than {MAX_PROOF_BYTES} bytes")
        fields: Any = json.loads(content)
        return chain_from_json(fields.get("chain") if isinstance(fields, dict) else None)
    except (ValueError, RecursionError, DecodeError) as error:
        raise LocalError(
            f"{path} is no proof of a block: {error}; copy it again from where it was exported"
        ) from error


def _require_same_chain(description: Description, document: Genesis, genesis_hash: Hash) -> None:
    for name, found, expected in (
        ("genesis hash", description.genesis_hash.hex(), genesis_hash.hex()),
        ("chain id", description.chain_id, document.chain_id),
        ("name", description.name, document.name),
        ("local", description.local, document.local),
        ("bucket count", description.bucket_count, document.bucket_count),
        ("parameters", description.parameters, document.parameters),
    ):
        if found != expected:
            raise LocalError(
                f"the exported state is of another chain: its {name} is {found}, the genesis "
                f"document gives {expected}"
            )


def _seals_from_genesis(
    trusted: TrustedGenesis, description: Description, proof: ChainProof
) -> Seals:
    try:
        final: FinalHeader = verify_chain(trusted, proof)
    except PeerError as error:
        raise LocalError(
            f"the proof beside the exported state does not hold: {error}; take another node's"
        ) from error
    if final.header != description.header:
        raise LocalError(
            f"the proof is of block {final.header.hash.hex()}, the exported state of block "
            f"{description.header.hash.hex()}: take the proof that was exported with it"
        )
    return Seals(final.seals, final.validators, final.view, final.set_changes, from_genesis=True)


def _seals_by_itself(rows: StateRows, proof: ChainProof) -> Seals:
    description, certificate = rows.description, proof.certificate
    header = description.header
    domain = SigningDomain(description.chain_id, description.genesis_hash)
    try:
        if (certificate.height, certificate.block_hash) != (header.height, header.hash):
            raise PeerError(f"it is of block {certificate.block_hash.hex()}")
        verify_certificate(domain, rows.sealers, certificate)
    except PeerError as error:
        raise LocalError(
            f"the certificate beside the exported state does not hold: {error}; take the proof "
            "that was exported with it"
        ) from error
    return Seals(
        len(certificate.seals),
        len(rows.sealers),
        certificate.view,
        len(proof.set_changes),
        from_genesis=False,
    )
