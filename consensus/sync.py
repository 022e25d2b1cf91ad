"""Planner of block ranges for a node that is far behind (consensus.md, "Sync"). Pure: no IO.

The node tells it which peers it has and what they claim, carries out the requests that it hands
out, and feeds the answers back. Blocks come out in height order, one at a time; each is verified by
the replica (MessageReceived(CertifiedBlock)), so a planner need trust no peer: a bad block is
reported by `reject`, the range goes to another peer and the liar is served last. A range that is
not answered soon is asked of a second peer as well; whoever answers first is used, also after the
deadline, and who was merely slow is not held to have failed. Who says that it no longer holds a
block has not failed either: another peer is asked for it at once.

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
"""After this long a request has failed; its answer is still taken."""
SECOND_ASK_MS: Final = 1_000
"""After this long without an answer one more peer is asked for the same blocks."""
MAX_ASKED_AT_ONCE: Final = 2
"""Peers that are asked for one block at a time."""
MAX_OWED_ANSWERS: Final = 2
"""Of one peer: to the request that is out, and to the one before it that has failed."""
FIRST_RANGE_BLOCKS: Final = 8
"""Range size for a peer whose speed is not known yet."""
RANGE_TARGET_MS: Final = 500
"""A range is sized so that a peer of known speed needs about this long for its blocks; well below
SECOND_ASK_MS, so that nobody else is asked for what is on its way."""
MAX_FAILURES: Final = 3
"""After so many bad or missing answers in a row a peer rests for REST_MS."""
REST_MS: Final = 5_000
RATE_WINDOW_MS: Final = 10_000
MAX_RATE_SAMPLES: Final = 64

Block = TypeVar("Block")


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """Ask `peer` for the certified blocks first..last (inclusive), at `asked_ms`."""

    peer: Hashable
    first: int
    last: int
    asked_ms: int

    @property
    def blocks(self) -> int:
        """How many are asked for."""
        return self.last - self.first + 1

    @property
    def second_ask_ms(self) -> int:
        """From when on one more peer may be asked."""
        return self.asked_ms + SECOND_ASK_MS

    @property
    def deadline_ms(self) -> int:
        """From when on it counts as failed."""
        return self.asked_ms + REQUEST_TIMEOUT_MS


@dataclass(frozen=True, slots=True)
class Progress:
    """What an operator sees. seconds_left is None while the speed is not known."""

    height: int
    target: int
    blocks_per_second: int
    seconds_left: int | None


@dataclass(slots=True)
class _Peer:
    """range_blocks: how many it is asked for next. quickest_ms: of its answers so far, which no
    round trip to it takes longer than."""

    height: int
    lowest: int = 1
    blocks_per_second: int = 0
    range_blocks: int = FIRST_RANGE_BLOCKS
    quickest_ms: int = REQUEST_TIMEOUT_MS
    failures: int = 0
    rests_until_ms: int = 0
    request: RangeRequest | None = None
    overdue: RangeRequest | None = None
    """The last request that failed for want of an answer in time."""


@dataclass(slots=True)
class _Held(Generic[Block]):
    block: Block
    peer: Hashable


@dataclass(slots=True)
class RangePlanner(Generic[Block]):
    """Hands out ranges, reassigns what fails, gives blocks back in order.

    next_height: the first height still to be delivered. Call `assign` after every change and at
    `next_due_ms` (it also expires overdue requests), `take` until it gives None.
    """

    next_height: int
    target: int = 0
    _applied: int = field(init=False)
    _peers: dict[Hashable, _Peer] = field(default_factory=dict)
    _held: dict[int, _Held[Block]] = field(default_factory=dict)
    _source: dict[int, Hashable] = field(default_factory=dict)
    _samples: list[tuple[int, int]] = field(default_factory=list)
    _withholding: dict[Hashable, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._applied = self.next_height - 1

    @property
    def done(self) -> bool:
        """True when everything up to the target has been applied."""
        return self._applied >= self.target

    def set_target(self, height: int) -> None:
        """Raise the target (CatchUp.target_height); a lower one is ignored."""
        self.target = max(self.target, height)

    def lower_target(self, height: int) -> None:
        """The word of who claimed more is believed no longer."""
        self.target = min(self.target, height)

    def peer_seen(self, peer: Hashable, height: int) -> None:
        """`peer` claims to hold blocks up to `height`; a claim only decides whom to ask."""
        known = self._peers.get(peer)
        if known is not None:
            known.height = height
        elif len(self._peers) < MAX_SYNC_PEERS:
            self._peers[peer] = _Peer(height)

    def peer_holds_from(self, peer: Hashable, lowest: int) -> None:
        """`peer` says that it holds no block below `lowest`. What it was asked for below is open
        to others at once; an honest word, so nothing counts as failed."""
        known = self._peers.get(peer)
        if known is None:
            return
        known.lowest = lowest
        if known.request is not None and known.request.first < lowest:
            known.request = None

    def peer_lost(self, peer: Hashable) -> None:
        """The connection ended; what it owed goes to others."""
        self._peers.pop(peer, None)
        self._withholding.pop(peer, None)

    def assign(self, now_ms: int) -> list[RangeRequest]:
        """New requests, at most one outstanding for each peer; overdue ones count as failures."""
        for name, peer in self._peers.items():
            if peer.request is not None and now_ms >= peer.request.deadline_ms:
                peer.range_blocks = max(1, peer.request.blocks // 2)
                peer.overdue = peer.request
                self._failed(name, peer, now_ms)
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

    def next_due_ms(self, now_ms: int) -> int | None:
        """When `assign` may have something new to do by the clock alone; None: never."""
        dues = [peer.rests_until_ms for peer in self._peers.values()]
        for peer in self._peers.values():
            if peer.request is not None:
                dues += (peer.request.second_ask_ms, peer.request.deadline_ms)
        return min((due for due in dues if due > now_ms), default=None)

    def received(
        self, request: RangeRequest, blocks: Sequence[Block], now_ms: int
    ) -> Sequence[int]:
        """The answer to `request`: consecutive blocks from its first on, possibly fewer than asked.

        Gives the heights that are held because of it. An empty or oversized answer in time counts
        as a failure; heights that are missing are handed out again. An answer that comes late is
        used like any other and takes the failures back.
        """
        known = self._peers.get(request.peer)
        if known is None or (request is not known.request and request is not known.overdue):
            return ()
        useful = 0 < len(blocks) <= request.blocks
        if request is known.overdue:
            known.overdue = None
        elif useful:
            known.request = None
        else:
            self._failed(request.peer, known, now_ms)
        if not useful:
            return ()
        held = [
            height
            for height in range(request.first, request.first + len(blocks))
            if height >= self.next_height and height not in self._held
        ]
        for height in held:
            self._held[height] = _Held(blocks[height - request.first], request.peer)
        elapsed_ms = max(1, now_ms - request.asked_ms)
        known.blocks_per_second = max(1, len(blocks) * 1000 // elapsed_ms)
        known.quickest_ms = min(known.quickest_ms, elapsed_ms)
        known.range_blocks = _next_range(len(blocks), elapsed_ms, known.quickest_ms)
        known.failures = known.rests_until_ms = 0
        self._withholding.pop(request.peer, None)
        return held

    def withholding(self) -> list[Hashable]:
        """Peers that gave none of the blocks they claim, MAX_FAILURES times in a row, since this
        was last called."""
        found = list(self._withholding)
        self._withholding.clear()
        return found

    def refused(self, peer: Hashable, now_ms: int) -> None:
        """`peer` answered with rubbish or said that it has nothing."""
        known = self._peers.get(peer)
        if known is not None:
            self._failed(peer, known, now_ms)

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
            known.request = known.overdue = None
            known.failures, known.rests_until_ms = 0, now_ms + REST_MS
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
        asked = [p.request for p in self._peers.values() if p.request is not None]
        first = max(self.next_height, peer.lowest)
        while first <= limit and not self._is_open(first, asked, now_ms):
            first += 1
        if first > limit:
            return None
        last = first
        while (
            last < limit
            and last - first + 1 < min(MAX_RANGE_BLOCKS, peer.range_blocks)
            and self._is_open(last + 1, asked, now_ms)
        ):
            last += 1
        peer.request = RangeRequest(name, first, last, now_ms)
        return peer.request

    def _is_open(self, height: int, asked: list[RangeRequest], now_ms: int) -> bool:
        """Whether somebody may be asked for this block now."""
        if height in self._held:
            return False
        owing = [request for request in asked if request.first <= height <= request.last]
        return len(owing) < MAX_ASKED_AT_ONCE and all(
            now_ms >= request.second_ask_ms for request in owing
        )

    def _failed(self, name: Hashable, peer: _Peer, now_ms: int) -> None:
        peer.request = None
        peer.failures += 1
        if peer.failures >= MAX_FAILURES:
            peer.failures = 0
            peer.rests_until_ms = now_ms + REST_MS
            self._withholding[name] = None


def _next_range(blocks: int, elapsed_ms: int, quickest_ms: int) -> int:
    """How many blocks to ask for next after an answer of so many.

    The round trip is no part of what a block takes: a peer 0.8 s away would be asked for fewer and
    fewer, until one block came each 0.8 s. Only an answer so late that others were asked as well is
    all counted, since its length may be the reason.
    """
    took_ms = elapsed_ms
    if elapsed_ms <= SECOND_ASK_MS:
        took_ms = min(elapsed_ms, max(elapsed_ms - quickest_ms, RANGE_TARGET_MS // 2))
    return max(1, blocks * RANGE_TARGET_MS // took_ms)
