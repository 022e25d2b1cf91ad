"""Withheld ranges, late answers, and claims of a single peer (ADR 0013)."""

import asyncio

import pytest

from consensus import sync
from consensus.message_wire import encode
from ledger.primitives import ZERO_HASH
from node.sync import catchup, sync_wire
from node.sync.sync_wire import RangeAnswer, RangeAsk
from tests.support.certified_blocks import StandInBlock, certified, make_chain
from tests.support.scripted_sync import WAIT_S, ScriptedNode, honest


async def test_the_last_head_is_announced_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who follows this node would miss the end of a burst until the next block."""
    monkeypatch.setattr(catchup, "ANNOUNCE_S", 0.02)
    told: list[int] = []
    node = ScriptedNode()

    def send(_: bytes, payload: bytes) -> bool:
        message = sync_wire.decode(payload)
        assert isinstance(message, RangeAnswer)
        told.append(message.head_height)
        node.asked_more.set()
        return True

    monkeypatch.setattr(node.synchroniser, "_send", send)
    for height in range(1, 10):
        node.head = height
        node.synchroniser.announce_head(lambda: [b"peer"])
    assert told == [1]
    async with asyncio.timeout(WAIT_S):
        while len(told) < 2:
            node.asked_more.clear()
            await node.asked_more.wait()
    assert told == [1, 9]
    await node.synchroniser.stop()


async def test_a_withheld_range_costs_a_second_and_no_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sync, "SECOND_ASK_MS", 50)
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 10**6)
    node = ScriptedNode()
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
    node = ScriptedNode()
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
    node = ScriptedNode()
    node.follows = True
    node.connect(b"only", 150, honest(make_chain(150)))
    await node.until(lambda: node.head == 150)
    await node.until(lambda: node.synchroniser.progress is None)
    assert node.penalties == []


@pytest.mark.usefixtures("soon")
async def test_who_follows_goes_on_with_what_was_claimed_meanwhile() -> None:
    node = ScriptedNode()
    node.follows = True
    node.connect(b"only", 40, honest(make_chain(60)))
    await node.until(lambda: node.head >= 8)
    node.synchroniser.head_seen(b"only", 60)
    await node.until(lambda: node.head == 60)
    await node.synchroniser.stop()


@pytest.mark.usefixtures("soon")
async def test_who_does_not_follow_waits_for_the_replica() -> None:
    node = ScriptedNode()
    node.connect(b"only", 150, honest(make_chain(150)))
    assert node.synchroniser._following is None
    assert node.asked == []


async def test_nothing_is_fetched_while_votes_bring_the_blocks() -> None:
    node = ScriptedNode()
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
    node = ScriptedNode()
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
    node = ScriptedNode()
    node.follows = True
    node.invalid = {StandInBlock(height, ZERO_HASH, b"forged").encoded for height in forged}
    node.connect(b"forger", 59, honest(forged))
    await node.until(lambda: b"forger" not in node.peers)
    assert [name for name, _ in node.penalties] == [b"forger"] * 2
    assert node.head == 0
    await node.synchroniser.stop()
