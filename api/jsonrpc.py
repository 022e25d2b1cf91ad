"""JSON-RPC 2.0 as bytes and values: parse a body, encode answers. Pure, and total on any bytes.

parse() gives every entry of a body as a Request or as what is wrong with it; only a body that
cannot be answered entry by entry (no JSON, empty or oversize batch) raises RpcError. Nesting is
bounded by the JSON parser at MAX_DEPTH; nothing here recurses over the input.
"""

from dataclasses import dataclass
from typing import Final, TypeGuard

import orjson

from api.errors import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, RpcError

MAX_DEPTH: Final = 1024
"""Nested arrays and objects in one body, enforced by orjson."""
MAX_SHOWN_CHARACTERS: Final = 80
"""Of a caller's text that an error message repeats."""

Id = str | int | float | None


class NoId:
    """In the place of the id of a notification, which gets no answer."""


NO_ID: Final = NoId()


@dataclass(slots=True)
class Request:
    """One call. params is a list, a dict or None; id is NO_ID in a notification."""

    id: Id | NoId
    method: str
    params: list[object] | dict[str, object] | None


@dataclass(slots=True)
class InvalidRequest:
    """An entry that is no request; answered with id (null when it has no usable one)."""

    id: Id
    error: RpcError


@dataclass(slots=True)
class Message:
    """What one body or frame holds."""

    entries: list[Request | InvalidRequest]
    batch: bool


def shown(value: object) -> str:
    """A caller's value in an error message: scalars shortened, containers by kind alone."""
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, str) and len(value) > MAX_SHOWN_CHARACTERS:
        return f"{orjson.dumps(value[:MAX_SHOWN_CHARACTERS]).decode()}... ({len(value)} characters)"
    return orjson.dumps(value).decode()


def parse(body: bytes | str, max_batch: int) -> Message:
    """The entries of a body, or RpcError when the body as a whole is refused."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RpcError(PARSE_ERROR, f"Parse error: {error}") from error
    if type(value) is not list:
        return Message([_entry(value)], batch=False)
    if not value:
        raise RpcError(INVALID_REQUEST, "Invalid Request: the batch is empty")
    if len(value) > max_batch:
        raise RpcError(
            INVALID_REQUEST,
            f"Invalid Request: the batch has {len(value)} calls, at most {max_batch} are allowed",
        )
    return Message([_entry(item) for item in value], batch=True)


def _is_id(value: object) -> TypeGuard[Id]:
    return value is None or type(value) in (int, str, float)


def _entry(value: object) -> Request | InvalidRequest:
    if not isinstance(value, dict):
        return _invalid(None, f"expected an object, found {shown(value)}")
    request_id: object = value.get("id", NO_ID)
    if request_id is NO_ID:
        answer_id: Id = None
    elif _is_id(request_id):
        answer_id = request_id
    else:
        return _invalid(None, f"id: expected a string, number or null, found {shown(request_id)}")
    if value.get("jsonrpc") != "2.0":
        return _invalid(answer_id, f'jsonrpc: expected "2.0", found {shown(value.get("jsonrpc"))}')
    method = value.get("method")
    if type(method) is not str:
        return _invalid(answer_id, f"method: expected a string, found {shown(method)}")
    params = value.get("params")
    if params is not None and type(params) is not list and type(params) is not dict:
        return _invalid(answer_id, f"params: expected an array or an object, found {shown(params)}")
    return Request(NO_ID if request_id is NO_ID else answer_id, method, params)


def _invalid(request_id: Id, reason: str) -> InvalidRequest:
    return InvalidRequest(request_id, RpcError(INVALID_REQUEST, f"Invalid Request: {reason}"))


def success(request_id: Id, result: object) -> dict[str, object]:
    """A response with a result."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def failure(request_id: Id, error: RpcError) -> dict[str, object]:
    """A response with an error."""
    return {"jsonrpc": "2.0", "id": request_id, "error": error.to_json()}


def encode(response: dict[str, object]) -> bytes:
    """One response as JSON. A result that is none (an integer beyond 64 bits, say) becomes an
    internal error of its own call."""
    try:
        return orjson.dumps(response)
    except TypeError as error:
        reason = RpcError(INTERNAL_ERROR, f"Internal error: the result is no JSON: {error}")
        return encode_instead(response, reason)


def encode_instead(response: dict[str, object], error: RpcError) -> bytes:
    """An error in the place of a response that is not sent."""
    answer_id = response["id"]
    return orjson.dumps(failure(answer_id if _is_id(answer_id) else None, error))
