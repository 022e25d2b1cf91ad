"""Which blocks concern an account: rows beside the block, in its batch, and pages of them.

Rows: A shard4 account10 height2 -> positions in the block, 2 bytes each (ledger.concerned); shard
and height2 are the height, cut after its lowest 16 bits. So the rows of 65,536 blocks lie together:
those of old blocks are never moved again when the store sorts new ones, and are dropped as a whole.
account10 is the first half of the address: that saves a third of what the rows cost. To share one
with somebody else takes 2^80 tries; who reads a place looks whether it concerns the account.
\\0index -> [first, last]: heights whose rows are all there. Rows outside are never wrong, but not
complete: blocks were committed without an index, or their shard is being dropped.

A place is height << 16 | position: places sort as what they stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ledger import codec
from ledger.concerned import HOOKS, POSITION_BYTES, positions
from ledger.errors import ensure
from ledger.kv import KeyValueStore
from ledger.primitives import Address

SHARD_BITS: Final = 16
SHARD_BLOCKS: Final = 1 << SHARD_BITS
POSITION_BITS: Final = 16
MAX_SHARDS_A_PAGE: Final = 256
"""Read for one page: about 5 ms. Who was silent for longer gets an empty page and goes on."""
DROPPED_A_ROW: Final = 2
"""Old rows deleted for each new one, so that deleting keeps up with any load."""
DROPPED_A_BLOCK: Final = 256
"""Old rows deleted with each block beside that."""

INDEX_PREFIX: Final = b"A"
RANGE_KEY: Final = b"\0index"
_MAX_HEIGHT: Final = 2**40 - 1
_SHARD_AND_LOW_BYTES: Final = 6
_LOW_BYTES: Final = 2
_ACCOUNT_BYTES: Final = 10

Operations = list[tuple[bytes, bytes | None]]


@dataclass(frozen=True, slots=True)
class HistoryRules:
    """What a node keeps. keep_blocks: newest blocks whose rows are kept at least, 0 for all."""

    enabled: bool = True
    keep_blocks: int = 0


@dataclass(frozen=True, slots=True)
class IndexRange:
    """The heights first..last are indexed completely; none when last is first - 1."""

    first: int
    last: int

    def encode(self) -> bytes:
        """Canonical bytes of the range row."""
        return codec.encode((self.first, self.last))

    @staticmethod
    def decode(data: bytes) -> "IndexRange":
        """Inverse of encode; DecodeError for anything else."""
        first, last = codec.as_array(codec.decode(data), "index", 2)
        return IndexRange(
            codec.as_uint(first, "index.first", _MAX_HEIGHT + 1),
            codec.as_uint(last, "index.last", _MAX_HEIGHT),
        )


@dataclass(frozen=True, slots=True)
class Staged:
    """What a batch makes of the index, in force once it is written.

    swept: no row below is left to drop. dropped_to: the key up to which rows were deleted.
    """

    range: IndexRange
    swept: int
    dropped_to: bytes


@dataclass(frozen=True, slots=True)
class PlacePage:
    """places: in the order asked for. resume: where the next page starts. more: whether there may
    be one now."""

    places: tuple[int, ...]
    resume: int
    more: bool


def place_of(height: int, position: int) -> int:
    """The place of a position in the block of a height."""
    return height << POSITION_BITS | position


def split_place(place: int) -> tuple[int, int]:
    """(height, position) of a place."""
    return place >> POSITION_BITS, place & HOOKS


def after_block(height: int) -> int:
    """The last place of a block: pages that start after it begin with the next block."""
    return place_of(height, HOOKS)


def row_key(account: bytes, height: int) -> bytes:
    """Key of the row of one account and block."""
    shard_key, low = _row_key_parts(height)
    return shard_key + account[:_ACCOUNT_BYTES] + low


def index_rows(height: int, concerned: Mapping[Address, bytes]) -> Operations:
    """The rows of a block, in key order: what lies together is written faster.

    concerned: what ledger.concerned.concerned gives.
    """
    shard_key, low = _row_key_parts(height)
    halves = {account[:_ACCOUNT_BYTES]: places for account, places in concerned.items()}
    if len(halves) < len(concerned):
        halves = _united(concerned)
    return [(shard_key + half + low, halves[half]) for half in sorted(halves)]


def _united(concerned: Mapping[Address, bytes]) -> dict[bytes, bytes]:
    """Positions by first half of the address, where some accounts of the block share one."""
    places: dict[bytes, set[int]] = {}
    for account, encoded in concerned.items():
        places.setdefault(account[:_ACCOUNT_BYTES], set()).update(positions(encoded))
    return {
        half: b"".join(position.to_bytes(POSITION_BYTES, "big") for position in sorted(found))
        for half, found in places.items()
    }


def _row_key_parts(height: int) -> tuple[bytes, bytes]:
    cut = height.to_bytes(_SHARD_AND_LOW_BYTES, "big")
    return INDEX_PREFIX + cut[:-_LOW_BYTES], cut[-_LOW_BYTES:]


def _shard_key(shard: int) -> bytes:
    return INDEX_PREFIX + shard.to_bytes(_SHARD_AND_LOW_BYTES - _LOW_BYTES, "big")


class AccountIndex:
    """The rows of one store; block_store puts what they need into the batch of each block."""

    def __init__(self, store: KeyValueStore, rules: HistoryRules) -> None:
        """DecodeError when the range row is damaged."""
        self.rules = rules
        self._store = store
        self.reload()
        self._swept = 0
        self._dropped_to = INDEX_PREFIX
        self.floor = 1
        """The lowest block that the store holds: what is indexed below it counts no longer."""

    def reload(self) -> None:
        """Read the range anew, after somebody else wrote it; DecodeError when it is damaged."""
        row = self._store.get(RANGE_KEY)
        self._range = None if row is None else IndexRange.decode(row)

    def first(self, head: int) -> int:
        """The lowest height from which on everything up to the head is indexed."""
        known = self._range
        return head + 1 if known is None or known.last != head else max(known.first, self.floor)

    def lowest_wanted(self, head: int) -> int:
        """The lowest height whose rows are to be kept: the first of a shard, or of the store."""
        return max(self.floor, self._lowest_shard(head) << SHARD_BITS)

    def _lowest_shard(self, head: int) -> int:
        """The lowest shard with a row to be kept: those below go as a whole."""
        keep = self.rules.keep_blocks
        return max(self.floor, head + 1 - keep if keep else 0) >> SHARD_BITS

    def add(
        self, operations: Operations, height: int, concerned: Mapping[Address, bytes]
    ) -> Staged:
        """Put the rows of the next block into its batch, and delete some that are too old.

        concerned: what ledger.concerned.concerned gives. Call settle() when the batch is written.
        """
        operations += index_rows(height, concerned)
        shard, swept, dropped_to = self._lowest_shard(height), self._swept, self._dropped_to
        if swept < shard:
            quota = DROPPED_A_BLOCK + DROPPED_A_ROW * len(concerned)
            # From where the last block stopped: what was just deleted is slow to step over.
            rows = list(islice(self._store.iterate(dropped_to, _shard_key(shard)), quota))
            operations += [(key, None) for key, _ in rows]
            dropped_to = rows[-1][0] if rows else dropped_to
            swept = shard if len(rows) < quota else swept
        first = max(self.first(height - 1), self.lowest_wanted(height))
        staged = Staged(IndexRange(first, height), swept, dropped_to)
        operations.append((RANGE_KEY, staged.range.encode()))
        return staged

    def add_older(
        self, operations: Operations, blocks: Mapping[int, Mapping[Address, bytes]], head: int
    ) -> Staged:
        """Put rows of blocks into a batch; heights descend, and the highest is first(head) - 1."""
        first = self.first(head)
        for height, concerned in blocks.items():
            ensure(height == first - 1, f"block {height} indexed, expected {first - 1}")
            operations += index_rows(height, concerned)
            first = height
        staged = Staged(IndexRange(first, head), self._swept, self._dropped_to)
        operations.append((RANGE_KEY, staged.range.encode()))
        return staged

    def removed_ranges(self) -> list[tuple[bytes, bytes]]:
        """Keys of the shards that have been dropped: first, and the one after the last."""
        return [(_shard_key(0), _shard_key(self._swept))] if self._swept else []

    def holds(self, height: int, concerned: Mapping[Address, bytes]) -> bool:
        """Whether the rows of a block are there, as they should be."""
        return all(self._store.get(key) == value for key, value in index_rows(height, concerned))

    def settle(self, staged: Staged) -> None:
        """The batch that was staged is on disk."""
        self._range = staged.range
        self._swept = staged.swept
        self._dropped_to = staged.dropped_to

    def newest(self, account: bytes, below: int, count: int, head: int) -> PlacePage:
        """Up to `count` places below the place `below` that concern an account, newest first.

        resume: the `below` of the next page. Ends at first(head).
        """
        first, highest = self.first(head), min(split_place(below)[0], head)
        found: list[int] = []
        shards = range(highest >> SHARD_BITS, (first >> SHARD_BITS) - 1, -1)
        for shard in shards[:MAX_SHARDS_A_PAGE]:
            start, stop = _bounds(account, shard, first, highest)
            # One more says that there is more, and all of the first may be above.
            for key, row in self._store.last(start, stop, count + 2):
                for position in reversed(positions(row)):
                    place = place_of(_height_in(shard, key), position)
                    if place >= below:
                        continue
                    if len(found) == count:
                        return PlacePage(tuple(found), found[-1], more=True)
                    found.append(place)
        is_cut = len(shards) > MAX_SHARDS_A_PAGE
        reached = shards[MAX_SHARDS_A_PAGE - 1] << SHARD_BITS if is_cut else first
        return PlacePage(tuple(found), place_of(reached, 0), is_cut)

    def oldest(self, account: bytes, above: int, count: int, head: int) -> PlacePage:
        """Up to `count` places above the place `above` that concern an account, oldest first.

        resume: the `above` of the next page, also of one that is asked for when there are more
        blocks. Begins at first(head).
        """
        first = max(self.first(head), split_place(above)[0])
        found: list[int] = []
        shards = range(first >> SHARD_BITS, (head >> SHARD_BITS) + 1)
        for shard in shards[:MAX_SHARDS_A_PAGE]:
            start, stop = _bounds(account, shard, first, head)
            for key, row in islice(self._store.iterate(start, stop), count + 2):
                for position in positions(row):
                    place = place_of(_height_in(shard, key), position)
                    if place <= above:
                        continue
                    if len(found) == count:
                        return PlacePage(tuple(found), found[-1], more=True)
                    found.append(place)
        is_cut = len(shards) > MAX_SHARDS_A_PAGE
        reached = (shards[MAX_SHARDS_A_PAGE] << SHARD_BITS) - 1 if is_cut else head
        return PlacePage(tuple(found), max(above, after_block(reached)), is_cut)


def _bounds(account: bytes, shard: int, first: int, last: int) -> tuple[bytes, bytes]:
    """Start and stop of an account's rows of the heights first..last in one shard."""
    lowest, highest = shard << SHARD_BITS, (shard + 1 << SHARD_BITS) - 1
    return (
        row_key(account, max(first, lowest)),
        row_key(account, min(last, highest)) + b"\0",
    )


def _height_in(shard: int, key: bytes) -> int:
    return shard << SHARD_BITS | int.from_bytes(key[-_LOW_BYTES:], "big")
