"""State as typed tables over a key-value store, with overlays that commit or roll back.

A Table is the only way to a module's rows: who holds the Table object may write its prefix. Values
are immutable, kept decoded in the overlay, and encoded once a block (performance.md, finding 3).
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from ledger.errors import ensure
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


class _Missing:
    """Marks "known to be absent" in the read cache."""


_MISSING = _Missing()


class State:
    """Reads through overlay and cache to a store that does not change while this lives."""

    __slots__ = ("_base", "_cache", "_layers", "_tables")

    def __init__(self, base: KeyValueReader) -> None:
        self._base = base
        self._cache: dict[bytes, Any] = {}
        # layers[0] is the block, each begin() adds one; None in a layer is a deletion.
        self._layers: list[dict[bytes, Any]] = [{}]
        self._tables: dict[bytes, Table[Any]] = {}

    def get(self, table: Table[V], key: bytes) -> V | None:
        """The value at `key`, or None when there is none."""
        full = table.prefix + key
        for layer in reversed(self._layers):
            if full in layer:
                value: V | None = layer[full]
                return value
        cached: Any = self._cache.get(full)
        if cached is None:
            raw = self._base.get(full)
            cached = _MISSING if raw is None else table.decode(raw)
            self._cache[full] = cached
        if cached is _MISSING:
            return None
        found: V = cached
        return found

    def put(self, table: Table[V], key: bytes, value: V) -> None:
        """Set the value at `key` in the innermost overlay."""
        full = table.prefix + key
        self._layers[-1][full] = value
        self._tables[full] = table

    def delete(self, table: Table[Any], key: bytes) -> None:
        """Remove the value at `key` in the innermost overlay."""
        full = table.prefix + key
        self._layers[-1][full] = None
        self._tables[full] = table

    def iterate(self, table: Table[V], prefix: bytes = b"") -> Iterator[tuple[bytes, V]]:
        """(key, value) of the rows whose key starts with `prefix`, in key order. O(rows)."""
        start = table.prefix + prefix
        overlay: dict[bytes, Any] = {}
        for layer in self._layers:
            overlay.update((k, v) for k, v in layer.items() if k.startswith(start))
        rows: dict[bytes, Any] = {
            full: None for full, _ in self._base.iterate(start, prefix_end(start))
        }
        rows.update(overlay)
        for full in sorted(rows):
            value = self.get(table, full[len(table.prefix) :])
            if value is not None:
                yield full[len(table.prefix) :], value

    def begin(self) -> None:
        """Open an overlay; end it with commit() or rollback()."""
        self._layers.append({})

    def commit(self) -> None:
        """Merge the innermost overlay into the one below."""
        ensure(len(self._layers) > 1, "commit() without begin()")
        top = self._layers.pop()
        self._layers[-1].update(top)

    def rollback(self) -> None:
        """Drop the innermost overlay."""
        ensure(len(self._layers) > 1, "rollback() without begin()")
        self._layers.pop()

    def changed(self, table: Table[V]) -> Iterator[tuple[bytes, V | None, V | None]]:
        """(key, value before the block, value now) of the rows of `table` that the block wrote."""
        ensure(len(self._layers) == 1, "changed() inside an open overlay")
        prefix_length = len(table.prefix)
        for full, after in self._layers[0].items():
            if self._tables[full] is table:
                before: Any = self._cache.get(full)
                if before is None:  # written without having been read
                    raw = self._base.get(full)
                    before = _MISSING if raw is None else table.decode(raw)
                yield full[prefix_length:], None if before is _MISSING else before, after

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Every row that the block changed, encoded once, in key order; None is a deletion."""
        ensure(len(self._layers) == 1, "changes() inside an open overlay")
        tables = self._tables
        return [
            (full, None if value is None else tables[full].encode(value))
            for full, value in sorted(self._layers[0].items())
        ]
