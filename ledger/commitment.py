"""The authenticated state: one root over every row, kept in memory and never written node by node.

A row is the leaf sha256(key) || sha256(value). Leaves lie sorted in flat buckets, chosen by the
first bits of the key's hash; a 16-ary tree over the buckets' hashes lies in one bytearray. Each
block writes one journal row with its changed leaves, and rewrites the dirty buckets of one group
in turn; a restart loads the buckets and replays the journal of one round of the groups
(docs/formats.md, "State commitment"; performance.md, finding 1).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from struct import Struct
from typing import Final

from ledger import codec
from ledger.errors import DecodeError, LocalError, ensure
from ledger.kv import KeyValueReader, WriteBatch, prefix_end
from ledger.primitives import HASH_BYTES, Hash

ROOT_TAG: Final = b"poyong/state/1"
BUCKET_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"
FAN_OUT: Final = 16
LEAF_BYTES: Final = 2 * HASH_BYTES
BUCKET_COUNTS: Final = tuple(FAN_OUT**depth for depth in range(1, 6))
"""Allowed numbers of buckets, a genesis constant: 16, 256, 4096, 65536 and 1048576."""
DEFAULT_BUCKET_COUNT: Final = 2**16
GROUPS: Final = 256
"""Heights in which every dirty bucket is rewritten once, and journal rows that a restart reads."""

MAX_GROUPS: Final = 65_536

# State keys start with a letter (a module's name), so "!" keeps these rows apart from them.
STORE_PREFIX: Final = b"!commitment/"
_BUCKET_ROW: Final = STORE_PREFIX + b"bucket/"
_JOURNAL_ROW: Final = STORE_PREFIX + b"journal/"
_LAYOUT_ROW: Final = STORE_PREFIX + b"layout"
_LAYOUT_VERSION: Final = 1
_NODE_BYTES: Final = 1 + FAN_OUT * HASH_BYTES
_LEAF: Final = Struct("32s32s")
_DELETED: Final = bytes(HASH_BYTES)

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


def leaf_offset(bucket: bytes | bytearray, key_hash: bytes) -> int:
    """Offset of the key's leaf in a bucket (prefix byte, sorted leaves), or of its place."""
    low, high = 0, len(bucket) // LEAF_BYTES
    while low < high:
        middle = (low + high) // 2
        at = 1 + middle * LEAF_BYTES
        if bucket[at : at + HASH_BYTES] < key_hash:
            low = middle + 1
        else:
            high = middle
    return 1 + low * LEAF_BYTES


def _put_leaf(bucket: bytearray, key_hash: bytes, value_hash: bytes) -> None:
    """Set one leaf, or remove it when value_hash is all zero."""
    # find() is several times faster than bisecting; a hit off the grid is a chance of 2^-256.
    at = bucket.find(key_hash, 1)
    if at < 0 or at % LEAF_BYTES != 1:
        at = leaf_offset(bucket, key_hash)
        if bucket[at : at + HASH_BYTES] != key_hash:
            if value_hash != _DELETED:
                bucket[at:at] = key_hash + value_hash
            return
    if value_hash == _DELETED:
        del bucket[at : at + LEAF_BYTES]
    else:
        bucket[at + HASH_BYTES : at + LEAF_BYTES] = value_hash


@dataclass(frozen=True, slots=True)
class CommitmentDelta:
    """What one block changes: computed on a commitment, applied to it once the block commits.

    root: state root of `height`. journal: the changed leaves, a deletion as 32 zero bytes of
    value hash. buckets: new content by index. nodes: by level from
    the buckets up, each node with its prefix by index.
    """

    height: int
    base_root: Hash
    root: Hash
    tree_root: bytes
    journal: bytes
    buckets: dict[int, bytearray]
    nodes: list[dict[int, bytearray]]


class StateCommitment:
    """Buckets and tree after the block of `height`; `apply` alone changes it."""

    def __init__(
        self, bucket_count: int, height: int, buckets: list[bytearray], groups: int
    ) -> None:
        ensure(len(buckets) == bucket_count, "one content for each bucket")
        self.bucket_count = bucket_count
        self.height = height
        self._depth = depth_of(bucket_count)
        self._groups = groups
        # Each starts with its prefix byte, as each node in the tree does: hashed without a copy.
        self._buckets = buckets
        # Height of each bucket's last change, and that at which all were written.
        self._changed_at = [height] * bucket_count
        self._since = height
        # Nodes of 16 child hashes; levels from the parents of buckets up to the one root node.
        self._tree = bytearray()
        self._levels: list[int] = []
        self._tree_root = self._fill_tree()
        self.root = state_root(bucket_count, self._tree_root)

    @staticmethod
    def build(
        rows: Changes, bucket_count: int, height: int = 0, groups: int = GROUPS
    ) -> "StateCommitment":
        """The commitment to `rows` from nothing: at genesis, for a snapshot or a repair."""
        depth = depth_of(bucket_count)
        buckets = [bytearray() for _ in range(bucket_count)]
        for key, value in rows:
            if value is not None:
                key_hash = sha256(key).digest()
                buckets[bucket_of(key_hash, depth)] += key_hash + sha256(value).digest()
        for index, leaves in enumerate(buckets):
            ordered = sorted(
                leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES)
            )
            buckets[index] = bytearray(BUCKET_PREFIX + b"".join(ordered))
        return StateCommitment(bucket_count, height, buckets, groups)

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

    def compute(self, changes: Sequence[Change]) -> CommitmentDelta:
        """What the block after this one changes. Changes nothing here: several blocks of one
        height are executed on the same base."""
        shift = 32 - 4 * self._depth
        base = self._buckets
        buckets: dict[int, bytearray] = {}
        key_hashes = [sha256(key).digest() for key, _ in changes]
        value_hashes = [
            _DELETED if value is None else sha256(value).digest() for _, value in changes
        ]
        for key_hash, value_hash in zip(key_hashes, value_hashes, strict=True):
            index = int.from_bytes(key_hash[:4], "big") >> shift
            bucket = buckets.get(index)
            if bucket is None:
                bucket = buckets[index] = base[index][:]
            # The usual case of _put_leaf without the call: a new value for a row that exists.
            at = bucket.find(key_hash, 1)
            if at & 63 == 1 and value_hash is not _DELETED:
                bucket[at + 32 : at + 64] = value_hash
            else:
                _put_leaf(bucket, key_hash, value_hash)
        nodes, tree_root = self._changed_nodes(buckets)
        return CommitmentDelta(
            height=self.height + 1,
            base_root=self.root,
            root=state_root(self.bucket_count, tree_root),
            tree_root=tree_root,
            journal=b"".join(chain.from_iterable(zip(key_hashes, value_hashes, strict=True))),
            buckets=buckets,
            nodes=nodes,
        )

    def _changed_nodes(
        self, buckets: dict[int, bytearray]
    ) -> tuple[list[dict[int, bytearray]], bytes]:
        tree = self._tree
        changed = [(index, sha256(bucket).digest()) for index, bucket in buckets.items()]
        levels: list[dict[int, bytearray]] = []
        for level in self._levels:
            nodes: dict[int, bytearray] = {}
            for index, digest in changed:
                parent = index >> 4
                node = nodes.get(parent)
                if node is None:
                    start = level + parent * _NODE_BYTES
                    node = nodes[parent] = tree[start : start + _NODE_BYTES]
                at = ((index & 15) << 5) + 1
                node[at : at + HASH_BYTES] = digest
            levels.append(nodes)
            changed = [(parent, sha256(node).digest()) for parent, node in nodes.items()]
        return levels, changed[0][1] if changed else self._tree_root

    def apply(self, delta: CommitmentDelta) -> None:
        """Become the commitment after the block, once its batch is durable."""
        ensure(
            delta.height == self.height + 1 and delta.base_root == self.root,
            f"delta of height {delta.height} on root {delta.base_root.hex()} does not follow "
            f"height {self.height} with root {self.root.hex()}",
        )
        buckets, changed_at, height = self._buckets, self._changed_at, delta.height
        for index, bucket in delta.buckets.items():
            buckets[index] = bucket
            changed_at[index] = height
        tree = self._tree
        for level, nodes in zip(self._levels, delta.nodes, strict=True):
            for index, node in nodes.items():
                start = level + index * _NODE_BYTES
                tree[start : start + _NODE_BYTES] = node
        self.height = height
        self.root = delta.root
        self._tree_root = delta.tree_root

    def bucket(self, index: int) -> bytes:
        """Prefix byte and sorted leaves of the bucket `index`."""
        return bytes(self._buckets[index])

    def siblings(self, index: int) -> tuple[Hash, ...]:
        """The 15 other children on each level, from the bucket `index` up to the root node."""
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

    def add_all_rows(self, batch: WriteBatch) -> None:
        """Put the whole commitment in `batch`: at genesis and after a rebuild."""
        layout = (_LAYOUT_VERSION, self.bucket_count, self._groups, self.height)
        batch.put(_LAYOUT_ROW, codec.encode(layout))
        for index, bucket in enumerate(self._buckets):
            if len(bucket) > 1:
                batch.put(_bucket_row(index), bytes(bucket))
            elif self.height:
                batch.delete(_bucket_row(index))

    def add_rows(self, batch: WriteBatch, delta: CommitmentDelta) -> None:
        """Put what `delta` needs on disk in its block's batch; call it before apply().

        One journal row, and the dirty buckets of the group whose turn this height is.
        """
        groups, height = self._groups, delta.height
        batch.put(_journal_row(height), delta.journal)
        if height > groups:
            batch.delete(_journal_row(height - groups))
        written_at = max(height - groups, self._since)
        for index in range(height % groups, self.bucket_count, groups):
            bucket = delta.buckets.get(index)
            if bucket is None:
                if self._changed_at[index] <= written_at:
                    continue
                bucket = self._buckets[index]
            if len(bucket) > 1:
                batch.put(_bucket_row(index), bytes(bucket))
            else:
                batch.delete(_bucket_row(index))

    @staticmethod
    def load(reader: KeyValueReader, height: int, expected_root: Hash) -> "StateCommitment":
        """The commitment after the block of `height`, from the rows of its batches.

        Raises LocalError unless it gives `expected_root`, the state root of that block's header.
        """
        bucket_count, groups, since = _read_layout(reader)
        buckets = [bytearray(BUCKET_PREFIX)] * bucket_count
        for key, content in reader.iterate(_BUCKET_ROW, prefix_end(_BUCKET_ROW)):
            index = int.from_bytes(key[len(_BUCKET_ROW) :], "big")
            if index >= bucket_count:
                raise LocalError(_damaged(f"it has bucket {index} of {bucket_count}"))
            buckets[index] = bytearray(content)
        shift = 32 - 4 * depth_of(bucket_count)
        # A bucket's row holds all up to its group's last turn; the journal has what came later.
        written_at = [max(since, height - (height - index) % groups) for index in range(groups)]
        changed_at = [since] * bucket_count
        newer: dict[int, dict[bytes, bytes]] = {}
        for at in range(max(since, height - groups) + 1, height + 1):
            for key_hash, value_hash in _LEAF.iter_unpack(_read_journal(reader, at)):
                index = int.from_bytes(key_hash[:4], "big") >> shift
                if written_at[index % groups] < at:
                    changed_at[index] = at
                    newer.setdefault(index, {})[key_hash] = value_hash
        for index, leaves in newer.items():
            bucket = buckets[index] = buckets[index][:]  # all empty ones are one object
            for key_hash, value_hash in leaves.items():
                _put_leaf(bucket, key_hash, value_hash)
        commitment = StateCommitment(bucket_count, height, buckets, groups)
        commitment._changed_at, commitment._since = changed_at, since
        if commitment.root != expected_root:
            raise LocalError(
                _damaged(
                    f"its root at height {height} is {commitment.root.hex()}, "
                    f"the block's header says {expected_root.hex()}"
                )
            )
        return commitment


def _bucket_row(index: int) -> bytes:
    return _BUCKET_ROW + index.to_bytes(4, "big")


def _journal_row(height: int) -> bytes:
    return _JOURNAL_ROW + height.to_bytes(8, "big")


def _read_layout(reader: KeyValueReader) -> tuple[int, int, int]:
    """(bucket count, groups, height at which every bucket was written)."""
    raw = reader.get(_LAYOUT_ROW)
    if raw is None:
        raise LocalError(_damaged("its layout row is missing"))
    try:
        fields = codec.as_array(codec.decode(raw), "layout", 4)
        version, bucket_count, groups, since = (codec.as_uint(item, "layout") for item in fields)
    except DecodeError as error:
        raise LocalError(_damaged(str(error))) from error
    if version != _LAYOUT_VERSION:
        raise LocalError(
            f"the database holds the state commitment in layout {version}, this version reads "
            f"{_LAYOUT_VERSION}: start the version that wrote it, or sync into a new folder"
        )
    if bucket_count not in BUCKET_COUNTS or not 1 <= groups <= MAX_GROUPS:
        raise LocalError(_damaged(f"it has {bucket_count} buckets in {groups} groups"))
    return bucket_count, groups, since


def _read_journal(reader: KeyValueReader, height: int) -> bytes:
    raw = reader.get(_journal_row(height))
    if raw is None or len(raw) % LEAF_BYTES:
        raise LocalError(_damaged(f"its journal row of height {height} is missing or cut"))
    return raw


def _damaged(problem: str) -> str:
    return (
        f"the database's state commitment is damaged: {problem}; keep a copy of the data folder, "
        "then restore a backup or sync into an empty folder"
    )
