"""The client of api.client without async."""

from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from typing import Any, Self, TypeVar

from api import calls, governance_results, history_results, results
from api.calls import BytesLike, Call
from api.client import DEFAULT_TIMEOUT_S, Client
from api.client_errors import NodeError
from api.loop_thread import LoopThread
from ledger.message_registry import MessageType
from ledger.threshold import Witness
from ledger.transaction import Draft

T = TypeVar("T")


class SyncClient:
    """The same client without async. Its calls run in an event loop on a thread of its own, so it
    serves any thread, and programs that run a loop themselves (notebooks)."""

    def __init__(
        self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, api_key: str | None = None
    ) -> None:
        self._client = Client(url, timeout_s=timeout_s, api_key=api_key)
        self._loop = LoopThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the client cannot be used again."""
        if self._loop.running:
            self._run(self._client.close())
            self._loop.close()

    def call(self, call: Call[T]) -> T:
        """As Client.call."""
        return self._run(self._client.call(call))

    def batch(self, batch: Sequence[Call[T]]) -> list[T | NodeError]:
        """As Client.batch."""
        return self._run(self._client.batch(batch))

    def send(self, transactions: Sequence[bytes]) -> list[str | NodeError]:
        """As Client.send."""
        return self._run(self._client.send(transactions))

    def send_and_wait(
        self, transactions: Sequence[bytes], timeout_s: float = 30.0
    ) -> list[results.Receipt | NodeError]:
        """As Client.send_and_wait."""
        return self._run(self._client.send_and_wait(transactions, timeout_s))

    def wait_final(
        self, hashes: Sequence[str], timeout_s: float = 30.0
    ) -> dict[str, results.Receipt]:
        """As Client.wait_final."""
        return self._run(self._client.wait_final(hashes, timeout_s))

    def wait_for(self, transaction: BytesLike, timeout_s: float = 30.0) -> results.Receipt:
        """As Client.wait_for."""
        return self._run(self._client.wait_for(transaction, timeout_s))

    def prepare(self, sender: bytes | Witness, message: MessageType, *values: object) -> Draft:
        """As Client.prepare."""
        return self._run(self._client.prepare(sender, message, *values))

    def blocks(
        self, from_height: int | None = None, detail: results.Detail = "hashes"
    ) -> Generator[results.Block, None, None]:
        """As Client.blocks."""
        return self._each(self._client.blocks(from_height, detail))

    def governance_events(
        self, from_height: int | None = None
    ) -> Generator[governance_results.GovernanceEvents, None, None]:
        """As Client.governance_events."""
        return self._each(self._client.governance_events(from_height))

    def account_history(
        self, account: calls.BytesLike, cursor: str | None = None
    ) -> Generator[history_results.AccountEvents, None, None]:
        """As Client.account_history."""
        return self._each(self._client.account_history(account, cursor))

    def _each(self, found: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        try:
            while True:
                yield self._run(_next(found))
        finally:
            if self._loop.running:  # else it ended with the client
                self._run(found.aclose())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(coroutine)


async def _next(found: AsyncGenerator[T, None]) -> T:
    return await anext(found)
