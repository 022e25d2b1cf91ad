"""Virtual time: one heap of events, ordered by (time, order of scheduling). Nothing else moves."""

from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final

START_MS: Final = 1_700_000_000_000
"""Virtual wall clock at the start of a seed, ms since 1970."""

Act = Callable[[], None]


class World:
    """The clock, what is still to happen, and a running hash of what happened."""

    def __init__(self, trace: Callable[[str], None] | None = None) -> None:
        """trace: is given one line for everything that happens, None to keep no words of it."""
        self.now_us = START_MS * 1000
        self._heap: list[tuple[int, int, Act]] = []
        self._sequence = 0
        self._hash = blake2b(digest_size=16)
        self._trace = trace

    @property
    def now_ms(self) -> int:
        """Virtual time in whole milliseconds."""
        return self.now_us // 1000

    @property
    def elapsed_ms(self) -> int:
        """Virtual milliseconds since the start of the seed."""
        return self.now_us // 1000 - START_MS

    def later(self, delay_us: int, act: Act) -> None:
        """Do `act` after this virtual time; what is due at one time happens as scheduled."""
        self._sequence += 1
        heappush(self._heap, (self.now_us + delay_us, self._sequence, act))

    def step(self, until_us: int) -> bool:
        """Let the next event happen; False, and it is `until_us`, when there is none until then."""
        if not self._heap or self._heap[0][0] > until_us:
            self.now_us = until_us
            return False
        at_us, _, act = heappop(self._heap)
        self.now_us = at_us
        act()
        return True

    def note(self, what: str, *about: object) -> None:
        """Put something that happened into the hash and, when one is kept, the trace."""
        line = f"{self.now_us - START_MS * 1000} {what} {about}"
        self._hash.update(line.encode())
        if self._trace is not None:
            self._trace(line)

    def digest(self) -> str:
        """Hash of everything noted so far: equal for equal runs."""
        return self._hash.hexdigest()
