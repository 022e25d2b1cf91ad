"""The schedule of town rounds by block time.

Round r is a quarter: it follows on round r-1 without a gap, and round 1 starts with the first
block. At its nominal end its appraisal begins, in the block that opens round r+1; so two rounds or
more can be open at once, and they close in order, each at its deadline at the latest.

When the chain stood still over a due time, the schedule stood still too: everything that is to come
moves on by the time that was lost (tokenomics.oracle.clocks). So a town that comes back loses no
phase, closes no burst of empty rounds and finds no zone stale, and a block opens one round at most.
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

    opened_ms never moves; end_ms (nominal) and deadline_ms (of its close) do when the chain stood
    still. is_anchor: an appraisal begins at its end. calendar_end_ms: quarters so far in unscaled
    ms since round 1 began, calendar_ms: of this one.
    """

    number: int
    is_anchor: bool
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

    def scaled(self, calendar_ms: int) -> int:
        """Block time in this round's scale that a length at the calendar's scale takes."""
        return max(1, self.length_ms * calendar_ms // self.calendar_ms)


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


def last_deadline_ms(end_ms: int, length_ms: int, parameters: LandParameters) -> int:
    """When a round that ended at `end_ms` closes at the latest."""
    phases_ms = length_ms * parameters.phases_ms() // parameters.quarter_ms
    return end_ms + phases_ms + length_ms * parameters.grace_bps // BPS


def end_newest(state: State, time_ms: int, parameters: LandParameters) -> Round:
    """The newest round, which ends in the block of `time_ms`: its time to close runs from now."""
    row = opened_round(state, schedule(state).newest)
    deadline_ms = last_deadline_ms(time_ms, row.length_ms, parameters)
    ended = replace(row, deadline_ms=max(row.deadline_ms, deadline_ms))
    state.put(ROUNDS, key(row.number), ended)
    return ended


def open_next(state: State, time_ms: int, parameters: LandParameters) -> Round:
    """Open the round after the newest, at its nominal end; the first in the block of `time_ms`."""
    now = schedule(state)
    if now.newest == 0:
        start_ms, calendar_start_ms = time_ms, 0
    else:
        newest = opened_round(state, now.newest)
        start_ms, calendar_start_ms = newest.end_ms, newest.calendar_end_ms
    number = now.newest + 1
    length_ms = parameters.length_ms(number)
    row = Round(
        number=number,
        is_anchor=number % parameters.anchor_every_rounds == 0,
        opened_ms=start_ms,
        end_ms=start_ms + length_ms,
        deadline_ms=last_deadline_ms(start_ms + length_ms, length_ms, parameters),
        length_ms=length_ms,
        calendar_ms=parameters.quarter_ms,
        calendar_end_ms=calendar_start_ms + parameters.quarter_ms,
    )
    state.put(ROUNDS, key(number), row)
    last_close_ms = time_ms if number == 1 else now.last_close_ms
    state.put(SCHEDULE, b"", replace(now, newest=number, last_close_ms=last_close_ms))
    return row


def ended_rounds(state: State) -> Iterator[Round]:
    """Open rounds whose appraisal has begun, in order: all but the newest."""
    newest = schedule(state).newest
    return (row for row in open_rounds(state) if row.number < newest)


def calendar_now(state: State, time_ms: int) -> int:
    """Calendar ms of a block time, by the newest round; 0 before the first."""
    newest = find_round(state, schedule(state).newest)
    return 0 if newest is None else newest.calendar_at(time_ms)


def mark_closed(state: State, number: int, time_ms: int) -> None:
    """Round `number`, the oldest open one, closed in the block of `time_ms`."""
    now = schedule(state)
    ensure(number == now.closed + 1 <= now.newest, f"round {number} is not the oldest open one")
    state.put(SCHEDULE, b"", replace(now, closed=number, last_close_ms=time_ms))
