"""Binary Merkle trees over byte strings, as in RFC 6962 section 2.1 (SHA-256).

Leaf and node hashes carry different first bytes, so that no node can be passed off as a leaf. A
tree of n leaves splits at the largest power of two below n; that equals hashing level by level
and carrying an odd last node up unchanged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger import codec
from ledger.primitives import HASH_BYTES, Hash

LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"
EMPTY_ROOT: Final = Hash(sha256(b"").digest())
MAX_LEAVES: Final = 2**20
MAX_SIBLINGS: Final = 20


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That a leaf is the one at `index` of `count`; siblings from the leaf up to the root."""

    index: int
    count: int
    siblings: tuple[Hash, ...]

    def to_wire(self) -> tuple[object, ...]:
        """[index, count, [sibling, ...]]."""
        return (self.index, self.count, self.siblings)

    @staticmethod
    def from_wire(value: object) -> "InclusionProof":
        """Inverse of to_wire; DecodeError for anything else."""
        index, count, siblings = codec.as_array(value, "inclusion", 3)
        return InclusionProof(
            codec.as_uint(index, "inclusion.index", MAX_LEAVES - 1),
            codec.as_uint(count, "inclusion.count", MAX_LEAVES),
            tuple(
                Hash(codec.as_bytes(item, "inclusion.siblings", HASH_BYTES))
                for item in codec.as_list(siblings, "inclusion.siblings", MAX_SIBLINGS)
            ),
        )


def leaf_hash(leaf: bytes) -> Hash:
    """SHA-256 of 0x00 || leaf."""
    return Hash(sha256(LEAF_PREFIX + leaf).digest())


def _parents(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    parents = [sha256(NODE_PREFIX + left + right).digest() for left, right in pairs]
    if len(level) % 2:
        parents.append(level[-1])
    return parents


def root(leaves: Iterable[bytes]) -> Hash:
    """Root over `leaves` in order; of no leaves, SHA-256 of nothing."""
    level = [sha256(LEAF_PREFIX + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        level = _parents(level)
    return Hash(level[0]) if level else EMPTY_ROOT


def prove(leaves: Iterable[bytes], index: int) -> InclusionProof:
    """Proof for the leaf at `index`; raises ValueError when there is no such leaf."""
    level = [sha256(LEAF_PREFIX + leaf).digest() for leaf in leaves]
    count, position = len(level), index
    if not 0 <= index < count:
        raise ValueError(f"no leaf {index} in a tree of {count}")
    siblings: list[Hash] = []
    while len(level) > 1:
        if position ^ 1 < len(level):
            siblings.append(Hash(level[position ^ 1]))
        level = _parents(level)
        position >>= 1
    return InclusionProof(index, count, tuple(siblings))


def verify(expected_root: bytes, leaf: bytes, proof: InclusionProof) -> bool:
    """True when `proof` shows `leaf` at its index under `expected_root`. Total."""
    if not 0 <= proof.index < proof.count:
        return False
    digest: bytes = leaf_hash(leaf)
    position, width = proof.index, proof.count
    remaining = iter(proof.siblings)
    while width > 1:
        if position ^ 1 < width:
            sibling = next(remaining, None)
            if sibling is None:
                return False
            left, right = (sibling, digest) if position & 1 else (digest, sibling)
            digest = sha256(NODE_PREFIX + left + right).digest()
        position >>= 1
        width = (width + 1) >> 1
    return next(remaining, None) is None and digest == expected_root
