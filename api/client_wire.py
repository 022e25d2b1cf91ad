"""JSON-RPC as the clients write and read it: batches out, answers in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from api.calls import Call
from api.client_errors import AnswerError, NodeError
from api.errors import LIMIT_EXCEEDED

MAX_BATCH: Final = 100
"""Calls that go out together; the default limit of a node."""
MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""Of the calls that go out together; half the default limit of a node."""


@dataclass(frozen=True, slots=True)
class EncodedCall:
    """A call with its parameters as JSON. repeatable: see api.calls.Call."""

    method: str
    params: orjson.Fragment
    repeatable: bool


def parts_of(batch: Sequence[Call[Any]]) -> Iterator[list[EncodedCall]]:
    """The calls in messages within MAX_BATCH and MAX_MESSAGE_BYTES, in order."""
    part: list[EncodedCall] = []
    size_bytes = 0
    for call in batch:
        params = orjson.dumps(call.params)
        if part and (len(part) == MAX_BATCH or size_bytes + len(params) > MAX_MESSAGE_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append(EncodedCall(call.method, orjson.Fragment(params), call.repeatable))
        size_bytes += len(params)
    if part:
        yield part


def body_of(part: Sequence[EncodedCall]) -> bytes:
    """A batch whose ids are the positions of its calls."""
    return orjson.dumps(
        [
            {"jsonrpc": "2.0", "id": index, "method": item.method, "params": item.params}
            for index, item in enumerate(part)
        ]
    )


def answers_in(url: str, body: bytes | str) -> list[dict[str, Any]]:
    """The answers in a body or a frame; AnswerError when it is no JSON-RPC."""
    try:
        answers = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise AnswerError(f"{url}: expected JSON-RPC, found {body[:80]!r}") from error
    if isinstance(answers, dict):
        answers = [answers]
    if not isinstance(answers, list) or not all(isinstance(item, dict) for item in answers):
        raise AnswerError(f"{url}: expected a JSON-RPC answer, found {body[:80]!r}")
    return answers


def outcome_of(url: str, method: str, answer: dict[str, Any]) -> Any:
    """The result in an answer, or its error; AnswerError when it has neither."""
    match answer:
        case {"error": {"code": int() as code, "message": str() as message, **rest}}:
            return NodeError(method, code, message, rest.get("data"))
        case {"result": result} if "error" not in answer:
            return result
    raise AnswerError(f"{url}: expected a result or an error, found members {list(answer)[:8]}")


def retry_after_s(outcome: object) -> float | None:
    """When the node wants a call over its rate again; None for any other outcome."""
    if not isinstance(outcome, NodeError) or outcome.code != LIMIT_EXCEEDED:
        return None
    after_ms = outcome.data.get("retry_after_ms") if isinstance(outcome.data, dict) else None
    return after_ms / 1000 if isinstance(after_ms, int) else None
