"""Notices, after each event, that the replica has moved on, and tells the metrics how long it took.

The replica is pure and measures nothing; what it passes through within one event takes no time.
"""

from collections.abc import Callable
from typing import Final

from consensus.replica import Replica
from consensus.transitions import Step

_OUTSIDE_VIEWS: Final = frozenset({Step.IDLE, Step.BEHIND, Step.APPLYING})
"""Steps in which no view is under way: there is nothing to decide, or it is decided."""


class StepWatch:
    """Durations of steps and views of one replica, by the clock `now_s`.

    on_step: (step, seconds spent in it). on_view: seconds from the moment when there was something
    to decide, or from the view before, to the end of a view.
    """

    def __init__(
        self,
        replica: Replica,
        now_s: Callable[[], float],
        on_step: Callable[[Step, float], None],
        on_view: Callable[[float], None],
    ) -> None:
        self._replica = replica
        self._now_s = now_s
        self._on_step = on_step
        self._on_view = on_view
        height = replica.core.height
        self._step, self._place = height.step, (height.height, height.view)
        self._step_since_s = now_s()
        self._view_since_s: float | None = None

    def look(self) -> None:
        """Call after each event; next to nothing when nothing has moved."""
        height = self._replica.core.height
        step, place = height.step, (height.height, height.view)
        if step is self._step and place == self._place:
            return
        now_s = self._now_s()
        if step is not self._step:
            self._on_step(self._step, now_s - self._step_since_s)
            self._step_since_s = now_s
        outside = step in _OUTSIDE_VIEWS
        if self._view_since_s is not None and (outside or place != self._place):
            self._on_view(now_s - self._view_since_s)
            self._view_since_s = None
        if self._view_since_s is None and not outside:
            self._view_since_s = now_s
        self._step, self._place = step, place
