"""What ends the run of a town: a signal, its purpose, or an error; the rest ends with it."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """Set on SIGINT or SIGTERM, which do nothing else meanwhile."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def until_one_ends(
    background: Sequence[Coroutine[Any, Any, None]], endings: Sequence[Coroutine[Any, Any, Any]]
) -> None:
    """Return when one of `endings` does; an error of any of them is raised. Cancels the rest."""
    ends = {asyncio.ensure_future(ending) for ending in endings}
    tasks = ends | {asyncio.ensure_future(task) for task in background}
    try:
        pending = set(tasks)
        while not any(end.done() for end in ends):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
