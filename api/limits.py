"""How many calls a client may make: a token bucket for each address. Pure; the clock is handed in.

One address is one client; of IPv6 the /64 network, because one household has all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

MAX_TRACKED_CLIENTS: Final = 10_000
"""Buckets kept; the one used longest ago goes first, which is full again before long."""
_CLIENT_NETWORK_BITS: Final = 64
_CLIENTS_NAMED: Final = 1024


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: float


class CallLimiter:
    """Buckets that hold `burst_calls` and fill by `calls_per_second`."""

    def __init__(
        self,
        calls_per_second: int,
        burst_calls: int,
        clock_s: Callable[[], float],
        *,
        loopback: bool,
    ) -> None:
        self._rate = calls_per_second
        self._burst = burst_calls
        self._clock_s = clock_s
        self._loopback = loopback
        self._buckets: dict[str, _Bucket] = {}

    def wait_ms(self, remote: str | None, calls: int) -> int:
        """0 when the client at `remote` may make so many calls now, and then they are counted;
        otherwise the time after which they would be allowed."""
        client = _client(remote, self._loopback)
        if client is None:
            return 0
        now_s = self._clock_s()
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst, now_s)
        bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.filled_s) * self._rate)
        bucket.filled_s = now_s
        if len(self._buckets) >= MAX_TRACKED_CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = bucket  # at the end: the order is that of use
        if bucket.tokens < calls:
            return int((calls - bucket.tokens) * 1000 / self._rate) + 1
        bucket.tokens -= calls
        return 0


@lru_cache(_CLIENTS_NAMED)
def _client(remote: str | None, limit_loopback: bool) -> str | None:
    """Name of the bucket, or None for a client without limit."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback and not limit_loopback:
        return None
    if isinstance(address, IPv6Address):
        return f"{int(address) >> (128 - _CLIENT_NETWORK_BITS):x}/64"
    return str(address)
