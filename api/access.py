"""Which Host and Origin headers are answered. Pure.

A web page must not reach a node on the reader's own machine: a page says where it comes from
(Origin), and a page that points its own name at 127.0.0.1 shows that name (Host).
"""

from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

ANY: Final = "*"
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
WALLET_SCHEMES: Final = frozenset({"chrome-extension", "moz-extension", "safari-web-extension"})
"""Browser extensions that the user installed, such as a wallet."""
_DECISIONS_KEPT: Final = 256


@lru_cache(_DECISIONS_KEPT)
def host_allowed(host: str | None, allowed: frozenset[str]) -> bool:
    """True for loopback names, any IP address (a rebound name is none), names in `allowed`, and
    for no Host at all, which no browser sends."""
    if host is None or ANY in allowed:
        return True
    name = _name(f"//{host}")
    return name is not None and (name in LOOPBACK_NAMES or name in allowed or _is_ip(name))


@lru_cache(_DECISIONS_KEPT)
def origin_allowed(origin: str, allowed: frozenset[str]) -> bool:
    """True for pages of loopback, wallet extensions, and origins in `allowed` ("https://a.kr")."""
    if ANY in allowed or origin in allowed:
        return True
    scheme = origin.partition("://")[0]
    if scheme in WALLET_SCHEMES:
        return True
    return scheme in ("http", "https") and _name(origin) in LOOPBACK_NAMES


def _name(location: str) -> str | None:
    try:
        return urlsplit(location).hostname
    except ValueError:
        return None


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
