"""One process's time: one thing after the other, and what comes while it is busy waits."""

from collections import deque
from collections.abc import Callable
from random import Random

from consensus.events import Event, ProposalBuilt, ProposalChecked
from ledger.errors import InvariantViolation, LocalError
from tests.simulation.disk import Crash, Disk
from tests.simulation.world import World

Act = Callable[[], None]


class Turns:
    """The event loop of a virtual process, in the order of node/runtime.py: own answers first.

    handle: steps the replica with an own answer. idle: called when nothing waits any more.
    crashed: called when a crash fuse burnt; stopped: when production gives up, with what it says.
    work_us: least and most time of building or checking a block. A slow sync holds everything up:
    what the same turn does after it happens later, and so does the next turn.
    """

    def __init__(
        self,
        world: World,
        rng: Random,
        work_us: tuple[int, int],
        handle: Callable[[Event], None],
        idle: Act,
        crashed: Act,
        stopped: Callable[[Exception], None],
        disk: Disk,
    ) -> None:
        self._world = world
        self._rng = rng
        self._work_us = work_us
        self._handle = handle
        self._idle = idle
        self._crashed = crashed
        self._stopped = stopped
        self._disk = disk
        self.answers: deque[Event] = deque()
        self.ended = False
        self._inbox: deque[Act] = deque()
        self._inside = False
        self._busy = False
        self._paused_until_us = 0
        self.waits_for_disk = False
        """Whether a sync holds the process up."""

    def soon(self, act: Act) -> None:
        """Do `act` now, or when what keeps the process busy is over."""
        self._inbox.append(act)
        self._work_off()

    def later_us(self, delay_us: int, act: Act) -> None:
        """Schedule `act`, which must not take long, unless the process has ended by then."""

        def unless_ended() -> None:
            if not self.ended:
                act()

        self._world.later(delay_us, unless_ended)

    def when_synced(self, act: Act) -> None:
        """Do `act`, which the world sees, when the syncs of this turn are over."""
        if self._disk.lag_us:
            self.later_us(self._disk.lag_us, act)
        else:
            act()

    def later_ms(self, delay_ms: int, act: Act) -> None:
        """Queue `act` after this time."""
        self.later_us(delay_ms * 1000, lambda: self.soon(act))

    def pause(self, duration_us: int) -> None:
        """The process gets no CPU for a while; its sockets fill up."""
        self._paused_until_us = max(self._paused_until_us, self._world.now_us + duration_us)
        self.later_us(duration_us, self._work_off)

    def wake(self) -> None:
        """End a pause."""
        self._paused_until_us = 0
        self._work_off()

    def _work_off(self) -> None:
        if self._inside or self.ended:
            return
        self._inside = True
        try:
            with self._disk.at_work(True):
                self._work()
        except Crash:
            self._crashed()
        except (LocalError, InvariantViolation) as error:
            self._stopped(error)
        finally:
            self._inside = False

    def _work(self) -> None:
        while not self._is_held_up():
            if self.answers:
                self._take_answer(self.answers.popleft())
            elif self._inbox:
                self._inbox.popleft()()
            else:
                self._idle()
                if not self.answers and not self._inbox:
                    return
            if self._disk.lag_us:
                # Last of what happens then: what this turn did is seen before the next one begins.
                self.waits_for_disk = True
                self.later_us(self._disk.lag_us, self._synced)
                self._disk.lag_us = 0

    def _is_held_up(self) -> bool:
        return self._busy or self.waits_for_disk or self._world.now_us < self._paused_until_us

    def _synced(self) -> None:
        self.waits_for_disk = False
        self._work_off()

    def _take_answer(self, event: Event) -> None:
        work = isinstance(event, ProposalBuilt | ProposalChecked)
        delay_us = self._rng.randint(*self._work_us) if work else 0
        if delay_us:
            self._busy = True
            self.later_us(delay_us, lambda: self._worked(event))
        else:
            self._handle(event)

    def _worked(self, event: Event) -> None:
        """The time that building or checking takes is over."""
        self._busy = False
        self._inbox.appendleft(lambda: self._handle(event))
        self._work_off()
