"""A CSV file row by row: its encoding, its header, and each bad row with line number and reason.

One row is one line of the file, so a stray quote spoils one row and never the rest. UTF-8 with or
without byte order mark, or CP949, as Korean offices write it; the whole file is looked at first.
"""

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ledger.errors import LocalError
from node.files.disk_errors import os_error

MAX_FILE_BYTES: Final = 1024**3
MAX_LINE_BYTES: Final = 16_384
MAX_COLUMNS: Final = 256
MAX_SHOWN_CHARACTERS: Final = 40
CHUNK_BYTES: Final = 1024 * 1024
ROWS_A_REPORT: Final = 2_000
"""Progress is told after so many rows."""
ENCODINGS: Final = ("utf-8-sig", "cp949")
WIDE_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Told = Callable[[int], None]
"""Called with the bytes read so far."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file; `values` by the name of the column, only those that were asked for."""

    line: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that cannot be read, and why."""

    line: int
    reason: str


class RowError(ValueError):
    """A value of a row is wrong; the sentence says what was expected and found."""


def shown(text: str) -> str:
    """A value in a sentence, cut when long."""
    return repr(text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "…")


class Table:
    """An opened table: its header has been read and fits.

    required: groups of names, of which each group has one column (a Korean and an English name, for
    instance); values stand under the first name of the group. optional: the same, may be missing.
    Without `required` every column is asked for. Lines that start with # are left out.
    LocalError for a file that is no such table.
    """

    def __init__(
        self,
        path: Path,
        required: Sequence[Sequence[str]] = (),
        optional: Sequence[Sequence[str]] = (),
    ) -> None:
        self.path = path
        self.size_bytes = _size(path)
        self.encoding = _encoding(path)
        self._required, self._optional = required, optional
        with self._opened() as file:
            header = next(self._lines(file), None)
        if header is None:
            raise LocalError(f"{path} is empty: expected a header and rows")
        self.header = self._header(*header)
        self._columns = self._chosen()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names under which rows have values."""
        return tuple(self._columns)

    def rows(self, told: Told = lambda _: None) -> Iterator[Row | BadRow]:
        """Every row after the header, in order; blank lines are no rows."""
        width, columns = len(self.header), tuple(self._columns.items())
        with self._opened() as file:
            lines = self._lines(file)
            next(lines)
            for count, (number, line) in enumerate(lines, start=1):
                if count % ROWS_A_REPORT == 0:
                    told(file.tell())
                cells = _cells(line)
                if isinstance(cells, str):
                    yield BadRow(number, cells)
                elif len(cells) != width:
                    yield BadRow(number, f"expected {width} values, found {len(cells)}")
                else:
                    yield Row(number, {name: cells[at].strip() for name, at in columns})
        told(self.size_bytes)

    def _opened(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise os_error("read", self.path, error) from error

    def _lines(self, file: IO[bytes]) -> Iterator[tuple[int, str]]:
        """(number, line) of lines with something in them, comments left out."""
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise LocalError(
                    f"{self.path}: line {number} is longer than {MAX_LINE_BYTES:,} bytes: "
                    "is this a CSV file with one row a line?"
                )
            encoding = self.encoding if number == 1 else self.encoding.removesuffix("-sig")
            try:
                line = raw.decode(encoding).rstrip("\r\n")
            except UnicodeDecodeError as error:  # the whole file was decodable before
                raise LocalError(f"{self.path} changed while it was read: start again") from error
            if line.strip() and not line.startswith("#"):
                yield number, line

    def _header(self, number: int, line: str) -> tuple[str, ...]:
        cells = _cells(line)
        if isinstance(cells, str):
            raise LocalError(f"{self.path}: line {number}, the header: {cells}")
        header = tuple(cell.strip() for cell in cells)
        if len(header) > MAX_COLUMNS:
            raise LocalError(f"{self.path}: {len(header)} columns, at most {MAX_COLUMNS}")
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise LocalError(
                f"{self.path}: the header has the column {shown(twice[0])} twice: name each once"
            )
        return header

    def _chosen(self) -> dict[str, int]:
        """Name of each value that is asked for, and its position."""
        if not self._required:
            return {name: at for at, name in enumerate(self.header)}
        found: dict[str, int] = {}
        for names in (*self._required, *self._optional):
            places = [self.header.index(name) for name in names if name in self.header]
            if len(places) > 1:
                raise LocalError(
                    f"{self.path}: the columns {' and '.join(names)} mean the same: keep one"
                )
            if places:
                found[names[0]] = places[0]
            elif names in self._required:
                columns = ", ".join(shown(name) for name in self.header[:20])
                raise LocalError(
                    f"{self.path}: the column {' or '.join(names)} is missing; the header (read as "
                    f"{self.encoding.removesuffix('-sig').upper()}) has {columns}"
                )
        return found


def _cells(line: str) -> list[str] | str:
    """The values of a line, or why it has none."""
    if "\0" in line:
        return "the line holds a NUL character"
    if "\r" in line:
        return "the line holds a carriage return: expected one row a line"
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        return f"no CSV row: {error} (quotes come in pairs, and a row stands on one line)"


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise os_error("read", path, error) from error
    if size > MAX_FILE_BYTES:
        raise LocalError(f"{path} has {size:,} bytes, at most {MAX_FILE_BYTES:,}: split it")
    return size


def _encoding(path: Path) -> str:
    """Of the whole file; LocalError when it is neither UTF-8 nor CP949."""
    try:
        with path.open("rb") as file:
            if file.read(2) in WIDE_MARKS:
                raise LocalError(f"{path} is UTF-16: save it as UTF-8, then import it again")
        for encoding in ENCODINGS:
            if _decodes(path, encoding):
                return encoding
        line = _first_wrong_line(path)
    except OSError as error:
        raise os_error("read", path, error) from error
    raise LocalError(
        f"{path} is neither UTF-8 nor CP949: line {line} has bytes of neither; save it as UTF-8"
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _first_wrong_line(path: Path) -> int:
    """The first line that is not UTF-8."""
    number = 0
    with path.open("rb") as file:
        while line := file.readline(CHUNK_BYTES):
            number += line.endswith(b"\n")
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return max(1, number)
    return max(1, number)
