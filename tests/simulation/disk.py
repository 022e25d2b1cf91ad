"""A node's virtual disk: what it does to writes, syncs and reads, and when power fails.

A fuse counts the operations of a node that touch the world outside (disk, links); when it is
burnt the process dies at exactly this point: before a sync, after it and before the sends, between
two sends. Those are the crash points of node/votes/wal.py and of the commit batch.

Beside that a disk may be ill (tests/simulation/disk_faults.py): slow, refusing, full, or giving
back what was never written there. What a sync that failed leaves behind is what Linux leaves: the
process that reads sees all of it, the platter has any part, and no later sync tries again.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final

from tests.simulation.world import World

SECTOR_BYTES: Final = 512
"""What a disk writes whole or not at all."""


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


class Tear(Enum):
    """Which parts of a write that was under way survive loss of power."""

    PAGES = "any pages"
    PREFIX = "the sectors before some point"
    SECTORS = "any sectors"


class Misread(Enum):
    """What is wrong with something that was read."""

    FLIPPED = "bits"
    MISDIRECTED = "what lies elsewhere on the disk"


@dataclass(slots=True)
class Refusal:
    """Writes fail with `code` once `after` more of them have passed; once, or until it is mended.

    at_sync: the write is taken and the sync fails. spares_votes: the vote record's files, which
    have all their blocks, are not concerned.
    """

    code: int
    after: int
    once: bool
    at_sync: bool = False
    spares_votes: bool = False


@dataclass(slots=True)
class BadRead:
    """The read after `after` more of them is wrong; lasting: and all later ones of the same.
    mendable: only in what is written twice and whole, one page of it."""

    kind: Misread
    after: int
    lasting: bool = False
    mendable: bool = False


class Disk:
    """The health of one node's disk; its store and its vote record ask it."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world = world
        self.rng = rng
        self.lag_us = 0
        """How long the syncs of the running turn took: what follows them happens so much later."""
        self.sync_us: tuple[int, int] | None = None
        """Least and most that a sync takes; None: no time."""
        self.refusal: Refusal | None = None
        self.bad_row: BadRead | None = None
        """Of the store; wrong only while a process works, not when the monitor looks."""
        self.bad_record: BadRead | None = None
        """Of the vote record's files."""
        self.power_fails_after: int | None = None
        """Writes until the one in which power fails."""
        self.tear = Tear.PAGES
        self.working = False
        self.harmed = False
        """Whether anything was refused or misread: then a node may stop."""
        self.misread = False
        """Whether the running process was given something wrong."""
        self.struck: set[str] = set()
        """Names of what happened at least once."""

    def done_us(self) -> int:
        """When the sync that is made now is over."""
        if self.sync_us is not None:
            self.lag_us += self.rng.randint(*self.sync_us)
            self.struck.add("slow")
        return self._world.now_us + self.lag_us

    def is_over(self, at_us: int) -> bool:
        """Whether this moment has come."""
        return at_us <= self._world.now_us

    def loses_power(self) -> bool:
        """Count one write; True when power fails while it is under way."""
        if self.power_fails_after is None:
            return False
        self.power_fails_after -= 1
        if self.power_fails_after >= 0:
            return False
        self.power_fails_after = None
        self.struck.add("torn" if self.tear is Tear.PREFIX else "reordered")
        return True

    def refuses(self, *, votes: bool) -> Refusal | None:
        """Count one write of the store or the vote record; what is wrong with it, if anything."""
        refusal = self.refusal
        if refusal is None or (votes and refusal.spares_votes):
            return None
        refusal.after -= 1
        if refusal.after >= 0:
            return None
        if refusal.once:
            self.refusal = None
        self.harmed = True
        self.struck.add("full" if refusal.code == errno.ENOSPC else "failing")
        return refusal

    def misreads_row(self) -> BadRead | None:
        """Count one read of the store; what is wrong with it, if anything."""
        bad = self.bad_row
        if bad is None or not self.working:
            return None
        bad.after -= 1
        if bad.after >= 0:
            return None
        self.bad_row = None
        self.note_misread(bad)
        return bad

    def note_misread(self, bad: BadRead) -> None:
        """Something wrong was read."""
        self.harmed = self.misread = True
        self.struck.add(f"misread {bad.kind.name.lower()}")

    def survivors(self, length: int, pages_rng: Random) -> Iterator[tuple[int, int]]:
        """(start, end) of the parts of a write of `length` bytes that outlive loss of power."""
        if self.tear is Tear.PREFIX:
            yield 0, self.rng.randrange(length // SECTOR_BYTES + 1) * SECTOR_BYTES
            return
        sectors = self.tear is Tear.SECTORS
        step, rng = (SECTOR_BYTES, self.rng) if sectors else (PAGE_BYTES, pages_rng)
        for start in range(0, length, step):
            if rng.randrange(2):
                yield start, min(start + step, length)

    def mend(self) -> None:
        """A healthy disk from now on; what it lost already is lost."""
        self.sync_us = self.refusal = self.bad_row = self.bad_record = None
        self.power_fails_after = None

    @contextmanager
    def at_work(self, working: bool) -> Iterator[None]:
        """Whether reads in here are those of the node's program."""
        before, self.working = self.working, working
        try:
            yield
        finally:
            self.working = before

    def process_ended(self) -> None:
        """What the last process waited for and was told concerns nobody any more."""
        self.lag_us = 0
        self.misread = False


PAGE_BYTES: Final = 4096
"""What the page cache writes; a process that dies without loss of power leaves whole pages."""
