"""Small blocks, keys and signatures for consensus tests: real encodings, no executor."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha512

from consensus.messages import SigningDomain
from ledger import codec
from ledger.crypto import Ed25519Signer, sha256
from ledger.errors import DecodeError
from ledger.primitives import Hash
from ledger.registry import Participation, Validator, ValidatorSet

GENESIS = sha256(b"consensus tests")
DOMAIN = SigningDomain(82062, GENESIS)
START_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Block:
    """A Proposal: the header is everything but the transactions' bytes."""

    height: int
    parent_hash: Hash
    time_ms: int
    proposer: int
    validators_hash: Hash
    participation: Participation = field(default_factory=lambda: Participation(None))
    transactions: tuple[bytes, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.transactions

    @cached_property
    def hash(self) -> Hash:
        return sha256(self.encoded)

    @cached_property
    def encoded(self) -> bytes:
        return codec.encode(
            (
                self.height,
                self.parent_hash,
                self.time_ms,
                self.proposer,
                self.validators_hash,
                self.participation.to_wire(),
                self.transactions,
            )
        )


def read_block(data: bytes) -> Block:
    """ReadProposal of the tests: DecodeError for any bytes that are no block."""
    height, parent, time_ms, proposer, validators_hash, participation, transactions = (
        codec.as_array(codec.decode(data), "block", 7)
    )
    items = codec.as_list(transactions, "transactions", 1000)
    if not all(type(item) is bytes for item in items):
        raise DecodeError("transactions: expected bytes")
    return Block(
        codec.as_uint(height, "height"),
        Hash(codec.as_bytes(parent, "parent", 32)),
        codec.as_uint(time_ms, "time_ms"),
        codec.as_uint(proposer, "proposer", 31),
        Hash(codec.as_bytes(validators_hash, "validators_hash", 32)),
        Participation.from_wire(participation),
        items,
    )


class KeyedHashSigner:
    """A Signer without arithmetic: anybody could forge it, which tests do openly by its key."""

    def __init__(self, seed: bytes) -> None:
        self.public_key = sha256(b"key" + seed)

    def sign(self, message: bytes) -> bytes:
        return sha512(self.public_key + message).digest()


def verify_keyed_hash(public_key: bytes, payload: bytes, signature: bytes) -> bool:
    """The verify function that belongs to KeyedHashSigner."""
    return sha512(public_key + payload).digest() == signature


TestSigner = KeyedHashSigner | Ed25519Signer


def make_signers(n: int, *, real: bool = False) -> list[TestSigner]:
    """n signers from fixed seeds; Ed25519 when `real`."""
    seeds = [sha256(b"validator %d" % index) for index in range(n)]
    return [Ed25519Signer(seed) if real else KeyedHashSigner(seed) for seed in seeds]


def make_set(signers: list[TestSigner]) -> ValidatorSet:
    """Validators o0, o1, ... with these consensus keys."""
    return ValidatorSet(
        tuple(
            Validator(f"o{index}", signer.public_key, sha256(b"node" + signer.public_key))
            for index, signer in enumerate(signers)
        )
    )
