"""Synchroniser against scripted peers: order, backpressure, liars, silence, late answers."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from consensus import sync
from consensus.message_wire import encode
from consensus.messages import CertifiedBlock
from consensus.sync import Progress
from ledger.errors import PeerError
from ledger.primitives import ZERO_HASH
from node import catchup, sync_wire
from node.block_server import BlockServer
from node.catchup import Synchroniser
from node.reputation import FULL_POINTS
from node.sync_wire import BlockAnswer, HeadAsk, RangeAnswer, RangeAsk
from tests.support.certified_blocks import StandInBlock, certified, make_chain, read_block

WAIT_S = 20.0
Answer = Callable[[sync_wire.SyncQuestion], sync_wire.SyncAnswer | None]


def honest(chain: dict[int, bytes]) -> Answer:
    server = BlockServer(lambda: max(chain), chain.get, lambda *_: None, lambda: 0.0)
    return lambda question: server.answer(b"", question)


class Node:
    """A node that catches up, with peers that answer by functions."""

    def __init__(self) -> None:
        self.peers: dict[bytes, Answer] = {}
        self.asked: list[tuple[bytes, sync_wire.SyncQuestion]] = []
        self.delivered: list[int] = []
        self.penalties: list[tuple[bytes, str]] = []
        self.progress: list[Progress] = []
        self.failures: list[BaseException] = []
        self.invalid: set[bytes] = set()
        self.gate: asyncio.Event | None = None
        self.defect: Exception | None = None
        self.head = 0
        self.follows = False
        self.points: Counter[bytes] = Counter()
        self.asked_more = asyncio.Event()
        self._reached = asyncio.Event()
        self.synchroniser = Synchroniser(
            self._send,
            read_block,
            lambda: self.head,
            self._deliver,
            self._penalise,
            BlockServer(lambda: self.head, lambda _: None, lambda *_: None, lambda: 0.0),
            self._failed,
            on_progress=self._progressed,
            follows=lambda: self.follows,
        )

    def _penalise(self, node_key: bytes, points: int, reason: str) -> None:
        """As the peer manager does: who has no points left is disconnected, here for good."""
        self.penalties.append((node_key, reason))
        self.points[node_key] += points
        if self.points[node_key] >= FULL_POINTS and node_key in self.peers:
            del self.peers[node_key]
            self.synchroniser.peer_lost(node_key)
        self._reached.set()

    def connect(self, name: bytes, height: int, answer: Answer) -> None:
        self.peers[name] = answer
        self.synchroniser.peer_connected(name, height)

    def _send(self, node_key: bytes, payload: bytes) -> bool:
        question = sync_wire.decode(payload)
        assert not isinstance(question, RangeAnswer | BlockAnswer)
        self.asked.append((node_key, question))
        self.asked_more.set()
        if node_key not in self.peers:
            return False
        answer = self.peers[node_key](question)
        if answer is not None:
            self.answer_later(node_key, answer)
        return True

    def answer_later(self, node_key: bytes, answer: sync_wire.SyncAnswer) -> None:
        asyncio.get_running_loop().call_soon(self._answer, node_key, sync_wire.encode(answer))

    def _answer(self, node_key: bytes, payload: bytes) -> None:
        step = self.synchroniser.on_frame(node_key, payload)
        try:
            step.send(None)
        except StopIteration:
            return
        except PeerError as error:
            self.penalties.append((node_key, str(error)))

    async def _deliver(self, block: CertifiedBlock) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.defect is not None:
            raise self.defect
        if block.proposal.encoded in self.invalid:
            raise PeerError("the certificate does not verify")
        assert block.proposal.height == self.head + 1, "in order, each once"
        self.head += 1
        self.delivered.append(self.head)
        self._reached.set()

    def _failed(self, error: BaseException) -> None:
        self.failures.append(error)
        self._reached.set()

    def _progressed(self, progress: Progress) -> None:
        self.progress.append(progress)
        self._reached.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._reached.clear()
                await self._reached.wait()

    async def caught_up(self, target: int) -> None:
        self.synchroniser.catch_up(target)
        await self.until(lambda: self.head >= target)
        await self.synchroniser.stop()
        assert self.delivered == list(range(1, target + 1))
        assert self.failures == []


async def test_blocks_come_in_order_from_several_peers() -> None:
    chain = make_chain(300)
    node = Node()
    for name in (b"a", b"b", b"c"):
        node.connect(name, 300, honest(chain))
    await node.caught_up(300)
    assert {name for name, _ in node.asked} == {b"a", b"b", b"c"}
    assert node.penalties == []
    assert node.progress[0].target == 300


async def test_progress_ends_at_the_target() -> None:
    node = Node()
    node.connect(b"a", 20, honest(make_chain(20)))
    node.synchroniser.catch_up(20)
    await node.until(lambda: node.synchroniser.progress is None)
    assert node.head == 20
    assert (node.progress[-1].height, node.progress[-1].seconds_left) == (20, 0)


async def test_a_target_below_the_head_starts_nothing() -> None:
    node = Node()
    node.head = 5
    node.synchroniser.catch_up(5)
    assert node.synchroniser.progress is None


async def test_a_raised_target_goes_on_with_the_same_run() -> None:
    chain = make_chain(60)
    node = Node()
    node.connect(b"a", 60, honest(chain))
    node.synchroniser.catch_up(30)
    await node.until(lambda: node.head >= 10)
    await node.caught_up(60)


async def test_no_range_is_asked_for_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backpressure: a slow deliver stops the fetching."""
    monkeypatch.setattr(catchup, "MAX_HELD_BYTES", 100_000)
    node = Node()
    node.gate = asyncio.Event()
    node.connect(b"a", 400, honest(make_chain(400, filler_bytes=10_000)))
    node.synchroniser.catch_up(400)
    for _ in range(2_000):
        await asyncio.sleep(0)
    asked = [question for _, question in node.asked if isinstance(question, RangeAsk)]
    assert 0 < max(question.last for question in asked) < 100
    node.gate.set()
    await node.caught_up(400)


async def test_a_liar_is_found_out_and_its_blocks_come_from_others() -> None:
    chain = make_chain(120)
    forged = {
        height: encode(certified(StandInBlock(height, ZERO_HASH, b"forged"))) for height in chain
    }
    node = Node()
    node.invalid = {StandInBlock(height, ZERO_HASH, b"forged").encoded for height in chain}
    node.connect(b"liar", 10_000, honest(forged))
    node.connect(b"good", 120, honest(chain))
    await node.caught_up(120)
    assert {name for name, _ in node.penalties} == {b"liar"}
    assert "the certificate does not verify" in node.penalties[0][1]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xc1garbage",
        make_chain(9)[9],
        encode(certified(StandInBlock(1, ZERO_HASH)))[1:],
    ],
)
async def test_garbage_blocks_are_an_offence_and_are_fetched_elsewhere(garbage: bytes) -> None:
    chain = make_chain(40)
    node = Node()
    node.connect(
        b"bad",
        40,
        lambda q: RangeAnswer(q.request_id, 40, (garbage,) if isinstance(q, RangeAsk) else ()),
    )
    node.connect(b"good", 40, honest(chain))
    await node.caught_up(40)
    assert {name for name, _ in node.penalties} == {b"bad"}


async def test_a_peer_that_has_nothing_is_passed_over() -> None:
    node = Node()
    node.connect(b"empty", 50, lambda question: RangeAnswer(question.request_id, 50, ()))
    node.connect(b"good", 50, honest(make_chain(50)))
    await node.caught_up(50)
    assert node.penalties == []


async def test_a_silent_peer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 50)
    monkeypatch.setattr(catchup, "TICK_S", 0.02)
    node = Node()
    node.connect(b"silent", 50, lambda _: None)
    node.connect(b"good", 50, honest(make_chain(50)))
    await node.caught_up(50)


async def test_a_lost_peer_s_range_goes_to_others() -> None:
    node = Node()
    node.connect(b"leaves", 50, lambda _: None)
    node.synchroniser.catch_up(50)
    await asyncio.sleep(0)
    assert isinstance(node.asked[-1][1], RangeAsk)
    node.connect(b"good", 50, honest(make_chain(50)))
    node.synchroniser.peer_lost(b"leaves")
    await node.caught_up(50)


async def test_a_late_answer_is_no_offence_and_changes_nothing() -> None:
    """Before each answer comes one to a question of long ago, and one of a peer unasked."""
    chain = make_chain(30)
    answer = honest(chain)
    node = Node()

    def late_then_right(question: sync_wire.SyncQuestion) -> sync_wire.SyncAnswer | None:
        old = RangeAnswer(question.request_id + 1_000, 30, (chain[30],))
        node.answer_later(b"good", old)
        node.answer_later(b"unasked", RangeAnswer(question.request_id, 30, (chain[30],)))
        return answer(question)

    node.connect(b"good", 30, late_then_right)
    await node.caught_up(30)
    assert node.penalties == []


async def test_an_old_head_claim_is_asked_for_again() -> None:
    """The HELLO was said long ago; the target comes from a verified certificate."""
    node = Node()
    node.connect(b"good", 0, honest(make_chain(25)))
    await node.caught_up(25)
    assert isinstance(node.asked[0][1], HeadAsk)


async def test_blocks_that_consensus_applied_meanwhile_are_not_delivered_again() -> None:
    node = Node()
    node.gate = asyncio.Event()
    node.connect(b"good", 40, honest(make_chain(40)))
    node.synchroniser.catch_up(40)
    await asyncio.sleep(0)
    node.head = 20
    node.synchroniser.applied(20)
    node.gate.set()
    await node.until(lambda: node.head == 40)
    await node.synchroniser.stop()
    assert node.delivered == list(range(21, 41))


async def test_a_block_that_is_never_applied_is_fetched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catchup, "DELIVER_S", 0.05)
    monkeypatch.setattr(sync, "REST_MS", 10)
    monkeypatch.setattr(catchup, "TICK_S", 0.02)
    node = Node()
    node.gate = asyncio.Event()
    node.connect(b"good", 30, honest(make_chain(30)))
    node.synchroniser.catch_up(30)

    def asked_twice_for_the_first() -> bool:
        firsts = [q.first for _, q in node.asked if isinstance(q, RangeAsk)]
        return firsts.count(1) >= 2

    while not asked_twice_for_the_first():
        await asyncio.wait_for(node.asked_more.wait(), WAIT_S)
        node.asked_more.clear()
    node.gate.set()
    await node.caught_up(30)
    assert node.penalties == []


async def test_a_defect_in_deliver_is_reported() -> None:
    node = Node()
    node.connect(b"good", 5, honest(make_chain(5)))
    node.defect = ZeroDivisionError("defect")
    node.synchroniser.catch_up(5)
    await node.until(lambda: bool(node.failures))
    assert node.failures == [node.defect]
    assert node.synchroniser.progress is None


async def test_a_block_is_fetched_by_hash_from_the_first_holder_that_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catchup, "BLOCK_ANSWER_S", 0.05)
    block = StandInBlock(7, ZERO_HASH, b"wanted")
    other = StandInBlock(7, ZERO_HASH, b"other")
    node = Node()
    node.peers = {
        b"silent": lambda _: None,
        b"lacks": lambda question: BlockAnswer(question.request_id, None),
        b"lies": lambda question: BlockAnswer(question.request_id, other.encoded),
        b"garbage": lambda question: BlockAnswer(question.request_id, b"\xc1"),
        b"good": lambda question: BlockAnswer(question.request_id, block.encoded),
    }
    fetch = node.synchroniser.fetch_block
    assert await fetch(7, block.hash, [b"gone", *node.peers]) == block
    assert [name for name, _ in node.penalties] == [b"lies", b"garbage"]
    assert await fetch(7, block.hash, [b"gone", b"lacks"]) is None
    assert await fetch(7, block.hash, []) is None


async def test_an_answer_from_another_peer_than_was_asked_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catchup, "BLOCK_ANSWER_S", 0.05)
    node = Node()
    block = StandInBlock(7, ZERO_HASH)

    def through_another(question: sync_wire.SyncQuestion) -> None:
        node.answer_later(b"other", BlockAnswer(question.request_id, block.encoded))

    node.peers = {b"asked": through_another}
    assert await node.synchroniser.fetch_block(7, block.hash, [b"asked"]) is None


async def test_garbage_frames_are_peer_errors() -> None:
    with pytest.raises(PeerError):
        await Node().synchroniser.on_frame(b"x", b"\xc1")


# A range that is withheld, and claims of a single peer (ADR 0013)


async def test_a_withheld_range_costs_a_second_and_no_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sync, "SECOND_ASK_MS", 50)
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 10**6)
    node = Node()
    node.connect(b"silent", 50, lambda _: None)
    node.connect(b"good", 50, honest(make_chain(50)))
    await node.caught_up(50)
    asked = [(name, q.first) for name, q in node.asked if isinstance(q, RangeAsk)]
    assert asked[0] == (b"silent", 1)
    assert (b"good", 1) in asked
    assert [name for name, _ in asked].count(b"silent") == 1
    assert node.penalties == []


async def test_an_answer_after_the_deadline_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question is answered only when the second, to the same peer, has come."""
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 30)
    chain = make_chain(8)
    answer = honest(chain)
    node = Node()
    questions: list[sync_wire.SyncQuestion] = []

    def one_behind(question: sync_wire.SyncQuestion) -> sync_wire.SyncAnswer | None:
        if not isinstance(question, RangeAsk):
            return None
        questions.append(question)
        return None if len(questions) < 2 else answer(questions[-2])

    node.connect(b"slow", 8, one_behind)
    await node.caught_up(8)
    assert len(questions) == 2
    assert node.penalties == []


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower's patience, a hundredth of the real one."""
    monkeypatch.setattr(catchup, "FOLLOW_AFTER_S", 0.01)
    monkeypatch.setattr(catchup, "TICK_S", 0.01)
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 50)
    monkeypatch.setattr(sync, "SECOND_ASK_MS", 10)
    monkeypatch.setattr(sync, "REST_MS", 50)


@pytest.mark.usefixtures("soon")
async def test_who_follows_needs_one_peer_and_nobody_to_tell_it() -> None:
    node = Node()
    node.follows = True
    node.connect(b"only", 150, honest(make_chain(150)))
    await node.until(lambda: node.head == 150)
    await node.until(lambda: node.synchroniser.progress is None)
    assert node.penalties == []


@pytest.mark.usefixtures("soon")
async def test_who_follows_goes_on_with_what_was_claimed_meanwhile() -> None:
    node = Node()
    node.follows = True
    node.connect(b"only", 40, honest(make_chain(60)))
    await node.until(lambda: node.head >= 8)
    node.synchroniser.head_seen(b"only", 60)
    await node.until(lambda: node.head == 60)
    await node.synchroniser.stop()


@pytest.mark.usefixtures("soon")
async def test_who_does_not_follow_waits_for_the_replica() -> None:
    node = Node()
    node.connect(b"only", 150, honest(make_chain(150)))
    assert node.synchroniser._following is None
    assert node.asked == []


async def test_nothing_is_fetched_while_votes_bring_the_blocks() -> None:
    node = Node()
    node.follows = True
    node.synchroniser.head_seen(b"peer", 9)
    first = node.synchroniser._following
    assert first is not None
    first.cancel()
    node.head = 5
    node.synchroniser._follow(0)
    assert node.synchroniser._following not in (None, first), "it looks again later"
    assert node.synchroniser.progress is None
    await node.synchroniser.stop()


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("silent", [False, True])
async def test_a_single_liar_costs_bounded_time_and_is_dropped(silent: bool) -> None:
    """It claims a million blocks and gives none, by silence or by empty answers."""
    node = Node()
    node.follows = True

    def liar(question: sync_wire.SyncQuestion) -> sync_wire.SyncAnswer | None:
        return None if silent else RangeAnswer(question.request_id, 10**6, ())

    node.connect(b"liar", 10**6, liar)
    await node.until(lambda: len(node.penalties) == 1)
    await node.until(lambda: node.synchroniser.progress is None)
    node.synchroniser.head_seen(b"liar", 10**6)  # as each of its votes does
    await node.until(lambda: b"liar" not in node.peers)
    assert len(node.penalties) == 2
    assert "claims block 1000000 and gave none after block 0" in node.penalties[0][1]
    asked = [question for _, question in node.asked if isinstance(question, RangeAsk)]
    assert len(asked) == 2 * sync.MAX_FAILURES
    # Who comes next is not held up by what the liar said.
    node.connect(b"good", 30, honest(make_chain(30)))
    await node.until(lambda: node.head == 30)
    await node.until(lambda: node.synchroniser.progress is None)
    assert {name for name, _ in node.penalties} == {b"liar"}


@pytest.mark.usefixtures("soon")
async def test_a_single_forger_is_dropped_at_the_second_block() -> None:
    forged = {
        height: encode(certified(StandInBlock(height, ZERO_HASH, b"forged")))
        for height in range(1, 60)
    }
    node = Node()
    node.follows = True
    node.invalid = {StandInBlock(height, ZERO_HASH, b"forged").encoded for height in forged}
    node.connect(b"forger", 59, honest(forged))
    await node.until(lambda: b"forger" not in node.peers)
    assert [name for name, _ in node.penalties] == [b"forger"] * 2
    assert node.head == 0
    await node.synchroniser.stop()
