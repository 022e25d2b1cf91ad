"""The only place that moves a proposal: status, due queue, sponsors' slots and record together."""

from dataclasses import replace
from typing import Any

from governance.proposals import due
from governance.proposals.lifecycle import ENDED, OPEN, Step, advance
from governance.proposals.proposal_rows import PROGRESS, PROPOSALS, SLOTS, Origin, Progress, Slots
from governance.proposals.proposal_rows import progress_of as _progress_of
from ledger.errors import ensure
from ledger.module import Context
from ledger.rows import key, present
from ledger.state import State


def move(
    context: Context, number: int, step: Step, *, due_ms: int | None = None, **changes: Any
) -> Progress:
    """Take a legal step. due_ms: when the next one comes by itself. changes: further fields."""
    before = _progress_of(context.state, number)
    status = advance(before.status, step)
    if status in ENDED:
        due_ms, changes["ended_ms"] = None, context.block.time_ms
    after = replace(before, status=status, **changes)
    after = _write(context.state, number, before, after, due_ms)
    if before.status in OPEN and status not in OPEN:
        _free_slots(context.state, number, after)
    context.emit(
        "proposals.moved",
        proposal=number,
        before=before.status.name,
        after=status.name,
        due_ms=0 if due_ms is None else due_ms,
        reason=after.reason,
    )
    return after


def update(state: State, number: int, *, due_ms: int | None, **changes: Any) -> Progress:
    """Change fields, or the due time, of a proposal that stays where it stands."""
    before = _progress_of(state, number)
    return _write(state, number, before, replace(before, **changes), due_ms)


def _write(
    state: State, number: int, before: Progress, after: Progress, due_ms: int | None
) -> Progress:
    after = replace(after, due_ms=due_ms)
    due.reschedule(state, number, before.due_ms, due_ms)
    state.put(PROGRESS, key(number), after)
    return after


def slots(state: State, sponsor: bytes) -> int:
    """Open proposals of a sponsor."""
    row = state.get(SLOTS, sponsor)
    return 0 if row is None else row.open


def take_slot(state: State, sponsor: bytes, change: int = 1) -> None:
    """One open proposal more of a sponsor, or with -1 one less."""
    now = slots(state, sponsor) + change
    ensure(now >= 0, f"sponsor {sponsor.hex()} has {now} open proposals")
    state.put(SLOTS, sponsor, Slots(now))


def _free_slots(state: State, number: int, progress: Progress) -> None:
    proposal = present(state.get(PROPOSALS, key(number)), f"proposal {number}")
    if proposal.origin is not Origin.SPONSORS:
        return
    for sponsor in filter(None, (proposal.sponsor, progress.second_sponsor)):
        take_slot(state, sponsor, -1)
