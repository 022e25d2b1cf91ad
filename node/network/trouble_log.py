"""Why a peer cannot be reached, said once for each reason, and as a warning when it lasts."""

import ssl
from typing import Final

import structlog

UNREACHABLE_S: Final = 10.0
"""So long a peer that does not answer may just be starting, and nobody has to look."""

log = structlog.get_logger(__name__)


class TroubleLog:
    """What was said last of each peer."""

    def __init__(self) -> None:
        self._last: dict[bytes, tuple[bool, str]] = {}
        self._since_s: dict[bytes, float] = {}

    def reasons(self) -> dict[bytes, str]:
        """What was wrong the last time, by node key."""
        return {node_key: reason for node_key, (_, reason) in self._last.items()}

    def connected(self, node_key: bytes) -> None:
        """Whatever was wrong is over."""
        self._last.pop(node_key, None)
        self._since_s.pop(node_key, None)

    def tell(self, node_key: bytes, address: str, error: Exception, now_s: float) -> None:
        """Say a reason once, not at every attempt; and again, as a warning, when it lasts.

        Nobody at the address is nothing to warn of at once: nodes of a town start one after the
        other. What a peer or its certificate says has to be mended, however new it is.
        """
        since_s = self._since_s.setdefault(node_key, now_s)
        may_be_starting = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
        warn = not may_be_starting or now_s - since_s >= UNREACHABLE_S
        reason = str(error) or type(error).__name__
        if self._last.get(node_key) == (warn, reason):
            return
        self._last[node_key] = (warn, reason)
        about = {"node_key": node_key.hex(), "address": address, "reason": reason}
        if warn:
            log.warning("peer.unreachable", **about)
        else:
            log.info("peer.unreachable", **about)
