"""Timers of the replica on the event loop: one for each kind, a newer one replaces it."""

import asyncio
from collections.abc import Callable

from consensus.effects import CancelTimer, SetTimer
from consensus.events import TimerFired, TimerKind


class LoopTimers:
    """Turns SetTimer and CancelTimer into TimerFired events."""

    def __init__(self, fired: Callable[[TimerFired], None]) -> None:
        self._fired = fired
        self._handles: dict[TimerKind, asyncio.TimerHandle] = {}

    def perform(self, effect: SetTimer | CancelTimer) -> None:
        """Set or cancel; never blocks."""
        old = self._handles.pop(effect.kind, None)
        if old is not None:
            old.cancel()
        if isinstance(effect, SetTimer):
            loop = asyncio.get_running_loop()
            event = TimerFired(effect.kind, effect.generation)
            self._handles[effect.kind] = loop.call_later(effect.delay_ms / 1000, self._fired, event)

    def stop(self) -> None:
        """Cancel all."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
