"""The two files of a vote record, in sectors: node/votes/wal.py reads and writes them.

Each has what a process reads (the page cache) and what survives loss of power (the platter).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from os import strerror
from pathlib import Path
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
from ledger.registry import Phase
from node.votes.vote_files import FILES, Content
from node.votes.wal_format import COPIES, PAGE_BYTES, Frame, read_file_header, scan
from tests.simulation.disk import SECTOR_BYTES, BadRead, Crash, Disk, Fuse, Misread

Durable = tuple[Phase, int, int, bytes]
"""(phase, height, view, block hash; b"" for a ViewChange) of a vote that the record holds."""


NEWEST_FRAME: Final = "misread newest frame"
_Page = tuple[int, int]
"""(slot, offset) of a page."""


@dataclass(frozen=True, slots=True)
class _Write:
    """A write whose sync is over at `done_us`."""

    done_us: int
    slot: int
    offset: int
    data: bytes


class VirtualFiles:
    """VoteFiles whose sectors loss of power, failed syncs and bad reads concern."""

    def __init__(
        self, rng: Random, fuse: Fuse, disk: Disk, chain_id: int, name: str = "node"
    ) -> None:
        """rng: draws which pages an ordinary crash leaves."""
        self._rng = rng
        self._fuse = fuse
        self._disk = disk
        self._chain_id = chain_id
        self._folder = Path(name) / "votes"
        self._cache: list[bytearray] = []
        self._platter: list[bytearray] = []
        self._under_way: list[_Write] = []
        self._seed = 0
        self._forget_durable()

    # VoteFiles

    def path(self, slot: int) -> Path:
        """What messages call the file."""
        return self._folder / FILES[slot]

    def found(self) -> list[bool]:
        """Which of the files are there."""
        return [bool(self._platter)] * len(FILES)

    def create(self, headers: Sequence[bytes], *, keep_old: bool) -> None:
        """Two files that hold no frame."""
        del keep_old
        self._refuse()
        self._platter = [bytearray(header.ljust(PAGE_BYTES, b"\0")) for header in headers]
        self._cache = [bytearray(content) for content in self._platter]
        self._under_way = []
        self._seed = crc32(read_file_header(bytes(self._platter[0]), 0) or b"")
        self._forget_durable()

    def read(self) -> list[Content]:
        """What both hold, by the cache; a sync finds nothing to write after one that failed."""
        self._settle(everything=True)
        contents = [bytes(content) for content in self._cache]
        bad = self._disk.bad_record
        if bad is not None:
            self._disk.bad_record = None
            self._misread(contents, bad)
        return [Content(content) for content in contents]

    def write(self, slot: int, offset: int, data: bytes) -> None:
        """One write and one sync; a crash between them leaves any part of it."""
        disk = self._disk
        if self._fuse.burn() or disk.loses_power():
            self._tear(_Write(0, slot, offset, data))
            raise Crash
        refusal = disk.refuses(votes=True)
        if refusal is not None:
            if refusal.at_sync:
                _put(self._cache[slot], offset, data)
                self._tear(_Write(0, slot, offset, data))
            raise OSError(refusal.code, strerror(refusal.code))
        _put(self._cache[slot], offset, data)
        self._under_way.append(_Write(disk.done_us(), slot, offset, data))
        self._settle()
        self._fuse()

    def cut_back(self, slot: int, size_bytes: int) -> None:
        """Nothing here grows so far."""

    def size_bytes(self) -> int:
        """Bytes that both take."""
        return sum(map(len, self._cache))

    def close(self) -> None:
        """Nothing to release."""

    # What happens to them

    def durable(self) -> dict[Durable, None]:
        """Votes that a restart after loss of power would find: what may be sent (rule 1)."""
        self._settle()
        return {**self._durable[0], **self._durable[1]}

    def platter(self) -> list[bytes]:
        """What both files would hold after loss of power."""
        self._settle()
        return [bytes(content) for content in self._platter]

    def is_durable(self, vote: Durable) -> bool:
        """Whether a restart after loss of power would find this vote."""
        self._settle()
        return any(vote in found for found in self._durable)

    def crash(self) -> None:
        """Power fails: what was under way is torn, and the cache is gone."""
        self._settle()
        for write in self._under_way:
            self._tear(write)
        self._under_way = []
        self._cache = [bytearray(content) for content in self._platter]
        self._find_durable()

    def lose(self) -> None:
        """The files are gone (an operator's mistake, a replaced disk)."""
        self._cache, self._platter, self._under_way = [], [], []
        self._forget_durable()

    def _refuse(self) -> None:
        refusal = self._disk.refuses(votes=True)
        if refusal is not None:
            raise OSError(refusal.code, strerror(refusal.code))

    def _settle(self, *, everything: bool = False) -> None:
        while self._under_way and (everything or self._disk.is_over(self._under_way[0].done_us)):
            write = self._under_way.pop(0)
            _put(self._platter[write.slot], write.offset, write.data)
            self._remember(write.slot, bytes(write.offset) + write.data)

    def _tear(self, write: _Write) -> None:
        for start, end in self._disk.survivors(len(write.data), self._rng):
            _put(self._platter[write.slot], write.offset + start, write.data[start:end])

    def _find_durable(self) -> None:
        self._forget_durable()
        for slot, content in enumerate(self._platter):
            self._remember(slot, bytes(content))

    def _forget_durable(self) -> None:
        self._durable: list[dict[Durable, None]] = [{}, {}]
        self._generations = [0, 0]

    def _remember(self, slot: int, content: bytes) -> None:
        """The votes of the newest generation's frames in this part of a file."""
        frames = scan(content, self._seed)
        newest = max((frame.generation for frame in frames), default=0)
        if newest > self._generations[slot]:
            self._generations[slot], self._durable[slot] = newest, {}
        for frame in frames:
            if frame.generation != newest:
                continue
            for raw in frame.records:
                for vote in votes_of(wal_records.decode(raw, self._read)):
                    self._durable[slot][vote] = None

    def _misread(self, contents: list[bytes], bad: BadRead) -> None:
        """Written pages of one file are not what was written: mostly one page of the newest
        frame, else one anywhere else, or a run of them.

        Never both copies of the newest frame: after a kill that looks like a torn write, which was
        never sent, and the record drops it (docs/adr/0007, "Consequences").
        """
        rng = self._disk.rng
        newest, others = self._written(contents, bad)
        if newest and (not others or rng.randrange(4)):
            harmed = [rng.choice(newest)]
        elif others:
            slot, at = rng.choice(others)
            length = 1 if bad.mendable else rng.choice((1, 8))
            run = [(slot, at + number * PAGE_BYTES) for number in range(length)]
            harmed = [page for page in run if page in others]
        else:
            return
        content = bytearray(contents[slot := harmed[0][0]])
        for _, at in harmed:
            if bad.kind is Misread.FLIPPED:
                place = at + rng.randrange(SECTOR_BYTES)
                content[place % len(content)] ^= 1 << rng.randrange(8)
            else:
                other, elsewhere = rng.choice(others + newest)
                content[at : at + PAGE_BYTES] = contents[other][elsewhere : elsewhere + PAGE_BYTES]
        if content == contents[slot]:
            return
        contents[slot] = bytes(content)
        self._disk.note_misread(bad)
        if harmed[0] in newest:
            self._disk.struck.add(NEWEST_FRAME)
        if bad.lasting:
            self._cache[slot], self._platter[slot] = content, bytearray(content)

    def _written(self, contents: list[bytes], bad: BadRead) -> tuple[list[_Page], list[_Page]]:
        """Pages that may be damaged: those of the newest frame, none when a copy of it is bad
        already; those of no newest frame, with another copy where the damage must be mendable."""
        frames = sorted(
            (frame.generation, frame.sequence, slot, frame)
            for slot, content in enumerate(contents)
            for frame in scan(content, self._seed)
        )
        pages = [
            [(slot, at) for at in range(frame.offset, frame.end, PAGE_BYTES)]
            for *_, slot, frame in frames
        ]
        twice = [its for its, (*_, frame) in zip(pages, frames, strict=True) if _is_twice(frame)]
        newest = pages[-1] if pages else []
        if bad.mendable:
            others = [page for its in twice if its is not newest for page in its]
        else:
            others = [
                (slot, at)
                for slot, content in enumerate(contents)
                for at in range(0, len(content), PAGE_BYTES)
                if (slot, at) not in newest
            ]
        return newest if newest in twice else [], others

    def _read(self, raw: bytes) -> Block:
        return decode_block(raw, self._chain_id)


def _is_twice(frame: Frame) -> bool:
    return len(frame.intact) == COPIES


def _put(file: bytearray, offset: int, data: bytes) -> None:
    if len(file) < offset + len(data):
        file.extend(bytes(offset + len(data) - len(file)))
    file[offset : offset + len(data)] = data


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
