"""Proofs that need no node: a row of the state or its absence, a transaction, a receipt.

The roots come from a header, which a commit certificate makes final (consensus). Verifying needs
only this module; proving needs the commitment or the block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger import codec, merkle
from ledger.block import Block, Header
from ledger.commitment import (
    BUCKET_COUNTS,
    BUCKET_PREFIX,
    FAN_OUT,
    LEAF_BYTES,
    NODE_PREFIX,
    StateCommitment,
    bucket_of,
    depth_of,
    find_leaf,
    leaf_content,
    state_root,
)
from ledger.merkle import InclusionProof
from ledger.primitives import HASH_BYTES, Hash
from ledger.receipt import Receipt

MAX_BUCKET_BYTES: Final = 1024 * 1024
"""Bound of a bucket in a proof: 16,131 leaves, where 15 are usual with a million rows."""
MAX_STATE_SIBLINGS: Final = len(BUCKET_COUNTS) * (FAN_OUT - 1)


@dataclass(frozen=True, slots=True)
class StateProof:
    """All leaves of a key's bucket, and the 15 siblings on each level from it up to the root.

    One proof shows the value of the key, or that there is none.
    """

    bucket_count: int
    leaves: bytes
    siblings: tuple[Hash, ...]

    def to_wire(self) -> tuple[object, ...]:
        """[bucket_count, leaves, [sibling, ...]]."""
        return (self.bucket_count, self.leaves, self.siblings)

    @staticmethod
    def from_wire(value: object) -> "StateProof":
        """Inverse of to_wire; DecodeError for anything else."""
        bucket_count, leaves, siblings = codec.as_array(value, "state proof", 3)
        return StateProof(
            codec.as_uint(bucket_count, "bucket_count", BUCKET_COUNTS[-1]),
            codec.as_bytes_up_to(leaves, "leaves", MAX_BUCKET_BYTES),
            tuple(
                Hash(codec.as_bytes(item, "siblings", HASH_BYTES))
                for item in codec.as_list(siblings, "siblings", MAX_STATE_SIBLINGS)
            ),
        )


def prove_state(commitment: StateCommitment, key: bytes) -> StateProof:
    """Proof for a state key (module/table/key), present or absent, under `commitment.root`."""
    depth = depth_of(commitment.bucket_count)
    index = bucket_of(sha256(key).digest(), depth)
    leaves = commitment.bucket(index)[len(BUCKET_PREFIX) :]
    return StateProof(commitment.bucket_count, leaves, commitment.siblings(index))


def verify_state(root: bytes, key: bytes, value: bytes | None, proof: StateProof) -> bool:
    """True when `proof` shows that `key` has `value` (None: is absent) under the state root."""
    if proof.bucket_count not in BUCKET_COUNTS or len(proof.leaves) % LEAF_BYTES:
        return False
    depth = depth_of(proof.bucket_count)
    if len(proof.siblings) != depth * (FAN_OUT - 1):
        return False
    key_hash = sha256(key).digest()
    index = bucket_of(key_hash, depth)
    digest = sha256(BUCKET_PREFIX + proof.leaves).digest()
    for level in range(depth):
        siblings: Sequence[bytes] = proof.siblings[level * 15 : level * 15 + 15]
        own = index % FAN_OUT
        children = b"".join((*siblings[:own], digest, *siblings[own:]))
        digest = sha256(NODE_PREFIX + children).digest()
        index //= FAN_OUT
    if state_root(proof.bucket_count, digest) != root:
        return False
    # The root vouches for the order of the leaves, which find_leaf relies on.
    at = find_leaf(proof.leaves, key_hash)
    if at < 0 or value is None:
        return at < 0 and value is None
    return proof.leaves[at + HASH_BYTES : at + LEAF_BYTES] == leaf_content(value)


def prove_transaction(block: Block, index: int) -> InclusionProof:
    """Proof of transaction `index` under the header's transactions_root."""
    return merkle.prove([transaction.hash for transaction in block.transactions], index)


def verify_transaction_inclusion(
    header: Header, transaction_hash: bytes, proof: InclusionProof
) -> bool:
    """True when the block of `header` holds the transaction, at proof.index."""
    return merkle.verify(header.transactions_root, transaction_hash, proof)


def prove_receipt(receipt_leaves: Sequence[bytes], index: int) -> InclusionProof:
    """Proof of receipt `index`; receipt_leaves are those of ExecutedBlock."""
    return merkle.prove(receipt_leaves, index)


def verify_receipt(header: Header, receipt: Receipt, proof: InclusionProof) -> bool:
    """True when `receipt` is that of transaction proof.index in the block of `header`."""
    # The last leaf holds the hooks' events; no receipt has its form, so it cannot pass for one.
    return merkle.verify(header.receipts_root, receipt.encoded, proof)
