"""A budget that refills with time. Pure: the time is handed in."""


class TokenBucket:
    """Starts full with `burst` units and gains `per_second` units a second, up to `burst`."""

    def __init__(self, per_second: int, burst: int, now_s: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._units: float = burst
        self._updated_s = now_s

    def take(self, units: int, now_s: float) -> bool:
        """Spend `units` when there are as many; False, and nothing spent, otherwise."""
        self._units = min(
            self._burst, self._units + self._per_second * max(0.0, now_s - self._updated_s)
        )
        self._updated_s = now_s
        if units > self._units:
            return False
        self._units -= units
        return True

    def owe(self, units: int) -> None:
        """Spend what turned out to be needed beyond a take(), into debt if it must be."""
        self._units -= units
