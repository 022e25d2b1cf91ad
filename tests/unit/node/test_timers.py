"""One timer a kind: the newest counts, and what is cancelled never fires."""

import asyncio

from consensus.effects import CancelTimer, SetTimer
from consensus.events import TimerFired, TimerKind
from node.replica.timers import LoopTimers


class Fired:
    """What fired, to wait for."""

    def __init__(self) -> None:
        self.events: list[TimerFired] = []
        self._arrived = asyncio.Event()
        self.timers = LoopTimers(self._fired)

    def _fired(self, event: TimerFired) -> None:
        self.events.append(event)
        self._arrived.set()

    async def wait(self) -> None:
        async with asyncio.timeout(5):
            await self._arrived.wait()


async def test_a_timer_fires_with_its_kind_and_generation() -> None:
    fired = Fired()
    fired.timers.perform(SetTimer(TimerKind.VIEW, 7, 1))
    await fired.wait()
    assert fired.events == [TimerFired(TimerKind.VIEW, 7)]


async def test_a_newer_timer_of_the_kind_replaces_the_older() -> None:
    fired = Fired()
    fired.timers.perform(SetTimer(TimerKind.VIEW, 1, 0))
    fired.timers.perform(SetTimer(TimerKind.VIEW, 2, 2))
    await fired.wait()
    assert fired.events == [TimerFired(TimerKind.VIEW, 2)]


async def test_kinds_do_not_touch_each_other() -> None:
    fired = Fired()
    fired.timers.perform(SetTimer(TimerKind.WORK, 1, 0))
    fired.timers.perform(SetTimer(TimerKind.STATUS, 1, 60_000))
    fired.timers.perform(CancelTimer(TimerKind.RESEND))
    await fired.wait()
    assert fired.events == [TimerFired(TimerKind.WORK, 1)]
    fired.timers.stop()


async def test_what_is_cancelled_or_stopped_never_fires() -> None:
    fired = Fired()
    fired.timers.perform(SetTimer(TimerKind.VIEW, 1, 0))
    fired.timers.perform(SetTimer(TimerKind.WORK, 1, 0))
    fired.timers.perform(CancelTimer(TimerKind.VIEW))
    fired.timers.stop()
    fired.timers.perform(SetTimer(TimerKind.STATUS, 9, 5))  # later than the two would have been
    await fired.wait()
    assert fired.events == [TimerFired(TimerKind.STATUS, 9)]
