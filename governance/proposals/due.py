"""What time alone does to proposals: a queue by due time, one place for each open proposal.

Its earliest time stands in a row of its own, so that a block in which nothing is due reads one
row, whatever the number of proposals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ledger.rows import key, table
from ledger.state import State

MAX_DUE_A_BLOCK: Final = 32
"""Steps that one block takes; the rest waits for the next block."""


@dataclass(frozen=True, slots=True)
class Due:
    """A proposal whose next step is due."""

    proposal: int


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first due time in the queue, None when it is empty."""

    due_ms: int | None


QUEUE: Final = table("proposals", "due", Due)
"""By time (8 bytes, big-endian) and proposal."""
EARLIEST: Final = table("proposals", "earliest", Earliest)
"""One row, at the empty key."""


def _place(due_ms: int, proposal: int) -> bytes:
    return due_ms.to_bytes(8, "big") + key(proposal)


def earliest_ms(state: State) -> int | None:
    """When the next step is due, or None."""
    row = state.get(EARLIEST, b"")
    return None if row is None else row.due_ms


def waiting(state: State) -> Iterator[tuple[int, int]]:
    """When the next step of each open proposal is due, and its number; the earliest first."""
    for place, row in state.iterate(QUEUE):
        yield int.from_bytes(place[:8], "big"), row.proposal


def reschedule(state: State, proposal: int, before_ms: int | None, after_ms: int | None) -> None:
    """Move a proposal's place in the queue; None is no place."""
    if before_ms == after_ms:
        return
    if before_ms is not None:
        state.delete(QUEUE, _place(before_ms, proposal))
    if after_ms is not None:
        state.put(QUEUE, _place(after_ms, proposal), Due(proposal))
    first_ms = earliest_ms(state)
    if before_ms is not None and before_ms == first_ms:
        first = next(waiting(state), None)
        first_ms = None if first is None else first[0]
    elif after_ms is not None and (first_ms is None or after_ms < first_ms):
        first_ms = after_ms
    state.put(EARLIEST, b"", Earliest(first_ms))


def due_now(state: State, time_ms: int) -> list[int]:
    """Proposals whose step is due, the longest waiting first; at most MAX_DUE_A_BLOCK."""
    first_ms = earliest_ms(state)
    if first_ms is None or first_ms > time_ms:
        return []
    return [
        proposal
        for due_ms, proposal in islice(waiting(state), MAX_DUE_A_BLOCK)
        if due_ms <= time_ms
    ]
