"""When something in land falls due by time, and how that moves on after a standstill or a pause."""

from dataclasses import replace
from typing import Final

from ledger.module import Context
from ledger.rows import key
from ledger.state import State
from tokenomics.oracle.appraisals import APPRAISALS, running
from tokenomics.oracle.rounds import (
    ROUNDS,
    Round,
    ended_rounds,
    open_rounds,
    opened_round,
    schedule,
)
from tokenomics.params import DAY_MS

ROUND_TOLERANCE: Final = 2
PHASE_TOLERANCE: Final = 4
"""A delay of more than this part of what was due is no usual delay of a block."""
LONGEST_SILENCE_MS: Final = 2 * DAY_MS
"""An idle chain has a block at each heartbeat, which genesis sets to a day at most."""


def due(state: State) -> tuple[int, int]:
    """(block time, tolerance in ms) of what falls due next by time alone."""
    now = schedule(state)
    if now.newest == 0:
        return now.start_ms, 0
    newest = opened_round(state, now.newest)
    found = [(newest.end_ms, (newest.end_ms - newest.opened_ms) // ROUND_TOLERANCE)]
    for _, _, appraisal in running(state):
        lasts_ms = appraisal.deadline_ms - appraisal.began_ms
        found.append((appraisal.deadline_ms, lasts_ms // PHASE_TOLERANCE))
    oldest = next(ended_rounds(state), None)
    if oldest is not None:
        found.append((oldest.deadline_ms, oldest.length_ms // ROUND_TOLERANCE))
    return min(found)


def lost_ms(context: Context) -> int:
    """How long the chain stood still before this block; 0 when it did not.

    It did when the block comes much too late for something that was due: then it may have stopped
    right after its parent. What has been moved on tolerates more, so that even a chain that is
    always late gets on. And it did when no chain is silent for so long: otherwise whoever can halt
    it for just the length of a phase of many days would skip that phase.
    """
    state, time_ms = context.state, context.block.time_ms
    due_ms, tolerance_ms = due(state)
    late_ms, silent_ms = time_ms - due_ms, time_ms - context.block.parent_time_ms
    is_usual = late_ms <= tolerance_ms and silent_ms <= LONGEST_SILENCE_MS
    if schedule(state).newest == 0 or is_usual:
        return 0
    return max(late_ms, silent_ms)


def move_on(state: State, by_ms: int) -> None:
    """Everything that is to come in open rounds and appraisals comes later by so much."""
    newest = schedule(state).newest
    for row in list(open_rounds(state)):
        state.put(ROUNDS, key(row.number), _moved(row, by_ms, is_running=row.number == newest))
    for row, number, appraisal in running(state):
        moved = replace(appraisal, deadline_ms=appraisal.deadline_ms + by_ms)
        state.put(APPRAISALS, key(row.number, number), moved)


def _moved(row: Round, by_ms: int, *, is_running: bool) -> Round:
    """An end that has passed stays where it was."""
    end_ms = row.end_ms + by_ms if is_running else row.end_ms
    return replace(row, end_ms=end_ms, deadline_ms=row.deadline_ms + by_ms)
