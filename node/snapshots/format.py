"""What a snapshot consists of, as bytes: manifest, blocks with their receipts, parts of the state.

Items are numbered: 0 is the manifest, then one item for each of the newest blocks, ascending, then
one for each part of the state. Nothing here decides whether an item is true: that is
node.snapshots.checking (docs/formats.md, "Snapshots"). Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgpack

from api.ports import SetChange
from consensus.chain import RECENT_HEIGHTS
from ledger import codec
from ledger.block import MAX_BLOCK_BYTES, MAX_PARTICIPATION_BYTES, Header
from ledger.commitment import BUCKET_COUNTS, FAN_OUT
from ledger.errors import DecodeError
from ledger.primitives import HASH_BYTES, Hash
from ledger.receipt import MAX_LEAVES_BYTES
from ledger.registry import Certificate, ValidatorSet
from ledger.state_parts import MAX_LEVEL, Row

VERSION: Final = 1
MANIFEST: Final = 0
"""Number of the manifest among the items."""
PART_BYTES: Final = 256 * 1024
"""Parts are made as large as they can be with none above this: about 10 ms of work each."""
MAX_PART_BYTES: Final = codec.MAX_MESSAGE_BYTES
MAX_MANIFEST_BYTES: Final = codec.MAX_MESSAGE_BYTES
MAX_PART_ROWS: Final = 2**15
MAX_BLOCK_ITEM_BYTES: Final = (
    MAX_BLOCK_BYTES + MAX_PARTICIPATION_BYTES + MAX_LEAVES_BYTES + 4 * 1024
)
MAX_TAIL: Final = RECENT_HEIGHTS
"""Newest blocks in a snapshot: what a replica must know of the heights before its own."""
MAX_ITEMS: Final = 1 + MAX_TAIL + FAN_OUT**MAX_LEVEL
MAX_CHANGES: Final = codec.MAX_ITEMS


class NewerFormatError(DecodeError):
    """A later release wrote it, in the format `found`."""

    def __init__(self, found: int) -> None:
        super().__init__(f"format {found}, this release reads {VERSION}")
        self.found = found


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot is of, and what its items are held against.

    headers: of the newest blocks, ascending; the state is that after the last of them.
    certificate: of that last one. set_changes: every change of the validator set below its height,
    so that whoever knows genesis knows the sets. level, parts: nodes of the state's tree
    (ledger.state_parts), 32 bytes each.
    """

    chain_id: int
    genesis_hash: Hash
    bucket_count: int
    headers: tuple[Header, ...]
    certificate: Certificate
    set_changes: tuple[SetChange, ...]
    level: int
    parts: bytes

    @property
    def header(self) -> Header:
        """Of the block after which the state is."""
        return self.headers[-1]

    @property
    def height(self) -> int:
        """Of that block."""
        return self.header.height

    @property
    def part_count(self) -> int:
        """Parts of the state."""
        return len(self.parts) // HASH_BYTES

    @property
    def item_count(self) -> int:
        """Items in all, this manifest included."""
        return 1 + len(self.headers) + self.part_count

    def part_index(self, item: int) -> int:
        """Which part of the state an item is; negative for a block."""
        return item - 1 - len(self.headers)

    def encode(self) -> bytes:
        """Canonical [version, chain_id, genesis_hash, bucket_count, [header, ...], certificate,
        [[header, certificate, validator set], ...], level, parts]."""
        return codec.encode(
            (
                VERSION,
                self.chain_id,
                self.genesis_hash,
                self.bucket_count,
                [header.to_wire() for header in self.headers],
                self.certificate.to_wire(),
                [
                    (
                        codec.decode(item.header),
                        item.certificate.to_wire(),
                        item.validators.to_wire(),
                    )
                    for item in self.set_changes
                ],
                self.level,
                self.parts,
            )
        )


def decode_manifest(data: bytes) -> Manifest:
    """Inverse of Manifest.encode. DecodeError for anything else, NewerFormatError for that of a
    later release."""
    value = codec.decode(data, MAX_MANIFEST_BYTES)
    if type(value) is not tuple or not value:
        raise DecodeError("manifest: expected an array")
    version = codec.as_uint(value[0], "manifest.version")
    if version > VERSION:
        raise NewerFormatError(version)
    _, chain_id, genesis_hash, bucket_count, headers, certificate, changes, level, parts = (
        codec.as_array(value, "manifest", 9)
    )
    if version != VERSION or bucket_count not in BUCKET_COUNTS or not headers:
        raise DecodeError(f"manifest: version {version}, {bucket_count!r:.20} buckets")
    return Manifest(
        codec.as_uint(chain_id, "manifest.chain_id"),
        Hash(codec.as_bytes(genesis_hash, "manifest.genesis_hash", HASH_BYTES)),
        bucket_count,
        tuple(
            Header.from_wire(item) for item in codec.as_list(headers, "manifest.headers", MAX_TAIL)
        ),
        Certificate.from_wire(certificate),
        tuple(
            _change_from_wire(item)
            for item in codec.as_list(changes, "manifest.set_changes", MAX_CHANGES)
        ),
        codec.as_uint(level, "manifest.level", MAX_LEVEL),
        codec.as_bytes_up_to(parts, "manifest.parts", FAN_OUT**MAX_LEVEL * HASH_BYTES),
    )


def _change_to_wire(change: SetChange) -> tuple[object, ...]:
    header = codec.decode(change.header)
    return (header, change.certificate.to_wire(), change.validators.to_wire())


def _change_from_wire(value: object) -> SetChange:
    header, certificate, validators = codec.as_array(value, "set change", 3)
    return SetChange(
        codec.encode(Header.from_wire(header).to_wire()),
        Certificate.from_wire(certificate),
        ValidatorSet.from_wire(validators),
    )


@dataclass(frozen=True, slots=True)
class BlockItem:
    """A block with its certificate and its receipts, each as the store holds them."""

    block: bytes
    certificate: bytes
    receipts: bytes

    def encode(self) -> bytes:
        """Canonical [block, certificate, receipts], each as bytes."""
        return codec.encode((self.block, self.certificate, self.receipts))


def decode_block_item(data: bytes) -> BlockItem:
    """Inverse of BlockItem.encode; DecodeError for anything else."""
    block, certificate, receipts = codec.as_array(
        codec.decode(data, MAX_BLOCK_ITEM_BYTES), "block item", 3
    )
    return BlockItem(
        codec.as_bytes_up_to(block, "block", MAX_BLOCK_BYTES),
        codec.as_bytes_up_to(certificate, "certificate", MAX_PARTICIPATION_BYTES),
        codec.as_bytes_up_to(receipts, "receipts", MAX_LEAVES_BYTES),
    )


def encode_part(rows: Sequence[Row]) -> bytes:
    """Canonical [[key, value], ...], in the order of ledger.state_parts."""
    return codec.encode(rows)


def decode_part(data: bytes) -> tuple[Row, ...]:
    """Inverse of encode_part; DecodeError for anything else. The order is not looked at."""
    if len(data) > MAX_PART_BYTES:
        raise DecodeError(f"part: {len(data)} bytes, at most {MAX_PART_BYTES} are allowed")
    # Row by row: bytes that nest arrays reserve no room for thousands of items in each.
    unpacker = msgpack.Unpacker(
        use_list=False, raw=False, max_array_len=2, max_map_len=0, max_buffer_size=MAX_PART_BYTES
    )
    unpacker.feed(data)
    rows: list[Row] = []
    try:
        count = unpacker.read_array_header()
        if count > MAX_PART_ROWS:
            raise DecodeError(f"part: {count} rows, at most {MAX_PART_ROWS} are allowed")
        for _ in range(count):
            row = unpacker.unpack()
            if type(row) is not tuple or [type(item) for item in row] != [bytes, bytes]:
                raise DecodeError("part: a row is not a key and a value")
            rows.append(row)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise DecodeError(f"part: not canonical ({error or type(error).__name__})") from error
    if encode_part(rows) != data:
        raise DecodeError("part: not canonical")
    return tuple(rows)
