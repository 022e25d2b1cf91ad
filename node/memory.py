"""Gives freed memory back to the system, which glibc keeps where anything above it is in use.

A store engine frees its write buffers by megabytes, and what lives longer lies between them. In two
hours of a town's load this took 20 MiB that nothing used (docs/resilience.md, "Soak").
"""

import asyncio
import ctypes
import sys
from typing import Final

PERIOD_S: Final = 60.0


async def give_back_regularly() -> None:
    """Every PERIOD_S, until it is cancelled; well below a millisecond each time."""
    while sys.platform == "linux":
        await asyncio.sleep(PERIOD_S)
        give_back()


def give_back() -> None:
    """At once. Nothing where the C library has no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
