"""Checks proofs offline: from a genesis to a final header to one transaction in it.

Part of the Python SDK: it needs the chain's id, genesis hash and genesis set, and no node. Proofs
are the JSON results of poyong_getTransactionProof and poyong_getProof, which views.py makes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from api.encoding import from_hex
from api.ports import ChainProof, SetChange
from consensus import light
from consensus.messages import SigningDomain
from ledger import codec, merkle, proofs
from ledger.block import Header
from ledger.errors import DecodeError, PeerError
from ledger.primitives import Hash
from ledger.registry import Certificate, ValidatorSet
from ledger.transaction import Transaction, decode_transaction, verify_transaction

MAX_SET_CHANGES: Final = 10_000
MAX_PROOF_BYTES: Final = 16 * 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrustedGenesis:
    """What a verifier must know beforehand; all three follow from the genesis document."""

    chain_id: int
    genesis_hash: Hash
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class FinalHeader:
    """A header that is proven final: by how many of how many validators, in which view."""

    header: Header
    view: int
    seals: int
    validators: int
    set_changes: int


@dataclass(frozen=True, slots=True)
class FinalTransaction:
    """A transaction that is proven to be number `index` of a final block."""

    transaction: Transaction
    index: int
    block: FinalHeader


@dataclass(frozen=True, slots=True)
class FinalRow:
    """A state row that is proven to hold after a final block; value None: there is none."""

    key: bytes
    value: bytes | None
    block: FinalHeader


def verify_chain(genesis: TrustedGenesis, proof: ChainProof) -> FinalHeader:
    """The final header of a proof; PeerError says what is not proven."""
    header = Header.from_wire(codec.decode(proof.header))
    voters = light.verify_final(
        SigningDomain(genesis.chain_id, genesis.genesis_hash),
        genesis.validators,
        (
            light.SetChange(_certified(change.header, change.certificate), change.validators)
            for change in proof.set_changes
        ),
        light.CertifiedHeader(header, proof.certificate),
    )
    certificate = proof.certificate
    return FinalHeader(
        header, certificate.view, len(certificate.seals), len(voters), len(proof.set_changes)
    )


def verify_transaction_proof(
    genesis: TrustedGenesis, chain: ChainProof, raw: bytes, index: int, inclusion: bytes
) -> FinalTransaction:
    """The transaction with signed bytes `raw` in its final block; PeerError says what is not
    proven. That it took effect is its receipt's word, which is not part of this proof."""
    block = verify_chain(genesis, chain)
    transaction = decode_transaction(raw, genesis.chain_id)
    if not verify_transaction(transaction):
        raise PeerError(f"transaction {transaction.hash.hex()}: the signature does not match")
    proof = merkle.InclusionProof.from_wire(codec.decode(inclusion))
    if proof.index != index:
        raise PeerError(f"the inclusion proof is for index {proof.index}, the proof says {index}")
    root = block.header.transactions_root
    if not merkle.verify(root, transaction.hash, proof):
        raise PeerError(
            f"transaction {transaction.hash.hex()} is not number {index} under the transactions "
            f"root {root.hex()} of block {block.header.height}"
        )
    return FinalTransaction(transaction, index, block)


def verify_state_proof(
    genesis: TrustedGenesis, chain: ChainProof, key: bytes, value: bytes | None, proof: bytes
) -> FinalRow:
    """That a state key has `value` (None: is absent) after a final block; PeerError says what is
    not proven."""
    block = verify_chain(genesis, chain)
    commitment_proof = proofs.StateProof.from_wire(codec.decode(proof))
    root = block.header.state_root
    if not proofs.verify_state(root, key, value, commitment_proof):
        found = "absent" if value is None else value.hex()
        raise PeerError(
            f"state key {key.hex()} is not shown to be {found} under the state root {root.hex()} "
            f"of block {block.header.height}"
        )
    return FinalRow(key, value, block)


def _certified(header: bytes, certificate: Certificate) -> light.CertifiedHeader:
    return light.CertifiedHeader(Header.from_wire(codec.decode(header)), certificate)


# -- from JSON ------------------------------------------------------------------------------------


def verify_json(
    genesis: TrustedGenesis, proof: object
) -> FinalHeader | FinalTransaction | FinalRow:
    """Check a proof as JSON gave it: results.TransactionProof, results.StateProof, {"kind":
    "block", "chain": ...}, or the JSON-RPC response that holds one.

    PeerError says what is malformed or not proven.
    """
    fields = _object(proof, "proof")
    if "jsonrpc" in fields:
        fields = _object(fields.get("result"), "result")
    kind = fields.get("kind")
    chain = chain_from_json(fields.get("chain"))
    if kind == "block":
        return verify_chain(genesis, chain)
    if kind == "transaction":
        index = codec.as_uint(fields.get("index"), "index", merkle.MAX_LEAVES - 1)
        return verify_transaction_proof(
            genesis, chain, _bytes(fields, "transaction"), index, _bytes(fields, "proof")
        )
    if kind == "state":
        value = None if fields.get("value") is None else _bytes(fields, "value")
        return verify_state_proof(
            genesis, chain, _bytes(fields, "key"), value, _bytes(fields, "proof")
        )
    raise DecodeError(f'kind: expected "block", "transaction" or "state", found {kind!r:.40}')


def chain_from_json(value: object) -> ChainProof:
    """Inverse of views.chain_proof; DecodeError for anything else."""
    fields = _object(value, "chain")
    changes = fields.get("set_changes")
    if not isinstance(changes, list) or len(changes) > MAX_SET_CHANGES:
        raise DecodeError(f"set_changes: expected a list of at most {MAX_SET_CHANGES}")
    return ChainProof(
        _bytes(fields, "header"),
        _wire(fields, "certificate", Certificate.from_wire),
        tuple(_change(_object(item, "set change")) for item in changes),
    )


def _change(fields: Mapping[str, Any]) -> SetChange:
    return SetChange(
        _bytes(fields, "header"),
        _wire(fields, "certificate", Certificate.from_wire),
        _wire(fields, "validators", ValidatorSet.from_wire),
    )


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DecodeError(f"{name}: expected an object, found {value!r:.40}")
    return value


def _bytes(fields: Mapping[str, Any], name: str) -> bytes:
    try:
        return from_hex(fields.get(name))
    except DecodeError as error:
        raise DecodeError(f"{name}: {error}") from error


def _wire(fields: Mapping[str, Any], name: str, read: Callable[[object], T]) -> T:
    return read(codec.decode(_bytes(fields, name)))
