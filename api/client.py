"""Python SDK: `Client` for asyncio, `SyncClient` over it for everything else.

    async with Client("http://127.0.0.1:8545") as client:
        print((await client.call(calls.status()))["height"])

Methods of the node are values in api.calls. A call that fails because the connection does is
repeated a few times; an error that the node answers with is raised as NodeError at once, except
"too many calls", which is tried again when the node says.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

import aiohttp
import orjson

from api import calls, governance_results, history_results, results
from api.calls import Call
from api.encoding import hex_of
from api.errors import LIMIT_EXCEEDED
from api.subscriptions import Topic

MAX_BATCH: Final = 100
"""Calls that go out together; the default limit of a node."""
ATTEMPTS: Final = 4
"""Of a call whose connection fails."""
BACKOFF_S: Final = 0.1
"""Before the second attempt; doubles."""
MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""Of the calls that go out together; half the default limit of a node."""
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
DEFAULT_TIMEOUT_S: Final = 75.0
"""For one answer; longer than a node may wait for finality."""
HEARTBEAT_S: Final = 30.0

T = TypeVar("T")


class ClientError(Exception):
    """Base of what the clients raise."""


class NodeError(ClientError):
    """The node answered with an error object."""

    def __init__(self, method: str, code: int, message: str, data: object) -> None:
        super().__init__(f"{method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class UnreachableError(ClientError):
    """No answer from the node; says which URL and why."""


class AnswerError(ClientError):
    """What answered is no Poyong node, or broke off: the body is no JSON-RPC answer."""


class NotFinalError(ClientError):
    """Transactions that were not final in time; they may still become so."""

    def __init__(self, hashes: list[str], timeout_s: float) -> None:
        super().__init__(
            f"{len(hashes)} transactions are not final after {timeout_s:g} s, first {hashes[0]}; "
            "they may still become final: ask again with poyong_getReceipt"
        )
        self.hashes = hashes


class Client:
    """A connection pool to one node. Safe to share between tasks of one loop."""

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, call: Call[T]) -> T:
        """The result of one call, or NodeError."""
        outcome = (await self.batch([call]))[0]
        if isinstance(outcome, NodeError):
            raise outcome
        return outcome

    async def batch(self, batch: Sequence[Call[T]]) -> list[T | NodeError]:
        """A result or a NodeError for each call, in order; large batches go out in parts."""
        outcomes: list[T | NodeError] = []
        for part in _parts(batch):
            outcomes += await self._exchange(part)
        return outcomes

    async def send(self, transactions: Sequence[bytes]) -> list[str | NodeError]:
        """Send signed transactions; the hash of each, or why it was refused."""
        return await self.batch([calls.send_transaction(item) for item in transactions])

    async def send_and_wait(
        self, transactions: Sequence[bytes], timeout_s: float = 30.0
    ) -> list[results.Receipt | NodeError]:
        """Send signed transactions and follow blocks until each is final.

        The receipt of each, or why it was refused. NotFinalError when the time runs out.
        """
        sent = await self.send(transactions)
        waited_for = [item for item in sent if not isinstance(item, NodeError)]
        receipts = await self.wait_final(waited_for, timeout_s)
        return [item if isinstance(item, NodeError) else receipts[item] for item in sent]

    async def wait_final(
        self, hashes: Sequence[str], timeout_s: float = 30.0
    ) -> dict[str, results.Receipt]:
        """Receipts by hash, once all are final. NotFinalError when the time runs out."""
        receipts: dict[str, results.Receipt] = {}
        missing = dict.fromkeys(hashes)
        try:
            async with asyncio.timeout(timeout_s):
                # Height first: what is final up to it has a receipt now, the rest comes after it.
                height = (await self.call(calls.status()))["height"]
                await self._collect(list(missing), receipts)
                missing = dict.fromkeys(item for item in hashes if item not in receipts)
                if missing:
                    await self._follow_until_final(missing, height + 1, receipts)
        except TimeoutError:
            raise NotFinalError(list(missing), timeout_s) from None
        return receipts

    async def _follow_until_final(
        self, missing: dict[str, None], from_height: int, receipts: dict[str, results.Receipt]
    ) -> None:
        async with aclosing(self.blocks(from_height)) as blocks:
            async for block in blocks:
                final = [item for item in block["transaction_hashes"] if item in missing]
                await self._collect(final, receipts)
                for item in final:
                    del missing[item]
                if not missing:
                    return

    async def _collect(self, hashes: Sequence[str], into: dict[str, results.Receipt]) -> None:
        for receipt in await self.batch([calls.get_receipt(item) for item in hashes]):
            if isinstance(receipt, NodeError):
                raise receipt
            if receipt is not None:
                into[receipt["transaction_hash"]] = receipt

    def blocks(
        self, from_height: int | None = None, detail: results.Detail = "hashes"
    ) -> AsyncGenerator[results.Block, None]:
        """Blocks as they become final, each once and in order, across lost connections.

        UnreachableError when the node stays away. Use it inside contextlib.aclosing, or exhaust
        it, to close the connection at once.
        """
        return self._resumed("blocks", from_height, detail)

    def governance_events(
        self, from_height: int | None = None
    ) -> AsyncGenerator[governance_results.GovernanceEvents, None]:
        """Blocks' events of proposals and stakeholders, as blocks() gives blocks; resume from the
        height after the last one received."""
        return self._resumed("governance", from_height, "hashes")

    def account_history(
        self, account: calls.BytesLike, cursor: str | None = None
    ) -> AsyncGenerator[history_results.AccountEvents, None]:
        """What concerns an account as blocks become final, as blocks() gives blocks; resume with
        the cursor of the last one received."""
        text = hex_of(account) if isinstance(account, bytes) else account
        params = {"topic": "account", "account": text, "cursor": cursor}
        return self._resumed_by(params, lambda notice: {"cursor": notice["cursor"]})

    def _resumed(
        self, topic: Topic, from_height: int | None, detail: results.Detail
    ) -> AsyncGenerator[Any, None]:
        """What a subscription gives, each height at most once, across lost connections."""
        params = {"topic": topic, "from_height": from_height, "detail": detail}
        return self._resumed_by(params, lambda notice: {"from_height": notice["height"] + 1})

    async def _resumed_by(
        self, params: dict[str, Any], after: Callable[[Any], dict[str, Any]]
    ) -> AsyncGenerator[Any, None]:
        """after: what to ask for so that what follows a notice comes next."""
        failures = 0
        while True:
            try:
                async with aclosing(self._follow(params)) as notices:
                    async for notice in notices:
                        failures = 0
                        params = params | after(notice)
                        yield notice
                reason = "the node closed the subscription"
            except (aiohttp.ClientError, OSError) as error:
                reason = str(error) or type(error).__name__
            failures += 1
            if failures >= ATTEMPTS:
                raise UnreachableError(f"{self.url}: {reason}")
            await asyncio.sleep(BACKOFF_S * 2**failures)

    async def _follow(self, params: dict[str, Any]) -> AsyncGenerator[Any, None]:
        call = {"jsonrpc": "2.0", "id": 0, "method": "poyong_subscribe", "params": params}
        url = "ws" + self.url.removeprefix("http")
        async with self._opened().ws_connect(
            url, heartbeat=HEARTBEAT_S, max_msg_size=MAX_ANSWER_BYTES
        ) as socket:
            await socket.send_str(orjson.dumps(call).decode())
            async for message in socket:
                for answer in _answers(self.url, message.data):
                    # The first answer names the subscription; notifications follow.
                    notice = answer if "id" in answer else answer.get("params", {})
                    outcome = _outcome(self.url, "poyong_subscribe", notice)
                    if isinstance(outcome, NodeError):
                        raise outcome
                    if "id" not in answer:
                        yield outcome

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session

    async def _exchange(self, part: "list[_Encoded]") -> list[Any]:
        """One message and its answers; calls over the node's rate again, when it says."""
        outcomes = await self._post(part)
        for _ in range(1, ATTEMPTS):
            delays_s = {
                index: delay_s
                for index, outcome in enumerate(outcomes)
                if (delay_s := _retry_after_s(outcome)) is not None
            }
            if not delays_s:
                break
            await asyncio.sleep(max(delays_s.values()))
            again = await self._post([part[index] for index in delays_s])
            for index, outcome in zip(delays_s, again, strict=True):
                outcomes[index] = outcome
        return outcomes

    async def _post(self, part: "list[_Encoded]") -> list[Any]:
        body = orjson.dumps(
            [
                {"jsonrpc": "2.0", "id": index, "method": item.method, "params": item.params}
                for index, item in enumerate(part)
            ]
        )
        outcomes: dict[int, object] = {}
        for answer in _answers(self.url, await self._body_of_answer(body)):
            index = answer.get("id")
            if index is None and "error" in answer:  # the message as a whole was refused
                return [_outcome(self.url, item.method, answer) for item in part]
            if type(index) is not int or not 0 <= index < len(part):
                raise AnswerError(f"{self.url}: answer to a call {index!r} that was not made")
            outcomes[index] = _outcome(self.url, part[index].method, answer)
        if len(outcomes) != len(part):
            raise AnswerError(f"{self.url}: {len(outcomes)} answers to {len(part)} calls")
        return [outcomes[index] for index in range(len(part))]

    async def _body_of_answer(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._opened().post(self.url, data=body, headers=headers) as response:
                    if response.status != 503:
                        return await response.read()
                    reason = "the node is busy (503)"
            except TimeoutError as error:
                raise UnreachableError(
                    f"{self.url}: no answer within {self._timeout.total:g} s"
                ) from error
            except (aiohttp.ClientError, OSError) as error:
                reason = str(error) or type(error).__name__
            if attempt < ATTEMPTS:
                await asyncio.sleep(BACKOFF_S * 2 ** (attempt - 1))
        raise UnreachableError(
            f"{self.url}: {reason}. Is the node running, and its rpc.port this one?"
        )


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A call with its parameters as JSON."""

    method: str
    params: orjson.Fragment


def _parts(batch: Sequence[Call[Any]]) -> Iterator[list[_Encoded]]:
    """The calls in messages within MAX_BATCH and MAX_MESSAGE_BYTES."""
    part: list[_Encoded] = []
    size_bytes = 0
    for call in batch:
        params = orjson.dumps(call.params)
        if part and (len(part) == MAX_BATCH or size_bytes + len(params) > MAX_MESSAGE_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append(_Encoded(call.method, orjson.Fragment(params)))
        size_bytes += len(params)
    if part:
        yield part


def _answers(url: str, body: bytes | str) -> list[dict[str, Any]]:
    try:
        answers = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise AnswerError(f"{url}: expected JSON-RPC, found {body[:80]!r}") from error
    if isinstance(answers, dict):
        answers = [answers]
    if not isinstance(answers, list) or not all(isinstance(item, dict) for item in answers):
        raise AnswerError(f"{url}: expected a JSON-RPC answer, found {body[:80]!r}")
    return answers


def _outcome(url: str, method: str, answer: dict[str, Any]) -> Any:
    """The result in an answer, or its error; AnswerError when it has neither."""
    match answer:
        case {"error": {"code": int() as code, "message": str() as message, **rest}}:
            return NodeError(method, code, message, rest.get("data"))
        case {"result": result} if "error" not in answer:
            return result
    raise AnswerError(f"{url}: expected a result or an error, found members {list(answer)[:8]}")


def _retry_after_s(outcome: object) -> float | None:
    """When the node wants a call over its rate again; None for any other outcome."""
    if not isinstance(outcome, NodeError) or outcome.code != LIMIT_EXCEEDED:
        return None
    after_ms = outcome.data.get("retry_after_ms") if isinstance(outcome.data, dict) else None
    return after_ms / 1000 if isinstance(after_ms, int) else None


class SyncClient:
    """The same client without async; runs one loop of its own. Not for use inside a running loop,
    and for one thread."""

    def __init__(self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._client = Client(url, timeout_s=timeout_s)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._run(self._client.close())
        self._runner.close()

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

    def blocks(
        self, from_height: int | None = None, detail: results.Detail = "hashes"
    ) -> Generator[results.Block, None, None]:
        """As Client.blocks."""
        blocks = self._client.blocks(from_height, detail)
        try:
            while True:
                yield self._run(_next(blocks))
        finally:
            self._run(blocks.aclose())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)


async def _next(blocks: AsyncGenerator[results.Block, None]) -> results.Block:
    return await anext(blocks)
