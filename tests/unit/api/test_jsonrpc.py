"""JSON-RPC 2.0 as its specification says, and total on any bytes."""

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api import jsonrpc
from api.errors import INVALID_REQUEST, PARSE_ERROR, RpcError
from api.jsonrpc import NO_ID, InvalidRequest, Request, parse

MAX_BATCH = 5

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
almost_requests = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | json_values,
        "id": json_values,
        "method": st.just("poyong_status") | json_values,
        "params": json_values,
        "more": json_values,
    },
)
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(orjson.dumps),
    almost_requests.map(orjson.dumps),
    st.lists(almost_requests, max_size=MAX_BATCH + 2).map(orjson.dumps),
)


def only(body: bytes) -> Request | InvalidRequest:
    message = parse(body, MAX_BATCH)
    assert not message.batch
    (entry,) = message.entries
    return entry


def parsed_or_refused(body: bytes) -> jsonrpc.Message | RpcError:
    try:
        return parse(body, MAX_BATCH)
    except RpcError as error:
        return error


@given(bodies)
@example(b"[" * 5000)
@example(b'{"jsonrpc":"2.0","id":1,"method":"' + b"\xff" * 10 + b'"}')
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_give_entries_or_an_rpc_error(body: bytes) -> None:
    message = parsed_or_refused(body)
    if isinstance(message, RpcError):
        assert message.code in (PARSE_ERROR, INVALID_REQUEST)
        assert len(message.message) < 300
        return
    assert 1 <= len(message.entries) <= MAX_BATCH
    for entry in message.entries:
        if isinstance(entry, InvalidRequest):
            assert entry.error.code == INVALID_REQUEST
            assert len(entry.error.message) < 300
            orjson.dumps(jsonrpc.failure(entry.id, entry.error))


@pytest.mark.parametrize("request_id", ["a", "", 0, -5, 1.5, None, 2**64 - 1])
def test_the_id_comes_back_as_it_was_given(request_id: jsonrpc.Id) -> None:
    entry = only(orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": "m"}))
    assert isinstance(entry, Request)
    assert entry.id == request_id


def test_a_request_without_id_is_a_notification() -> None:
    entry = only(b'{"jsonrpc":"2.0","method":"m","params":[1]}')
    assert entry == Request(NO_ID, "m", [1])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"1", "expected an object, found 1"),
        (b'"x"', "expected an object"),
        (b"null", "expected an object, found null"),
        (b'{"id":1,"method":"m"}', "jsonrpc"),
        (b'{"jsonrpc":"1.0","id":1,"method":"m"}', 'expected "2.0", found "1.0"'),
        (b'{"jsonrpc":"2.0","id":1}', "method"),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', "method: expected a string, found 5"),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}', "params"),
        (b'{"jsonrpc":"2.0","id":{},"method":"m"}', "id: "),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', "id: "),
    ],
)
def test_what_is_no_request_is_said_to_be_none_and_why(body: bytes, named: str) -> None:
    entry = only(body)
    assert isinstance(entry, InvalidRequest)
    assert entry.error.code == INVALID_REQUEST
    assert named in entry.error.message


def test_an_unusable_id_is_answered_with_null() -> None:
    entry = only(b'{"jsonrpc":"2.0","id":[1],"method":"m"}')
    assert isinstance(entry, InvalidRequest)
    assert entry.id is None


def test_a_usable_id_of_an_invalid_request_is_kept() -> None:
    entry = only(b'{"jsonrpc":"2.0","id":7,"method":1}')
    assert isinstance(entry, InvalidRequest)
    assert entry.id == 7


def test_an_empty_batch_is_one_error() -> None:
    with pytest.raises(RpcError, match="empty"):
        parse(b"[]", MAX_BATCH)


def test_a_batch_over_the_limit_is_refused_as_a_whole() -> None:
    parse(b"[" + b",".join([b"1"] * MAX_BATCH) + b"]", MAX_BATCH)
    with pytest.raises(RpcError, match="6 calls, at most 5 are allowed") as caught:
        parse(b"[" + b",".join([b"1"] * (MAX_BATCH + 1)) + b"]", MAX_BATCH)
    assert caught.value.code == INVALID_REQUEST


def test_nesting_is_bounded() -> None:
    def nested(depth: int) -> bytes:
        inner = depth - 1  # the request's own object is one
        return b'{"jsonrpc":"2.0","id":1,"method":"m","params":%s%s}' % (b"[" * inner, b"]" * inner)

    assert isinstance(only(nested(jsonrpc.MAX_DEPTH)), Request)
    with pytest.raises(RpcError) as caught:
        parse(nested(jsonrpc.MAX_DEPTH + 1), MAX_BATCH)
    assert caught.value.code == PARSE_ERROR


def test_a_result_that_is_no_json_is_an_internal_error_of_its_call() -> None:
    answer = orjson.loads(jsonrpc.encode(jsonrpc.success(3, {"big": 2**70})))
    assert answer["id"] == 3
    assert answer["error"]["code"] == -32603
    assert "result" not in answer


@given(json_values)
def test_a_shown_value_is_short(value: object) -> None:
    assert len(jsonrpc.shown(value)) < 600


def test_a_long_text_is_shown_by_its_beginning_and_length() -> None:
    assert jsonrpc.shown("x" * 1000) == '"' + "x" * 80 + '"... (1000 characters)'
