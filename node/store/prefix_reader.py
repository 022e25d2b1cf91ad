"""A part of a store's rows read as a store of its own: those of state in the chain's database."""

from collections.abc import Iterator

from ledger.kv import KeyValueReader


class PrefixReader:
    """KeyValueReader of the rows below one prefix, which it takes off."""

    __slots__ = ("_prefix", "_reader")

    def __init__(self, reader: KeyValueReader, prefix: bytes) -> None:
        self._reader = reader
        self._prefix = prefix

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, or None."""
        return self._reader.get(self._prefix + key)

    def iterate(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop, in key order."""
        prefix = self._prefix
        for key, value in self._reader.iterate(prefix + start, prefix + stop):
            yield key[len(prefix) :], value
