"""A virtual disk: synced writes survive a crash, unsynced ones are lost, the last frame may tear.

A fuse counts the operations of a node that touch the world outside (disk, links); when it is
burnt the process dies at exactly this point: before a sync, after it and before the sends, between
two sends. Those are the crash points of node/wal.py and of the commit batch.
"""

from collections.abc import Iterator
from random import Random
from typing import Final
from zlib import crc32

from consensus import wal_records
from consensus.recovery import record_height
from consensus.wal_records import (
    PreparedRecord,
    PrepareRecord,
    ProposalRecord,
    Record,
    ViewChangeRecord,
)
from ledger.block import Block, decode_block
from ledger.kv import MemoryStore, WriteBatch
from ledger.registry import Phase
from node.wal_format import (
    IDENTITY_BYTES,
    PAGE_BYTES,
    Frame,
    Marker,
    encode_frame,
    scan,
)


class Crash(BaseException):
    """The process ends here. Not an Exception: nothing in production may catch it."""


class Fuse:
    """Counts a node's operations; burns when armed and used up."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> bool:
        """Count one operation; True when the process dies in it."""
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0

    def __call__(self) -> None:
        """Count one operation that is either done or not."""
        if self.burn():
            raise Crash


class VirtualStore:
    """KeyValueStore in memory whose unsynced writes a crash undoes."""

    def __init__(self, rows: MemoryStore, fuse: Fuse) -> None:
        self._rows = rows
        self._fuse = fuse
        self._undo: list[tuple[bytes, bytes | None]] = []

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        return self._rows.get(key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order."""
        return self._rows.iterate(start, stop)

    def last(self, start: bytes, stop: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The last `count` pairs with start <= key < stop, the last one first."""
        return self._rows.last(start, stop, count)

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        """The whole batch or nothing; a sync makes all earlier writes durable too."""
        self._fuse()
        if sync:
            self._undo.clear()
        else:
            self._undo += [(key, self._rows.get(key)) for key, _ in batch.operations]
        self._rows.write(batch, sync=sync)
        self._fuse()

    def crash(self) -> None:
        """Lose what was not synced."""
        undo = WriteBatch()
        undo.operations = self._undo[::-1]
        self._rows.write(undo, sync=True)
        self._undo = []

    def snapshot(self) -> MemoryStore:
        """A copy."""
        return self._rows.snapshot()

    def compact(self, start: bytes, stop: bytes) -> None:
        del start, stop

    def size_bytes(self) -> int:
        """Bytes of keys and values."""
        return self._rows.size_bytes()

    def close(self) -> None:
        """Nothing to release."""


Durable = tuple[Phase, int, int, bytes]
"""(phase, height, view, block hash; b"" for a ViewChange) of a vote that the log holds."""
_FILES: Final = 2


class VirtualLog:
    """The vote record of node/wal.py on two virtual files: same frames, generations and marker."""

    def __init__(self, rng: Random, fuse: Fuse, chain_id: int) -> None:
        self._rng = rng
        self._fuse = fuse
        self._chain_id = chain_id
        self.durable: dict[Durable, None] = {}
        """Votes that a restart would find: what may be sent (rule 1)."""
        self._fresh()

    def _fresh(self) -> None:
        self._identity = self._rng.randbytes(IDENTITY_BYTES)
        self._files = [bytearray(PAGE_BYTES) for _ in range(_FILES)]
        self._committed = Marker(self._identity, 0, 0, 0)
        self._generation, self._sequence = 1, 0
        self._offset, self._checksum = PAGE_BYTES, 0
        self.durable = {}

    def append(self, records: list[bytes]) -> None:
        """One write and one sync; a crash between them leaves any part of the pages."""
        pages, checksum = encode_frame(
            self._generation, self._sequence, records, crc32(self._identity)
        )
        file = self._files[self._generation % _FILES]
        if self._fuse.burn():
            for at in range(0, len(pages), PAGE_BYTES):
                if self._rng.randrange(2):
                    self._write(file, self._offset + at, pages[at : at + PAGE_BYTES])
            raise Crash
        self._write(file, self._offset, pages)
        self._offset, self._checksum = self._offset + len(pages), checksum
        self._sequence += 1
        self._remember(records)
        self._fuse()

    def marker(self) -> Marker:
        """The newest durable frame; goes into the commit batch of a block."""
        if self._sequence == 0:
            return self._committed
        return Marker(self._identity, self._generation, self._sequence, self._checksum)

    def cut(self, committed: Marker) -> None:
        """Records up to `committed` are no longer needed: the other file takes over."""
        if committed.generation != self._generation or self._sequence == 0:
            return
        self._committed = self.marker()
        self._generation += 1
        self._sequence, self._offset, self._checksum = 0, PAGE_BYTES, 0
        self.durable = {}

    def lose(self) -> None:
        """The files are gone (an operator's mistake, a replaced disk)."""
        self._fresh()

    def open(self, marker: Marker | None) -> tuple[list[bytes], bool]:
        """(records of unfinished heights, whether the vote record is lost); then append goes on.

        marker: that of the store's last commit, None before the first one.
        """
        if marker is None:
            marker = Marker(self._identity, 0, 0, 0)
        if marker.identity != self._identity:
            return [], True
        self._committed = marker
        committed, running = self._frames(marker.generation), self._frames(marker.generation + 1)
        last = running[-1] if running else None
        self._generation = marker.generation + 1
        self._sequence = 0 if last is None else last.sequence + 1
        self._offset = PAGE_BYTES if last is None else last.end
        self._checksum = 0 if last is None else last.checksum
        records = [record for frame in committed + running for record in frame.records]
        self.durable = {}
        self._remember(records)
        return records, False

    def _frames(self, generation: int) -> list[Frame]:
        """Intact frames of one generation, in order; a torn last one is not among them."""
        found = scan(bytes(self._files[generation % _FILES]), crc32(self._identity))
        own = [frame for frame in found if frame.generation == generation]
        expected = PAGE_BYTES
        for frame in own:
            if frame.offset != expected:
                raise AssertionError(f"the vote record has a hole at byte {expected}")
            expected = frame.end
        return own

    @staticmethod
    def _write(file: bytearray, offset: int, data: bytes) -> None:
        if len(file) < offset + len(data):
            file.extend(bytes(offset + len(data) - len(file)))
        file[offset : offset + len(data)] = data

    def _remember(self, records: list[bytes]) -> None:
        for raw in records:
            for vote in votes_of(wal_records.decode(raw, self._read)):
                self.durable[vote] = None

    def _read(self, raw: bytes) -> Block:
        return decode_block(raw, self._chain_id)


def votes_of(record: Record) -> list[Durable]:
    """The votes that may be sent once this record is durable."""
    height = record_height(record)
    match record:
        case ProposalRecord(view=view, own=own, proposal=proposal):
            block_hash: bytes = proposal.hash
        case PrepareRecord(view=view, own=own, block_hash=block_hash):
            pass
        case PreparedRecord(certificate=certificate):
            return [(Phase.COMMIT, height, certificate.view, certificate.block_hash)]
        case ViewChangeRecord(vote=vote):
            return [(Phase.VIEW_CHANGE, height, vote.new_view, b"")]
        case _:
            return []
    votes: list[Durable] = [(Phase.PREPARE, height, view, block_hash)]
    if own:
        votes.append((Phase.PRE_PREPARE, height, view, block_hash))
    return votes
