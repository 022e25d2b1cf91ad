"""Whose address counts behind proxies: only what a trusted proxy appended is believed."""

import pytest

from api.forwarded import MAX_PROXIES, client_address, trusted_networks
from ledger.errors import LocalError

CLIENT, PROXY, INNER, STRANGER = "203.0.113.9", "10.0.0.7", "10.0.1.1", "198.51.100.4"
TRUSTED = trusted_networks(("10.0.0.0/16", "::1", "127.0.0.1"))


def test_without_trusted_proxies_the_header_counts_for_nothing() -> None:
    assert client_address(PROXY, (CLIENT,), ()) == PROXY


def test_a_header_from_an_address_that_is_not_trusted_counts_for_nothing() -> None:
    assert client_address(STRANGER, (CLIENT,), TRUSTED) == STRANGER
    assert client_address(STRANGER, (f"{CLIENT}, {PROXY}",), TRUSTED) == STRANGER


@pytest.mark.parametrize(
    "headers",
    [
        (CLIENT,),
        (f" {CLIENT} ",),
        (f"{CLIENT}, {INNER}",),
        (f"{CLIENT}, {INNER}, {PROXY}",),
        (CLIENT, INNER),
        (f"{CLIENT}:51000",),
        # Everything before it is what the client wrote itself.
        (f"127.0.0.1, {CLIENT}",),
        (f"{STRANGER}, {CLIENT}, {INNER}",),
        ("127.0.0.1", f"rubbish, {CLIENT}"),
        ("," * 5_000 + CLIENT,),
    ],
)
def test_the_last_address_that_is_no_trusted_proxy_is_the_client(headers: tuple[str, ...]) -> None:
    assert client_address(PROXY, headers, TRUSTED) == CLIENT


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:DB8:0::9]", "2001:db8::9"),
        ("::ffff:203.0.113.9", CLIENT),
    ],
)
def test_ipv6_with_and_without_a_port(entry: str, address: str) -> None:
    assert client_address("::1", (entry,), TRUSTED) == address


@pytest.mark.parametrize("headers", [(), ("",), ("unknown",), (f"{CLIENT}, _hidden",), ("[",)])
def test_a_proxy_that_names_nobody_stands_for_its_clients(headers: tuple[str, ...]) -> None:
    assert client_address(PROXY, headers, TRUSTED) == PROXY


def test_a_trusted_proxy_in_its_ipv4_mapped_form_is_trusted() -> None:
    assert client_address(f"::ffff:{PROXY}", (CLIENT,), TRUSTED) == CLIENT


def test_a_request_of_a_proxy_itself_is_that_proxys() -> None:
    assert client_address(PROXY, (INNER,), TRUSTED) == INNER


def test_no_more_proxies_in_a_row_are_followed_than_the_bound() -> None:
    chain = ", ".join([CLIENT, *[INNER] * (MAX_PROXIES + 1)])
    assert client_address(PROXY, (chain,), TRUSTED) == INNER


def test_a_connection_without_an_address_has_none() -> None:
    assert client_address(None, (CLIENT,), TRUSTED) is None


@pytest.mark.parametrize("entry", ["", "proxy.example", "10.0.0.7/24", "10.0.0.0/33", "*"])
def test_what_is_no_address_and_no_network_is_refused(entry: str) -> None:
    with pytest.raises(LocalError, match=r"\[rpc\] trusted_proxies: expected an IP address"):
        trusted_networks((entry,))
