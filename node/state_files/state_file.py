"""The file of an exported state: one line that says what it is, all rows, and a checksum.

  poyong-state-1\\n
  canonical JSON of the chain and its head \\n
  for each chunk of rows: length (4 bytes), canonical [[key, value], ...], ascending by key
  0x00000000, number of rows (8 bytes), SHA-256 of all before it (32 bytes)

Integers are big-endian. What is in it follows from the chain and the height alone, chunks included,
so two nodes write the same bytes (docs/formats.md, "Exported state"). Rows are streamed both ways.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger import codec
from ledger.block import Header
from ledger.commitment import BUCKET_COUNTS
from ledger.errors import DecodeError, LocalError, ensure
from ledger.genesis import Parameters
from ledger.primitives import HASH_BYTES, Hash
from ledger.strict_json import JsonReader, read_json
from node.files.disk_errors import os_error
from node.files.file_formats import LATER_RELEASE
from node.files.whole_files import whole_file
from node.version import other_format

FORMAT: Final = "poyong-state-1"
MAGIC: Final = FORMAT.encode() + b"\n"
MAX_DESCRIPTION_BYTES: Final = 16 * 1024
CHUNK_ROWS: Final = 1_000
CHUNK_BYTES: Final = 256 * 1024
"""A chunk ends with the row that reaches either; keys and values count."""
MAX_CHUNK_BYTES: Final = codec.MAX_MESSAGE_BYTES
MAX_ROWS: Final = 2**40
_LENGTH_BYTES: Final = 4
_COUNT_BYTES: Final = 8
_END: Final = bytes(_LENGTH_BYTES)
_FIELDS: Final = (
    "chain_id", "name", "genesis_hash", "local", "bucket_count", "parameters",
    "height", "time_ms", "block_hash", "state_root", "header",
)  # fmt: skip

Row = tuple[bytes, bytes]
Told = Callable[[int], None]
"""Hears of progress: how many more rows were written or read."""


@dataclass(frozen=True, slots=True)
class Description:
    """Of which chain and head the rows are the state.

    chain_id to parameters are those of the chain's genesis; header is the head's.
    """

    chain_id: int
    name: str
    genesis_hash: Hash
    local: bool
    bucket_count: int
    parameters: Parameters
    header: Header

    def line(self) -> bytes:
        """Canonical JSON with a line feed: names sorted, no spaces, hashes in hex."""
        fields = {
            "chain_id": self.chain_id,
            "name": self.name,
            "genesis_hash": self.genesis_hash.hex(),
            "local": self.local,
            "bucket_count": self.bucket_count,
            "parameters": {
                "heartbeat_interval_ms": self.parameters.heartbeat_interval_ms,
                "min_block_interval_ms": self.parameters.min_block_interval_ms,
            },
            "height": self.header.height,
            "time_ms": self.header.time_ms,
            "block_hash": self.header.hash.hex(),
            "state_root": self.header.state_root.hex(),
            "header": codec.encode(self.header.to_wire()).hex(),
        }
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode() + b"\n"


def describe(path: Path) -> Description:
    """What the first lines of an exported state say; its rows are not read."""
    with _reading(path) as file:
        return _Reader(path, file).description


def file_hash(path: Path) -> Hash:
    """SHA-256 of the whole file, as sha256sum prints it."""
    with _reading(path) as file:
        return Hash(file_digest(file, "sha256").digest())


def read_rows(path: Path, told: Told = lambda _: None) -> Iterator[Row]:
    """Every row, ascending by key, in bounded memory.

    LocalError as soon as something is wrong. What was yielded counts only once the iterator has
    ended by itself: the checksum comes last.
    """
    with _reading(path) as file:
        yield from _Reader(path, file).rows(told)


class StateFileWriter:
    """Writes the rows that pass through(); made by writing()."""

    def __init__(self, file: BinaryIO, description: Description) -> None:
        self._file = file
        self._digest = sha256()
        self.row_count = 0
        self._put(MAGIC + description.line())

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)

    def through(self, rows: Iterable[Row], told: Told = lambda _: None) -> Iterator[Row]:
        """The rows again, each written; they come ascending by key."""
        chunk: list[Row] = []
        size = 0
        for row in rows:
            chunk.append(row)
            size += len(row[0]) + len(row[1])
            if len(chunk) == CHUNK_ROWS or size >= CHUNK_BYTES:
                self._write_chunk(chunk, told)
                chunk, size = [], 0
            yield row
        if chunk:
            self._write_chunk(chunk, told)

    def _write_chunk(self, chunk: list[Row], told: Told) -> None:
        encoded = codec.encode(chunk)
        ensure(len(encoded) <= MAX_CHUNK_BYTES, f"a chunk of rows has {len(encoded)} bytes")
        self._put(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
        self.row_count += len(chunk)
        told(len(chunk))

    def finish(self) -> None:
        """The end, once every row has passed."""
        self._put(_END + self.row_count.to_bytes(_COUNT_BYTES, "big"))
        self._file.write(self._digest.digest())


@contextmanager
def writing(path: Path, description: Description) -> Iterator[StateFileWriter]:
    """A writer of `path`, which gets its name only when the block ends without an error.

    LocalError when the disk refuses; nothing is left behind then.
    """
    with whole_file(path) as file:
        writer = StateFileWriter(file, description)
        yield writer
        writer.finish()


@contextmanager
def _reading(path: Path) -> Iterator[BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise os_error("read", path, error) from error


class _Reader:
    """Reads a file from its beginning to its end, once."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path = path
        self._file = file
        self._digest = sha256()
        first = file.readline(len(MAGIC) + 8)
        found = first.decode(errors="replace").strip()
        if found != FORMAT and found.rpartition("-")[0] == FORMAT.rpartition("-")[0]:
            raise other_format(path, found, FORMAT, LATER_RELEASE)
        if first != MAGIC:
            raise LocalError(
                f"{path} is no exported state: its first line is not {FORMAT}. Name a file "
                "that poyong state export wrote"
            )
        line = file.readline(MAX_DESCRIPTION_BYTES + 1)
        self._digest.update(MAGIC + line)
        self.description = _read_description(line, str(path))

    def rows(self, told: Told) -> Iterator[Row]:
        """Every row; the checksum is compared when they have ended."""
        count, last = 0, b""
        while length := int.from_bytes(self._take(_LENGTH_BYTES), "big"):
            if length > MAX_CHUNK_BYTES:
                raise self._damaged(f"a chunk of {length} bytes after {count} rows")
            chunk = self._chunk(self._take(length))
            for row in chunk:
                if row[0] <= last:
                    raise self._damaged(f"row {count} is not above the one before it")
                last = row[0]
                yield row
                count += 1
            told(len(chunk))
        if count != int.from_bytes(self._take(_COUNT_BYTES), "big"):
            raise self._damaged(f"it holds {count} rows and says otherwise")
        checksum = self._digest.digest()
        if self._file.read(HASH_BYTES) != checksum or self._file.read(1):
            raise self._damaged("its checksum is not that of its content")

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) != length:
            raise self._damaged("it ends too early")
        self._digest.update(data)
        return data

    def _chunk(self, data: bytes) -> tuple[Row, ...]:
        try:
            rows = codec.as_list(codec.decode(data, MAX_CHUNK_BYTES), "chunk", CHUNK_ROWS)
        except DecodeError as error:
            raise self._damaged(str(error)) from error
        for row in rows:
            if type(row) is not tuple or len(row) != 2 or not all(type(x) is bytes for x in row):
                raise self._damaged("a row is not a key and a value")
        if not rows:
            raise self._damaged("a chunk is empty")
        return rows

    def _damaged(self, found: str) -> LocalError:
        return LocalError(
            f"{self._path} is damaged: {found}. Copy it again from where it was exported, or "
            "export it again"
        )


def _read_description(line: bytes, source: str) -> Description:
    """Inverse of Description.line; LocalError for anything else."""
    reader = JsonReader(f"{source}, second line")
    found = read_json(line, reader.source, MAX_DESCRIPTION_BYTES)
    fields = reader.fields(found, "", required=_FIELDS)
    try:
        parsed = _description(fields)
        if parsed.line() == line:
            return parsed
    except (DecodeError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise LocalError(f"{reader.source} is damaged: {error}") from error
    raise LocalError(f"{reader.source} is damaged: it contradicts the header that it holds")


def _description(fields: dict[str, Any]) -> Description:
    """Types and header are checked; that all agree is seen when it is rendered again."""
    parameters = fields["parameters"]
    if fields["bucket_count"] not in BUCKET_COUNTS:
        raise DecodeError(f"bucket_count: expected one of {BUCKET_COUNTS}")
    return Description(
        chain_id=codec.as_uint(fields["chain_id"], "chain_id"),
        name=codec.as_text(fields["name"], "name", MAX_DESCRIPTION_BYTES),
        genesis_hash=Hash(
            codec.as_bytes(bytes.fromhex(fields["genesis_hash"]), "genesis_hash", HASH_BYTES)
        ),
        local=fields["local"] is True,
        bucket_count=codec.as_uint(fields["bucket_count"], "bucket_count"),
        parameters=Parameters(
            codec.as_uint(parameters["heartbeat_interval_ms"], "heartbeat_interval_ms"),
            codec.as_uint(parameters["min_block_interval_ms"], "min_block_interval_ms"),
        ),
        header=Header.from_wire(codec.decode(bytes.fromhex(fields["header"]))),
    )
