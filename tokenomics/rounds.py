"""The schedule of town rounds by block time.

Round r follows on round r-1 without a gap and lasts one quarter. It takes reports from its start
until its deadline, which lies a grace time after its nominal end, so two rounds or more can be
open at once; they close in order. Round 1 starts with the first block.

When the chain stood still over a due time, the schedule stood still too: every open round moves on
by the time that was lost (`hold`). So a town that comes back neither closes a burst of empty
rounds nor finds its zones stale, and a block opens one round at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ledger.errors import ensure
from ledger.primitives import BPS, Hash
from ledger.rows import Amount, key, present, table
from ledger.state import State
from tokenomics.params import LandParameters


@dataclass(frozen=True, slots=True)
class Round:
    """One town round; block times in ms since 1970.

    opened_ms never moves; end_ms (nominal) and deadline_ms do when the chain stood still.
    calendar_end_ms: quarters so far in unscaled ms since round 1 began.
    """

    number: int
    opened_ms: int
    end_ms: int
    deadline_ms: int
    length_ms: int
    calendar_ms: int
    calendar_end_ms: int

    def calendar_at(self, time_ms: int) -> int:
        """Calendar ms of a block time inside this round; outside it, of the nearer end."""
        passed = min(max(0, time_ms - (self.end_ms - self.length_ms)), self.length_ms)
        return self.calendar_end_ms - self.calendar_ms + passed * self.calendar_ms // self.length_ms


@dataclass(frozen=True, slots=True)
class Schedule:
    """newest: number of the last round that opened; closed: of the last that closed; 0 for none.

    start_ms is the time of genesis, at which the first block is due; last_close_ms the block time
    of the last close, and before any close of the first block.
    """

    start_ms: int
    newest: int
    closed: int
    last_close_ms: int


@dataclass(frozen=True, slots=True)
class TownRound:
    """A closed town round: what issuance reads of land. Block times in ms.

    value_krw is V, each zone at its counted price. elapsed_ms: since the close before.
    reports_hash: SHA-256 of the zones' report digests in order, by which a mint names its reports.
    is_anchor: a full appraisal; only these raise recognition. costs_krw: C. certified_krw: what
    only certified events let zones rise, before C. normal_growth_krw: N, None as long as the
    official rates of the quarter are missing. recognition_open: the ratio gate's answer.
    """

    number: int
    closed_ms: int
    elapsed_ms: int
    length_ms: int
    value_krw: Amount
    zones_final: int
    reports: int
    reports_hash: Hash
    is_anchor: bool
    costs_krw: Amount
    certified_krw: Amount
    normal_growth_krw: Amount | None
    recognition_open: bool


ROUNDS: Final = table("land", "round", Round)
"""Round by its number, opened ones only."""
TOWN_ROUNDS: Final = table("land", "town_round", TownRound)
"""TownRound by its number, closed ones only."""
SCHEDULE: Final = table("land", "schedule", Schedule)
"""One row, at the empty key."""


NO_SCHEDULE: Final = Schedule(0, 0, 0, 0)
"""Of a chain whose genesis has no land."""


def has_land(state: State) -> bool:
    """False on a chain whose genesis has no land section: no round ever opens there."""
    return state.get(SCHEDULE, b"") is not None


def schedule(state: State) -> Schedule:
    """The schedule; NO_SCHEDULE without land."""
    return state.get(SCHEDULE, b"") or NO_SCHEDULE


def find_round(state: State, number: int) -> Round | None:
    """An opened round, or None."""
    return state.get(ROUNDS, key(number)) if 0 < number < 2**32 else None


def opened_round(state: State, number: int) -> Round:
    """A round that is known to have opened."""
    return present(find_round(state, number), f"town round {number}")


def town_round(state: State, number: int) -> TownRound | None:
    """A closed town round, or None."""
    return state.get(TOWN_ROUNDS, key(number)) if 0 < number < 2**32 else None


def open_rounds(state: State) -> Iterator[Round]:
    """Rounds that opened and did not close, in order."""
    now = schedule(state)
    for number in range(now.closed + 1, now.newest + 1):
        yield opened_round(state, number)


def due(state: State) -> tuple[int, int]:
    """(block time of the next change by time alone, length in ms of the round it belongs to)."""
    now = schedule(state)
    if now.newest == 0:
        return now.start_ms, 0
    newest = opened_round(state, now.newest)
    oldest = opened_round(state, min(now.closed + 1, now.newest))
    if oldest.deadline_ms < newest.end_ms and oldest.number > now.closed:
        return oldest.deadline_ms, oldest.length_ms
    return newest.end_ms, newest.length_ms


def hold(state: State, time_ms: int) -> int:
    """Move the open rounds on when the chain stood still over a due time; the ms they moved by.

    Half a round of delay counts as standing still; less is how blocks come.
    """
    due_ms, length_ms = due(state)
    late_ms = time_ms - due_ms
    if schedule(state).newest == 0 or late_ms * 2 <= length_ms:
        return 0
    for row in list(open_rounds(state)):
        moved = replace(row, end_ms=row.end_ms + late_ms, deadline_ms=row.deadline_ms + late_ms)
        state.put(ROUNDS, key(row.number), moved)
    return late_ms


def open_next(state: State, time_ms: int, parameters: LandParameters) -> Round | None:
    """Open the round whose start has come, if any."""
    now = schedule(state)
    if now.newest == 0:
        start_ms, calendar_start_ms = time_ms, 0
    else:
        newest = opened_round(state, now.newest)
        start_ms, calendar_start_ms = newest.end_ms, newest.calendar_end_ms
        if time_ms < start_ms:
            return None
    number = now.newest + 1
    length_ms = parameters.length_ms(number)
    row = Round(
        number=number,
        opened_ms=start_ms,
        end_ms=start_ms + length_ms,
        deadline_ms=start_ms + length_ms + length_ms * parameters.grace_bps // BPS,
        length_ms=length_ms,
        calendar_ms=parameters.quarter_ms,
        calendar_end_ms=calendar_start_ms + parameters.quarter_ms,
    )
    state.put(ROUNDS, key(number), row)
    last_close_ms = time_ms if number == 1 else now.last_close_ms
    state.put(SCHEDULE, b"", replace(now, newest=number, last_close_ms=last_close_ms))
    return row


def mark_closed(state: State, number: int, time_ms: int) -> None:
    """Round `number`, the oldest open one, closed in the block of `time_ms`."""
    now = schedule(state)
    ensure(number == now.closed + 1 <= now.newest, f"round {number} is not the oldest open one")
    state.put(SCHEDULE, b"", replace(now, closed=number, last_close_ms=time_ms))
