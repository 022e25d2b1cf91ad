"""The files of a vote record as a disk may leave them: read, changed and put back."""

from pathlib import Path
from typing import Final

from node.votes.wal import open_log
from node.votes.wal_format import PAGE_BYTES, Marker

FILES: Final = ("votes-0.wal", "votes-1.wal")
LARGE: Final = bytes(range(256)) * 60
"""A record over several pages."""
SMALL_BYTES: Final = 16 * PAGE_BYTES
"""Of files that a test writes hundreds of times."""


def contents(folder: Path) -> list[bytes]:
    """Of both files."""
    return [(folder / name).read_bytes() for name in FILES]


def restore(folder: Path, files: list[bytes]) -> None:
    """Put both files there."""
    folder.mkdir(exist_ok=True)
    for name, data in zip(FILES, files, strict=True):
        (folder / name).write_bytes(data)


def written_pages(before: bytes, after: bytes) -> list[int]:
    """Page numbers that differ."""
    return [
        at // PAGE_BYTES
        for at in range(0, len(after), PAGE_BYTES)
        if before[at : at + PAGE_BYTES] != after[at : at + PAGE_BYTES]
    ]


def with_pages(before: bytes, after: bytes, pages: list[int]) -> bytes:
    """`before`, with some pages as in `after`: what a crash between write and sync may leave."""
    mixed = bytearray(before.ljust(len(after), b"\0"))
    for page in pages:
        at = page * PAGE_BYTES
        mixed[at : at + PAGE_BYTES] = after[at : at + PAGE_BYTES]
    return bytes(mixed)


def one_append(
    folder: Path, earlier: list[list[bytes]], last: list[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """Both files before and after the append of `last`; no clean stop."""
    log = open_log(folder, None).log
    for records in earlier:
        log.append(records)
    before = contents(folder)
    log.append(last)
    after = contents(folder)
    log.close()
    return before, after


def recovered(folder: Path, marker: Marker | None) -> tuple[list[bytes], str | None]:
    """(records, why they are lost) as a process finds them that is stopped cleanly then."""
    opened = open_log(folder, marker)
    try:
        return opened.records, opened.lost
    finally:
        opened.log.close()


def opened_by_the_next(folder: Path, marker: Marker | None) -> tuple[list[bytes], str | None]:
    """As recovered, and the next process is killed as well: it adds nothing to the files."""
    opened = open_log(folder, marker)
    opened.log._files.close()
    return opened.records, opened.lost


def empty_marker(folder: Path) -> Marker:
    """The marker that the store holds before any frame: written with genesis."""
    opened = open_log(folder, None)
    opened.log.close()
    return opened.log.marker()


def flip(data: bytes, byte: int, bit: int) -> bytes:
    """One bit is wrong."""
    return data[:byte] + bytes((data[byte] ^ 1 << bit,)) + data[byte + 1 :]


def twice(data: bytes, first: int, second: int, bit: int) -> bytes:
    """A bit is wrong in two bytes."""
    return flip(flip(data, first, bit), second, bit)
