"""Frames that wait on one connection, by priority, bounded by bytes and by frames. Pure."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.network.wire import DATA_KINDS, Frame, FrameKind


@dataclass(frozen=True, slots=True)
class QueueBound:
    """Most that waits of one kind."""

    max_bytes: int
    max_frames: int


SEND_BOUNDS: Final[Mapping[FrameKind, QueueBound]] = {
    FrameKind.CONSENSUS: QueueBound(24 * 1024 * 1024, 4_096),
    FrameKind.SYNC: QueueBound(24 * 1024 * 1024, 256),
    FrameKind.TRANSACTIONS: QueueBound(8 * 1024 * 1024, 1_024),
}
"""For each peer. A full kind drops its oldest (consensus) or refuses its newest frame."""


class FrameQueue:
    """Consensus before sync before transactions, each kind first in, first out."""

    def __init__(self, bounds: Mapping[FrameKind, QueueBound] = SEND_BOUNDS) -> None:
        self._bounds = bounds
        self._lanes: dict[FrameKind, deque[bytes]] = {kind: deque() for kind in DATA_KINDS}
        self._bytes: dict[FrameKind, int] = dict.fromkeys(DATA_KINDS, 0)
        self.total_bytes = 0
        self.total_frames = 0

    def __len__(self) -> int:
        return self.total_frames

    def bytes_of(self, kind: FrameKind) -> int:
        """Bytes of this kind that wait."""
        return self._bytes[kind]

    def push(self, kind: FrameKind, frame: bytes) -> int:
        """Add a frame; return how many frames were dropped for it.

        A full consensus lane drops its oldest frames: they are the ones most likely superseded,
        and Status and resends repair the loss (consensus.md, "Messages"). The other kinds drop
        the frame itself.
        """
        bound = self._bounds[kind]
        lane = self._lanes[kind]
        dropped = 0
        while lane and (
            len(lane) >= bound.max_frames or self._bytes[kind] + len(frame) > bound.max_bytes
        ):
            dropped += 1
            if kind is not FrameKind.CONSENSUS:
                return dropped
            self._take(kind)
        lane.append(frame)
        self._bytes[kind] += len(frame)
        self.total_bytes += len(frame)
        self.total_frames += 1
        return dropped

    def pop(self) -> Frame:
        """Oldest frame of the first kind that has one; IndexError when empty."""
        for kind in DATA_KINDS:
            if self._lanes[kind]:
                return kind, self._take(kind)
        raise IndexError("pop from an empty frame queue")

    def pop_batch(self, max_bytes: int) -> list[Frame]:
        """Frames in the order of pop, at least one, until max_bytes are reached."""
        batch = [self.pop()]
        size = len(batch[0][1])
        while self.total_frames and size < max_bytes:
            batch.append(self.pop())
            size += len(batch[-1][1])
        return batch

    def clear(self) -> None:
        """Drop everything: the connection is gone."""
        for kind in DATA_KINDS:
            self._lanes[kind].clear()
            self._bytes[kind] = 0
        self.total_bytes = self.total_frames = 0

    def _take(self, kind: FrameKind) -> bytes:
        frame = self._lanes[kind].popleft()
        self._bytes[kind] -= len(frame)
        self.total_bytes -= len(frame)
        self.total_frames -= 1
        return frame
