"""Catching up while some or all peers have removed old blocks."""

import asyncio

import pytest

from consensus import sync
from ledger.primitives import Hash
from node.sync import sync_wire
from node.sync.block_server import BlockServer
from node.sync.sync_wire import HeadAsk, NotHeld, RangeAnswer, RangeAsk, SyncQuestion
from tests.support.certified_blocks import make_chain
from tests.support.scripted_sync import WAIT_S, ScriptedNode, honest


def from_height(chain: dict[int, bytes], lowest: int) -> dict[int, bytes]:
    return {height: block for height, block in chain.items() if height >= lowest}


async def told(node: ScriptedNode) -> None:
    """Until the first answer says that the block is no longer held."""
    async with asyncio.timeout(WAIT_S):
        await node.asked_more.wait()
    for _ in range(20):  # turns of the loop in which the answer is taken
        await asyncio.sleep(0)
    assert node.synchroniser.unheld() is not None


def test_a_server_says_which_blocks_it_no_longer_holds() -> None:
    chain = from_height(make_chain(20), 11)
    server = BlockServer(lambda: 20, chain.get, lambda _, __: None, lambda: 0.0, lowest=lambda: 11)
    assert server.answer(b"p", RangeAsk(1, 10, 12)) == NotHeld(1, 20, 11)
    answer = server.answer(b"p", RangeAsk(2, 11, 12))
    assert answer == RangeAnswer(2, 20, (chain[11], chain[12]))
    assert server.answer(b"p", HeadAsk(3)) == RangeAnswer(3, 20, ())
    gone = sync_wire.BlockAsk(4, 3, Hash(b"h" * 32))
    assert server.answer(b"p", gone) == sync_wire.BlockAnswer(4, None)


async def test_another_peer_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wait, a failure or a penalty; later blocks come from both."""
    monkeypatch.setattr(sync, "SECOND_ASK_MS", 10**6)
    monkeypatch.setattr(sync, "REQUEST_TIMEOUT_MS", 10**7)
    chain = make_chain(200)
    node = ScriptedNode()
    node.connect(b"pruned", 200, honest(from_height(chain, 101)))
    node.connect(b"archive", 200, honest(chain))
    await node.caught_up(200)
    assert node.penalties == []
    ranges = [(name, q.first) for name, q in node.asked if isinstance(q, RangeAsk)]
    too_low = [first for name, first in ranges if name == b"pruned" and first < 101]
    assert too_low == [1], "asked once, and never again for what it does not hold"
    assert any(name == b"pruned" and first >= 101 for name, first in ranges)


async def test_a_lowest_height_is_remembered_for_the_next_catch_up() -> None:
    chain = make_chain(60)
    node = ScriptedNode()
    node.connect(b"pruned", 60, honest(from_height(chain, 31)))
    node.connect(b"archive", 20, honest({height: chain[height] for height in range(1, 21)}))
    node.synchroniser.catch_up(20)
    await node.until(lambda: node.head == 20 and node.synchroniser.progress is None)
    node.asked.clear()
    node.connect(b"archive", 60, honest(chain))
    node.synchroniser.catch_up(60)
    await node.until(lambda: node.head == 60)
    await node.synchroniser.stop()
    asked = [q.first for name, q in node.asked if name == b"pruned" and isinstance(q, RangeAsk)]
    assert all(first >= 31 for first in asked)


async def test_who_follows_says_that_nobody_holds_what_it_needs() -> None:
    """It does not wait for it, penalises nobody, and goes on as soon as an archive is there."""
    chain = make_chain(50)
    node = ScriptedNode()
    node.follows = True
    for name in (b"a", b"b"):
        node.connect(name, 50, honest(from_height(chain, 30 if name == b"a" else 20)))
    assert node.synchroniser.unheld() is None, "nobody has said so yet"
    node.synchroniser._follow(0)
    await node.until(lambda: node.synchroniser.progress is None)
    found = node.synchroniser.unheld()
    assert found is not None
    assert (found.wanted, found.lowest) == (1, 20)
    assert "block 1 is needed next and peers hold blocks from 20 on" in found.sentence
    assert "snapshot" in found.sentence
    assert node.penalties == []
    node.connect(b"archive", 50, honest(chain))
    assert node.synchroniser.unheld() is None
    await node.caught_up(50)


async def test_a_validator_waits_for_an_archive() -> None:
    """The replica has seen a certificate: the target stays, and nobody is asked in vain."""
    chain = make_chain(50)
    node = ScriptedNode()
    node.connect(b"pruned", 50, honest(from_height(chain, 20)))
    node.synchroniser.catch_up(50)
    await told(node)
    assert node.synchroniser.progress is not None
    asked = [q.first for _, q in node.asked if isinstance(q, RangeAsk)]
    assert [first for first in asked if first < 20] == [1]
    node.connect(b"archive", 50, honest(chain))
    await node.caught_up(50)


async def test_a_lost_peer_is_asked_anew() -> None:
    chain = make_chain(10)
    node = ScriptedNode()
    node.connect(b"p", 10, honest(from_height(chain, 5)))
    node.synchroniser.catch_up(10)
    await told(node)
    node.synchroniser.peer_lost(b"p")
    node.connect(b"p", 10, honest(chain))
    await node.caught_up(10)


async def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    node = ScriptedNode()
    node.connect(b"p", 10, lambda _: None)
    node.answer_later(b"p", NotHeld(77, 10, 5))
    for _ in range(10):
        await asyncio.sleep(0)
    assert node.synchroniser.unheld() is None


async def test_a_claim_to_hold_nothing_does_not_keep_others_waiting() -> None:
    """A peer may lie about both: its claim is no target for who follows."""
    chain = make_chain(30)
    node = ScriptedNode()
    node.follows = True

    def lie(question: SyncQuestion) -> NotHeld | RangeAnswer:
        if isinstance(question, RangeAsk):
            return NotHeld(question.request_id, 10**9, 10**9)
        return RangeAnswer(question.request_id, 10**9, ())

    node.connect(b"liar", 10**9, lie)
    node.connect(b"good", 30, honest(chain))
    node.synchroniser._follow(0)
    await node.until(lambda: node.head == 30 and node.synchroniser.progress is None)
    await node.synchroniser.stop()
