"""Checks proofs offline: from genesis or a trusted header to a final header to what it commits to.

Part of the Python SDK: it needs the chain's id, genesis hash and genesis set, and no node. Proofs
are the JSON results of poyong_getTransactionProof, poyong_getProof and poyong_getStatement.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from api import statements
from api.encoding import from_hex, hex_of
from api.ports import ChainProof, ProvenRow, SetChange, StatementProof
from consensus import light
from consensus.authentication import Verify
from consensus.messages import SigningDomain
from ledger import codec, merkle, proofs
from ledger.block import Header
from ledger.crypto import verify_ed25519
from ledger.errors import DecodeError, PeerError
from ledger.ethereum_envelope import CallDecoder, transfers_only
from ledger.primitives import HASH_BYTES, Hash
from ledger.registry import Certificate, ValidatorSet
from ledger.transaction import Transaction, decode_transaction, verify_transaction

MAX_SET_CHANGES: Final = 10_000
MAX_ANCHOR_SETS: Final = 4
MAX_PROOF_BYTES: Final = 16 * 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrustedGenesis:
    """What a verifier must know beforehand; all three follow from the genesis document."""

    chain_id: int
    genesis_hash: Hash
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class TrustedHeader:
    """A header that was verified before, which replaces the trust in the set of genesis."""

    chain_id: int
    genesis_hash: Hash
    anchor: light.Anchor


Trusted = TrustedGenesis | TrustedHeader


@dataclass(frozen=True, slots=True)
class FinalHeader:
    """A header that is proven final: by how many of how many validators, in which view. `anchor`
    lets a later verification start from it."""

    header: Header
    view: int
    seals: int
    validators: int
    set_changes: int
    anchor: light.Anchor


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


@dataclass(frozen=True, slots=True)
class FinalStatement:
    """What the rows under a final block say: `answer` is computed from them, None when there is no
    such thing."""

    statement: str
    arguments: Mapping[str, object]
    answer: Mapping[str, Any] | None
    rows: int
    block: FinalHeader


Proven = FinalHeader | FinalTransaction | FinalRow | FinalStatement


def verify_chain(trusted: Trusted, proof: ChainProof) -> FinalHeader:
    """The final header of a proof; PeerError says what is not proven."""
    return follow_chain(trusted, proof)[0]


def follow_chain(
    trusted: Trusted, proof: ChainProof, verify: Verify = verify_ed25519
) -> tuple[FinalHeader, light.SetHistory]:
    """verify_chain(), and the validator sets of all heights up to the header. verify: checks the
    seals; another one only where a simulation signs otherwise."""
    header = Header.from_wire(codec.decode(proof.header))
    history = light.SetHistory(
        SigningDomain(trusted.chain_id, trusted.genesis_hash),
        trusted.anchor if isinstance(trusted, TrustedHeader) else trusted.validators,
        verify,
    )
    voters = light.verify_final(
        history,
        (
            light.SetChange(_certified(change.header, change.certificate), change.validators)
            for change in proof.set_changes
        ),
        light.CertifiedHeader(header, proof.certificate),
    )
    certificate = proof.certificate
    final = FinalHeader(
        header,
        certificate.view,
        len(certificate.seals),
        len(voters),
        len(proof.set_changes),
        history.anchor_at(header),
    )
    return final, history


def verify_transaction_proof(
    trusted: Trusted,
    chain: ChainProof,
    raw: bytes,
    index: int,
    inclusion: bytes,
    decode_call: CallDecoder = transfers_only,
) -> FinalTransaction:
    """The transaction with signed bytes `raw` in its final block; PeerError says what is not
    proven. That it took effect is its receipt's word, which is not part of this proof.

    decode_call: what Ethereum transactions say to system contracts (ledger.contracts, of the
    chain's messages); without it such a call is refused."""
    block = verify_chain(trusted, chain)
    transaction = decode_transaction(raw, trusted.chain_id, decode_call)
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
    trusted: Trusted, chain: ChainProof, key: bytes, value: bytes | None, proof: bytes
) -> FinalRow:
    """That a state key has `value` (None: is absent) after a final block; PeerError says what is
    not proven."""
    block = verify_chain(trusted, chain)
    _require_row(block.header, key, value, proof)
    return FinalRow(key, value, block)


def _require_row(header: Header, key: bytes, value: bytes | None, proof: bytes) -> None:
    commitment_proof = proofs.StateProof.from_wire(codec.decode(proof))
    root = header.state_root
    if not proofs.verify_state(root, key, value, commitment_proof):
        found = "absent" if value is None else value.hex()
        raise PeerError(
            f"state key {key.hex()} is not shown to be {found} under the state root {root.hex()} "
            f"of block {header.height}"
        )


def verify_statement(trusted: Trusted, proof: StatementProof) -> FinalStatement:
    """What a statement's rows say after a final block; PeerError says what is not proven."""
    statement = statements.statement_named(proof.statement)
    block = verify_chain(trusted, proof.chain)
    rows: dict[bytes, bytes | None] = {}
    for row in proof.rows:
        if row.key in rows:
            raise PeerError(f"row {row.key.hex()} is given twice")
        _require_row(block.header, row.key, row.value, row.proof)
        rows[row.key] = row.value
    answer = statements.stated(statement, rows, proof.arguments)
    return FinalStatement(statement.name, proof.arguments, answer, len(rows), block)


def _certified(header: bytes, certificate: Certificate) -> light.CertifiedHeader:
    return light.CertifiedHeader(Header.from_wire(codec.decode(header)), certificate)


# -- from JSON ------------------------------------------------------------------------------------


def verify_json(
    trusted: Trusted, proof: object, decode_call: CallDecoder = transfers_only
) -> Proven:
    """Check a proof as JSON gave it: results.TransactionProof, StateProof or StatementProof,
    {"kind": "block", "chain": ...}, or the JSON-RPC response that holds one.

    decode_call: as in verify_transaction_proof. PeerError says what is malformed or not proven.
    """
    fields = _object(proof, "proof")
    if "jsonrpc" in fields:
        fields = _object(fields.get("result"), "result")
    kind = fields.get("kind")
    chain = chain_from_json(fields.get("chain"))
    if kind == "block":
        return verify_chain(trusted, chain)
    if kind == "transaction":
        index = codec.as_uint(fields.get("index"), "index", merkle.MAX_LEAVES - 1)
        raw, inclusion = _bytes(fields, "transaction"), _bytes(fields, "proof")
        return verify_transaction_proof(trusted, chain, raw, index, inclusion, decode_call)
    if kind == "state":
        row = _row(fields)
        return verify_state_proof(trusted, chain, row.key, row.value, row.proof)
    if kind == "statement":
        rows = tuple(
            _row(_object(item, "row"))
            for item in _list(fields.get("rows"), "rows", statements.MAX_ROWS)
        )
        arguments = _object(fields.get("arguments"), "arguments")
        name = fields.get("statement")
        if not isinstance(name, str):
            raise DecodeError(f"statement: expected a name, found {name!r:.40}")
        return verify_statement(trusted, StatementProof(chain, name, arguments, rows))
    raise DecodeError(
        f'kind: expected "block", "transaction", "state" or "statement", found {kind!r:.40}'
    )


def chain_from_json(value: object) -> ChainProof:
    """Inverse of views.chain_proof; DecodeError for anything else."""
    fields = _object(value, "chain")
    changes = _list(fields.get("set_changes"), "set_changes", MAX_SET_CHANGES)
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


def _row(fields: Mapping[str, Any]) -> ProvenRow:
    value = None if fields.get("value") is None else _bytes(fields, "value")
    return ProvenRow(_bytes(fields, "key"), value, _bytes(fields, "proof"))


def _list(value: object, name: str, maximum: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > maximum:
        raise DecodeError(f"{name}: expected a list of at most {maximum}")
    return value


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


def anchor_to_json(trusted: TrustedHeader) -> dict[str, object]:
    """A trusted header as a file keeps it."""
    anchor = trusted.anchor
    return {
        "chain_id": trusted.chain_id,
        "genesis_hash": hex_of(trusted.genesis_hash),
        "height": anchor.height,
        "block_hash": hex_of(anchor.block_hash),
        "parent_hash": hex_of(anchor.parent_hash),
        "sets": [
            {"from_height": first, "validators": hex_of(codec.encode(members.to_wire()))}
            for first, members in anchor.sets
        ],
    }


def anchor_from_json(value: object) -> TrustedHeader:
    """Inverse of anchor_to_json; DecodeError for anything else."""
    fields = _object(value, "trusted header")
    height = codec.as_uint(fields.get("height"), "height")
    sets = tuple(
        (
            codec.as_uint(item.get("from_height"), "from_height"),
            _wire(item, "validators", ValidatorSet.from_wire),
        )
        for item in (
            _object(item, "set") for item in _list(fields.get("sets"), "sets", MAX_ANCHOR_SETS)
        )
    )
    heights = [first for first, _ in sets]
    if not heights or heights[0] > height or heights != sorted(set(heights)):
        raise DecodeError(
            f"sets: expected ascending heights, the first at most {height}, found {heights}"
        )
    return TrustedHeader(
        codec.as_uint(fields.get("chain_id"), "chain_id"),
        _hash(fields, "genesis_hash"),
        light.Anchor(height, _hash(fields, "block_hash"), _hash(fields, "parent_hash"), sets),
    )


def _hash(fields: Mapping[str, Any], name: str) -> Hash:
    return Hash(codec.as_bytes(_bytes(fields, name), name, HASH_BYTES))
