"""An event loop on a thread of its own, for callers that have none or block their own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from api.client_errors import ClientError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for any thread, several at once. Ends with the process, or at close()."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="poyong-client", daemon=True
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """False after close()."""
        return not self._loop.is_closed()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, or its error; an interrupt of the caller ends it."""
        if not self.running:
            coroutine.close()
            raise ClientError("this client is closed: make another one")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End what still runs, then loop and thread."""
        if not self.running:
            return
        self.run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
