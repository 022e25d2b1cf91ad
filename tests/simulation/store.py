"""A key-value store on a virtual disk: batches in a log, whole or not at all, as an engine does it.

An engine finds damage of its tables by the checksum of each block and says so; what it cannot find
is a block that was read from another place, in which the key is missing or old. When a write fails
it takes no more; whether that batch is there is known at the next opening, which writes all that it
finds anew.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from os import strerror
from pathlib import Path

from ledger.kv import MemoryStore, WriteBatch
from node.files.disk_errors import engine_error
from tests.simulation.disk import BadRead, Crash, Disk, Fuse, Misread

Undo = list[tuple[bytes, bytes | None]]


@dataclass(slots=True)
class _Unsettled:
    """A batch that loss of power undoes until `done_us`; None: it was never synced."""

    undo: Undo
    done_us: int | None


class VirtualStore:
    """KeyValueStore in memory whose unsynced writes a crash undoes."""

    def __init__(self, rows: MemoryStore, fuse: Fuse, disk: Disk, name: str = "node") -> None:
        self._rows = rows
        self._fuse = fuse
        self._disk = disk
        self._path = Path(name) / "chain"
        self._unsettled: list[_Unsettled] = []
        self._in_log: WriteBatch | None = None
        """What a write that failed may have left in the log."""
        self._failed = False
        self._bad_keys: set[bytes] = set()
        self._older: dict[bytes, bytes | None] = {}

    def open(self) -> None:
        """A process opens the folder: what the log holds is read, and written anew."""
        self._failed = False
        refusal = self._disk.refuses(votes=False)
        if refusal is not None:
            raise self._error(refusal.code)
        if self._in_log is not None:
            self._apply(self._in_log, None)
            self._in_log = None
        self._unsettled = []

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        bad = self._disk.misreads_row()
        if bad is not None:
            return self._misread(key, bad)
        if self._bad_keys and self._disk.working and key in self._bad_keys:
            raise self._checksum_error()
        return self._rows.get(key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order."""
        if not self._bad_keys or not self._disk.working:
            yield from self._rows.iterate(start, stop)
            return
        for key, value in self._rows.iterate(start, stop):
            if key in self._bad_keys:
                raise self._checksum_error()
            yield key, value

    def last(self, start: bytes, stop: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The last `count` pairs with start <= key < stop, the last one first."""
        return self._rows.last(start, stop, count)

    def write(self, batch: WriteBatch, *, sync: bool) -> None:
        """The whole batch or nothing; a sync makes all earlier writes durable too."""
        self._fuse()
        disk = self._disk
        if disk.loses_power():
            if disk.rng.randrange(2):
                self._apply(batch, disk.done_us() if sync else None)
                self._settle(everything=True)
            raise Crash
        if self._failed:
            raise self._error(errno.EIO)
        refusal = disk.refuses(votes=False)
        if refusal is not None:
            self._failed = True
            if refusal.at_sync:
                self._in_log = batch
            raise self._error(refusal.code)
        self._apply(batch, disk.done_us() if sync else None)
        self._settle()
        self._fuse()

    def _apply(self, batch: WriteBatch, done_us: int | None) -> None:
        undo = [(key, self._rows.get(key)) for key, _ in batch.operations]
        if self._disk.bad_row is not None:
            self._older.update(undo)
        self._unsettled.append(_Unsettled(undo, done_us))
        self._rows.write(batch, sync=True)

    def _settle(self, *, everything: bool = False) -> None:
        """Forget how to undo what is durable: up to the last sync that is over."""
        for at in range(len(self._unsettled) - 1, -1, -1):
            done_us = self._unsettled[at].done_us
            if done_us is not None and (everything or self._disk.is_over(done_us)):
                del self._unsettled[: at + 1]
                return

    def crash(self) -> None:
        """Power fails: of what was not synced, the first batches of the log may survive."""
        self._settle()
        if self._in_log is not None and self._disk.rng.randrange(2):
            self._apply(self._in_log, None)
        self._in_log = None
        while self._unsettled and (self._is_lost() or not self._disk.rng.randrange(2)):
            undo = WriteBatch()
            undo.operations = self._unsettled.pop().undo[::-1]
            self._rows.write(undo, sync=True)
        self._unsettled = []

    def _is_lost(self) -> bool:
        """Without a fault of the disk what was not synced is lost, as the hardest case."""
        return not self._disk.struck

    def wipe(self) -> None:
        """The operator moved the folder away."""
        self._rows = MemoryStore()
        self._unsettled, self._in_log, self._bad_keys, self._older = [], None, set(), {}

    def replace(self, rows: MemoryStore) -> None:
        """The operator put another folder in the place of this one."""
        self.wipe()
        self._rows = rows

    def snapshot(self) -> MemoryStore:
        """A copy."""
        return self._rows.snapshot()

    def compact(self, start: bytes, stop: bytes) -> None:
        """Nothing to merge."""
        del start, stop

    def size_bytes(self) -> int:
        """Bytes of keys and values."""
        return self._rows.size_bytes()

    def close(self) -> None:
        """Nothing to release."""

    def _misread(self, key: bytes, bad: BadRead) -> bytes | None:
        if bad.kind is Misread.MISDIRECTED:
            return self._older.get(key)
        if bad.lasting:
            self._bad_keys.add(key)
        raise self._checksum_error()

    def _checksum_error(self) -> Exception:
        return engine_error(self._path, ValueError("Corruption: block checksum mismatch"))

    def _error(self, code: int) -> Exception:
        said = f"IO error: {self._path}/000003.log: {strerror(code)}"
        return engine_error(self._path, ValueError(said))
