"""Readers that take nothing: how long a connection is given to empty what was written to it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

MIN_TAKEN_BYTES: Final = 64 * 1024
"""That a reader has to take in each of its patiences; less of a large answer is as good as nothing.
"""


class SlowReaderError(ConnectionError):
    """The other side takes nothing; the connection is given up."""


async def write_patiently(
    writing: Coroutine[Any, Any, None],
    transport: asyncio.Transport | None,
    size_bytes: int,
    patience_ms: int,
) -> None:
    """Await `writing`, which puts size_bytes into the transport's buffer and waits until they are
    taken. SlowReaderError when the reader takes less than MIN_TAKEN_BYTES in `patience_ms`.

    `writing` then goes on until the connection ends, which is up to the caller: writers of one
    connection wait for one and the same future, so cancelling one would cancel them all.
    """
    unsent_bytes = _unsent_bytes(transport) + size_bytes
    task = asyncio.ensure_future(writing)
    task.add_done_callback(_seen)
    try:
        while not (await asyncio.wait((task,), timeout=patience_ms / 1000))[0]:
            left_bytes = _unsent_bytes(transport)
            if left_bytes > unsent_bytes - MIN_TAKEN_BYTES:
                raise SlowReaderError(f"reader too slow: took nothing for {patience_ms} ms")
            unsent_bytes = left_bytes
        task.result()
    finally:
        # Its error holds this frame, which would hold the task, which holds the error: and with
        # them megabytes of an answer, since a node collects such circles rarely.
        del task


def _unsent_bytes(transport: asyncio.Transport | None) -> int:
    return 0 if transport is None else transport.get_write_buffer_size()


def _seen(task: asyncio.Task[None]) -> None:
    """A connection that ended after it was given up is no news."""
    if not task.cancelled():
        task.exception()
