"""API keys: what a file may say, and which text is one of them."""

import hmac
from typing import Any

import pytest

from api import keys
from api.costs import COSTS
from api.errors import LIMIT_EXCEEDED, RpcError
from api.keys import ApiKey
from api.limits import CallLimiter
from api.methods import all_methods
from ledger.errors import LocalError

SECRET = bytes(range(32))
ENTRY = ApiKey("exchange", keys.hash_of(SECRET), 50, 100)
KNOWN = {ENTRY.name: ENTRY}
TEXT = keys.text_of("exchange", SECRET)


def test_a_file_is_read_as_it_was_written_and_holds_no_secret() -> None:
    content = keys.encode([ENTRY])
    assert keys.parse(content, "a file") == (ENTRY,)
    assert SECRET.hex().encode() not in content


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "truncated"),
        (b'{"\xff":1}', "utf-8"),
        (b"[]", "object"),
        (b'{"keys":[{"name":"a"}]}', "hash"),
        (b'{"keys":[],"more":1}', "more"),
        (b'{"keys":' + b"[" * 5000, "API keys"),
        (keys.encode([ENTRY, ENTRY]), "there twice"),
        (keys.encode([ENTRY]).replace(b"exchange", b"Exchange"), "name"),
        (keys.encode([ENTRY]).replace(b": 50", b": 0"), "calls_per_second"),
    ],
)
def test_any_other_file_is_refused_by_name(content: bytes, named: str) -> None:
    with pytest.raises(LocalError, match=named) as caught:
        keys.parse(content, "keys.json")
    assert "keys.json" in str(caught.value)


def test_the_right_secret_of_the_right_name_is_found() -> None:
    assert keys.find(KNOWN, TEXT) is ENTRY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "exchange",
        "exchange.",
        TEXT[:-1],
        TEXT + "0",
        TEXT.upper(),
        TEXT.replace("exchange", "another"),
        keys.text_of("exchange", bytes(32)),
        f"exchange.{ENTRY.hash}",
        TEXT + "\n",
        "é" * 40,
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert keys.find(KNOWN, text) is None


def test_an_unknown_name_is_compared_in_constant_time_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[Any, Any]] = []
    real = hmac.compare_digest

    def noted(one: str, other: str) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr("api.keys.hmac.compare_digest", noted)
    assert keys.find(KNOWN, keys.text_of("nobody", SECRET)) is None
    assert keys.find(KNOWN, keys.text_of("exchange", bytes(32))) is None
    assert len(compared) == 2


@pytest.mark.parametrize(
    ("authorization", "x_api_key", "expected"),
    [
        ((), (), None),
        (("Bearer abc",), (), "abc"),
        (("bearer  abc ",), (), "abc"),
        (("Basic abc",), (), None),
        (("Basic abc", "Bearer d"), (), "d"),
        (("Bearer abc",), ("def",), "def"),
    ],
)
def test_a_key_comes_in_either_header(
    authorization: tuple[str, ...], x_api_key: tuple[str, ...], expected: str | None
) -> None:
    assert keys.given(authorization, x_api_key) == expected


def test_a_key_has_a_budget_of_its_own_wherever_it_comes_from() -> None:
    limiter = CallLimiter(1, 1, lambda: 0.0, loopback=False)
    assert limiter.wait_ms("203.0.113.7", 60, ENTRY) == 0
    assert limiter.wait_ms("203.0.113.8", 41, ENTRY) == 21, "1 call at 50 a second"
    assert limiter.wait_ms("127.0.0.1", 41, ENTRY) == 21, "this machine is no exception"
    assert limiter.wait_ms("203.0.113.7", 1) == 0, "that of the address is untouched"


def test_what_is_more_than_a_client_can_ever_save_up_is_not_told_to_wait() -> None:
    limiter = CallLimiter(1, 10, lambda: 0.0, loopback=False)
    with pytest.raises(RpcError, match="counts as 11 calls, and a client may save up 10") as caught:
        limiter.take("203.0.113.7", 11)
    assert (caught.value.code, caught.value.data) == (LIMIT_EXCEEDED, None)
    limiter.take("203.0.113.7", 10)
    with pytest.raises(RpcError, match="try again in 1001 ms") as caught:
        limiter.take("203.0.113.7", 1)
    assert caught.value.data == {"retry_after_ms": 1001}


def test_every_cost_is_of_a_method_and_a_batch_of_the_dearest_fits_the_default_budget() -> None:
    methods = {method.name: method.cost for method in all_methods()}
    assert COSTS.keys() <= methods.keys()
    assert all(methods[name] == cost > 1 for name, cost in COSTS.items())
    assert 100 * max(COSTS.values()) <= 10_000
    assert methods["eth_getBalance"] == methods["eth_blockNumber"] == 1


def test_a_long_unknown_name_does_not_make_the_sentence_long() -> None:
    content = b'{"keys": [], "%s": 1}' % (b"a" * 5_000)
    with pytest.raises(LocalError, match="is no file of API keys") as found:
        keys.parse(content, "keys.json")
    assert len(str(found.value)) < 400
