"""Makes a snapshot of the head while the chain goes on, in steps of a few milliseconds.

The rows come from a view of the store that later blocks do not change. They lie there by key, and
a part has them by the hash of the key: they are spilled to files by the first bits of that hash,
and cut into parts one file after the other. So memory is bounded, whatever the state holds.
"""

import shutil
from array import array
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgpack

from api.ports import SetChange
from ledger import codec
from ledger.block import MAX_BLOCK_BYTES, Header
from ledger.commitment import FAN_OUT, bucket_of
from ledger.errors import DecodeError, LocalError, ensure
from ledger.kv import KeyValueReader
from ledger.primitives import HASH_BYTES, Hash
from ledger.state_parts import Row, highest_level, in_part_order, part_hash, root_of_parts
from node.files.disk_errors import os_error
from node.reads.chain_proofs import chain_proof
from node.snapshots.file import SnapshotWriter
from node.snapshots.format import (
    MAX_MANIFEST_BYTES,
    MAX_PART_BYTES,
    MAX_PART_ROWS,
    MAX_TAIL,
    PART_BYTES,
    BlockItem,
    Manifest,
    encode_part,
)
from node.store.block_store import BlockStore
from node.store.storage import STATE_START, STATE_STOP

ROWS_A_STEP: Final = 500
SPILLED_BYTES: Final = 4 * 1024 * 1024
"""Rows in memory before they are spilled."""
SPILL_LEVEL: Final = 2
"""256 files at most."""
SPILL_FOLDER: Final = "making"
_ROW_OVERHEAD_BYTES: Final = 11
"""Of msgpack's headers for a row."""
_SIZED_BITS: Final = 16


@dataclass(frozen=True, slots=True)
class Making:
    """How far it is: steps done and steps in all as far as they are known."""

    done: int
    whole: int


class SnapshotMaker:
    """One snapshot of the head at which it is constructed.

    steps(): the work, some ms each; then finish(), which waits for the disk and may run in a
    thread. abandon() leaves nothing behind. LocalError when the disk refuses, or when the state
    cannot be cut into parts that are small enough.
    """

    def __init__(
        self, blocks: BlockStore, chain_id: int, genesis_hash: Hash, bucket_count: int, out: Path
    ) -> None:
        """out: the file to make, in a folder of its own kind."""
        head = blocks.head()
        ensure(head is not None and head.height > 0, "a snapshot of a chain without blocks")
        self.height = 0 if head is None else head.height
        self.out = out
        self._blocks = blocks
        self._chain_id = chain_id
        self._genesis_hash = genesis_hash
        self._bucket_count = bucket_count
        self._state: KeyValueReader = blocks.state()
        self._spill = out.parent / SPILL_FOLDER
        self._writer: SnapshotWriter | None = None

    def steps(self) -> Iterator[Making]:
        """All the work but that of finish()."""
        headers: list[Header] = []
        self._clear()
        try:
            self._spill.mkdir(parents=True)
        except OSError as error:
            raise os_error("create", self._spill, error) from error
        self._writer = writer = SnapshotWriter(self.out)
        for height in range(max(1, self.height - MAX_TAIL + 1), self.height + 1):
            header, item = _block_item(self._blocks, height)
            headers.append(header)
            writer.add(item)
            yield Making(0, 1)
        # At once after the last block: later ones may come while the state is read.
        proof = chain_proof(self._blocks, headers[-1])
        level = yield from self._choose_level()
        groups = yield from self._spill_rows(level)
        hashes = bytearray()
        for group in range(groups):
            for part in self._parts_of(group, groups, level):
                hashes += self._add_part(writer, part, level, len(hashes) // HASH_BYTES)
                yield Making(len(hashes) // HASH_BYTES, FAN_OUT**level)
        self._add_manifest(writer, headers, proof.set_changes, level, bytes(hashes))
        self._clear()

    def finish(self) -> None:
        """The file is durable and has its name."""
        ensure(self._writer is not None, "a snapshot is finished before it is made")
        if self._writer is not None:
            self._writer.finish()

    def abandon(self) -> None:
        """Give up and leave nothing behind."""
        if self._writer is not None:
            self._writer.abandon()
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._spill, ignore_errors=True)

    def _rows(self) -> Iterator[tuple[bytes, Row] | None]:
        """(hash of the key, row) of each row, and None when it is time for others."""
        for count, row in enumerate(self._state.iterate(STATE_START, STATE_STOP), 1):
            yield sha256(row[0]).digest(), row
            if count % ROWS_A_STEP == 0:
                yield None

    def _choose_level(self) -> Generator[Making, None, int]:
        """The level with the largest parts of which none is too large."""
        sizes = array("Q", bytes(8 << _SIZED_BITS))
        for found in self._rows():
            if found is None:
                yield Making(0, 1)
                continue
            key_hash, (key, value) = found
            place = int.from_bytes(key_hash[:2], "big")
            sizes[place] += len(key) + len(value) + _ROW_OVERHEAD_BYTES
        highest = highest_level(self._bucket_count)
        for level in range(highest + 1):
            width = 1 << (_SIZED_BITS - 4 * level)
            largest = max(sum(sizes[at : at + width]) for at in range(0, 1 << _SIZED_BITS, width))
            if largest <= PART_BYTES:
                return level
        return highest

    def _spill_rows(self, level: int) -> Generator[Making, None, int]:
        """Write the rows to files by the first bits of their hash; how many files."""
        coarse = min(level, SPILL_LEVEL)
        groups: int = FAN_OUT**coarse
        pack = msgpack.Packer(use_bin_type=True).pack
        waiting: list[list[bytes]] = [[] for _ in range(groups)]
        waiting_bytes = 0
        for found in self._rows():
            if found is None:
                yield Making(0, FAN_OUT**level)
                continue
            packed: bytes = pack(found[1])
            waiting[bucket_of(found[0], coarse)].append(packed)
            waiting_bytes += len(packed)
            if waiting_bytes >= SPILLED_BYTES:
                self._append(waiting)
                waiting_bytes = 0
                yield Making(0, FAN_OUT**level)
        self._append(waiting)
        return groups

    def _append(self, waiting: list[list[bytes]]) -> None:
        try:
            for group, rows in enumerate(waiting):
                if rows:
                    with (self._spill / str(group)).open("ab") as file:
                        file.writelines(rows)
                    rows.clear()
        except OSError as error:
            raise os_error("write", self._spill, error) from error

    def _parts_of(self, group: int, groups: int, level: int) -> Iterator[list[Row]]:
        """The rows of each part in one file."""
        count = FAN_OUT**level // groups
        parts: list[list[Row]] = [[] for _ in range(count)]
        path = self._spill / str(group)
        try:
            if path.exists():
                with path.open("rb") as file:
                    for key, value in msgpack.Unpacker(file, use_list=False):
                        index = bucket_of(sha256(key).digest(), level)
                        parts[index - group * count].append((key, value))
        except OSError as error:
            raise os_error("read", path, error) from error
        yield from parts

    def _add_part(self, writer: SnapshotWriter, rows: list[Row], level: int, index: int) -> Hash:
        ordered = in_part_order(rows)
        encoded = encode_part(ordered)
        if len(rows) > MAX_PART_ROWS or len(encoded) > MAX_PART_BYTES:
            raise LocalError(
                f"part {index} of the state has {len(rows):,} rows in {len(encoded):,} bytes, at "
                f"most {MAX_PART_ROWS:,} in {MAX_PART_BYTES:,} can be sent: this chain has too few "
                "buckets for a snapshot of its state"
            )
        writer.add(encoded)
        return part_hash(ordered, self._bucket_count, level, index)

    def _add_manifest(
        self,
        writer: SnapshotWriter,
        headers: list[Header],
        changes: tuple[SetChange, ...],
        level: int,
        hashes: bytes,
    ) -> None:
        header = headers[-1]
        found = root_of_parts(self._bucket_count, level, hashes)
        if found != header.state_root:
            raise LocalError(
                f"the state rows give the root {found.hex()}, the header of block {header.height} "
                f"says {header.state_root.hex()}: run poyong doctor on this node, and make a "
                "snapshot on another one"
            )
        certificate = chain_proof(self._blocks, header).certificate
        raw = Manifest(
            self._chain_id,
            self._genesis_hash,
            self._bucket_count,
            tuple(headers),
            certificate,
            changes,
            level,
            hashes,
        ).encode()
        if len(raw) > MAX_MANIFEST_BYTES:
            raise LocalError(
                f"{len(changes):,} changes of the validator set make a manifest of {len(raw):,} "
                f"bytes, at most {MAX_MANIFEST_BYTES:,} can be sent"
            )
        writer.add(raw)


def make_at_once(maker: SnapshotMaker, told: Callable[[Making], None] = lambda _: None) -> None:
    """Make it without a rest: where no chain goes on beside. LocalError leaves nothing behind."""
    try:
        for making in maker.steps():
            told(making)
        maker.finish()
    except BaseException:
        maker.abandon()
        raise


def _block_item(blocks: BlockStore, height: int) -> tuple[Header, bytes]:
    raw = blocks.block_bytes(height)
    certificate, receipts = blocks.certificate_bytes(height), blocks.receipts_bytes(height)
    if raw is None or certificate is None or receipts is None:
        raise LocalError(
            f"block {height} is missing in the database, and a snapshot needs the newest "
            f"{MAX_TAIL}: run poyong doctor on this node"
        )
    try:
        header, _, _ = codec.decode(raw, MAX_BLOCK_BYTES)
        return Header.from_wire(header), BlockItem(raw, certificate, receipts).encode()
    except (DecodeError, ValueError) as error:
        raise LocalError(f"block {height} of the database is unreadable: {error}") from error
