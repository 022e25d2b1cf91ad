"""node/sync/catchup.py without asyncio: does what RangePlanner plans, and fetches by hash."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from consensus import message_wire
from consensus.messages import BlockResponse, CertifiedBlock, Message, ReadProposal
from consensus.sync import MAX_OWED_ANSWERS, SECOND_ASK_MS, RangePlanner, RangeRequest
from ledger.errors import DecodeError, PeerError
from ledger.primitives import Hash
from node.sync import sync_wire
from node.sync.block_server import BlockServer
from node.sync.peer_heads import PeerHeads, Unheld
from node.sync.sync_wire import (
    BlockAnswer,
    BlockAsk,
    HeadAsk,
    NotHeld,
    PieceAnswer,
    RangeAnswer,
    RangeAsk,
    SnapshotsAnswer,
    SyncMessage,
)

TICK_MS: Final = 1_000
DELIVER_MS: Final = 30_000
BLOCK_ANSWER_MS: Final = 1_000

Later = Callable[[int, Callable[[], None]], None]
"""(delay in ms, what to do then)."""


@dataclass(slots=True)
class _Fetch:
    """A block asked for by hash: the holder asked now, and those still to be asked."""

    height: int
    block_hash: Hash
    peer: bytes
    left: list[bytes]


class Synchronisation:
    """One catch-up at a time; peers are named by opaque bytes."""

    def __init__(
        self,
        send: Callable[[bytes, bytes], None],
        read: ReadProposal,
        head: Callable[[], int],
        deliver: Callable[[Message], None],
        server: BlockServer,
        now_ms: Callable[[], int],
        later: Later,
        caught_up: Callable[[], None],
        on_not_held: Callable[[bytes, int], None],
    ) -> None:
        """on_not_held: (peer, lowest): it lacks the blocks it was asked for."""
        self._send = send
        self._read = read
        self._head = head
        self._deliver = deliver
        self._server = server
        self._now_ms = now_ms
        self._later = later
        self._caught_up = caught_up
        self._on_not_held = on_not_held
        self._peers = PeerHeads()
        self._planner: RangePlanner[bytes] | None = None
        self._asked: dict[bytes, deque[tuple[int, RangeRequest]]] = {}
        self._delivering: int | None = None
        self._delivered_ms = 0
        self._fetches: dict[int, _Fetch] = {}
        self._last_id = 0
        self.rejected: list[bytes] = []
        """Peers that sent a block which is not valid."""

    def head_seen(self, peer: bytes, height: int) -> None:
        """A claim: it only decides whom to ask for what."""
        if not self._peers.seen(peer, height):
            return
        if self._planner is not None:
            self._planner.peer_seen(peer, height)
            self._go_on()

    def catch_up(self, target: int) -> None:
        """Fetch up to this height; raises the target of a running catch-up."""
        if target <= self._head():
            return
        started = self._planner is None
        if self._planner is None:
            self._planner = RangePlanner(next_height=self._head() + 1)
            for peer, height in self._peers.heads.items():
                self._planner.peer_seen(peer, height)
                self._planner.peer_holds_from(peer, self._peers.lowest(peer))
        self._planner.set_target(target)
        self._go_on()
        if started:
            self._tick(self._planner)

    def applied(self, height: int) -> None:
        """The block of this height is durable and applied."""
        if self._delivering is not None and self._delivering <= height:
            self._delivering = None
        if self._planner is not None:
            self._planner.applied(height, self._now_ms())

    def go_on(self) -> None:
        """After a step of the replica: assign and deliver what can be."""
        self._go_on()

    def refused(self, height: int) -> bool:
        """The replica refused a certified block; True when it was one delivered from here."""
        if self._planner is None or self._delivering != height:
            return False
        self._reject(self._planner, height)
        self._go_on()
        return True

    def unheld(self) -> Unheld | None:
        """That no peer ahead of this node holds the block that it needs next."""
        return self._peers.unheld(self._head() + 1)

    def fetch_block(self, height: int, block_hash: Hash, holders: Sequence[bytes]) -> None:
        """Ask the holders for a block by hash, one after the other."""
        if holders:
            self._ask_holder(_Fetch(height, block_hash, holders[0], list(holders[1:])))

    def on_frame(self, peer: bytes, payload: bytes) -> None:
        """Answer a question or take an answer; PeerError for rubbish."""
        message = sync_wire.decode(payload)
        match message:
            case RangeAnswer():
                self._range_answer(peer, message)
            case BlockAnswer():
                fetch = self._fetches.get(message.request_id)
                if fetch is not None and fetch.peer == peer:
                    del self._fetches[message.request_id]
                    self._block_answer(fetch, message.block)
            case NotHeld():
                self._not_held(peer, message)
            case SnapshotsAnswer() | PieceAnswer():
                return  # snapshots are carried by operators
            case _:
                answer = self._server.answer(peer, message)
                if answer is not None:
                    self._ask(peer, answer)

    def _ask(self, peer: bytes, message: SyncMessage) -> None:
        self._send(peer, sync_wire.encode(message))

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _ask_holder(self, fetch: _Fetch) -> None:
        number = self._next_id()
        self._fetches[number] = fetch
        self._ask(fetch.peer, BlockAsk(number, fetch.height, fetch.block_hash))
        self._later(BLOCK_ANSWER_MS, lambda: self._block_overdue(number))

    def _block_overdue(self, number: int) -> None:
        fetch = self._fetches.pop(number, None)
        if fetch is not None:
            self._next_holder(fetch)

    def _next_holder(self, fetch: _Fetch) -> None:
        if fetch.left:
            self._ask_holder(_Fetch(fetch.height, fetch.block_hash, fetch.left[0], fetch.left[1:]))

    def _block_answer(self, fetch: _Fetch, raw: bytes | None) -> None:
        if raw is not None:
            try:
                block = self._read(raw)
            except PeerError:
                self.rejected.append(fetch.peer)
            else:
                if block.hash == fetch.block_hash and block.height == fetch.height:
                    self._deliver(BlockResponse(block))
                    return
                self.rejected.append(fetch.peer)
        self._next_holder(fetch)

    def _range_answer(self, peer: bytes, answer: RangeAnswer) -> None:
        owed = self._asked.get(peer, ())
        request = next((r for number, r in owed if number == answer.request_id), None)
        if self._planner is not None and request is not None:
            self._planner.received(request, answer.blocks, self._now_ms())
        self.head_seen(peer, answer.head_height)

    def _not_held(self, peer: bytes, answer: NotHeld) -> None:
        """It holds only later blocks: others are asked at once."""
        if all(number != answer.request_id for number, _ in self._asked.get(peer, ())):
            return
        self._on_not_held(peer, answer.lowest_height)
        self._peers.holds_from(peer, answer.lowest_height)
        if self._planner is not None:
            self._planner.peer_holds_from(peer, answer.lowest_height)
        self.head_seen(peer, answer.head_height)

    def _tick(self, planner: RangePlanner[bytes]) -> None:
        """Once a second: overdue requests, old heads, a delivery that was never applied."""
        if self._planner is not planner:
            return
        if self._delivering is not None and self._now_ms() - self._delivered_ms >= DELIVER_MS:
            self._reject(planner, self._delivering)
        for peer, height in list(self._peers.heads.items()):
            if height < planner.target:
                self._ask(peer, HeadAsk(self._next_id()))
        self._go_on()
        self._later(TICK_MS, lambda: self._tick(planner))

    def _go_on(self) -> None:
        planner = self._planner
        if planner is None:
            return
        if planner.done:
            self._planner, self._delivering = None, None
            self._asked.clear()
            self._caught_up()
            return
        for request in planner.assign(self._now_ms()):
            peer = request.peer
            if not isinstance(peer, bytes):
                raise TypeError("peers are named by bytes")
            question = RangeAsk(self._next_id(), request.first, request.last)
            owed = self._asked.setdefault(peer, deque(maxlen=MAX_OWED_ANSWERS))
            owed.append((question.request_id, request))
            self._ask(peer, question)
            self._later(SECOND_ASK_MS, self._go_on)
        while self._delivering is None and (taken := planner.take()) is not None:
            self._hand_over(planner, *taken)

    def _hand_over(self, planner: RangePlanner[bytes], height: int, raw: bytes) -> None:
        try:
            certified = self._decode(height, raw)
        except PeerError:
            self._reject(planner, height)
            return
        if height <= self._head():
            planner.applied(height, self._now_ms())
            return
        self._delivering, self._delivered_ms = height, self._now_ms()
        self._deliver(certified)

    def _reject(self, planner: RangePlanner[bytes], height: int) -> None:
        self._delivering = None
        source = planner.reject(height, self._now_ms())
        if isinstance(source, bytes):
            self.rejected.append(source)

    def _decode(self, height: int, raw: bytes) -> CertifiedBlock:
        message = message_wire.decode(raw, self._read)
        if not isinstance(message, CertifiedBlock):
            raise DecodeError(f"expected a certified block, found {type(message).__name__}")
        if message.proposal.height != height or message.certificate.height != height:
            raise DecodeError(f"asked for block {height}, received another")
        return message
