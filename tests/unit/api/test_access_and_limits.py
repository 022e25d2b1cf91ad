"""Host and Origin checks, and the token buckets."""

import pytest

from api import limits
from api.access import host_allowed, origin_allowed
from api.limits import CallLimiter

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8545",
        "LOCALHOST:1",
        "127.0.0.1:8545",
        "[::1]:8545",
        "10.0.0.5",
        None,
    ],
)
def test_loopback_names_and_addresses_are_hosts(host: str | None) -> None:
    assert host_allowed(host, NOBODY)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example:8545", "", "[::1", "127.0.0.1.nip.io", "a b", "\x00"],
)
def test_any_other_name_is_none(host: str) -> None:
    assert not host_allowed(host, NOBODY)


def test_a_configured_host_is_allowed_and_only_it() -> None:
    allowed = frozenset({"node.gist.ac.kr"})
    assert host_allowed("node.gist.ac.kr:443", allowed)
    assert not host_allowed("other.gist.ac.kr", allowed)
    assert host_allowed("anything", frozenset({"*"}))


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:8080",
        "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn",
        "moz-extension://a-b-c",
    ],
)
def test_pages_of_loopback_and_wallet_extensions_are_origins(origin: str) -> None:
    assert origin_allowed(origin, NOBODY)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://localhost.evil.example",
        "file://localhost",
        "http://[",
    ],
)
def test_other_pages_are_none(origin: str) -> None:
    assert not origin_allowed(origin, NOBODY)


def test_a_configured_origin_is_allowed_with_its_scheme_and_port() -> None:
    allowed = frozenset({"https://town.example"})
    assert origin_allowed("https://town.example", allowed)
    assert not origin_allowed("http://town.example", allowed)
    assert not origin_allowed("https://town.example:8443", allowed)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_empties_and_says_when_to_come_again() -> None:
    clock = Clock()
    limiter = CallLimiter(10, 20, clock, loopback=False)
    assert limiter.wait_ms("203.0.113.7", 20) == 0
    wait_ms = limiter.wait_ms("203.0.113.7", 5)
    assert 500 <= wait_ms <= 501
    clock.now_s += wait_ms / 1000
    assert limiter.wait_ms("203.0.113.7", 5) == 0
    assert limiter.wait_ms("203.0.113.7", 1) > 0


def test_a_refused_call_costs_nothing() -> None:
    limiter = CallLimiter(10, 20, Clock(), loopback=False)
    assert limiter.wait_ms("203.0.113.7", 21) > 0
    assert limiter.wait_ms("203.0.113.7", 20) == 0


def test_clients_do_not_take_from_each_other() -> None:
    limiter = CallLimiter(1, 1, Clock(), loopback=False)
    assert limiter.wait_ms("203.0.113.7", 1) == 0
    assert limiter.wait_ms("203.0.113.8", 1) == 0


def test_one_ipv6_network_is_one_client() -> None:
    limiter = CallLimiter(1, 1, Clock(), loopback=False)
    assert limiter.wait_ms("2001:db8:1:2::1", 1) == 0
    assert limiter.wait_ms("2001:db8:1:2:ffff::9", 1) > 0
    assert limiter.wait_ms("2001:db8:1:3::1", 1) == 0


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_has_a_limit_only_when_asked_for(loopback: str) -> None:
    assert CallLimiter(1, 1, Clock(), loopback=False).wait_ms(loopback, 1000) == 0
    assert CallLimiter(1, 1, Clock(), loopback=True).wait_ms(loopback, 1000) > 0


def test_a_client_without_address_is_limited() -> None:
    assert CallLimiter(1, 1, Clock(), loopback=False).wait_ms(None, 2) > 0


def test_the_number_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one used longest ago is forgotten, not the busy one."""
    monkeypatch.setattr(limits, "MAX_TRACKED_CLIENTS", 3)
    limiter = CallLimiter(1, 2, Clock(), loopback=False)
    assert limiter.wait_ms("203.0.113.1", 2) == 0
    assert limiter.wait_ms("203.0.113.2", 2) == 0
    assert limiter.wait_ms("203.0.113.1", 1) > 0
    for last in (3, 4):
        assert limiter.wait_ms(f"203.0.113.{last}", 1) == 0
    assert limiter.wait_ms("203.0.113.1", 1) > 0, "used after the second one, so kept"
    assert limiter.wait_ms("203.0.113.2", 2) == 0, "forgotten, so full again"
