"""A fetched block is waited for until it is applied, and what was wrong with it comes back."""

import asyncio

import pytest

from consensus.events import MessageReceived
from consensus.messages import CertifiedBlock, Status
from ledger.errors import PeerError
from ledger.primitives import ZERO_HASH
from node.replica.delivery import SYNCHRONISER, BlockDelivery
from node.replica.inbox import Inbox
from tests.support.certified_blocks import StandInBlock, certified

WRONG = PeerError("the certificate has too few seals")


def block_of(height: int) -> CertifiedBlock:
    return certified(StandInBlock(height, ZERO_HASH))


class Replica:
    """Takes what the inbox holds; `head` is the last height that it has applied."""

    def __init__(self) -> None:
        self.head = 0
        self.inbox = Inbox(lambda node_key: None)
        self.delivery = BlockDelivery(self.inbox, lambda: self.head)

    async def delivered(self, block: CertifiedBlock) -> tuple["asyncio.Task[None]", bytes | None]:
        """A delivery under way, and under whose name the block waits in the inbox."""
        delivery = asyncio.create_task(self.delivery.deliver(block))
        await self.inbox.wait()
        sender, event = self.inbox.take()
        assert event == MessageReceived(block, None)
        assert not delivery.done()
        return delivery, sender


async def test_a_delivery_ends_when_the_block_is_applied() -> None:
    replica = Replica()
    delivery, sender = await replica.delivered(block_of(1))
    assert sender == SYNCHRONISER
    replica.delivery.applied(2)
    assert not delivery.done()
    replica.delivery.applied(1)
    await delivery


async def test_a_block_that_is_applied_already_is_not_handed_in_again() -> None:
    replica = Replica()
    replica.head = 1
    await replica.delivery.deliver(block_of(1))
    assert not len(replica.inbox)


async def test_a_refusal_reaches_who_delivered_the_block() -> None:
    replica = Replica()
    block = block_of(1)
    delivery, _ = await replica.delivered(block)
    assert replica.delivery.refused(SYNCHRONISER, MessageReceived(block, None), WRONG)
    with pytest.raises(PeerError, match="too few seals"):
        await delivery
    # It may be fetched from somebody else now.
    again, _ = await replica.delivered(block)
    replica.delivery.applied(1)
    await again


async def test_what_another_sent_is_for_that_sender_to_answer_for() -> None:
    replica = Replica()
    block, other = block_of(1), block_of(2)
    delivery, _ = await replica.delivered(block)
    status = MessageReceived(Status(1, 0, False, 0, 0, 0), None)
    for sender, event in (
        (b"p" * 32, MessageReceived(block, None)),
        (SYNCHRONISER, MessageReceived(other, None)),
        (SYNCHRONISER, status),
    ):
        assert not replica.delivery.refused(sender, event, WRONG)
    assert not delivery.done()
    replica.delivery.applied(1)
    await delivery


async def test_a_delivery_that_is_given_up_leaves_nobody_waiting() -> None:
    replica = Replica()
    block = block_of(1)
    delivery, _ = await replica.delivered(block)
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    assert not replica.delivery.refused(SYNCHRONISER, MessageReceived(block, None), WRONG)
