"""Who follows pending transactions gets each once, and misses only what is no longer kept."""

import asyncio

import pytest

from ledger.transaction import Transaction
from node.transactions import pending_feed
from node.transactions.pending_feed import PendingFeed
from tests.unit.ledger.unsigned import account, unsigned


def transactions(first: int, count: int) -> list[Transaction]:
    return [unsigned(account("a"), nonce) for nonce in range(first, first + count)]


def test_what_came_after_a_position_is_given_in_order() -> None:
    feed = PendingFeed()
    made = transactions(0, 5)
    feed.add(made[:2])
    feed.add(made[2:])
    assert feed.position == 5
    for position in range(6):
        assert feed.since(position) == [item.hash for item in made[position:]]
    assert feed.since(9) == []


def test_who_is_too_slow_misses_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_feed, "KEPT_HASHES", 3)
    feed = PendingFeed()
    made = transactions(0, 5)
    feed.add(made)
    assert feed.position == 5
    assert feed.since(0) == [item.hash for item in made[2:]]
    assert feed.since(4) == [made[4].hash]


async def test_waiting_ends_with_the_next_one_or_at_once() -> None:
    feed = PendingFeed()
    waiting = [asyncio.create_task(feed.wait(0)) for _ in range(2)]
    given_up = asyncio.create_task(feed.wait(0))
    await asyncio.sleep(0)
    given_up.cancel()
    feed.add([])
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    feed.add(transactions(0, 1))
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
        await feed.wait(0)
    await asyncio.gather(given_up, return_exceptions=True)
