"""Layout of the vote record's files (node/wal.py): a header page, then frames.

A frame is what one append wrote: a header, then [length, bytes] of each record, from the start of a
page, padded to whole pages, so that a torn write never touches an earlier frame. All checksums
are seeded with the log's random identity: no payload can pass for a frame of this log.
"""

import struct
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
# magic, generation, sequence, records, body bytes, crc32 of the body; then crc32 of these
_FRAME_HEADER: Final = struct.Struct(">4sQQIII")
_CRC: Final = struct.Struct(">I")
_FRAME_HEADER_BYTES: Final = _FRAME_HEADER.size + _CRC.size


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
    """A frame that passed its checksums: where it starts and what it holds."""

    offset: int
    end: int
    generation: int
    sequence: int
    checksum: int
    records: tuple[bytes, ...]


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
    generation: int, sequence: int, records: list[bytes], seed: int
) -> tuple[bytes, int]:
    """(whole pages to write, checksum of the body). seed: crc32 of the identity."""
    body = b"".join(part for record in records for part in (_CRC.pack(len(record)), record))
    checksum = crc32(body, seed)
    header = _FRAME_HEADER.pack(
        _FRAME_MAGIC, generation, sequence, len(records), len(body), checksum
    )
    frame = b"".join((header, _CRC.pack(crc32(header, seed)), body))
    return frame.ljust(_page_end(len(frame)), b"\0"), checksum


def scan(data: bytes, seed: int) -> list[Frame]:
    """Every intact frame in page order, whatever its generation."""
    frames, offset = [], PAGE_BYTES
    while offset + _FRAME_HEADER_BYTES <= len(data):
        frame = _frame_at(data, offset, seed)
        if frame is None:
            offset += PAGE_BYTES
        else:
            frames.append(frame)
            offset = frame.end
    return frames


def _frame_at(data: bytes, offset: int, seed: int) -> Frame | None:
    header = data[offset : offset + _FRAME_HEADER.size]
    start = offset + _FRAME_HEADER_BYTES
    if header[:4] != _FRAME_MAGIC or data[start - _CRC.size : start] != _CRC.pack(
        crc32(header, seed)
    ):
        return None
    _, generation, sequence, count, body_bytes, checksum = _FRAME_HEADER.unpack(header)
    body = data[start : start + body_bytes]
    if len(body) < body_bytes or crc32(body, seed) != checksum:
        return None
    records, at = [], 0
    for _ in range(count):
        (length,) = _CRC.unpack_from(body, at)
        at += _CRC.size
        records.append(body[at : at + length])
        at += length
    return Frame(
        offset, _page_end(start + body_bytes), generation, sequence, checksum, tuple(records)
    )


def _page_end(offset: int) -> int:
    return -(-offset // PAGE_BYTES) * PAGE_BYTES
