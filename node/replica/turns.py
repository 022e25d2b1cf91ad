"""The task that owns the replica: it handles events in turns that let readers and peers in.

A turn ends early when it has lasted long, as the execution of a block does, which comes in pieces
for that reason (ledger/steps.py). The replica sees the same events in the same order whatever the
length of a turn.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from consensus.events import Event, ProposalBuilt
from ledger.errors import PeerError
from node.meter import Meter, Part
from node.replica.effects import ReplicaDriver
from node.replica.inbox import Inbox
from node.wall_clock import now_ms

EVENTS_A_TURN: Final = 32
"""Events that the replica takes before connections and verification get their turn."""
LONG_TURN_S: Final = 0.005
"""A turn ends with the event, or the piece of a block, that made it last so long."""
TURNS_AFTER_A_LONG_ONE: Final = 3
"""What an HTTP call needs of the loop from its first byte to its answer: who asked while a block
was executed does not wait for the next one too."""

Refused = Callable[[bytes, Event, PeerError], None]
"""(node key, its message, what is wrong with it)."""


async def drive(
    driver: ReplicaDriver,
    inbox: Inbox,
    meter: Meter,
    refused: Refused,
    built_nothing: Callable[[], None],
) -> None:
    """Handle events for ever, own answers first. built_nothing: told when nothing was executable
    for a block that may not be empty."""
    while True:
        if not (driver.answers or driver.work):
            await inbox.wait()
        ends_s = time.perf_counter() + LONG_TURN_S
        for _ in range(EVENTS_A_TURN):
            if not _next(driver, inbox, meter, refused, built_nothing):
                break
            if time.perf_counter() >= ends_s:
                break
        long = time.perf_counter() >= ends_s
        for _ in range(TURNS_AFTER_A_LONG_ONE if long else 1):
            await asyncio.sleep(0)


def _next(
    driver: ReplicaDriver,
    inbox: Inbox,
    meter: Meter,
    refused: Refused,
    built_nothing: Callable[[], None],
) -> bool:
    """Handle one event, or do a piece of what the last one asked for; False when there is nothing
    to do."""
    if driver.work:
        with meter.part(Part.CONSENSUS):
            driver.go_on()
    elif driver.answers:
        event = driver.answers.popleft()
        with meter.part(Part.CONSENSUS):
            driver.begin(event, now_ms())
        if isinstance(event, ProposalBuilt) and event.proposal is None:
            built_nothing()
    elif inbox:
        peer, received = inbox.take()
        with meter.part(Part.CONSENSUS):
            error = driver.begin(received, now_ms(), peer)
        if error is not None and peer is not None:
            refused(peer, received, error)
    else:
        return False
    return True
