"""How long to wait before the next attempt: doubling, capped, jittered. Pure."""

from collections.abc import Callable
from typing import Final

RECONNECT_FIRST_MS: Final = 100
RECONNECT_CAP_MS: Final = 2_000
"""consensus.md rule 3: peers reconnect with a backoff of at most 2 s."""
_MAX_DOUBLINGS: Final = 16


class Backoff:
    """Delays of one series of attempts: 0, then first, 2 first, 4 first ... up to cap.

    Jitter takes off up to half, so that nodes which lost each other together do not meet again in
    step. `random` returns a float in [0, 1).
    """

    def __init__(
        self,
        random: Callable[[], float],
        first_ms: int = RECONNECT_FIRST_MS,
        cap_ms: int = RECONNECT_CAP_MS,
    ) -> None:
        self._random = random
        self._first_ms = first_ms
        self._cap_ms = cap_ms
        self._attempts = 0

    def next_ms(self) -> int:
        """Delay before the next attempt, in 0..cap_ms."""
        attempt, self._attempts = self._attempts, self._attempts + 1
        if attempt == 0:
            return 0
        whole = min(self._cap_ms, self._first_ms << min(attempt - 1, _MAX_DOUBLINGS))
        return whole - int(whole * self._random() / 2)

    def reset(self) -> None:
        """After a success: the next attempt follows the first delay."""
        self._attempts = 1
