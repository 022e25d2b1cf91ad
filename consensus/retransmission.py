"""Answering Status: send again what the other side lacks, within a budget for each peer.

Nothing relies on a message arriving the first time (consensus.md, "Messages").
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from consensus.effects import Reply
from consensus.messages import Message, Status
from ledger.registry import MAX_VALIDATORS, Phase

if TYPE_CHECKING:
    from consensus.core import Core

ANSWERS_AT_ONCE: Final = 4
"""Answers that a peer may draw without waiting; one more every ANSWER_INTERVAL_MS."""
ANSWER_INTERVAL_MS: Final = 200
OBSERVERS_ANSWERS_AT_ONCE: Final = 64
"""The same for all observers together, beside what each may draw: their number is not that of the
validators, for whom there is always time."""
OBSERVERS_ANSWER_INTERVAL_MS: Final = 20
MAX_OBSERVER_BUDGETS: Final = 1_024

Asker = int | bytes
"""A validator by index, an observer by node key."""
_OBSERVERS: Final = None


@dataclass(slots=True)
class AnswerBudget:
    """Token buckets for each peer, and for all observers together; a Status beyond them is ignored,
    and comes again."""

    _spent: dict[Asker | None, tuple[int, int]] = field(default_factory=dict)

    def take(self, asker: Asker, now_ms: int) -> bool:
        """True when this peer may be answered now."""
        is_observer = isinstance(asker, bytes)
        if isinstance(asker, int) and not 0 <= asker < MAX_VALIDATORS:
            return False
        if is_observer and asker not in self._spent and not self._has_room(now_ms):
            return False
        own = self._use(asker, ANSWERS_AT_ONCE, ANSWER_INTERVAL_MS, now_ms)
        if own is None:
            return False
        if is_observer:
            shared = self._use(
                _OBSERVERS, OBSERVERS_ANSWERS_AT_ONCE, OBSERVERS_ANSWER_INTERVAL_MS, now_ms
            )
            if shared is None:
                return False
            self._spent[_OBSERVERS] = shared
        self._spent[asker] = own
        return True

    def _use(
        self, key: Asker | None, at_once: int, interval_ms: int, now_ms: int
    ) -> tuple[int, int] | None:
        """(answers spent with this one, since when); None when there is none left."""
        spent, since_ms = self._spent.get(key, (0, now_ms))
        refill = abs(now_ms - since_ms) // interval_ms
        if refill:
            spent, since_ms = max(0, spent - refill), now_ms
        return None if spent >= at_once else (spent + 1, since_ms)

    def _has_room(self, now_ms: int) -> bool:
        """Forget those whose budget is full again when too many are remembered."""
        if len(self._spent) >= MAX_OBSERVER_BUDGETS:
            full_ms = ANSWERS_AT_ONCE * ANSWER_INTERVAL_MS
            for key, (_, since_ms) in list(self._spent.items()):
                if abs(now_ms - since_ms) >= full_ms:
                    del self._spent[key]
        return len(self._spent) < MAX_OBSERVER_BUDGETS


def own_status(core: "Core") -> Status:
    """What this replica holds, for others to send what it lacks; of a turn that it gives up, that
    it is past that view."""
    state = core.height
    if core.gives_up_turn:
        return Status(state.height, state.view + 1, False, 0, 0, 0)
    held = (
        validator
        for validator, message in state.view_changes.items()
        if message.vote.new_view >= state.view
    )
    return Status(
        state.height,
        state.view,
        state.view in state.pre_prepares and state.entered,
        state.votes.mask(Phase.PREPARE, state.view),
        state.votes.mask(Phase.COMMIT, state.view),
        sum(1 << validator for validator in held),
    )


def answer(core: "Core", status: Status) -> None:
    """Reply with what the sender of `status` lacks, as far as it is held here."""
    if status.height < core.height.height or (
        status.height == core.height.height and core.height.final
    ):
        block = core.chain.block(status.height)
        if block is not None:
            core.out.sends.append(Reply(block))
        # f + 1 such claims make the other side fetch the range that is not held here.
        core.out.sends.append(Reply(own_status(core)))
        return
    if status.height > core.height.height:
        return
    for message in _lacking(core, status):
        core.out.sends.append(Reply(message))


def _lacking(core: "Core", status: Status) -> list[Message]:
    """At most a PrePrepare, a NewView, and one ViewChange, Prepare and Commit a validator."""
    state = core.height
    found: list[Message] = []
    found.extend(
        message
        for validator, message in state.view_changes.items()
        if message.vote.new_view > status.view
        or (message.vote.new_view == status.view and not status.view_changes >> validator & 1)
    )
    if state.view < status.view:
        return found
    ahead = state.view > status.view
    proposal = state.pre_prepares.get(state.view)
    if state.entered and (ahead or not status.has_proposal):
        if proposal is not None and proposal.signature:
            found.append(proposal)
        elif state.justification is not None:
            found.append(state.justification)
    for phase, held in ((Phase.PREPARE, status.prepares), (Phase.COMMIT, status.commits)):
        found.extend(
            vote
            for validator, vote in state.votes.votes(phase, state.view).items()
            if ahead or not held >> validator & 1
        )
    if ahead:
        found.extend(state.votes.votes(Phase.COMMIT, status.view).values())
    return found
