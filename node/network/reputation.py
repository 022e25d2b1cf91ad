"""How much rubbish a peer may send before it is left out for a while. Pure: the time is handed in.

A score starts full, each offence takes points off, time gives them back. At zero the peer is
banned for a bounded time and starts again at half. Only registered keys ever get a score, so the
table is bounded by the registry.
"""

from dataclasses import dataclass
from typing import Final

FULL_POINTS: Final = 100
POINTS_PER_SECOND: Final = 1
AFTER_BAN_POINTS: Final = 50
BAN_S: Final = 60

BAD_MESSAGE_POINTS: Final = 10
"""A frame whose content its handler refused."""
BAD_FRAMING_POINTS: Final = 50
"""A stream that is no sequence of frames."""
BAD_TRANSACTION_POINTS: Final = 10
"""A gossiped transaction that is forged or cannot be decoded. A node passes on only what it has
verified itself, so an honest one never sends any, whatever its clients send."""
FORGED_BLOCK_POINTS: Final = 50
"""A block of a range whose certificate does not verify: nobody holds it honestly."""
WITHHOLDING_POINTS: Final = 60
"""Said to an observer that it has blocks, and gave none of them three times in a row."""
CONNECT_POINTS: Final = 2
"""Each connection: reconnecting without end is rubbish too."""


@dataclass(slots=True)
class _Score:
    points: float
    updated_s: float
    banned_until_s: float = 0.0


class Reputation:
    """Scores and bans by node key."""

    def __init__(self) -> None:
        self._scores: dict[bytes, _Score] = {}

    def points(self, node_key: bytes, now_s: float) -> int:
        """Current score, 0..FULL_POINTS."""
        score = self._scores.get(node_key)
        return FULL_POINTS if score is None else int(_recovered(score, now_s))

    def banned_for_s(self, node_key: bytes, now_s: float) -> float:
        """Seconds until the peer may connect again; 0 when it may now."""
        score = self._scores.get(node_key)
        return 0.0 if score is None else max(0.0, score.banned_until_s - now_s)

    def lower(self, node_key: bytes, points: int, now_s: float) -> bool:
        """Take points off; True when this bans the peer."""
        score = self._scores.setdefault(node_key, _Score(FULL_POINTS, now_s))
        score.points = _recovered(score, now_s) - points
        score.updated_s = now_s
        if score.points > 0:
            return False
        score.points = AFTER_BAN_POINTS
        score.banned_until_s = now_s + BAN_S
        return True

    def keep_only(self, node_keys: frozenset[bytes]) -> None:
        """Forget those that left the registry."""
        for node_key in self._scores.keys() - node_keys:
            del self._scores[node_key]


def _recovered(score: _Score, now_s: float) -> float:
    return min(FULL_POINTS, score.points + POINTS_PER_SECOND * (now_s - score.updated_s))
