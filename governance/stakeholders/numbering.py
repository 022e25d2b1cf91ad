"""Running numbers of what is kept for ever: credentials, grants, legal bases, agreements, ..."""

from dataclasses import dataclass
from typing import Final

from governance.admissible import STAKEHOLDERS
from ledger.errors import ensure
from ledger.rows import table
from ledger.state import State

MAX_NUMBER: Final = 2**32 - 1
"""Numbers are four bytes in a key (ledger.rows.key)."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """last: the newest number given, from 1."""

    last: int


NUMBERED: Final = table(STAKEHOLDERS, "numbered", Numbered)
"""By what is counted, as text."""


def last_number(state: State, of: str) -> int:
    """The newest number given to an `of`; 0 when there is none yet."""
    row = state.get(NUMBERED, of.encode())
    return 0 if row is None else row.last


def next_number(state: State, of: str) -> int:
    """Give the next number to an `of`."""
    number = last_number(state, of) + 1
    ensure(number <= MAX_NUMBER, f"numbers of {of} are used up")
    state.put(NUMBERED, of.encode(), Numbered(number))
    return number
