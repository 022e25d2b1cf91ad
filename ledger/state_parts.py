"""The state in parts that prove themselves: the subtrees of the commitment at one level.

At level k the 16-ary tree over the buckets has 16^k nodes (ledger.commitment). The part of a node
is every row whose key's hash begins with its 4k bits: so many neighbouring buckets, whole. From the
rows follows the node's hash, and from all nodes of the level the state root that a header carries.
So whoever has the nodes of a final header checks each part as it comes, in any order, and needs no
word of who gave it (docs/formats.md, "Snapshots").
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from ledger.commitment import (
    BUCKET_PREFIX,
    FAN_OUT,
    NODE_PREFIX,
    depth_of,
    leaf_content,
    state_root,
)
from ledger.errors import DecodeError, ensure
from ledger.primitives import HASH_BYTES, Hash

MAX_LEVEL: Final = 4
"""65,536 parts: their hashes fit one frame."""

Row = tuple[bytes, bytes]


def highest_level(bucket_count: int) -> int:
    """The level of the smallest parts that a state with so many buckets is cut into."""
    return min(MAX_LEVEL, depth_of(bucket_count))


def part_of(key_hash: bytes, level: int) -> int:
    """Index of the part: the first 4 * level bits of the key's hash."""
    return int.from_bytes(key_hash[:4], "big") >> (32 - 4 * level)


def in_part_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by the hash of their key: the one order that a part has them in."""
    return [row for _, row in sorted((sha256(row[0]).digest(), row) for row in rows)]


def part_hash(rows: Sequence[Row], bucket_count: int, level: int, index: int) -> Hash:
    """Hash of the node that these rows make. DecodeError unless they ascend strictly by the hash
    of their key and all belong to the part."""
    depth = depth_of(bucket_count)
    ensure(0 <= level <= depth, f"level {level} of a tree with {depth} levels")
    shift = 32 - 4 * depth
    count = FAN_OUT ** (depth - level)
    first = index * count
    buckets: list[list[bytes]] = [[] for _ in range(count)]
    before = b""
    for key, value in rows:
        key_hash = sha256(key).digest()
        bucket = (int.from_bytes(key_hash[:4], "big") >> shift) - first
        if key_hash <= before or not 0 <= bucket < count:
            raise DecodeError(f"part {index}: row {key!r:.80} is not in its place")
        before = key_hash
        buckets[bucket].append(key_hash + leaf_content(value))
    return _top([sha256(BUCKET_PREFIX + b"".join(leaves)).digest() for leaves in buckets])


def root_of_parts(bucket_count: int, level: int, hashes: bytes) -> Hash:
    """State root over the nodes of a level, 32 bytes each; DecodeError for a wrong number."""
    if not 0 <= level <= highest_level(bucket_count):
        raise DecodeError(f"level: expected 0 to {highest_level(bucket_count)}, found {level}")
    if len(hashes) != FAN_OUT**level * HASH_BYTES:
        raise DecodeError(f"parts: expected {FAN_OUT**level} hashes, found {len(hashes)} bytes")
    nodes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    return state_root(bucket_count, _top(nodes))


def _top(hashes: list[bytes]) -> Hash:
    """The node above all of these, which stand side by side."""
    while len(hashes) > 1:
        hashes = [
            sha256(NODE_PREFIX + b"".join(hashes[at : at + FAN_OUT])).digest()
            for at in range(0, len(hashes), FAN_OUT)
        ]
    return Hash(hashes[0])
