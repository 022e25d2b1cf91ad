"""How long a view may take (rule 3).

timeout = base * 2^k, k = timed views since the last commit, at most `cap`. The cap starts at 4 s,
doubles after each n failed timed views up to 16 s; a commit resets k and halves the cap to no less
than 4 s.

Who has just caught up to a height has timed no view of it, while others time its later views
longer. If it left before them, a quorum that needs it would lose that view, and theirs would run on
for nothing. So k is at least the view number up to LATE_VIEWS; beyond that the view number says
nothing of the network.
"""

from dataclasses import dataclass
from typing import Final

LOWEST_CAP_MS: Final = 4_000
HIGHEST_CAP_MS: Final = 16_000
LATE_VIEWS: Final = 2
"""With the defaults base * 2^2 is the lowest cap: from here on all wait equally long."""
RESEND_MS: Final = 500
"""Own ViewChange and Status while stalled."""
IDLE_STATUS_MS: Final = 5_000


@dataclass(slots=True)
class Pacemaker:
    """Timeouts of one replica; knows views only by number."""

    base_ms: int
    lowest_cap_ms: int = LOWEST_CAP_MS
    highest_cap_ms: int = HIGHEST_CAP_MS
    cap_ms: int = 0
    timed_views: int = 0
    failed_views: int = 0
    timing_view: int | None = None
    """The view whose timer was started last; None when no timer runs at this height."""

    def __post_init__(self) -> None:
        self.cap_ms = max(self.cap_ms, self.lowest_cap_ms)

    def start(self, view: int) -> int:
        """Start timing `view`; gives its timeout in milliseconds."""
        self.timed_views = max(self.timed_views, min(view, LATE_VIEWS))
        # k is bounded before the shift, so that a long partition makes no huge integer.
        timeout_ms = min(self.cap_ms, self.base_ms << min(self.timed_views, 16))
        self.timed_views += 1
        self.timing_view = view
        return timeout_ms

    def failed(self, n: int) -> None:
        """A timed view ended without a commit; n is the number of validators."""
        self.timing_view = None
        self.failed_views += 1
        if self.failed_views % n == 0:
            self.cap_ms = min(2 * self.cap_ms, self.highest_cap_ms)

    def committed(self) -> None:
        """A block is final: start over, and trust the network more."""
        self.timed_views = self.failed_views = 0
        self.timing_view = None
        self.cap_ms = max(self.cap_ms // 2, self.lowest_cap_ms)
