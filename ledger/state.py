"""State as typed tables over a key-value store, with overlays that commit or roll back.

A Table is the only way to a module's rows: who holds the Table object may write its prefix. Values
are immutable, kept decoded in the overlay, and encoded once a block (performance.md, finding 3).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from ledger.errors import DecodeError, InvariantViolation, ensure
from ledger.kv import KeyValueReader, prefix_end

V = TypeVar("V")


class Table(Generic[V]):
    """Rows of one kind: `module/table/` prefix, and the canonical codec of the value.

    Values must be immutable: the overlay hands the same object to every reader.
    """

    __slots__ = ("decode", "encode", "prefix")

    def __init__(
        self, module: str, name: str, encode: Callable[[V], bytes], decode: Callable[[bytes], V]
    ) -> None:
        self.prefix = f"{module}/{name}/".encode()
        self.encode = encode
        self.decode = decode


class _Unread:
    """Marks "not read or written yet", which None (absent, deleted) does not."""


_UNREAD: Final[Any] = _Unread()


def _decoded(table: Table[V], full: bytes, raw: bytes) -> V:
    # A handler's DecodeError blames its message; a damaged row must not pass for that.
    try:
        return table.decode(raw)
    except DecodeError as error:
        raise InvariantViolation(f"state row {full!r} is damaged: {error}") from error


class RowCache:
    """Decoded rows of the head's state: read once by admission, building and checking alike.

    Bounded: emptied when it holds more than `max_rows`. Its owner calls committed() with the
    writes of the block that became the head, at the moment when the base shows them too.
    """

    __slots__ = ("_max_rows", "rows")

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self.rows: dict[bytes, Any] = {}

    def committed(self, writes: Mapping[bytes, Any]) -> None:
        """The block with these writes is the head now."""
        if len(self.rows) + len(writes) > self._max_rows:
            self.rows.clear()
        self.rows.update(writes)


class State:
    """Reads through the block's writes and a cache to a store that does not change meanwhile.

    Writes go to one dictionary; an open overlay remembers what they replaced, so that reading
    costs the same at any depth and a transaction that succeeds costs nothing to commit.
    """

    __slots__ = ("_base", "_cache", "_marks", "_tables", "_undo", "_writes")

    def __init__(self, base: KeyValueReader, cache: "RowCache | None" = None) -> None:
        """cache: rows of `base` that were read or written before, shared by all on this base."""
        self._base = base
        self._cache = {} if cache is None else cache.rows
        # None in either is a row that is absent or deleted.
        self._writes: dict[bytes, Any] = {}
        self._tables: dict[bytes, Table[Any]] = {}
        # (key, value before the write) since the outermost begin(); each begin() marks a length.
        self._undo: list[tuple[bytes, Any]] = []
        self._marks: list[int] = []

    def get(self, table: Table[V], key: bytes) -> V | None:
        """The value at `key`, or None when there is none."""
        full = table.prefix + key
        value: V | None = self._writes.get(full, _UNREAD)
        if value is _UNREAD:
            value = self._base_value(table, full)
        return value

    def _base_value(self, table: Table[V], full: bytes) -> V | None:
        value: V | None = self._cache.get(full, _UNREAD)
        if value is _UNREAD:
            raw = self._base.get(full)
            value = self._cache[full] = None if raw is None else _decoded(table, full, raw)
        return value

    def put(self, table: Table[V], key: bytes, value: V) -> None:
        """Set the value at `key` in the innermost overlay."""
        full = table.prefix + key
        if self._marks:
            self._undo.append((full, self._writes.get(full, _UNREAD)))
        self._writes[full] = value
        self._tables[full] = table

    def delete(self, table: Table[Any], key: bytes) -> None:
        """Remove the value at `key` in the innermost overlay."""
        self.put(table, key, None)

    def iterate(self, table: Table[V], prefix: bytes = b"") -> Iterator[tuple[bytes, V]]:
        """(key, value) of the rows whose key starts with `prefix`, in key order.

        O(rows + writes of the block), in constant memory beside the block's own writes. Rows that
        are added meanwhile may be left out; others show the value that they have when reached.
        """
        start = table.prefix + prefix
        skip = len(table.prefix)
        written = sorted(full for full in self._writes if full.startswith(start))
        position = 0
        for full, raw in self._base.iterate(start, prefix_end(start)):
            while position < len(written) and written[position] <= full:
                value = self._writes.get(written[position])
                if written[position] != full and value is not None:
                    yield written[position][skip:], value
                position += 1
            value = self._writes.get(full, _UNREAD)
            if value is _UNREAD:
                value = _decoded(table, full, raw)
            if value is not None:
                yield full[skip:], value
        for full in written[position:]:
            value = self._writes.get(full)
            if value is not None:
                yield full[skip:], value

    def begin(self) -> None:
        """Open an overlay; end it with commit() or rollback()."""
        self._marks.append(len(self._undo))

    def commit(self) -> None:
        """Merge the innermost overlay into the one below."""
        ensure(self._marks, "commit() without begin()")
        self._marks.pop()
        if not self._marks:
            self._undo.clear()

    def rollback(self) -> None:
        """Drop the innermost overlay."""
        ensure(self._marks, "rollback() without begin()")
        mark = self._marks.pop()
        for full, before in reversed(self._undo[mark:]):
            if before is _UNREAD:
                del self._writes[full]
            else:
                self._writes[full] = before
        del self._undo[mark:]

    def writes(self) -> Mapping[bytes, Any]:
        """Decoded rows that the block wrote, by whole key; None is a deletion."""
        return self._writes

    def changed(self, table: Table[V]) -> Iterator[tuple[bytes, V | None, V | None]]:
        """(key, value before the block, value now) of each row of `table` that was written."""
        skip = len(table.prefix)
        for full, after in list(self._writes.items()):
            if full.startswith(table.prefix):
                yield full[skip:], self._base_value(table, full), after

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Every row that the block wrote, encoded once, in key order; None is a deletion."""
        ensure(not self._marks, "changes() inside an open overlay")
        writes, tables = self._writes, self._tables
        encoded: list[tuple[bytes, bytes | None]] = []
        for full in sorted(writes):
            value = writes[full]
            encoded.append((full, None if value is None else tables[full].encode(value)))
        return encoded
