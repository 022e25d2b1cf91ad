"""What the replica asks of peers goes to those who can answer, and not more often than agreed."""

import asyncio
from collections.abc import Collection, Coroutine
from types import SimpleNamespace
from typing import Any, cast

from consensus.effects import CatchUp, FetchBlock
from consensus.events import MessageReceived
from consensus.messages import BlockResponse
from ledger.mempool import Mempool
from ledger.primitives import ZERO_HASH, Hash
from ledger.registry import ValidatorSet
from node.replica.inbox import Inbox
from node.replica.requests import RELAY_INTERVAL_MS, PeerRequests
from node.sync.catchup import Synchroniser
from node.transactions.gossip import TransactionGossip
from tests.support.certified_blocks import StandInBlock
from tests.support.ledger_chain import validator
from tests.support.transfers import signed

MEMBERS = ValidatorSet(tuple(validator(f"o{index}") for index in range(4)))
BLOCK = StandInBlock(2, ZERO_HASH)


def keys_of(seats: Collection[int]) -> list[bytes]:
    return [member.node_key for index, member in enumerate(MEMBERS.validators) if index in seats]


class Rig:
    """Requests whose peers are played by the test; it notes what reached them."""

    def __init__(self, found: StandInBlock | None = BLOCK) -> None:
        self.found = found
        self.now_ms = 1_000
        self.asked: list[tuple[int, Hash, list[bytes]]] = []
        self.targets: list[int] = []
        self.relayed: list[list[bytes]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.inbox = Inbox(lambda node_key: None)
        self.mempool = Mempool(0, lambda _: True)
        synchroniser = SimpleNamespace(
            by_hash=SimpleNamespace(fetch=self._fetch), catch_up=self.targets.append
        )
        self.requests = PeerRequests(
            cast(Synchroniser, synchroniser),
            cast(TransactionGossip, SimpleNamespace(relay=self.relayed.append)),
            self.mempool,
            self.inbox,
            keys_of,
            self._spawn,
            lambda: self.now_ms,
        )

    async def _fetch(
        self, height: int, block_hash: Hash, holders: list[bytes]
    ) -> StandInBlock | None:
        self.asked.append((height, block_hash, holders))
        return self.found

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))


async def test_a_block_is_asked_of_its_holders_and_comes_back_as_an_own_event() -> None:
    """An index beyond the set, as of a set that has changed since, names nobody."""
    rig = Rig()
    rig.requests.fetch_block(FetchBlock(2, BLOCK.hash, (1, 3, 31)))
    await asyncio.gather(*rig.tasks)
    keys = [MEMBERS.validators[index].node_key for index in (1, 3)]
    assert rig.asked == [(2, BLOCK.hash, keys)]
    assert rig.inbox.take() == (None, MessageReceived(BlockResponse(BLOCK), None))


async def test_a_block_that_nobody_has_is_no_event() -> None:
    rig = Rig(found=None)
    rig.requests.fetch_block(FetchBlock(2, BLOCK.hash, (1,)))
    await asyncio.gather(*rig.tasks)
    assert not len(rig.inbox)


def test_work_is_passed_on_at_most_once_in_the_interval() -> None:
    rig, transaction = Rig(), signed()
    rig.mempool.admit(transaction, 0, False)
    rig.requests.relay_work()
    rig.now_ms += RELAY_INTERVAL_MS - 1
    rig.requests.relay_work()
    assert rig.relayed == [[transaction.raw]]
    rig.now_ms += 1
    rig.requests.relay_work()
    assert rig.relayed == [[transaction.raw]] * 2


def test_catching_up_is_handed_on() -> None:
    rig = Rig()
    rig.requests.catch_up(CatchUp(9))
    assert rig.targets == [9]
