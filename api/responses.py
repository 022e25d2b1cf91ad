"""HTTP responses beside plain answers: refusals, and what browsers ask before they send."""

from typing import Final

from aiohttp import hdrs, web

from api import jsonrpc
from api.errors import INVALID_REQUEST, RpcError

JSON: Final = "application/json"
PREFLIGHT_MAX_AGE_S: Final = 600


def refusal(status: int, code: int, message: str) -> web.Response:
    """An error in the form of JSON-RPC, with a status that proxies and libraries understand."""
    error = jsonrpc.failure(None, RpcError(code, message))
    return web.Response(status=status, body=jsonrpc.encode(error), content_type=JSON)


def unauthorised() -> web.Response:
    """To who sends a wrong API key, or none where one is needed."""
    response = refusal(
        401,
        INVALID_REQUEST,
        "this node asks for an API key: send the one that its operator gave you as "
        "Authorization: Bearer NAME.SECRET, or as X-API-Key",
    )
    response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return response


def too_many(answer: bytes, refusal: RpcError) -> web.Response:
    """429, which libraries know and try again after; 413 for what can never be admitted."""
    data = refusal.data
    if not isinstance(data, dict):
        return web.Response(status=413, body=answer, content_type=JSON)
    after_s = -(-data["retry_after_ms"] // 1000)
    headers = {hdrs.RETRY_AFTER: str(after_s)}
    return web.Response(status=429, body=answer, content_type=JSON, headers=headers)


def too_large(limit_bytes: int) -> web.Response:
    """To a body over the limit."""
    return refusal(413, INVALID_REQUEST, f"the body has more than {limit_bytes} bytes")


def preflight() -> web.Response:
    """What a page may send, to the browser that asks before it sends (CORS)."""
    return web.Response(
        status=204,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "POST",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "content-type, authorization, x-api-key",
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_MAX_AGE_S),
        },
    )
