"""From the bytes of a message to the bytes of its answer.

Calls of one batch that a method answers together (sendTransaction) reach it together, whatever
stands between them; JSON-RPC lets a server answer a batch in any order.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from api import jsonrpc
from api.errors import INTERNAL_ERROR, LIMIT_EXCEEDED, METHOD_NOT_FOUND, RpcError, invalid_params
from api.jsonrpc import InvalidRequest, NoId, Request
from api.registry import Beforehand, Context, Method, MethodRegistry, Together
from ledger.errors import InvariantViolation, LocalError, PeerError

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of a batch; calls after it is reached are refused, not executed."""
LARGE_BYTES: Final = 256 * 1024
"""An answer beyond it counts against what all clients together may leave unsent; and after so much
encoded at once, other work of the loop gets its turn."""
MAX_UNSENT_BYTES: Final = 64 * 1024 * 1024
"""Of all large answers that are being made or that nobody has taken yet."""
BREATHER_S: Final = 0.005
"""After so long in one message, other work of the loop gets its turn."""

log = logging.getLogger(__name__)

_Bound = tuple[int, Request, tuple[Any, ...]]  # position in the batch, call, parameters


class UnsentAnswers:
    """Bytes of large answers in memory, of all clients together.

    Those who ask for much and read nothing fill it; then calls whose answers would be added are
    refused until somebody reads, or is disconnected for not reading.
    """

    def __init__(self, max_bytes: int = MAX_UNSENT_BYTES) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._released = asyncio.Event()

    @property
    def full(self) -> bool:
        """True when no more may be added."""
        return self.held_bytes >= self.max_bytes

    def refusal(self) -> RpcError:
        """What a caller is told whose answer would be added."""
        return RpcError(
            LIMIT_EXCEEDED,
            f"clients have not read {self.held_bytes} bytes of large answers, at most "
            f"{self.max_bytes} are kept: ask for less, or later",
        )

    def hold(self, size_bytes: int) -> None:
        """Count what was made."""
        self.held_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        """It is sent, or dropped."""
        self.held_bytes -= size_bytes
        self._released.set()

    async def room(self) -> None:
        """Return as soon as more may be added: for what can wait, because it is not made yet."""
        while self.full:
            self._released.clear()
            await self._released.wait()


class Dispatcher:
    """Answers messages from the registry's methods."""

    def __init__(
        self,
        registry: MethodRegistry,
        max_batch: int,
        on_invariant_violation: Callable[[InvariantViolation], None],
        *,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        unsent: UnsentAnswers | None = None,
    ) -> None:
        self._registry = registry
        self._max_batch = max_batch
        self._on_invariant_violation = on_invariant_violation
        self.max_answer_bytes = max_answer_bytes
        self.unsent = unsent or UnsentAnswers()

    async def answer(
        self, body: bytes | str, context: Context, admit: Callable[[int], None]
    ) -> bytes | None:
        """The answer to `body`, or None when it holds notifications only.

        admit(calls) raises RpcError when the client may not make so many calls now; a call of an
        expensive method counts as several (api.costs).
        """
        try:
            message = jsonrpc.parse(body, self._max_batch)
            if not message.batch:
                return await self._answer_single(message.entries[0], context, admit)
            admit(sum(map(self._cost, message.entries)))
        except RpcError as error:
            return jsonrpc.encode(jsonrpc.failure(None, error))
        made = _Answers(self, message.entries, context)
        try:
            answers = await made.all()
            return _as_batch(answers) if answers else None
        finally:
            # Whoever sends it counts it again before anybody else has a turn.
            self.unsent.release(made.held_bytes)

    async def _answer_single(
        self, entry: Request | InvalidRequest, context: Context, admit: Callable[[int], None]
    ) -> bytes | None:
        """As a batch of one, without what only several need: most messages are a single call."""
        if isinstance(entry, InvalidRequest):
            admit(1)
            return jsonrpc.encode(jsonrpc.failure(entry.id, entry.error))
        try:
            admit(self._cost(entry))
            method, parameters = self.bind(entry)
            if method.beforehand is not None:
                await self.wait_beforehand(method.beforehand, [parameters], context)
            outcome = await self.call(method, parameters, context)
        except RpcError as error:
            outcome = error
        if isinstance(entry.id, NoId):
            return None
        if isinstance(outcome, RpcError):
            return jsonrpc.encode(jsonrpc.failure(entry.id, outcome))
        response = jsonrpc.success(entry.id, outcome)
        encoded = jsonrpc.encode(response)
        if len(encoded) > LARGE_BYTES and self.unsent.full:
            return jsonrpc.encode_instead(response, self.unsent.refusal())
        return encoded

    def _cost(self, entry: Request | InvalidRequest) -> int:
        method = None if isinstance(entry, InvalidRequest) else self._find(entry)
        return 1 if method is None else method.cost

    def _find(self, request: Request) -> Method | None:
        return self._registry.find(request.method)

    def bind(self, request: Request) -> tuple[Method, tuple[Any, ...]]:
        """The method of a call and its parameters, or RpcError."""
        method = self._find(request)
        if method is None:
            raise RpcError(
                METHOD_NOT_FOUND,
                f"method {jsonrpc.shown(request.method)} not found: rpc.discover lists them all",
            )
        return method, method.bind(request.params)

    async def wait_beforehand(
        self, wait: Beforehand, calls: Sequence[tuple[Any, ...]], context: Context
    ) -> None:
        """Wait for what these calls ask about. A failure ends the waiting and no more: each call
        then answers by itself, with the failure where it meets it, too."""
        try:
            await wait(context, calls)
        except Exception as error:
            log.error("waiting before calls failed", exc_info=error)

    async def call(self, method: Method, parameters: tuple[Any, ...], context: Context) -> Any:
        """Result of one call, or the RpcError it ended in."""
        try:
            return await method.single(context, *parameters)
        except Exception as error:  # noqa: BLE001 - every failure of a call is its caller's answer
            return self._as_rpc_error(method, error)

    async def call_together(
        self, method: Method, together: Together, calls: Sequence[_Bound], context: Context
    ) -> Sequence[Any]:
        """A result or an RpcError for each call."""
        try:
            return await together(context, [parameters for _, _, parameters in calls])
        except Exception as error:  # noqa: BLE001 - every failure of a call is its caller's answer
            return [self._as_rpc_error(method, error)] * len(calls)

    def _as_rpc_error(self, method: Method, error: Exception) -> RpcError:
        if isinstance(error, RpcError):
            return error
        if isinstance(error, PeerError):
            return invalid_params(str(error))
        if isinstance(error, LocalError):
            log.error("%s: %s", method.name, error)
            return RpcError(INTERNAL_ERROR, f"Internal error: {error}")
        log.error("%s failed", method.name, exc_info=error)
        if isinstance(error, InvariantViolation):
            self._on_invariant_violation(error)
        return RpcError(INTERNAL_ERROR, "Internal error: the log of the node says more")


def _as_batch(answers: list[bytes]) -> bytes:
    """A JSON array of answers, which may be large, made with one copy."""
    parts = [b"["]
    for answer in answers:
        parts += answer, b","
    parts[-1] = b"]"
    return b"".join(parts)


class _Answers:
    """The answers of one batch, as they come."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        entries: list[Request | InvalidRequest],
        context: Context,
    ) -> None:
        self._dispatcher = dispatcher
        self._entries = entries
        self._context = context
        self._encoded: list[bytes | None] = [None] * len(entries)
        self._size_bytes = 0
        self._breather_at_bytes = LARGE_BYTES
        self._rested_s = time.monotonic()
        self.held_bytes = 0

    async def all(self) -> list[bytes]:
        """Every answer that is due, in the order of the calls."""
        bound = self._bind()
        await self._beforehand(bound)
        groups: dict[str, tuple[Method, Together, list[_Bound]]] = {}
        for method, call in bound:
            if method.together is None:
                await self._call(method, call)
            else:
                groups.setdefault(method.name, (method, method.together, []))[2].append(call)
        for method, together, calls in groups.values():
            outcomes = await self._dispatcher.call_together(method, together, calls, self._context)
            for (position, entry, _), outcome in zip(calls, outcomes, strict=True):
                self._answer(position, entry, outcome)
        return [encoded for encoded in self._encoded if encoded is not None]

    def _bind(self) -> list[tuple[Method, _Bound]]:
        """The calls that there is a method for; the others are answered here."""
        bound = []
        for position, entry in enumerate(self._entries):
            if isinstance(entry, InvalidRequest):
                self._put(position, jsonrpc.failure(entry.id, entry.error))
                continue
            try:
                method, parameters = self._dispatcher.bind(entry)
            except RpcError as error:
                self._answer(position, entry, error)
                continue
            bound.append((method, (position, entry, parameters)))
        return bound

    async def _beforehand(self, bound: Sequence[tuple[Method, _Bound]]) -> None:
        """Wait for what the calls ask about, side by side."""
        waits: dict[Beforehand, list[tuple[Any, ...]]] = {}
        for method, (_, _, parameters) in bound:
            if method.beforehand is not None:
                waits.setdefault(method.beforehand, []).append(parameters)
        if waits:
            wait_for = self._dispatcher.wait_beforehand
            await asyncio.gather(*(wait_for(*each, self._context) for each in waits.items()))

    async def _call(self, method: Method, call: _Bound) -> None:
        position, request, parameters = call
        limit_bytes = self._dispatcher.max_answer_bytes
        unsent = self._dispatcher.unsent
        if self._size_bytes > limit_bytes:
            outcome: object = RpcError(
                LIMIT_EXCEEDED,
                f"the batch's answer passed {limit_bytes} bytes: ask in smaller batches",
            )
        elif unsent.full and self._size_bytes > LARGE_BYTES:
            outcome = unsent.refusal()
        else:
            outcome = await self._dispatcher.call(method, parameters, self._context)
        self._answer(position, request, outcome)
        if self._size_bytes > self._breather_at_bytes:
            self._breather_at_bytes = self._size_bytes + LARGE_BYTES
            await self._rest()
        elif time.monotonic() - self._rested_s > BREATHER_S:
            await self._rest()

    async def _rest(self) -> None:
        await asyncio.sleep(0)
        self._rested_s = time.monotonic()

    def _answer(self, position: int, request: Request, outcome: object) -> None:
        if isinstance(request.id, NoId):
            return
        if isinstance(outcome, RpcError):
            self._put(position, jsonrpc.failure(request.id, outcome))
        else:
            self._put(position, jsonrpc.success(request.id, outcome))

    def _put(self, position: int, response: dict[str, object]) -> None:
        encoded = jsonrpc.encode(response)
        if self._size_bytes + len(encoded) > LARGE_BYTES:
            unsent = self._dispatcher.unsent
            if unsent.full and len(encoded) > LARGE_BYTES:
                encoded = jsonrpc.encode_instead(response, unsent.refusal())
            unsent.hold(self._size_bytes + len(encoded) - self.held_bytes)
            self.held_bytes = self._size_bytes + len(encoded)
        self._encoded[position] = encoded
        self._size_bytes += len(encoded)
