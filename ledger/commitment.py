"""The authenticated state: one root over every row, kept in memory and not written block by block.

A row is a leaf of 65 bytes: sha256(key), the value's length, and the value itself when it has at
most 32 bytes, so that an account is read from memory; a longer value is there as its SHA-256.
Leaves lie sorted in flat buckets, chosen by the first bits of the key's hash; a 16-ary tree over
the buckets' hashes lies in one bytearray (docs/formats.md, "State commitment"; performance.md,
finding 1). A start rebuilds it from the rows, or takes the copy that a clean stop left.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

from ledger.errors import DecodeError, InvariantViolation, ensure
from ledger.kv import KeyValueReader
from ledger.primitives import HASH_BYTES, Hash

ROOT_TAG: Final = b"poyong/state/1"
BUCKET_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"
FAN_OUT: Final = 16
MAX_INLINE_BYTES: Final = 32
"""Longest value that a leaf holds itself."""
HASHED: Final = 0xFF
"""In place of the length: the 32 bytes after it are the value's SHA-256."""
CONTENT_BYTES: Final = 1 + MAX_INLINE_BYTES
LEAF_BYTES: Final = HASH_BYTES + CONTENT_BYTES
BUCKET_COUNTS: Final = tuple(FAN_OUT**depth for depth in range(1, 6))
"""Allowed numbers of buckets, a genesis constant: 16, 256, 4096, 65536 and 1048576."""
DEFAULT_BUCKET_COUNT: Final = 2**16

_NODE_BYTES: Final = 1 + FAN_OUT * HASH_BYTES
_first_bits: Final = Struct(">I").unpack_from
_LENGTHS: Final = tuple(bytes((length,)) for length in range(MAX_INLINE_BYTES + 1))
_PADDING: Final = tuple(bytes(MAX_INLINE_BYTES - used) for used in range(MAX_INLINE_BYTES + 1))
_HASHED_TAG: Final = bytes((HASHED,))
_SAVED_TAG: Final = b"poyong/saved-commitment/1"
_COUNT_BYTES: Final = 4

Change = tuple[bytes, bytes | None]
Changes = Iterable[Change]
"""(row key, value or None for a deletion); each key at most once."""


def state_root(bucket_count: int, tree_root: bytes) -> Hash:
    """What a header carries: SHA-256 of tag || bucket count (8 bytes, big-endian) || tree root."""
    return Hash(sha256(ROOT_TAG + bucket_count.to_bytes(8, "big") + tree_root).digest())


def depth_of(bucket_count: int) -> int:
    """Levels of the tree above the buckets; InvariantViolation for a count that is not allowed."""
    ensure(bucket_count in BUCKET_COUNTS, f"bucket count {bucket_count} is not in {BUCKET_COUNTS}")
    return BUCKET_COUNTS.index(bucket_count) + 1


def bucket_of(key_hash: bytes, depth: int) -> int:
    """Index of the bucket: the first 4 * depth bits of the key's hash."""
    return int.from_bytes(key_hash[:4], "big") >> (32 - 4 * depth)


def leaf_content(value: bytes) -> bytes:
    """What a leaf says of a value, 33 bytes: length and the value itself, padded with zeros, or
    0xff and its SHA-256. No two values have the same."""
    length = len(value)
    if length <= MAX_INLINE_BYTES:
        return _LENGTHS[length] + value + _PADDING[length]
    return _HASHED_TAG + sha256(value).digest()


def find_leaf(bucket: bytes | bytearray, key_hash: bytes, first: int = 0) -> int:
    """Offset of the key's leaf among the sorted leaves from offset `first` on, or -1."""
    at = bucket.find(key_hash, first)
    if at < 0 or (at - first) % LEAF_BYTES == 0:
        return at
    # Somebody's value contains the hash of this key: look at keys alone.
    at = _place(bucket, key_hash, first)
    return at if bucket[at : at + HASH_BYTES] == key_hash else -1


def _place(bucket: bytes | bytearray, key_hash: bytes, first: int) -> int:
    """Offset of the first leaf whose key hash is not below `key_hash`."""
    low, high = 0, (len(bucket) - first) // LEAF_BYTES
    while low < high:
        middle = (low + high) // 2
        at = first + middle * LEAF_BYTES
        if bucket[at : at + HASH_BYTES] < key_hash:
            low = middle + 1
        else:
            high = middle
    return first + low * LEAF_BYTES


def _set_leaf(
    bucket: bytearray, key_hash: bytes, content: bytes | bytearray | None
) -> bytearray | None:
    """Set one leaf of a bucket with its prefix byte, None removes it; the content before."""
    at = find_leaf(bucket, key_hash, 1)
    if at < 0:
        if content is not None:
            at = _place(bucket, key_hash, 1)
            bucket[at:at] = key_hash + content
        return None
    before = bucket[at + HASH_BYTES : at + LEAF_BYTES]
    if content is None:
        del bucket[at : at + LEAF_BYTES]
    else:
        bucket[at + HASH_BYTES : at + LEAF_BYTES] = content
    return before


@dataclass(frozen=True, slots=True)
class CommitmentDelta:
    """What one block changes: computed on a commitment, applied to it once the block commits.

    root: state root of `height`. changes: the rows it is computed from. before: leaf content of
    each changed row until then by key hash, None for no leaf.
    """

    height: int
    base_root: Hash
    root: Hash
    tree_root: bytes
    changes: Sequence[Change]
    before: dict[bytes, bytearray | None]


class StateCommitment:
    """Buckets and tree after the block of `height`; `apply` alone changes what they say.

    compute() works in place: buckets and tree then hold one block more than the commitment has,
    nearly always the one that apply() is called with next. Reads find what that block replaced in
    its delta; whatever else is asked for first puts it back (performance.md, finding 10).
    """

    def __init__(self, bucket_count: int, height: int, buckets: list[bytearray]) -> None:
        """buckets: each with its prefix byte, leaves sorted."""
        ensure(len(buckets) == bucket_count, "one content for each bucket")
        self.bucket_count = bucket_count
        self.height = height
        self._shift = 32 - 4 * depth_of(bucket_count)
        # Each starts with its prefix byte, as each node in the tree does: hashed without a copy.
        self._buckets = buckets
        # Rows of the state; those of a block that is computed and not applied count already.
        self.row_count = (sum(map(len, buckets)) - bucket_count) // LEAF_BYTES
        self._ahead: CommitmentDelta | None = None
        # Nodes of 16 child hashes; levels from the parents of buckets up to the one root node.
        self._tree = bytearray()
        self._levels: list[int] = []
        self._tree_root = self._fill_tree()
        self.root = state_root(bucket_count, self._tree_root)

    @staticmethod
    def build(rows: Changes, bucket_count: int, height: int = 0) -> "StateCommitment":
        """The commitment to `rows`: at genesis and at a start; 1.5 s for a million rows."""
        shift = 32 - 4 * depth_of(bucket_count)
        buckets = [bytearray() for _ in range(bucket_count)]
        for key, value in rows:
            if value is not None:
                key_hash = sha256(key).digest()
                index = int.from_bytes(key_hash[:4], "big") >> shift
                buckets[index] += key_hash + leaf_content(value)
        for index, leaves in enumerate(buckets):
            ordered = sorted(
                leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES)
            )
            buckets[index] = bytearray(BUCKET_PREFIX + b"".join(ordered))
        return StateCommitment(bucket_count, height, buckets)

    def _fill_tree(self) -> bytes:
        hashes = [sha256(bucket).digest() for bucket in self._buckets]
        while len(hashes) > 1:
            self._levels.append(len(self._tree))
            nodes = [
                NODE_PREFIX + b"".join(hashes[first : first + FAN_OUT])
                for first in range(0, len(hashes), FAN_OUT)
            ]
            self._tree += b"".join(nodes)
            hashes = [sha256(node).digest() for node in nodes]
        return hashes[0]

    def content(self, key: bytes) -> bytes | None:
        """leaf_content of the row at `key`, or None when there is no such row."""
        key_hash = sha256(key).digest()
        if self._ahead is not None and key_hash in self._ahead.before:
            before = self._ahead.before[key_hash]
            return None if before is None else bytes(before)
        bucket = self._buckets[self._index(key_hash)]
        at = find_leaf(bucket, key_hash, 1)
        return None if at < 0 else bytes(bucket[at + HASH_BYTES : at + LEAF_BYTES])

    def _index(self, key_hash: bytes) -> int:
        return int(_first_bits(key_hash)[0]) >> self._shift

    def compute(self, changes: Sequence[Change]) -> CommitmentDelta:
        """What the block after this one changes. The commitment stays what it is: several blocks
        of one height are executed on the same base. `changes` must not be altered afterwards."""
        self._take_back()
        before, tree_root = self._put(changes)
        self._ahead = CommitmentDelta(
            height=self.height + 1,
            base_root=self.root,
            root=state_root(self.bucket_count, tree_root),
            tree_root=tree_root,
            changes=changes,
            before=before,
        )
        return self._ahead

    def _put(self, changes: Sequence[Change]) -> tuple[dict[bytes, bytearray | None], bytes]:
        """Set leaves and hash up: contents before by key hash, and the root of the tree."""
        shift, buckets = self._shift, self._buckets
        before: dict[bytes, bytearray | None] = {}
        digests: dict[int, bytes] = {}
        for key, value in changes:
            key_hash = sha256(key).digest()
            index = _first_bits(key_hash)[0] >> shift
            bucket = buckets[index]
            # The usual case without the calls of _set_leaf: a short value for a row that exists.
            at = bucket.find(key_hash, 1)
            if at % LEAF_BYTES == 1 and value is not None and len(value) <= MAX_INLINE_BYTES:
                length = len(value)
                before[key_hash] = bucket[at + HASH_BYTES : at + LEAF_BYTES]
                content = _LENGTHS[length] + value + _PADDING[length]
                bucket[at + HASH_BYTES : at + LEAF_BYTES] = content
            else:
                found = before[key_hash] = _set_leaf(
                    bucket, key_hash, None if value is None else leaf_content(value)
                )
                self.row_count += (value is not None) - (found is not None)
            # At once, while the bucket is in the processor's cache; few are changed twice.
            digests[index] = sha256(bucket).digest()
        return before, self._hash_up(digests)

    def _hash_up(self, digests: dict[int, bytes]) -> bytes:
        """Set the digests of changed buckets in the tree, and of the nodes above; the new root."""
        tree = self._tree
        for level in self._levels:
            parents = set()
            for index, digest in digests.items():
                parent = index >> 4
                # A node has one byte more than its 16 digests of 32.
                at = level + 1 + (index << 5) + parent
                tree[at : at + HASH_BYTES] = digest
                parents.add(parent)
            digests = {}
            for parent in parents:
                start = level + parent * _NODE_BYTES
                digests[parent] = sha256(tree[start : start + _NODE_BYTES]).digest()
        return digests[0] if digests else self._tree_root

    def _take_back(self) -> None:
        """Put back what a block replaced that was computed and not applied."""
        delta, self._ahead = self._ahead, None
        if delta is None:
            return
        digests: dict[int, bytes] = {}
        for key_hash, content in delta.before.items():
            index = self._index(key_hash)
            found = _set_leaf(self._buckets[index], key_hash, content)
            self.row_count += (content is not None) - (found is not None)
            digests[index] = sha256(self._buckets[index]).digest()
        ensure(
            self._hash_up(digests) == self._tree_root,
            f"the commitment of height {self.height} was not put back to {self._tree_root.hex()}",
        )

    def apply(self, delta: CommitmentDelta) -> None:
        """Become the commitment after the block, once its batch is durable."""
        ensure(
            delta.height == self.height + 1 and delta.base_root == self.root,
            f"delta of height {delta.height} on root {delta.base_root.hex()} does not follow "
            f"height {self.height} with root {self.root.hex()}",
        )
        if self._ahead is not delta:
            self._take_back()
            _, tree_root = self._put(delta.changes)
            ensure(tree_root == delta.tree_root, "the rows of a computed block were altered")
        self._ahead = None
        self.height = delta.height
        self.root = delta.root
        self._tree_root = delta.tree_root

    def bucket(self, index: int) -> bytes:
        """Prefix byte and sorted leaves of the bucket `index`."""
        self._take_back()
        return bytes(self._buckets[index])

    def siblings(self, index: int) -> tuple[Hash, ...]:
        """The 15 other children on each level, from the bucket `index` up to the root node."""
        self._take_back()
        found: list[Hash] = []
        for level in self._levels:
            parent, own = divmod(index, FAN_OUT)
            start = level + parent * _NODE_BYTES + 1
            for child in range(FAN_OUT):
                if child != own:
                    at = start + child * HASH_BYTES
                    found.append(Hash(bytes(self._tree[at : at + HASH_BYTES])))
            index = parent
        return tuple(found)

    def save(self) -> Iterator[bytes]:
        """The copy that a clean stop leaves, in pieces: tag, height, number of buckets, leaves in
        each bucket, all leaves."""
        self._take_back()
        count = _COUNT_BYTES
        yield _SAVED_TAG + self.height.to_bytes(8, "big") + self.bucket_count.to_bytes(count, "big")
        yield b"".join(
            (len(bucket) // LEAF_BYTES).to_bytes(count, "big") for bucket in self._buckets
        )
        for bucket in self._buckets:
            yield bytes(memoryview(bucket)[1:])

    @staticmethod
    def restore(saved: bytes) -> "StateCommitment":
        """Inverse of save(); DecodeError for anything else.

        Says nothing of its truth: the caller compares height and root with the head's header.
        """
        view, at = memoryview(saved), len(_SAVED_TAG)
        if saved[:at] != _SAVED_TAG:
            raise DecodeError("saved commitment: unknown format")
        height = int.from_bytes(view[at : at + 8], "big")
        at += 8 + _COUNT_BYTES
        bucket_count = int.from_bytes(view[at - _COUNT_BYTES : at], "big")
        first = at + bucket_count * _COUNT_BYTES
        if bucket_count not in BUCKET_COUNTS or len(saved) < first:
            raise DecodeError(f"saved commitment: {bucket_count} buckets in {len(saved)} bytes")
        buckets = []
        start = first
        for position in range(at, first, _COUNT_BYTES):
            leaves = int.from_bytes(view[position : position + _COUNT_BYTES], "big")
            stop = start + leaves * LEAF_BYTES
            buckets.append(bytearray(BUCKET_PREFIX))
            buckets[-1] += view[start:stop]
            start = stop
        if start != len(saved):
            raise DecodeError(f"saved commitment: expected {start} bytes, found {len(saved)}")
        return StateCommitment(bucket_count, height, buckets)


class CommittedRows:
    """KeyValueReader of the rows that `commitment` commits to, over the store that holds them:
    short values, and that a row is absent, are known without reading the store, and a long one is
    compared with what was committed to: a disk may give back an older one."""

    __slots__ = ("_commitment", "_store")

    def __init__(self, commitment: StateCommitment, store: KeyValueReader) -> None:
        """store: state rows as of the commitment's height, as long as this object is used."""
        self._commitment = commitment
        self._store = store

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        content = self._commitment.content(key)
        if content is None:
            return None
        length = content[0]
        if length != HASHED:
            return content[1 : 1 + length]
        value = self._store.get(key)
        if value is None:
            raise InvariantViolation(f"state row {key!r} is committed to and missing in the store")
        if sha256(value).digest() != content[1:]:
            raise InvariantViolation(f"state row {key!r} in the store is not the one committed to")
        return value

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order."""
        return self._store.iterate(start, stop)
