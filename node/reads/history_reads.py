"""What a node tells of the history of accounts: places from its index, entries from its blocks."""

from api import history_ports
from api.history_ports import Place
from node.reads.block_reader import BlockReader
from node.replica.execution import Chain
from node.store.account_index import place_of, split_place


class HistoryReads:
    """The part of api.ports.NodePort that is about the history of accounts."""

    def __init__(self, chain: Chain, reader: BlockReader) -> None:
        self._indexed = chain
        self._entries = reader

    def history_start(self) -> int | None:
        """The lowest height from which on it is known whom blocks concern."""
        index = self._indexed.blocks.index
        return index.first(self._indexed.head.height) if index.rules.enabled else None

    def concerning(
        self, address: bytes, start: Place, count: int, *, newest_first: bool
    ) -> history_ports.PlacePage:
        """Places that may concern an account, on one side of `start`."""
        index, head = self._indexed.blocks.index, self._indexed.head.height
        find = index.newest if newest_first else index.oldest
        found = find(address, place_of(*start), count, head)
        return history_ports.PlacePage(
            tuple(Place(*split_place(place)) for place in found.places),
            Place(*split_place(found.resume)),
            found.more,
        )

    def history_entry(self, place: Place) -> history_ports.HistoryEntry | None:
        """What a committed block holds at a place."""
        return self._entries.entry(place)
