"""Python SDK: `Client` for asyncio; api.sync_client has the same without async (docs/sdk.md).

    async with Client("http://127.0.0.1:8545") as client:
        print((await client.call(calls.status()))["height"])

Methods of the node are values in api.calls. A call that fails because the connection does is
repeated a few times if that is safe (api.calls.Call); an error that the node answers with is raised
as NodeError at once, except "too many calls", which is tried again when the node says.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, Self, TypeVar

import aiohttp
import orjson

from api import calls, governance_results, history_results, results
from api.calls import BytesLike, Call
from api.client_errors import (
    AnswerError,
    ClientError,
    NodeError,
    NoSubscriptionError,
    NotFinalError,
    UnreachableError,
)
from api.client_wire import (
    EncodedCall,
    answers_in,
    body_of,
    outcome_of,
    parts_of,
    retry_after_s,
)
from api.encoding import hex_of
from api.errors import LIMIT_EXCEEDED
from api.subscriptions import Topic
from ledger.message_registry import MessageType
from ledger.threshold import Witness
from ledger.transaction import Draft, key_address

__all__ = [
    "AnswerError",
    "Client",
    "ClientError",
    "NoSubscriptionError",
    "NodeError",
    "NotFinalError",
    "UnreachableError",
]

ATTEMPTS: Final = 4
"""Of a call whose connection fails."""
BACKOFF_S: Final = 0.1
"""Before the second attempt; doubles."""
POLL_S: Final = 0.5
"""Between two questions where no subscription comes through."""
BUSY_STATUS: Final = 503
"""Said before a call is read: it is always safe to try again."""
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
DEFAULT_TIMEOUT_S: Final = 75.0
"""For one answer; longer than a node may wait for finality."""
HEARTBEAT_S: Final = 30.0
VALIDITY_BLOCKS: Final = 1_000
"""How long a prepared transaction may wait for inclusion."""

T = TypeVar("T")


class Client:
    """A connection pool to one node. Safe to share between tasks of one loop."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        api_key: str | None = None,
        unix_socket: str | None = None,
    ) -> None:
        """api_key: what the node's operator gave, NAME.SECRET. unix_socket: path of the operator's
        socket of a node on this machine, which takes admin_* alone."""
        self.url = url
        self.headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._unix_socket = unix_socket
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
        for part in parts_of(batch):
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
        """Receipts by hash, once all are final. NotFinalError when the time runs out.

        Follows blocks by WebSocket; where none comes through, asks again and again.
        """
        receipts: dict[str, results.Receipt] = {}
        missing = dict.fromkeys(hashes)
        try:
            async with asyncio.timeout(timeout_s):
                # Height first: what is final up to it has a receipt now, the rest comes after it.
                height = (await self.call(calls.status()))["height"]
                await self._collect(list(missing), receipts)
                missing = dict.fromkeys(item for item in hashes if item not in receipts)
                if missing:
                    await self._wait_until_final(missing, height + 1, receipts)
        except TimeoutError:
            raise NotFinalError(list(missing), timeout_s) from None
        return receipts

    async def wait_for(self, transaction: BytesLike, timeout_s: float = 30.0) -> results.Receipt:
        """The receipt of the transaction with this hash, once it is final. Errors as wait_final."""
        text = hex_of(transaction) if isinstance(transaction, bytes) else transaction.lower()
        return (await self.wait_final([text], timeout_s))[text]

    async def prepare(
        self, sender: bytes | Witness, message: MessageType, *values: object
    ) -> Draft:
        """A draft of this message, with the next nonce of `sender` (a public key, or the witness of
        a threshold account); ledger.transaction.sign makes it a transaction.

        Two drafts that are prepared before the first is sent have the same nonce.
        """
        address = sender.address if isinstance(sender, Witness) else key_address(sender)
        status = await self.call(calls.status())
        account = await self.call(calls.get_account(address))
        return Draft(
            chain_id=status["chain_id"],
            nonce=account["pending_nonce"],
            type=message.name,
            body=message.encode(*values),
            valid_until=status["height"] + VALIDITY_BLOCKS,
        )

    async def _wait_until_final(
        self, missing: dict[str, None], from_height: int, receipts: dict[str, results.Receipt]
    ) -> None:
        try:
            await self._follow_until_final(missing, from_height, receipts)
        except (NoSubscriptionError, UnreachableError):
            # HTTP may come through where WebSocket does not; if it does not either, this raises.
            while missing:
                await self._collect(list(missing), receipts)
                for item in receipts.keys() & missing.keys():
                    del missing[item]
                if missing:
                    await asyncio.sleep(POLL_S)

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
            limit: NodeError | None = None
            try:
                async with aclosing(self._follow(params)) as notices:
                    async for notice in notices:
                        failures = 0
                        params = params | after(notice)
                        yield notice
                reason = "the node closed the subscription"
            except (aiohttp.ClientError, OSError) as error:
                reason = str(error) or type(error).__name__
            except NodeError as error:
                if error.code != LIMIT_EXCEEDED:
                    raise
                # We read too slowly, or there are too many of us.
                reason, limit = error.message, error
            failures += 1
            if limit is not None and failures >= ATTEMPTS:
                raise limit
            if failures >= ATTEMPTS:
                raise UnreachableError(f"{self.url}: {reason}")
            await asyncio.sleep(BACKOFF_S * 2**failures)

    async def _follow(self, params: dict[str, Any]) -> AsyncGenerator[Any, None]:
        call = {"jsonrpc": "2.0", "id": 0, "method": "poyong_subscribe", "params": params}
        url = "ws" + self.url.removeprefix("http")
        try:
            connected = await self._opened().ws_connect(
                url, heartbeat=HEARTBEAT_S, max_msg_size=MAX_ANSWER_BYTES
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status == BUSY_STATUS:
                raise
            raise NoSubscriptionError(
                f"{self.url} takes no WebSocket (status {error.status}): let the proxy before the "
                "node pass it, or ask without subscribing"
            ) from error
        async with connected as socket:
            await socket.send_str(orjson.dumps(call).decode())
            async for message in socket:
                for answer in answers_in(self.url, message.data):
                    # The first answer names the subscription; notifications follow.
                    notice = answer if "id" in answer else answer.get("params", {})
                    outcome = outcome_of(self.url, "poyong_subscribe", notice)
                    if isinstance(outcome, NodeError):
                        raise outcome
                    if "id" not in answer:
                        yield outcome

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            path = self._unix_socket
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                headers=self.headers,
                connector=None if path is None else aiohttp.UnixConnector(path),
            )
        return self._session

    async def _exchange(self, part: list[EncodedCall]) -> list[Any]:
        """One message and its answers; calls over the node's rate again, when it says."""
        outcomes = await self._post(part)
        for _ in range(1, ATTEMPTS):
            delays_s = {
                index: delay_s
                for index, outcome in enumerate(outcomes)
                if (delay_s := retry_after_s(outcome)) is not None
            }
            if not delays_s:
                break
            await asyncio.sleep(max(delays_s.values()))
            again = await self._post([part[index] for index in delays_s])
            for index, outcome in zip(delays_s, again, strict=True):
                outcomes[index] = outcome
        return outcomes

    async def _post(self, part: list[EncodedCall]) -> list[Any]:
        outcomes: dict[int, object] = {}
        for answer in answers_in(self.url, await self._body_of_answer(part)):
            index = answer.get("id")
            if index is None and "error" in answer:  # the message as a whole was refused
                return [outcome_of(self.url, item.method, answer) for item in part]
            if type(index) is not int or not 0 <= index < len(part):
                raise AnswerError(f"{self.url}: answer to a call {index!r} that was not made")
            outcomes[index] = outcome_of(self.url, part[index].method, answer)
        if len(outcomes) != len(part):
            raise AnswerError(f"{self.url}: {len(outcomes)} answers to {len(part)} calls")
        return [outcomes[index] for index in range(len(part))]

    async def _body_of_answer(self, part: Sequence[EncodedCall]) -> bytes:
        """The body that answers these calls. What failed is sent again when no node can have taken
        it, or when all of it is safe to repeat."""
        body, headers = body_of(part), {"Content-Type": "application/json"}
        for attempt in range(1, ATTEMPTS + 1):
            repeatable = True
            try:
                async with self._opened().post(self.url, data=body, headers=headers) as response:
                    if response.status != BUSY_STATUS:
                        return await response.read()
                    reason = f"the node is busy ({BUSY_STATUS})"
            except TimeoutError as error:
                raise UnreachableError(
                    f"{self.url}: no answer within {self._timeout.total:g} s"
                ) from error
            except aiohttp.ClientConnectorError as error:
                reason = str(error)
            except (aiohttp.ClientError, OSError) as error:
                reason = str(error) or type(error).__name__
                repeatable = all(item.repeatable for item in part)
            if not repeatable:
                raise UnreachableError(
                    f"{self.url}: {reason}. The node may have carried out {part[0].method}, which "
                    "is not safe to repeat: look what became of it"
                )
            if attempt < ATTEMPTS:
                await asyncio.sleep(BACKOFF_S * 2 ** (attempt - 1))
        raise UnreachableError(
            f"{self.url}: {reason}. Is the node running, and its rpc.port this one?"
        )
