"""Layout of the vote record's files (node/votes/wal.py): a header page, then frames.

A frame is what one append wrote: a header, then [length, bytes] of each record, from the start of a
page, padded to whole pages, so that a torn write never touches an earlier frame; then the same
pages once more, so that damage of one page takes no frame. All checksums are seeded with the log's
random identity: no payload can pass for a frame of this log. A frame names its place, so that a
page which the disk put elsewhere does not pass for one either.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from zlib import crc32

from ledger import codec

PAGE_BYTES: Final = 4096
IDENTITY_BYTES: Final = 16

VERSION: Final = 1
"""Of the layout of both files and of the records in them (consensus.wal_records)."""
_FILE_TAG: Final = b"poyong votes "
_MAGIC_BYTES: Final = 16
_FILE_MAGIC: Final = (_FILE_TAG + str(VERSION).encode()).ljust(_MAGIC_BYTES, b"\0")
_FILE_HEADER: Final = struct.Struct(">16s16sB")  # magic, identity, slot; then crc32
_FRAME_MAGIC: Final = b"vote"
# magic, generation, sequence, frames of the generation before, page of the first copy, records,
# body bytes, crc32 of the body; then crc32 of these
_FRAME_HEADER: Final = struct.Struct(">4sQQIIIII")
_CRC: Final = struct.Struct(">I")
_FRAME_HEADER_BYTES: Final = _FRAME_HEADER.size + _CRC.size
COPIES: Final = 2
"""So often a frame is written, one copy after the other, by one write and one sync."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The newest frame known to be durable, kept in the commit batch of every block.

    identity: of the log. frames: number of frames in `generation`, which is 0 before the first.
    checksum: crc32 of that frame's body.
    """

    identity: bytes
    generation: int
    frames: int
    checksum: int

    def encode(self) -> bytes:
        """Canonical bytes [identity, generation, frames, checksum]."""
        return codec.encode((self.identity, self.generation, self.frames, self.checksum))

    @staticmethod
    def decode(data: bytes) -> "Marker":
        """Inverse of encode; DecodeError for anything else."""
        identity, generation, frames, checksum = codec.as_array(codec.decode(data), "marker", 4)
        return Marker(
            codec.as_bytes(identity, "marker.identity", IDENTITY_BYTES),
            codec.as_uint(generation, "marker.generation"),
            codec.as_uint(frames, "marker.frames"),
            codec.as_uint(checksum, "marker.checksum", 2**32 - 1),
        )


class Frame(NamedTuple):
    """A frame of which a copy passed its checksums: where it starts and what it holds.

    copy_bytes: of one copy, in whole pages. before: frames of the generation before, which were
    all durable. checksum: crc32 of the body. intact: which copies passed.
    """

    offset: int
    copy_bytes: int
    generation: int
    sequence: int
    before: int
    checksum: int
    records: tuple[bytes, ...]
    intact: tuple[int, ...]

    @property
    def end(self) -> int:
        """Where the next frame starts."""
        return self.offset + COPIES * self.copy_bytes

    def place(self, copy: int) -> int:
        """Where a copy starts."""
        return self.offset + copy * self.copy_bytes


def file_header(identity: bytes, slot: int) -> bytes:
    """What a file starts with; written once."""
    header = _FILE_HEADER.pack(_FILE_MAGIC, identity, slot)
    return header + _CRC.pack(crc32(header))


def file_version(data: bytes) -> str | None:
    """The version that a file's header names; None when it is damaged, or no such header. The
    header has this form in every version."""
    header, end = data[: _FILE_HEADER.size], _FILE_HEADER.size + _CRC.size
    if data[_FILE_HEADER.size : end] != _CRC.pack(crc32(header)):
        return None
    tag, _, version = header[:_MAGIC_BYTES].rstrip(b"\0").rpartition(b" ")
    return version.decode(errors="replace") if tag + b" " == _FILE_TAG else None


def read_file_header(data: bytes, slot: int) -> bytes | None:
    """The identity in a file's first page; None when it is damaged or that of another slot."""
    end = _FILE_HEADER.size + _CRC.size
    if len(data) < PAGE_BYTES:
        return None
    _, identity, _ = _FILE_HEADER.unpack_from(data)
    return bytes(identity) if data[:end] == file_header(identity, slot) else None


def encode_frame(
    generation: int, sequence: int, before: int, offset: int, records: Sequence[bytes], seed: int
) -> tuple[bytes, int]:
    """(whole pages of one copy, checksum of the body). before: frames of the generation before.
    offset: of the first copy in the file. seed: crc32 of the identity."""
    body = b"".join(part for record in records for part in (_CRC.pack(len(record)), record))
    checksum = crc32(body, seed)
    page = offset // PAGE_BYTES
    header = _FRAME_HEADER.pack(
        _FRAME_MAGIC, generation, sequence, before, page, len(records), len(body), checksum
    )
    frame = b"".join((header, _CRC.pack(crc32(header, seed)), body))
    return frame.ljust(_page_end(len(frame)), b"\0"), checksum


def scan(data: bytes, seed: int) -> list[Frame]:
    """Every frame with an intact copy in page order, whatever its generation."""
    frames: list[Frame] = []
    at = PAGE_BYTES
    while at + _FRAME_HEADER_BYTES <= len(data):
        found = _copy_at(data, at, seed)
        if found is None:
            at += PAGE_BYTES
            continue
        at += found.copy_bytes
        if frames and frames[-1]._replace(intact=found.intact) == found:
            found = found._replace(intact=frames.pop().intact + found.intact)
        frames.append(found)
    return frames


def _copy_at(data: bytes, at: int, seed: int) -> Frame | None:
    """The frame of which an intact copy lies here, where it says that it does."""
    header = data[at : at + _FRAME_HEADER.size]
    start = at + _FRAME_HEADER_BYTES
    if header[:4] != _FRAME_MAGIC or data[start - _CRC.size : start] != _CRC.pack(
        crc32(header, seed)
    ):
        return None
    _, generation, sequence, before, page, count, body_bytes, checksum = _FRAME_HEADER.unpack(
        header
    )
    copy_bytes, offset = _page_end(_FRAME_HEADER_BYTES + body_bytes), page * PAGE_BYTES
    copy, rest = divmod(at - offset, copy_bytes)
    body = data[start : start + body_bytes]
    if rest or copy not in range(COPIES) or len(body) < body_bytes or crc32(body, seed) != checksum:
        return None
    records = _records(body, count)
    return Frame(
        offset, copy_bytes, generation, sequence, before, checksum, records, intact=(copy,)
    )


def _records(body: bytes, count: int) -> tuple[bytes, ...]:
    records, at = [], 0
    for _ in range(count):
        (length,) = _CRC.unpack_from(body, at)
        at += _CRC.size
        records.append(body[at : at + length])
        at += length
    return tuple(records)


def _page_end(offset: int) -> int:
    return -(-offset // PAGE_BYTES) * PAGE_BYTES
