"""What a batch removes of old blocks, row by row."""

from collections.abc import Callable
from typing import NamedTuple

from ledger import codec
from ledger.block import MAX_BLOCK_BYTES, Header
from ledger.crypto import keccak256
from ledger.errors import DecodeError, LocalError
from ledger.kv import KeyValueStore
from ledger.primitives import Hash
from node.store.account_index import Operations
from node.store.pruning import REMOVED_A_BLOCK, REMOVED_BYTES, PruningRules, Removal
from node.store.row_keys import (
    BLOCK,
    CERTIFICATE,
    HEIGHT_OF,
    RECEIPTS,
    SET_CHANGE,
    height_key,
    transaction_key,
)


class _Named(NamedTuple):
    """The validators that the block below `height` names."""

    height: int
    validators_hash: Hash


class OldBlocks:
    """Chooses for each new block which old ones go with it."""

    def __init__(
        self, store: KeyValueStore, rules: PruningRules, damaged: Callable[[str], LocalError]
    ) -> None:
        """damaged: makes the error that says what is wrong with the database."""
        self._store = store
        self._rules = rules
        self._damaged = damaged
        self._oldest_ms: int | None = None
        """Time of the lowest block, once it was found too young: it is not read for each block."""
        self._named: _Named | None = None

    def remove(
        self, operations: Operations, lowest: int, head: int, head_time_ms: int
    ) -> Removal | None:
        """Put the removal of blocks from `lowest` on into the batch of the block `head`, all but
        the row of the new lowest height; None when none goes. LocalError when they are damaged."""
        limit = min(self._rules.highest_removable(head), lowest + REMOVED_A_BLOCK - 1)
        if self._oldest_ms is not None and not self._rules.is_old(self._oldest_ms, head_time_ms):
            return None
        first, row_bytes = lowest, 0
        while lowest <= limit and row_bytes < REMOVED_BYTES:
            block, header, raws = self._read(lowest)
            if not self._rules.is_old(header.time_ms, head_time_ms):
                self._oldest_ms = header.time_ms
                break
            rows = self._rows_of(block, header, raws)
            operations += [(key, None) for key, _ in rows]
            row_bytes += sum(len(key) + size for key, size in rows)
            lowest += 1
            self._named = _Named(lowest, header.validators_hash)
        return None if lowest == first else Removal(lowest, row_bytes)

    def _read(self, height: int) -> tuple[bytes, Header, tuple[bytes, ...]]:
        """Encoded block, its header, its transactions."""
        block = self._store.get(BLOCK + height_key(height))
        if block is None:
            raise self._not_whole(height)
        try:
            wire, _, transactions = codec.decode(block, MAX_BLOCK_BYTES)
            return block, Header.from_wire(wire), transactions
        except (DecodeError, ValueError) as error:
            raise self._damaged(f"block {height} is unreadable ({error})") from error

    def _not_whole(self, height: int) -> LocalError:
        return self._damaged(f"block {height}, its oldest, is not whole")

    def _rows_of(
        self, block: bytes, header: Header, raws: tuple[bytes, ...]
    ) -> list[tuple[bytes, int]]:
        """Keys, with sizes of values, of what goes with a block. The certificate of one that
        changes the validators stays: without it no later header could be proven."""
        at = height_key(header.height)
        receipts = self._store.get(RECEIPTS + at)
        certificate = self._store.get(CERTIFICATE + at)
        if receipts is None or certificate is None:
            raise self._not_whole(header.height)
        rows = [(BLOCK + at, len(block)), (RECEIPTS + at, len(receipts))]
        rows.append((HEIGHT_OF + header.hash, len(at)))
        if not self._changes_the_validators(header):
            rows.append((CERTIFICATE + at, len(certificate)))
        return rows + [(transaction_key(keccak256(raw)), len(at)) for raw in raws]

    def _changes_the_validators(self, header: Header) -> bool:
        """That there is no row of it is believed only when the headers say so too: what a disk
        misreads once would be gone for ever."""
        has_row = self._store.get(SET_CHANGE + height_key(header.height)) is not None
        if has_row != (header.validators_hash != self._named_below(header.height)):
            raise self._damaged(
                f"block {header.height} {'has no' if not has_row else 'has a'} row of a change of "
                "the validators, and its header says otherwise"
            )
        return has_row

    def _named_below(self, height: int) -> Hash:
        """The validators_hash of the block below `height`, which may be gone."""
        if self._named is None or self._named.height != height:
            self._named = _Named(height, _newest_named(self._store, height, self._damaged))
        return self._named.validators_hash


def _newest_named(store: KeyValueStore, below: int, damaged: Callable[[str], LocalError]) -> Hash:
    """By the newest change below this height, or by genesis."""
    changes = store.last(SET_CHANGE, SET_CHANGE + height_key(below), 1)
    row = changes[0][1] if changes else store.get(BLOCK + height_key(0))
    if row is None:
        raise damaged("its genesis block is missing")
    try:
        wire, *_ = codec.decode(row, MAX_BLOCK_BYTES)
        return Header.from_wire(wire).validators_hash
    except (DecodeError, TypeError, ValueError) as error:
        raise damaged(f"the newest change of the validators is unreadable ({error})") from error
