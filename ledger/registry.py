"""Validators, seals, certificates and evidence as values. Consensus verifies them.

Quorum: floor((n + f) / 2) + 1 with f = floor((n - 1) / 3); 2f + 1 is wrong when n != 3f + 1
(consensus.md, "Quorum").
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from ledger import codec
from ledger.crypto import ED25519_KEY_BYTES, sha256
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES, SIGNATURE_BYTES, Hash

MAX_VALIDATORS: Final = 32
MAX_ORGANISATION_BYTES: Final = 64
MAX_EVIDENCE_ITEMS: Final = 16
MAX_EVIDENCE_CLAIM_BYTES: Final = 64
LATE_SEAL_HEIGHTS: Final = 8
MAX_LATE_SEALS: Final = LATE_SEAL_HEIGHTS * MAX_VALIDATORS
MAX_VIEW: Final = 2**32 - 1


def max_faulty(n: int) -> int:
    """f: Byzantine validators that a set of n tolerates."""
    return (n - 1) // 3


def quorum(n: int) -> int:
    """Votes of distinct validators that decide in a set of n."""
    return (n + max_faulty(n)) // 2 + 1


@dataclass(frozen=True, slots=True)
class Validator:
    """One seat: organisation name, Ed25519 consensus key, Ed25519 node (TLS) key."""

    organisation: str
    public_key: bytes
    node_key: bytes

    def __post_init__(self) -> None:
        codec.as_text(self.organisation, "organisation", MAX_ORGANISATION_BYTES)
        codec.as_bytes(self.public_key, "public_key", ED25519_KEY_BYTES)
        codec.as_bytes(self.node_key, "node_key", ED25519_KEY_BYTES)


@dataclass(frozen=True)
class ValidatorSet:
    """Validators by index; the index is what votes and seals carry."""

    validators: tuple[Validator, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.validators) <= MAX_VALIDATORS:
            raise DecodeError(f"expected 1..{MAX_VALIDATORS} validators, found {len(self)}")
        for name in ("public_key", "node_key", "organisation"):
            if len({getattr(validator, name) for validator in self.validators}) != len(self):
                raise DecodeError(f"two validators share one {name}")

    def __len__(self) -> int:
        return len(self.validators)

    @property
    def quorum(self) -> int:
        """Votes that decide."""
        return quorum(len(self.validators))

    @property
    def max_faulty(self) -> int:
        """Byzantine validators tolerated."""
        return max_faulty(len(self.validators))

    def index_of(self, public_key: bytes) -> int | None:
        """Index of the validator with this consensus key, or None."""
        for index, validator in enumerate(self.validators):
            if validator.public_key == public_key:
                return index
        return None

    def to_wire(self) -> tuple[object, ...]:
        """[[organisation, public_key, node_key], ...] by index."""
        return tuple((v.organisation, v.public_key, v.node_key) for v in self.validators)

    @staticmethod
    def from_wire(value: object) -> "ValidatorSet":
        """Inverse of to_wire; DecodeError for anything else."""
        items = codec.as_list(value, "validators", MAX_VALIDATORS)
        return ValidatorSet(
            tuple(Validator(*codec.as_array(item, "validator", 3)) for item in items)
        )

    def hash(self) -> Hash:
        """SHA-256 of the canonical encoding; the header of h carries that of the set of h + 2."""
        return sha256(b"poyong/validators/1" + codec.encode(self.to_wire()))


@dataclass(frozen=True, slots=True)
class Certificate:
    """Commit certificate: seals of ONE view by distinct validators, ascending by index."""

    height: int
    view: int
    block_hash: Hash
    seals: tuple[tuple[int, bytes], ...]

    def to_wire(self) -> tuple[object, ...]:
        """[height, view, block_hash, [[index, signature], ...]]."""
        return (self.height, self.view, self.block_hash, self.seals)

    @staticmethod
    def from_wire(value: object) -> "Certificate":
        """Inverse of to_wire; indices distinct and ascending, or DecodeError."""
        height, view, block_hash, seals = codec.as_array(value, "certificate", 4)
        return Certificate(
            codec.as_uint(height, "certificate.height"),
            codec.as_uint(view, "certificate.view", MAX_VIEW),
            Hash(codec.as_bytes(block_hash, "certificate.block_hash", HASH_BYTES)),
            signatures_from_wire(seals, "certificate.seals"),
        )


def signatures_from_wire(value: object, name: str) -> tuple[tuple[int, bytes], ...]:
    """[[validator index, signature], ...], distinct and ascending by index."""
    pairs: list[tuple[int, bytes]] = []
    for item in codec.as_list(value, name, MAX_VALIDATORS):
        index, signature = codec.as_array(item, name, 2)
        index = codec.as_uint(index, name, MAX_VALIDATORS - 1)
        if pairs and index <= pairs[-1][0]:
            raise DecodeError(f"{name}: index {index} after {pairs[-1][0]}, expected ascending")
        pairs.append((index, codec.as_bytes(signature, name, SIGNATURE_BYTES)))
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class LateSeal:
    """A valid seal of a recent block that its certificate did not hold."""

    height: int
    view: int
    block_hash: Hash
    validator: int
    signature: bytes

    def to_wire(self) -> tuple[object, ...]:
        """[height, view, block_hash, validator, signature]."""
        return (self.height, self.view, self.block_hash, self.validator, self.signature)

    @staticmethod
    def from_wire(value: object) -> "LateSeal":
        """Inverse of to_wire; DecodeError for anything else."""
        height, view, block_hash, validator, signature = codec.as_array(value, "late_seal", 5)
        return LateSeal(
            codec.as_uint(height, "late_seal.height"),
            codec.as_uint(view, "late_seal.view", MAX_VIEW),
            Hash(codec.as_bytes(block_hash, "late_seal.block_hash", HASH_BYTES)),
            codec.as_uint(validator, "late_seal.validator", MAX_VALIDATORS - 1),
            codec.as_bytes(signature, "late_seal.signature", SIGNATURE_BYTES),
        )


class Phase(IntEnum):
    """What a consensus signature covers; part of the signed bytes."""

    PRE_PREPARE = 1
    PREPARE = 2
    COMMIT = 3
    VIEW_CHANGE = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two different claims that one validator signed for the same phase, height and view.

    A claim is what the signature covers beside phase, height and view: the block hash, or for
    VIEW_CHANGE (view = new_view) the encoded (prepared_view, prepared_hash). first < second.
    """

    phase: Phase
    height: int
    view: int
    validator: int
    first_claim: bytes
    first_signature: bytes
    second_claim: bytes
    second_signature: bytes

    def key(self) -> tuple[int, int, int, int]:
        """(phase, height, view, validator): one offence is recorded once."""
        return (self.phase, self.height, self.view, self.validator)

    def to_wire(self) -> tuple[object, ...]:
        """The fields in order, phase as an integer."""
        return (
            int(self.phase),
            self.height,
            self.view,
            self.validator,
            self.first_claim,
            self.first_signature,
            self.second_claim,
            self.second_signature,
        )

    @staticmethod
    def from_wire(value: object) -> "Evidence":
        """Inverse of to_wire; claims must differ and ascend, or DecodeError."""
        phase, height, view, validator, claim1, sig1, claim2, sig2 = codec.as_array(
            value, "evidence", 8
        )
        first = codec.as_bytes_up_to(claim1, "evidence.first_claim", MAX_EVIDENCE_CLAIM_BYTES)
        second = codec.as_bytes_up_to(claim2, "evidence.second_claim", MAX_EVIDENCE_CLAIM_BYTES)
        if first >= second:
            raise DecodeError("evidence: claims must differ and be in ascending order")
        if codec.as_uint(phase, "evidence.phase", len(Phase)) == 0:
            raise DecodeError("evidence.phase: expected 1..4, found 0")
        return Evidence(
            Phase(phase),
            codec.as_uint(height, "evidence.height"),
            codec.as_uint(view, "evidence.view", MAX_VIEW),
            codec.as_uint(validator, "evidence.validator", MAX_VALIDATORS - 1),
            first,
            codec.as_bytes(sig1, "evidence.first_signature", SIGNATURE_BYTES),
            second,
            codec.as_bytes(sig2, "evidence.second_signature", SIGNATURE_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Participation:
    """What a block embeds about consensus itself; verified before the executor sees it.

    certificate: of the parent, None only at height 1 (the parent is genesis).
    """

    certificate: Certificate | None
    late_seals: tuple[LateSeal, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def to_wire(self) -> tuple[Any, ...]:
        """[certificate or nil, [late seal, ...], [evidence, ...]]."""
        return (
            None if self.certificate is None else self.certificate.to_wire(),
            tuple(seal.to_wire() for seal in self.late_seals),
            tuple(item.to_wire() for item in self.evidence),
        )

    @staticmethod
    def from_wire(value: object) -> "Participation":
        """Inverse of to_wire; DecodeError for anything else."""
        certificate, late_seals, evidence = codec.as_array(value, "participation", 3)
        return Participation(
            None if certificate is None else Certificate.from_wire(certificate),
            tuple(
                LateSeal.from_wire(item)
                for item in codec.as_list(late_seals, "late_seals", MAX_LATE_SEALS)
            ),
            tuple(
                Evidence.from_wire(item)
                for item in codec.as_list(evidence, "evidence", MAX_EVIDENCE_ITEMS)
            ),
        )
