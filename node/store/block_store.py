"""The chain on disk: one synced write batch a block, and the reads of what it wrote.

Rows (big-endian integers; the first byte tells the kind):
  B height8       encoded block                 C height8  encoded commit certificate
  R height8       encoded receipts, one row     H hash32   height8 of the block with this hash
  T hash16        height5 index3 of a transaction, by the first half of its hash: half the bytes to
                  compact, and to find two with one half still takes 2^64 tries
  A shard4 account10 height2
                  places in a block that concern an account (node.store.account_index)
  V height8       [header, validator set] of a block that names another set than its parent does:
                  kept for ever, since who trusts genesis alone has to follow every change
  S key           state rows
  \\0head          [height, block hash, marker of the vote record, vote_record_lost]
  \\0index         [first, last]: the heights whose rows A are all there
  \\0lowest        [height]: the lowest block that is held; without this row 1
  \\0schema        layout version; an unknown one is refused
Whoever sees the head sees all of its block: there is no "not found" after commit. Below the lowest
height blocks are gone but for genesis, and for what follows the sets: rows V with their rows C.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ledger import codec
from ledger.errors import DecodeError, InvariantViolation, LocalError, ensure
from ledger.kv import KeyValueReader, KeyValueStore, WriteBatch
from ledger.primitives import HASH_BYTES, Address, Hash
from node.store.account_index import (
    RANGE_KEY,
    AccountIndex,
    HistoryRules,
    IndexRange,
    Operations,
    Staged,
    index_rows,
)
from node.store.prefix_reader import PrefixReader
from node.store.pruning import PruningRules, Range, Removal
from node.store.removing import OldBlocks
from node.store.row_keys import (
    BLOCK,
    CERTIFICATE,
    HEIGHT_OF,
    RECEIPTS,
    SET_CHANGE,
    STATE_PREFIX,
    TRANSACTION_KEY_BYTES,
    height_key,
    transaction_key,
)
from node.version import other_format
from node.votes.wal_format import Marker

SCHEMA_VERSION: Final = 2
PARTIAL_SCHEMA_VERSION: Final = 3
"""Of a store that lacks old blocks: releases that know only whole chains refuse it."""
KNOWN_SCHEMAS: Final = f"{SCHEMA_VERSION} and {PARTIAL_SCHEMA_VERSION}"
MAX_HEIGHT: Final = 2**40 - 1
MAX_INDEX: Final = 2**24 - 1
NO_MARKER: Final = Marker(bytes(16), 0, 0, 0)
"""In the head row of a store that has seen no vote record: at genesis, and after a snapshot."""
CHECKED_HEIGHTS: Final = 1024
"""Of the newest, and of all, whose presence is checked at start: about 20 ms."""

_WHOLE_VERSION: Final = str(SCHEMA_VERSION).encode()
_PARTIAL_VERSION: Final = str(PARTIAL_SCHEMA_VERSION).encode()
_SCHEMA_KEY: Final = b"\0schema"
_HEAD_KEY: Final = b"\0head"
_LOWEST_KEY: Final = b"\0lowest"
TRANSACTION_ROW_BYTES: Final = 1 + TRANSACTION_KEY_BYTES + 8
"""Of key and value."""

Rows = Iterable[tuple[bytes, bytes | None]]
"""(key without prefix, value or None to delete)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last committed block, and what the vote record was at its commit.

    vote_record_lost: the replica signs only from two heights above the first certified head that
    it sees (consensus.md rule 6); kept here so that it survives a restart before that.
    """

    height: int
    block_hash: Hash
    marker: Marker
    vote_record_lost: bool

    def encode(self) -> bytes:
        """Canonical bytes of the head row."""
        return codec.encode(
            (self.height, self.block_hash, self.marker.encode(), self.vote_record_lost)
        )

    @staticmethod
    def decode(data: bytes) -> "Head":
        """Inverse of encode; DecodeError for anything else."""
        height, block_hash, marker, lost = codec.as_array(codec.decode(data), "head", 4)
        if type(lost) is not bool:
            raise DecodeError(f"head.vote_record_lost: expected a bool, found {lost!r:.80}")
        return Head(
            codec.as_uint(height, "head.height", MAX_HEIGHT),
            Hash(codec.as_bytes(block_hash, "head.block_hash", HASH_BYTES)),
            Marker.decode(codec.as_bytes_up_to(marker, "head.marker", 64)),
            lost,
        )


def lowest_rows(height: int) -> Operations:
    """What the batch that removes the blocks below `height`, or installs those from it on, has to
    hold beside them."""
    ensure(1 <= height <= MAX_HEIGHT, f"lowest height {height}, expected 1 to {MAX_HEIGHT}")
    version = _WHOLE_VERSION if height == 1 else _PARTIAL_VERSION
    return [(_SCHEMA_KEY, version), (_LOWEST_KEY, codec.encode((height,)))]


def decode_lowest(data: bytes) -> int:
    """The height in a row \\0lowest; DecodeError for anything else."""
    (height,) = codec.as_array(codec.decode(data), "lowest", 1)
    found = codec.as_uint(height, "lowest.height", MAX_HEIGHT)
    if found == 0:
        raise DecodeError("lowest.height: expected 1 or more, found 0")
    return found


@dataclass(frozen=True, slots=True)
class BlockParts:
    """One block, encoded, with everything that its commit changes.

    transactions: their hashes in block order. At height 0 `block` is the block that genesis makes
    (ledger.genesis.build), and there is no certificate, receipt or transaction.
    set_change: canonical [header, validator set] when the header names another validator set than
    its parent's does, else empty. concerned: what ledger.concerned.concerned gives; written when
    this node keeps the history of accounts. time_ms: block time, for a node that keeps days.
    """

    height: int
    block_hash: Hash
    block: bytes
    certificate: bytes = b""
    receipts: bytes = b""
    transactions: Sequence[Hash] = ()
    state: Rows = ()
    set_change: bytes = b""
    concerned: Mapping[Address, bytes] = field(default_factory=dict)
    time_ms: int = 0


@dataclass(frozen=True, slots=True)
class Beginning:
    """Of a store that begins with a snapshot in place of block 1.

    genesis: height 0. set_changes: (height, canonical [header, validator set], certificate) of all
    below the newest block. blocks: the newest, ascending, without state. state: its rows, in
    batches. Each is read once.
    """

    genesis: BlockParts
    set_changes: Iterable[tuple[int, bytes, bytes]]
    blocks: Iterable[BlockParts]
    state: Iterable[Rows]


class BlockStore:
    """Rows of the chain over an open store. One task commits; reads may come from anywhere."""

    def __init__(
        self,
        store: KeyValueStore,
        name: str,
        history: HistoryRules | None = None,
        pruning: PruningRules | None = None,
    ) -> None:
        """name: what messages call the database, normally its folder. history: by default that of
        all accounts is kept, for ever; and without pruning rules every block.

        LocalError when another version wrote it, or when rows of its last block are missing.
        """
        self._store = store
        self._name = name
        version = store.get(_SCHEMA_KEY)
        if version is not None and version not in (_WHOLE_VERSION, _PARTIAL_VERSION):
            raise other_format(
                f"the database in {name}",
                version.decode(errors="replace"),
                KNOWN_SCHEMAS,
                "Use the release that wrote it or a later one, or move the folder away and start "
                "again: the node fetches the chain from its peers.",
            )
        self._lowest = self._read_lowest()
        self._head = self._read_head(version is not None)
        self._staged: Staged | None = None
        self._old = OldBlocks(store, pruning or PruningRules(), self._damaged)
        self._removal: Removal | None = None
        self.removed_bytes = 0
        """Of keys and values of blocks removed since the store was opened."""
        try:
            self.index: Final = AccountIndex(store, history or HistoryRules())
        except DecodeError as error:
            raise self._damaged(f"the range of its index is unreadable ({error})") from error
        self.index.floor = self._lowest

    def _read_lowest(self) -> int:
        row = self._store.get(_LOWEST_KEY)
        if row is None and self._store.get(_SCHEMA_KEY) == _PARTIAL_VERSION:
            raise self._damaged("the row of its lowest height is missing")
        try:
            return 1 if row is None else decode_lowest(row)
        except DecodeError as error:
            raise self._damaged(f"its lowest height is unreadable ({error})") from error

    def _read_head(self, expected: bool) -> Head | None:
        row = self._store.get(_HEAD_KEY)
        if row is None:
            if expected:
                raise self._damaged("its head row is missing")
            return None
        try:
            head = Head.decode(row)
        except DecodeError as error:
            raise self._damaged(f"its head row is unreadable ({error})") from error
        kinds = [(BLOCK, "block")]
        if head.height > 0:
            kinds += [(CERTIFICATE, "certificate"), (RECEIPTS, "receipts")]
        for prefix, kind in kinds:
            if self._store.get(prefix + height_key(head.height)) is None:
                raise self._damaged(f"the {kind} of its last height {head.height} is missing")
        if head.height > 0 and self._lowest > head.height:
            raise self._damaged(f"its lowest height {self._lowest} is above its head {head.height}")
        for height in _sampled_heights(self._lowest, head.height):
            if self._store.get(CERTIFICATE + height_key(height)) is None:
                raise self._damaged(f"height {height} is missing below its head {head.height}")
        return head

    def _damaged(self, what: str) -> LocalError:
        return LocalError(
            f"the database in {self._name} is damaged: {what}. Restore a backup, or move the "
            "folder away and start again: the node fetches the chain from its peers. Nothing "
            "finalised is lost."
        )

    def head(self) -> Head | None:
        """The last committed block, None before genesis is written."""
        return self._head

    @property
    def schema_version(self) -> int:
        """Layout version of what is held: SCHEMA_VERSION, or PARTIAL_SCHEMA_VERSION when old blocks
        are gone."""
        return SCHEMA_VERSION if self._lowest == 1 else PARTIAL_SCHEMA_VERSION

    @property
    def lowest_height(self) -> int:
        """The lowest block from 1 on that this store holds with everything up to the head: 1 when
        it holds the whole chain. Genesis it always holds."""
        return self._lowest

    def batch_for(
        self, parts: BlockParts, marker: Marker, *, vote_record_lost: bool = False
    ) -> WriteBatch:
        """The one batch of a block: the next height, or height 0 in an empty store."""
        height = parts.height
        expected = 0 if self._head is None else self._head.height + 1
        ensure(height == expected, f"commit of height {height}, expected {expected}")
        ensure(height <= MAX_HEIGHT, f"height {height} is above {MAX_HEIGHT}")
        ensure(len(parts.transactions) <= MAX_INDEX, "too many transactions in a block")
        batch = WriteBatch()
        add = batch.operations.append
        if self._head is None:
            add((_SCHEMA_KEY, _WHOLE_VERSION))
        batch.operations += _rows_to_write(parts)
        if self.index.rules.enabled and height > 0:
            self._staged = self.index.add(batch.operations, height, parts.concerned)
        self._removal = self._old.remove(batch.operations, self._lowest, height, parts.time_ms)
        if self._removal is not None:
            batch.operations += lowest_rows(self._removal.lowest)
        head = Head(height, parts.block_hash, marker, vote_record_lost)
        add((_HEAD_KEY, head.encode()))
        return batch

    def commit(self, batch: WriteBatch) -> Head:
        """Write a batch of batch_for, synced; on return the block survives loss of power.

        LocalError when the disk refuses: then the block is not committed.
        """
        key, row = batch.operations[-1]
        ensure(key == _HEAD_KEY, "the batch is not one of batch_for")
        head = Head.decode(row or b"")
        self._store.write(batch, sync=True)
        self._head = head
        if self._staged is not None:
            self.index.settle(self._staged)
            self._staged = None
        if self._removal is not None:
            self._lowest = self.index.floor = self._removal.lowest
            self.removed_bytes += self._removal.row_bytes
            self._removal = None
        return head

    def begin(self, beginning: Beginning) -> Head:
        """Fill an empty store with a snapshot; it has a head only when everything is there.

        The vote record counts as lost: who signed with this node's key before is not known here.
        """
        ensure(self._head is None, "a snapshot goes into an empty store")
        for rows in beginning.state:
            batch = WriteBatch()
            batch.operations += [(STATE_PREFIX + key, value) for key, value in rows]
            self._store.write(batch, sync=False)
        last = WriteBatch()
        last.operations += _rows_to_write(beginning.genesis)
        for height, row, certificate in beginning.set_changes:
            last.put(SET_CHANGE + height_key(height), row)
            last.put(CERTIFICATE + height_key(height), certificate)
        heights: list[int] = []
        newest = beginning.genesis
        for newest in beginning.blocks:
            batch = WriteBatch()
            batch.operations += _rows_to_write(newest)
            if self.index.rules.enabled:
                batch.operations += index_rows(newest.height, newest.concerned)
            self._store.write(batch, sync=False)
            heights.append(newest.height)
        ensure(heights, "a snapshot has the newest block")
        last.operations += lowest_rows(heights[0])
        if self.index.rules.enabled:
            last.put(RANGE_KEY, IndexRange(heights[0], heights[-1]).encode())
        last.put(_HEAD_KEY, Head(newest.height, newest.block_hash, NO_MARKER, True).encode())
        self._store.write(last, sync=True)
        self._lowest = self.index.floor = heights[0]
        self._head = Head(newest.height, newest.block_hash, NO_MARKER, True)
        self.index.reload()
        return self._head

    def removed_ranges(self) -> list[Range]:
        """Keys of which nothing is left but certificates of set changes."""
        lowest, first = height_key(self._lowest), height_key(1)
        kinds = (BLOCK, CERTIFICATE, RECEIPTS)
        return [(kind + first, kind + lowest) for kind in kinds] + self.index.removed_ranges()

    def compact(self, start: bytes, stop: bytes) -> None:
        """Give back what removed rows between two keys took; for a thread."""
        self._store.compact(start, stop)

    def set_vote_record(self, marker: Marker, *, lost: bool) -> None:
        """Name another vote record in the head row, synced: after a loss, before the node runs."""
        if self._head is None:
            raise InvariantViolation("there is no head row to change")
        batch = WriteBatch()
        batch.put(_HEAD_KEY, replace(self._head, marker=marker, vote_record_lost=lost).encode())
        self.commit(batch)

    def index_older(self, blocks: Mapping[int, Mapping[Address, bytes]]) -> None:
        """Write the rows of blocks right below those that are indexed, in one synced batch.

        blocks: what ledger.concerned.concerned gives, by height, descending.
        """
        if self._head is None:
            raise InvariantViolation("there is no block to index")
        batch = WriteBatch()
        self.index.settle(self.index.add_older(batch.operations, blocks, self._head.height))
        self._store.write(batch, sync=True)

    def block_bytes(self, height: int) -> bytes | None:
        """Encoded block, None when there is none at this height."""
        return self._at(BLOCK, height)

    def certificate_bytes(self, height: int) -> bytes | None:
        """Encoded commit certificate; None at height 0."""
        return self._at(CERTIFICATE, height)

    def receipts_bytes(self, height: int) -> bytes | None:
        """Encoded receipts of a block; None at height 0."""
        return self._at(RECEIPTS, height)

    def set_changes(self, below_height: int) -> Iterator[tuple[int, bytes]]:
        """(height, canonical [header, validator set]) of each block below this height that names
        another validator set than its parent does, ascending."""
        rows = self._store.iterate(SET_CHANGE, SET_CHANGE + height_key(below_height))
        for key, row in rows:
            yield int.from_bytes(key[1:], "big"), row

    def _at(self, prefix: bytes, height: int) -> bytes | None:
        if self._head is None or not 0 <= height <= self._head.height:
            return None
        return self._store.get(prefix + height_key(height))

    def height_of(self, block_hash: Hash) -> int | None:
        """Height of the committed block with this hash (genesis hash: 0)."""
        row = self._store.get(HEIGHT_OF + block_hash)
        return None if row is None else int.from_bytes(row, "big")

    def locate_transaction(self, transaction: Hash) -> tuple[int, int] | None:
        """(height, index in the block), or None when no committed block holds it."""
        row = self._store.get(transaction_key(transaction))
        if row is None:
            return None
        place = int.from_bytes(row, "big")
        return place >> 24, place & MAX_INDEX

    def state(self) -> PrefixReader:
        """State rows as of now; later commits do not change it."""
        return PrefixReader(self._store.snapshot(), STATE_PREFIX)

    def live_state(self) -> PrefixReader:
        """State rows without a snapshot: valid until the next commit, and cheap."""
        return PrefixReader(self._store, STATE_PREFIX)

    def size_bytes(self) -> int:
        """Bytes on disk."""
        return self._store.size_bytes()

    def snapshot(self) -> KeyValueReader:
        """All rows of the store as they are now, whatever is committed later."""
        return self._store.snapshot()

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _rows_to_write(parts: BlockParts) -> list[tuple[bytes, bytes | None]]:
    """The rows of one block but for those of the index of accounts."""
    at = height_key(parts.height)
    rows: list[tuple[bytes, bytes | None]] = []
    if parts.height > 0:
        rows += [(CERTIFICATE + at, parts.certificate), (RECEIPTS + at, parts.receipts)]
    rows += [(BLOCK + at, parts.block), (HEIGHT_OF + parts.block_hash, at)]
    if parts.set_change:
        rows.append((SET_CHANGE + at, parts.set_change))
    first = parts.height << 24
    for index, transaction in enumerate(parts.transactions):
        rows.append((transaction_key(transaction), (first | index).to_bytes(8, "big")))
    rows += [(STATE_PREFIX + key, value) for key, value in parts.state]
    return rows


def _sampled_heights(lowest: int, head: int) -> list[int]:
    """Every height near the head, and as many spread over all: an engine whose list of files was
    cut short opens without complaint, and lacks what it wrote from memory last."""
    recent = range(max(lowest, head - CHECKED_HEIGHTS), head)
    return [*range(lowest, head, max(0, head - lowest) // CHECKED_HEIGHTS + 1), *recent]
