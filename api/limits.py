"""How many calls a client may make: a token bucket for each address or API key. Pure; the clock is
handed in.

One address is one client; of IPv6 the /64 network, because one household has all of it. A call with
an API key counts against the key's own bucket, wherever it comes from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from api.errors import LIMIT_EXCEEDED, RpcError
from api.keys import ApiKey

MAX_TRACKED_CLIENTS: Final = 10_000
"""Buckets kept; the one used longest ago goes first, which is full again before long."""
_CLIENT_NETWORK_BITS: Final = 64
_CLIENTS_NAMED: Final = 1024
_KEY_PREFIX: Final = "key "
"""Before a key's name, which no address begins with."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: float


class CallLimiter:
    """Buckets that hold `burst_calls` and fill by `calls_per_second`; those of a key as its entry
    says."""

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

    def take(self, remote: str | None, calls: int, key: ApiKey | None = None) -> None:
        """Count so many calls of the client at `remote` or with `key`.

        RpcError when it may not make them now, which says when; then nothing is counted.
        """
        wait_ms = self.wait_ms(remote, calls, key)
        if not wait_ms:
            return
        rate, burst = self._of(key)
        if calls > burst:
            raise RpcError(
                LIMIT_EXCEEDED,
                f"the message counts as {calls} calls, and a client may save up {burst}: send "
                "smaller batches",
            )
        raise RpcError(
            LIMIT_EXCEEDED,
            f"too many calls: at most {rate} a second for a client, this message counts as "
            f"{calls}; try again in {wait_ms} ms",
            {"retry_after_ms": wait_ms},
        )

    def wait_ms(self, remote: str | None, calls: int, key: ApiKey | None = None) -> int:
        """0 when the client may make so many calls now, and then they are counted; otherwise the
        time after which they would be allowed, if ever so many are."""
        client = _client(remote, self._loopback) if key is None else _KEY_PREFIX + key.name
        if client is None:
            return 0
        rate, burst = self._of(key)
        now_s = self._clock_s()
        bucket = self._buckets.pop(client, None) or _Bucket(burst, now_s)
        bucket.tokens = min(burst, bucket.tokens + (now_s - bucket.filled_s) * rate)
        bucket.filled_s = now_s
        if len(self._buckets) >= MAX_TRACKED_CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = bucket  # at the end: the order is that of use
        if bucket.tokens < calls:
            return int((calls - bucket.tokens) * 1000 / rate) + 1
        bucket.tokens -= calls
        return 0

    def _of(self, key: ApiKey | None) -> tuple[int, int]:
        if key is None:
            return self._rate, self._burst
        return key.calls_per_second, key.burst_calls


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
