"""Planner of block ranges for a node that is far behind (consensus.md, "Sync"). Pure: no IO.

The node tells it which peers it has and what they claim, carries out the requests that it hands
out, and feeds the answers back. Blocks come out in height order, one at a time; each is verified by
the replica (MessageReceived(CertifiedBlock)), so a planner need trust no peer: a bad block is
reported by `reject`, the range goes to another peer and the liar is served last.

Times are milliseconds of one monotone clock, handed in.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

MAX_RANGE_BLOCKS: Final = 64
"""Blocks in one request."""
MAX_BUFFERED_BLOCKS: Final = 512
"""Heights beyond the next one that may be assigned or held out of order."""
MAX_SYNC_PEERS: Final = 64
REQUEST_TIMEOUT_MS: Final = 5_000
FIRST_RANGE_BLOCKS: Final = 8
"""Range size for a peer whose speed is not known yet."""
RANGE_TARGET_MS: Final = 1_000
"""A range is sized so that a peer of known speed needs about this long."""
MAX_FAILURES: Final = 3
"""After so many bad or missing answers in a row a peer rests for REST_MS."""
REST_MS: Final = 5_000
RATE_WINDOW_MS: Final = 10_000
MAX_RATE_SAMPLES: Final = 64

Block = TypeVar("Block")


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """Ask `peer` for the certified blocks first..last (inclusive) before `deadline_ms`."""

    peer: Hashable
    first: int
    last: int
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What an operator sees. seconds_left is None while the speed is not known."""

    height: int
    target: int
    blocks_per_second: int
    seconds_left: int | None


@dataclass(slots=True)
class _Peer:
    height: int
    blocks_per_second: int = 0
    failures: int = 0
    rests_until_ms: int = 0
    request: RangeRequest | None = None
    asked_ms: int = 0


@dataclass(slots=True)
class _Held(Generic[Block]):
    block: Block
    peer: Hashable


@dataclass(slots=True)
class RangePlanner(Generic[Block]):
    """Hands out ranges, reassigns what fails, gives blocks back in order.

    next_height: the first height still to be delivered. Call `assign` after every change and once
    a second (it also expires overdue requests), `take` until it gives None.
    """

    next_height: int
    target: int = 0
    _applied: int = field(init=False)
    _peers: dict[Hashable, _Peer] = field(default_factory=dict)
    _held: dict[int, _Held[Block]] = field(default_factory=dict)
    _source: dict[int, Hashable] = field(default_factory=dict)
    _samples: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._applied = self.next_height - 1

    @property
    def done(self) -> bool:
        """True when everything up to the target has been applied."""
        return self._applied >= self.target

    def set_target(self, height: int) -> None:
        """Raise the target (CatchUp.target_height); a lower one is ignored."""
        self.target = max(self.target, height)

    def peer_seen(self, peer: Hashable, height: int) -> None:
        """`peer` claims to hold blocks up to `height`; a claim only decides whom to ask."""
        known = self._peers.get(peer)
        if known is not None:
            known.height = height
        elif len(self._peers) < MAX_SYNC_PEERS:
            self._peers[peer] = _Peer(height)

    def peer_lost(self, peer: Hashable) -> None:
        """The connection ended; what it owed goes to others."""
        self._peers.pop(peer, None)

    def assign(self, now_ms: int) -> list[RangeRequest]:
        """New requests, at most one outstanding for each peer; overdue ones count as failures."""
        for peer in self._peers.values():
            if peer.request is not None and now_ms >= peer.request.deadline_ms:
                self._failed(peer, now_ms)
        requests: list[RangeRequest] = []
        idle = [
            (peer.failures, -peer.blocks_per_second, index, name)
            for index, (name, peer) in enumerate(self._peers.items())
            if peer.request is None and peer.rests_until_ms <= now_ms
        ]
        for *_, name in sorted(idle, key=lambda item: item[:3]):
            request = self._range_for(name, now_ms)
            if request is not None:
                requests.append(request)
        return requests

    def received(self, peer: Hashable, first: int, blocks: Sequence[Block], now_ms: int) -> bool:
        """An answer of `peer`: consecutive blocks from `first` on, possibly fewer than asked.

        False when it does not answer the outstanding request or is empty (the peer then counts as
        failed); heights that are missing are handed out again.
        """
        known = self._peers.get(peer)
        request = None if known is None else known.request
        if known is None or request is None:
            return False
        wanted = request.last - request.first + 1
        if first != request.first or not 0 < len(blocks) <= wanted:
            self._failed(known, now_ms)
            return False
        for offset, block in enumerate(blocks):
            if first + offset >= self.next_height:
                self._held.setdefault(first + offset, _Held(block, peer))
        elapsed_ms = max(1, now_ms - known.asked_ms)
        known.blocks_per_second = max(1, len(blocks) * 1000 // elapsed_ms)
        known.request = None
        known.failures = 0
        return True

    def refused(self, peer: Hashable, now_ms: int) -> None:
        """`peer` answered with rubbish or said that it has nothing."""
        known = self._peers.get(peer)
        if known is not None:
            self._failed(known, now_ms)

    def take(self) -> tuple[int, Block] | None:
        """The next (height, block) in order, or None while it is still missing.

        Feed it to the replica; then report `applied` or `reject`. Give the replica at most one
        block above the one that it is applying: it knows no later validator set.
        """
        held = self._held.pop(self.next_height, None)
        if held is None:
            return None
        height = self.next_height
        self._source[height] = held.peer
        self.next_height += 1
        return height, held.block

    def applied(self, height: int, now_ms: int) -> None:
        """`height` is durable, by whatever road it came."""
        if height <= self._applied:
            return
        self._applied = height
        self.next_height = max(self.next_height, height + 1)
        for table in (self._held, self._source):
            for old in [h for h in table if h <= height]:
                del table[old]
        self._samples.append((now_ms, height))
        while len(self._samples) > MAX_RATE_SAMPLES or (
            len(self._samples) > 2 and now_ms - self._samples[0][0] > RATE_WINDOW_MS
        ):
            self._samples.pop(0)

    def reject(self, height: int, now_ms: int) -> Hashable | None:
        """The block of `height` failed verification: fetch it again elsewhere.

        Gives the peer that had sent it, for scoring; everything else that this peer sent and that
        is still held is dropped too.
        """
        source = self._source.get(height)
        for other in [h for h, held in self._held.items() if held.peer == source]:
            del self._held[other]
        self._source = {h: peer for h, peer in self._source.items() if h < height}
        self.next_height = min(self.next_height, max(height, self._applied + 1))
        known = self._peers.get(source) if source is not None else None
        if known is not None:
            known.failures = MAX_FAILURES - 1
            self._failed(known, now_ms)
        return source

    def progress(self, now_ms: int) -> Progress:
        """Height, target, speed over the last 10 s, and the time that is left."""
        speed_milli = 0
        if len(self._samples) >= 2:
            (first_ms, first), (_, last) = self._samples[0], self._samples[-1]
            speed_milli = (last - first) * 1_000_000 // max(1, now_ms - first_ms)
        left = max(0, self.target - self._applied)
        seconds = 0 if left == 0 else None if speed_milli == 0 else -(-left * 1000 // speed_milli)
        return Progress(self._applied, self.target, speed_milli // 1000, seconds)

    def _range_for(self, name: Hashable, now_ms: int) -> RangeRequest | None:
        peer = self._peers[name]
        limit = min(self.target, peer.height, self.next_height + MAX_BUFFERED_BLOCKS - 1)
        taken = [p.request for p in self._peers.values() if p.request is not None]
        first = self._first_free(taken, limit)
        if first is None:
            return None
        size = peer.blocks_per_second * RANGE_TARGET_MS // 1000 or FIRST_RANGE_BLOCKS
        last = first
        while (
            last < limit
            and last - first + 1 < min(MAX_RANGE_BLOCKS, max(1, size))
            and self._is_free(last + 1, taken)
        ):
            last += 1
        peer.request = RangeRequest(name, first, last, now_ms + REQUEST_TIMEOUT_MS)
        peer.asked_ms = now_ms
        return peer.request

    def _first_free(self, taken: list[RangeRequest], limit: int) -> int | None:
        height = self.next_height
        while height <= limit:
            if self._is_free(height, taken):
                return height
            height += 1
        return None

    def _is_free(self, height: int, taken: list[RangeRequest]) -> bool:
        return height not in self._held and all(
            not request.first <= height <= request.last for request in taken
        )

    def _failed(self, peer: _Peer, now_ms: int) -> None:
        peer.request = None
        peer.failures += 1
        if peer.failures >= MAX_FAILURES:
            peer.failures = 0
            peer.rests_until_ms = now_ms + REST_MS
