"""CPU time of the node's thread by part, for benchmarks and for operators who wonder.

A part is measured around a whole turn (a block, a batch), never around one transaction, so that
measuring costs nothing that could be measured. What runs inside another part counts there only
once: enter a part, leave it, and the outer one goes on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class Part(StrEnum):
    """What the CPU time of a node goes to; the value labels the metric."""

    DECODE = "decode"  # transactions that arrive
    VERIFY = "verify"  # their signatures
    MEMPOOL = "mempool"  # admission
    EXECUTE = "execute"  # building and checking blocks, with the state commitment
    STORE = "store"  # a block's write batch
    VOTE_LOG = "vote_log"
    CONSENSUS = "consensus"  # the replica's steps, and messages encoded and sent


class Meter:
    """Nanoseconds of thread CPU time by part; parts nest."""

    def __init__(self) -> None:
        self.spent_ns: dict[Part, int] = dict.fromkeys(Part, 0)
        self._stack: list[Part] = []
        self._since_ns = 0

    @contextmanager
    def part(self, part: Part) -> Iterator[None]:
        """Count the CPU time of the block as `part`, less that of parts inside it."""
        self._switch()
        self._stack.append(part)
        try:
            yield
        finally:
            self._switch()
            self._stack.pop()

    def _switch(self) -> None:
        now_ns = time.thread_time_ns()
        if self._stack:
            self.spent_ns[self._stack[-1]] += now_ns - self._since_ns
        self._since_ns = now_ns
