"""Synchroniser against scripted peers: order, backpressure, liars, silence, late answers."""

import asyncio

import pytest

from consensus import sync
from consensus.message_wire import encode
from ledger.errors import PeerError
from ledger.primitives import ZERO_HASH
from node.sync import block_fetcher, catchup, sync_wire
from node.sync.sync_wire import BlockAnswer, HeadAsk, RangeAnswer, RangeAsk
from tests.support.certified_blocks import StandInBlock, certified, make_chain
from tests.support.scripted_sync import WAIT_S, ScriptedNode, honest


async def test_blocks_come_in_order_from_several_peers() -> None:
    chain = make_chain(300)
    node = ScriptedNode()
    for name in (b"a", b"b", b"c"):
        node.connect(name, 300, honest(chain))
    await node.caught_up(300)
    assert {name for name, _ in node.asked} == {b"a", b"b", b"c"}
    assert node.penalties == []
    assert node.progress[0].target == 300


async def test_progress_ends_at_the_target() -> None:
    node = ScriptedNode()
    node.connect(b"a", 20, honest(make_chain(20)))
    node.synchroniser.catch_up(20)
    await node.until(lambda: node.synchroniser.progress is None)
    assert node.head == 20
    assert (node.progress[-1].height, node.progress[-1].seconds_left) == (20, 0)


async def test_a_target_below_the_head_starts_nothing() -> None:
    node = ScriptedNode()
    node.head = 5
    node.synchroniser.catch_up(5)
    assert node.synchroniser.progress is None


async def test_a_raised_target_goes_on_with_the_same_run() -> None:
    chain = make_chain(60)
    node = ScriptedNode()
    node.connect(b"a", 60, honest(chain))
    node.synchroniser.catch_up(30)
    await node.until(lambda: node.head >= 10)
    await node.caught_up(60)


async def test_no_range_is_asked_for_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backpressure: a slow deliver stops the fetching."""
    monkeypatch.setattr(catchup, "MAX_HELD_BYTES", 100_000)
    node = ScriptedNode()
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
    node = ScriptedNode()
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
    node = ScriptedNode()
    node.connect(
        b"bad",
        40,
        lambda q: RangeAnswer(q.request_id, 40, (garbage,) if isinstance(q, RangeAsk) else ()),
    )
    node.connect(b"good", 40, honest(chain))
    await node.caught_up(40)
    assert {name for name, _ in node.penalties} == {b"bad"}


async def test_a_peer_that_has_nothing_is_passed_over() -> None:
    node = ScriptedNode()
    node.connect(b"empty", 50, lambda question: RangeAnswer(question.request_id, 50, ()))
    node.connect(b"good", 50, honest(make_chain(50)))
    await node.caught_up(50)
    assert node.penalties == []


async def test_a_silent_peer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 50)
    monkeypatch.setattr(catchup, "TICK_S", 0.02)
    node = ScriptedNode()
    node.connect(b"silent", 50, lambda _: None)
    node.connect(b"good", 50, honest(make_chain(50)))
    await node.caught_up(50)


async def test_a_lost_peer_s_range_goes_to_others() -> None:
    node = ScriptedNode()
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
    node = ScriptedNode()

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
    node = ScriptedNode()
    node.connect(b"good", 0, honest(make_chain(25)))
    await node.caught_up(25)
    assert isinstance(node.asked[0][1], HeadAsk)


async def test_blocks_that_consensus_applied_meanwhile_are_not_delivered_again() -> None:
    node = ScriptedNode()
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
    node = ScriptedNode()
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
    node = ScriptedNode()
    node.connect(b"good", 5, honest(make_chain(5)))
    node.defect = ZeroDivisionError("defect")
    node.synchroniser.catch_up(5)
    await node.until(lambda: bool(node.failures))
    assert node.failures == [node.defect]
    assert node.synchroniser.progress is None


async def test_a_block_is_fetched_by_hash_from_the_first_holder_that_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(block_fetcher, "BLOCK_ANSWER_S", 0.05)
    block = StandInBlock(7, ZERO_HASH, b"wanted")
    other = StandInBlock(7, ZERO_HASH, b"other")
    node = ScriptedNode()
    node.peers = {
        b"silent": lambda _: None,
        b"lacks": lambda question: BlockAnswer(question.request_id, None),
        b"lies": lambda question: BlockAnswer(question.request_id, other.encoded),
        b"garbage": lambda question: BlockAnswer(question.request_id, b"\xc1"),
        b"good": lambda question: BlockAnswer(question.request_id, block.encoded),
    }
    fetch = node.synchroniser.by_hash.fetch
    assert await fetch(7, block.hash, [b"gone", *node.peers]) == block
    assert [name for name, _ in node.penalties] == [b"lies", b"garbage"]
    assert await fetch(7, block.hash, [b"gone", b"lacks"]) is None
    assert await fetch(7, block.hash, []) is None


async def test_an_answer_from_another_peer_than_was_asked_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(block_fetcher, "BLOCK_ANSWER_S", 0.05)
    node = ScriptedNode()
    block = StandInBlock(7, ZERO_HASH)

    def through_another(question: sync_wire.SyncQuestion) -> None:
        node.answer_later(b"other", BlockAnswer(question.request_id, block.encoded))

    node.peers = {b"asked": through_another}
    assert await node.synchroniser.by_hash.fetch(7, block.hash, [b"asked"]) is None


async def test_garbage_frames_are_peer_errors() -> None:
    with pytest.raises(PeerError):
        await ScriptedNode().synchroniser.on_frame(b"x", b"\xc1")
