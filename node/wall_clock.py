"""The wall clock: the only place of a running node where the time of day is read for consensus."""

import time


def now_ms() -> int:
    """In ms since 1970."""
    return time.time_ns() // 1_000_000
