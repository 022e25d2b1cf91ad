"""Fetches certified blocks from several peers until this node has caught up; answers others.

The IO around consensus.sync.RangePlanner: it sends the planner's requests, feeds it the answers,
and delivers the blocks one at a time and in order. Nothing a peer says is trusted: a block counts
once the replica has verified its certificate, which `deliver` reports.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, cast

import structlog

from consensus import message_wire
from consensus.messages import CertifiedBlock, ReadProposal
from consensus.sync import MAX_OWED_ANSWERS, Progress, RangePlanner, RangeRequest
from ledger.errors import DecodeError, PeerError
from node.network.reputation import FORGED_BLOCK_POINTS, WITHHOLDING_POINTS
from node.sync import sync_wire
from node.sync.block_fetcher import BlockFetcher
from node.sync.block_server import BlockServer
from node.sync.peer_heads import PeerHeads, Unheld
from node.sync.sync_wire import (
    MAX_REQUEST_ID,
    BlockAnswer,
    HeadAsk,
    NotHeld,
    PieceAnswer,
    RangeAnswer,
    RangeAsk,
    SnapshotsAnswer,
    SyncMessage,
)
from node.sync.verifying import AheadVerifier

TICK_S: Final = 1.0
"""Heads are asked for and progress is reported this often."""
FOLLOW_AFTER_S: Final = 1.0
"""A node that follows fetches when its head has stood still so long and a peer claims more."""
QUIET_BLOCKS: Final = 16
"""Catching up with fewer is nothing that an operator has to read of."""
MAX_HELD_BYTES: Final = 32 * 1024 * 1024
"""No new range is asked for while so much waits to be applied."""
DELIVER_S: Final = 30.0
"""A delivered block that is not applied after this long is fetched again."""
ANNOUNCE_S: Final = 2.0
UNASKED_ID: Final = 0
"""No question has this id."""

Send = Callable[[bytes, bytes], bool]
"""(node key, SYNC payload): False when it could not be queued."""
Deliver = Callable[[CertifiedBlock], Awaitable[None]]
"""Returns when the block is applied (or was already); PeerError when it is not valid."""
Penalise = Callable[[bytes, int, str], object]
"""(node key, points, reason)."""

log = structlog.get_logger(__name__)


class Synchroniser:
    """One catch-up at a time, for validators and observers alike.

    Tell it peer_connected / peer_lost / head_seen as they come, applied(height) after each block
    by whatever road, and catch_up(target) when the replica asks. head: last applied height.
    on_failure gets what deliver raises beside PeerError. follows: whether this node may go after
    what a single peer claims, as observers do (ADR 0013); the replica asks on its own account.
    ahead: verifies blocks before their turn; verified(block) is called before such a block is
    delivered.
    """

    def __init__(
        self,
        send: Send,
        read: ReadProposal,
        head: Callable[[], int],
        deliver: Deliver,
        penalise: Penalise,
        server: BlockServer,
        on_failure: Callable[[BaseException], None],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        follows: Callable[[], bool] = lambda: False,
        ahead: AheadVerifier | None = None,
        verified: Callable[[CertifiedBlock], None] = lambda _: None,
    ) -> None:
        self._send = send
        self._read = read
        self._head = head
        self._deliver = deliver
        self._penalise = penalise
        self._server = server
        self._on_failure = on_failure
        self._on_progress = on_progress
        self._follows = follows
        self._ahead = ahead
        self._verified = verified
        self._loop = asyncio.get_running_loop()
        self._peers = PeerHeads()
        self._planner: RangePlanner[bytes] | None = None
        self._asked: dict[bytes, deque[tuple[int, RangeRequest]]] = {}
        self._vouched = 0  # the highest target that the replica asked for
        self._following: asyncio.TimerHandle | None = None
        self._announcing: asyncio.TimerHandle | None = None
        self._held_bytes: dict[int, int] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.by_hash = BlockFetcher(self._ask, self._next_id, read, penalise)
        self._last_id = 0
        self.blocks_applied = 0
        """Blocks applied by catching up since start, for the metric."""
        self._quiet = False
        self._told_unheld: Unheld | None = None
        self._reported_s = self._heads_asked_s = self._announced_s = float("-inf")

    # What the node tells

    def peer_connected(self, node_key: bytes, head_height: int) -> None:
        """A peer that may be asked, with the head of its HELLO."""
        self.head_seen(node_key, head_height)

    def peer_lost(self, node_key: bytes) -> None:
        """Its outstanding range goes to others."""
        self._peers.forget(node_key)
        self._asked.pop(node_key, None)
        self._server.peer_lost(node_key)
        if self._planner is not None:
            self._planner.peer_lost(node_key)
        self.by_hash.peer_lost(node_key)
        self._assign()

    def head_seen(self, node_key: bytes, height: int) -> None:
        """A claim (HELLO, Status, answer): it only decides whom to ask for what."""
        if not self._peers.seen(node_key, height):
            return
        if self._planner is not None:
            self._planner.peer_seen(node_key, height)
            self._assign()
        else:
            self._watch_lag()

    def applied(self, height: int) -> None:
        """The block of this height is durable and applied."""
        if self._planner is not None:
            self._planner.applied(height, self._now_ms())
            for old in [h for h in self._held_bytes if h <= height]:
                del self._held_bytes[old]
            self._changed.set()

    def announce_head(self, node_keys: Callable[[], Iterable[bytes]]) -> None:
        """Tell these peers the own head, at most every ANNOUNCE_S and the last one always: who
        votes shows it by voting, who follows a node without a seat knows it from this alone."""
        if self._announcing is not None:
            return
        wait_s = self._announced_s + ANNOUNCE_S - self._loop.time()
        if wait_s <= 0:
            self._announce(node_keys)
        else:
            self._announcing = self._loop.call_later(wait_s, self._announce, node_keys)

    def _announce(self, node_keys: Callable[[], Iterable[bytes]]) -> None:
        self._announcing = None
        self._announced_s = self._loop.time()
        for node_key in node_keys():
            self._ask(node_key, RangeAnswer(UNASKED_ID, self._head(), ()))

    def catch_up(self, target_height: int) -> None:
        """The replica knows that there is a block of this height: fetch up to it. Raises the
        target of a running catch-up."""
        self._vouched = max(self._vouched, target_height)
        self._fetch_up_to(target_height)

    def _fetch_up_to(self, target_height: int) -> None:
        if target_height <= self._head():
            return
        if self._planner is None:
            self._planner = RangePlanner(next_height=self._head() + 1)
            for node_key, height in self._peers.heads.items():
                self._planner.peer_seen(node_key, height)
                self._planner.peer_holds_from(node_key, self._peers.lowest(node_key))
        self._planner.set_target(target_height)
        self._quiet = target_height - self._head() < QUIET_BLOCKS
        if self._task is None:
            if not self._quiet:
                log.info("sync.started", height=self._head(), target=target_height)
            self._task = self._loop.create_task(self._run(self._planner))
            self._task.add_done_callback(self._finished)
        self._changed.set()

    @property
    def progress(self) -> Progress | None:
        """None while nothing is being fetched."""
        return None if self._planner is None else self._planner.progress(self._now_ms())

    def heads(self) -> dict[bytes, int]:
        """Claimed heads by node key, for display."""
        return dict(self._peers.heads)

    def unheld(self) -> Unheld | None:
        """That no peer ahead of this node holds the block that it needs next."""
        return self._peers.unheld(self._head() + 1)

    async def stop(self) -> None:
        """End the running catch-up and forget open questions."""
        for timer in (self._following, self._announcing):
            if timer is not None:
                timer.cancel()
        self.by_hash.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # Frames

    async def on_frame(self, node_key: bytes, payload: bytes) -> None:
        """Answer a question or take an answer; PeerError for rubbish."""
        message = sync_wire.decode(payload)
        match message:
            case RangeAnswer():
                self._range_answer(node_key, message)
            case NotHeld():
                self._not_held(node_key, message)
            case BlockAnswer():
                self.by_hash.answered(node_key, message)
            case SnapshotsAnswer() | PieceAnswer():
                pass  # a node that runs asks for none; one that begins is node.snapshots.joining
            case _:
                reply = self._server.answer(node_key, message)
                if reply is not None:
                    self._ask(node_key, reply)

    # Inside

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1_000)

    def _next_id(self) -> int:
        self._last_id = self._last_id % MAX_REQUEST_ID + 1
        return self._last_id

    def _ask(self, node_key: bytes, message: SyncMessage) -> bool:
        return self._send(node_key, sync_wire.encode(message))

    def _range_answer(self, node_key: bytes, answer: RangeAnswer) -> None:
        owed = self._asked.get(node_key, ())
        request = next((r for number, r in owed if number == answer.request_id), None)
        if self._planner is not None and request is not None:
            first = request.first
            heights = self._planner.received(request, answer.blocks, self._now_ms())
            for height in heights:
                self._held_bytes[height] = len(answer.blocks[height - first])
            if self._ahead is not None and not self._quiet:
                self._ahead.take([answer.blocks[height - first] for height in heights])
        # An answer that nobody waits for is no offence, and its head is still news.
        self.head_seen(node_key, answer.head_height)
        self._changed.set()

    def _not_held(self, node_key: bytes, answer: NotHeld) -> None:
        """It holds only later blocks: others are asked at once."""
        if all(number != answer.request_id for number, _ in self._asked.get(node_key, ())):
            return
        self._peers.holds_from(node_key, answer.lowest_height)
        if self._planner is not None:
            self._planner.peer_holds_from(node_key, answer.lowest_height)
        self.head_seen(node_key, answer.head_height)
        self._changed.set()
        found = self.unheld()
        if found is not None and found != self._told_unheld:
            self._told_unheld = found
            log.warning("sync.not_held_by_peers", problem=found.sentence)

    def _assign(self) -> None:
        """Send what the planner wants asked."""
        planner = self._planner
        if planner is None or sum(self._held_bytes.values()) > MAX_HELD_BYTES:
            return
        now_ms = self._now_ms()
        for request in planner.assign(now_ms):
            node_key = cast(bytes, request.peer)
            question = RangeAsk(self._next_id(), request.first, request.last)
            owed = self._asked.setdefault(node_key, deque(maxlen=MAX_OWED_ANSWERS))
            owed.append((question.request_id, request))
            if not self._ask(node_key, question):
                planner.refused(node_key, now_ms)

    # Following

    def _watch_lag(self) -> None:
        """Look again in a while, when a peer claims more than is applied here."""
        if self._following is None and self._claimed() > self._head() and self._follows():
            self._following = self._loop.call_later(FOLLOW_AFTER_S, self._follow, self._head())

    def _follow(self, head_then: int) -> None:
        """Go after the highest claim unless blocks came by votes meanwhile."""
        self._following = None
        if self._planner is not None:
            return
        if self._head() > head_then or not self._follows():
            self._watch_lag()
        else:
            self._fetch_up_to(self._claimed())

    def _claimed(self) -> int:
        """The highest claim of those that may hold the next block."""
        return self._peers.highest(self._head() + 1)

    def _is_done(self, planner: RangePlanner[bytes]) -> bool:
        """Whether all is applied. Who follows waits for nobody's claim for long: a peer that gave
        none of the blocks it claims is believed no longer, and penalised."""
        for name in planner.withholding():
            node_key = cast(bytes, name)
            claim = self._peers.heads.get(node_key, 0)
            if not self._follows() or claim <= self._head():
                continue
            self._peers.forget(node_key)
            planner.lower_target(max(self._vouched, self._claimed()))
            reason = f"sync: claims block {claim} and gave none after block {self._head()}"
            self._penalise(node_key, WITHHOLDING_POINTS, reason)
        if self.unheld() is not None and self._follows():
            planner.lower_target(max(self._vouched, self._claimed()))
        return planner.done

    async def _run(self, planner: RangePlanner[bytes]) -> None:
        """Until everything up to the target is applied."""
        while not self._is_done(planner):
            self._changed.clear()
            self._assign()
            self._report(planner)
            taken = planner.take()
            if taken is not None:
                await self._apply(planner, *taken)
                continue
            self._ask_heads(planner)
            try:
                async with asyncio.timeout(self._until_due_s(planner)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _until_due_s(self, planner: RangePlanner[bytes]) -> float:
        now_ms = self._now_ms()
        due_ms = planner.next_due_ms(now_ms)
        return TICK_S if due_ms is None else min(TICK_S, (due_ms - now_ms) / 1_000)

    async def _apply(self, planner: RangePlanner[bytes], height: int, raw: bytes) -> None:
        self._held_bytes.pop(height, None)
        try:
            async with asyncio.timeout(DELIVER_S):
                certified = self._decode(height, raw)
                if self._ahead is not None and await self._ahead.verified(raw):
                    self._verified(certified)
                await self._deliver(certified)
        except PeerError as error:
            source = self._fetch_again(planner, height)
            if source is not None:
                self._penalise(source, FORGED_BLOCK_POINTS, f"sync: {error}")
        except TimeoutError:
            log.warning("sync.not_applied", height=height, seconds=DELIVER_S)
            self._fetch_again(planner, height)
        else:
            self.blocks_applied += 1
            self.applied(height)

    def _fetch_again(self, planner: RangePlanner[bytes], height: int) -> bytes | None:
        """Drop the block, and all else that its sender sent; the sender."""
        # The sizes of what others sent are learned again as it comes.
        self._held_bytes.clear()
        return cast(bytes | None, planner.reject(height, self._now_ms()))

    def _decode(self, height: int, raw: bytes) -> CertifiedBlock:
        message = message_wire.decode(raw, self._read)
        if not isinstance(message, CertifiedBlock):
            raise DecodeError(f"expected a certified block, found {type(message).__name__}")
        found = message.proposal.height
        if found != height or message.certificate.height != height:
            raise DecodeError(f"asked for block {height}, received block {found}")
        return message

    def _ask_heads(self, planner: RangePlanner[bytes]) -> None:
        """A head known from a HELLO may be old: ask those who claim less than the target."""
        if self._loop.time() - self._heads_asked_s < TICK_S:
            return
        self._heads_asked_s = self._loop.time()
        for node_key, height in self._peers.heads.items():
            if height < planner.target:
                self._ask(node_key, HeadAsk(self._next_id()))

    def _report(self, planner: RangePlanner[bytes]) -> None:
        if self._loop.time() - self._reported_s < TICK_S:
            return
        self._reported_s = self._loop.time()
        progress = planner.progress(self._now_ms())
        if not self._quiet:
            log.info(
                "sync.progress",
                height=progress.height,
                target=progress.target,
                blocks_per_second=progress.blocks_per_second,
                seconds_left=progress.seconds_left,
            )
        if self._on_progress is not None:
            self._on_progress(progress)

    def _finished(self, task: asyncio.Task[None]) -> None:
        planner, self._planner, self._task = self._planner, None, None
        self._asked.clear()
        self._held_bytes.clear()
        if self._ahead is not None:
            self._ahead.close()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_failure(error)
        elif planner is not None and not planner.done:
            self._fetch_up_to(planner.target)  # raised after the last look at it
        elif planner is not None:
            if not self._quiet:
                log.info("sync.finished", height=self._head())
            if self._on_progress is not None:
                self._on_progress(planner.progress(self._now_ms()))
            self._watch_lag()
