"""From the bytes of a message to the bytes of its answer.

Calls of one batch that a method answers together (sendTransaction) reach it together, whatever
stands between them; JSON-RPC lets a server answer a batch in any order.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from api import jsonrpc
from api.errors import INTERNAL_ERROR, LIMIT_EXCEEDED, METHOD_NOT_FOUND, RpcError, invalid_params
from api.jsonrpc import NoId, Request
from api.registry import Context, Method, MethodRegistry, Together
from ledger.errors import InvariantViolation, LocalError, PeerError

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of a batch; calls after it is reached are refused, not executed."""
BREATHER_BYTES: Final = 256 * 1024
"""After so much encoded at once, other work of the loop gets its turn."""

log = logging.getLogger(__name__)

_Bound = tuple[int, Request, tuple[Any, ...]]  # position in the batch, call, parameters


class Dispatcher:
    """Answers messages from the registry's methods."""

    def __init__(
        self,
        registry: MethodRegistry,
        max_batch: int,
        on_invariant_violation: Callable[[InvariantViolation], None],
    ) -> None:
        self._registry = registry
        self._max_batch = max_batch
        self._on_invariant_violation = on_invariant_violation

    async def answer(
        self, body: bytes | str, context: Context, admit: Callable[[int], None]
    ) -> bytes | None:
        """The answer to `body`, or None when it holds notifications only.

        admit(calls) raises RpcError when the client may not make so many calls now.
        """
        try:
            message = jsonrpc.parse(body, self._max_batch)
            admit(len(message.entries))
        except RpcError as error:
            return jsonrpc.encode(jsonrpc.failure(None, error))
        answers = await _Answers(self, message.entries, context).all()
        if not answers:
            return None
        return _as_batch(answers) if message.batch else answers[0]

    def bind(self, request: Request) -> tuple[Method, tuple[Any, ...]]:
        """The method of a call and its parameters, or RpcError."""
        method = self._registry.find(request.method)
        if method is None:
            raise RpcError(
                METHOD_NOT_FOUND,
                f"method {jsonrpc.shown(request.method)} not found: rpc.discover lists them all",
            )
        return method, method.bind(request.params)

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
    """The answers of one message, as they come."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        entries: list[Request | jsonrpc.InvalidRequest],
        context: Context,
    ) -> None:
        self._dispatcher = dispatcher
        self._entries = entries
        self._context = context
        self._encoded: list[bytes | None] = [None] * len(entries)
        self._size_bytes = 0
        self._breather_at_bytes = BREATHER_BYTES

    async def all(self) -> list[bytes]:
        """Every answer that is due, in the order of the calls."""
        groups: dict[str, tuple[Method, Together, list[_Bound]]] = {}
        for position, entry in enumerate(self._entries):
            if isinstance(entry, jsonrpc.InvalidRequest):
                self._put(position, jsonrpc.failure(entry.id, entry.error))
                continue
            try:
                method, parameters = self._dispatcher.bind(entry)
            except RpcError as error:
                self._answer(position, entry, error)
                continue
            if method.together is None:
                await self._call(position, entry, method, parameters)
            else:
                group = groups.setdefault(method.name, (method, method.together, []))
                group[2].append((position, entry, parameters))
        for method, together, calls in groups.values():
            outcomes = await self._dispatcher.call_together(method, together, calls, self._context)
            for (position, entry, _), outcome in zip(calls, outcomes, strict=True):
                self._answer(position, entry, outcome)
        return [encoded for encoded in self._encoded if encoded is not None]

    async def _call(
        self, position: int, request: Request, method: Method, parameters: tuple[Any, ...]
    ) -> None:
        if self._size_bytes > MAX_ANSWER_BYTES:
            outcome: object = RpcError(
                LIMIT_EXCEEDED,
                f"the batch's answer passed {MAX_ANSWER_BYTES} bytes: ask in smaller batches",
            )
        else:
            outcome = await self._dispatcher.call(method, parameters, self._context)
        self._answer(position, request, outcome)
        if self._size_bytes > self._breather_at_bytes:
            self._breather_at_bytes = self._size_bytes + BREATHER_BYTES
            await asyncio.sleep(0)

    def _answer(self, position: int, request: Request, outcome: object) -> None:
        if isinstance(request.id, NoId):
            return
        if isinstance(outcome, RpcError):
            self._put(position, jsonrpc.failure(request.id, outcome))
        else:
            self._put(position, jsonrpc.success(request.id, outcome))

    def _put(self, position: int, response: dict[str, object]) -> None:
        encoded = jsonrpc.encode(response)
        self._encoded[position] = encoded
        self._size_bytes += len(encoded)
