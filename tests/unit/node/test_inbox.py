"""One queue in front of the replica: own events first, and a quota that only slows its own peer."""

import asyncio

from consensus.events import Event, MessageReceived, TimerFired, TimerKind, WorkAvailable
from consensus.messages import Status
from node.replica.inbox import PEER_QUOTA_EVENTS, Inbox

ALICE, BOB = b"a" * 32, b"b" * 32
SEATS = dict[bytes, int]()


def message(number: int) -> MessageReceived:
    return MessageReceived(Status(number, 0, False, 0, 0, 0), 0)


def taken(inbox: Inbox) -> list[tuple[bytes | None, object]]:
    return [inbox.take() for _ in range(len(inbox))]


async def fill(inbox: Inbox, peer: bytes) -> None:
    for number in range(PEER_QUOTA_EVENTS):
        await inbox.put(peer, message(number))


async def waits(task: "asyncio.Task[None]") -> bool:
    """True when the task still waits once everything else has had its turn."""
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


async def test_peers_events_come_out_in_the_order_of_arrival() -> None:
    inbox = Inbox(SEATS.get)
    for number, peer in enumerate((ALICE, BOB, BOB, ALICE)):
        await inbox.put(peer, message(number))
    inbox.put_assembled(BOB, message(4))
    assert taken(inbox) == [
        (peer, message(number)) for number, peer in enumerate((ALICE, BOB, BOB, ALICE, BOB))
    ]


async def test_a_sender_is_the_seat_that_its_peer_has_when_the_message_is_taken() -> None:
    """The set changed while it waited: Alice left, and Bob moved up."""
    seats: dict[bytes, int] = {ALICE: 0, BOB: 1}
    inbox = Inbox(seats.get)
    status = Status(1, 0, False, 0, 0, 0)
    for peer in (BOB, ALICE, BOB):
        await inbox.put(peer, MessageReceived(status, None, peer))
    before = inbox.take()
    del seats[ALICE]
    seats[BOB] = 0
    assert [before, *taken(inbox)] == [
        (BOB, MessageReceived(status, 1, BOB)),
        (ALICE, MessageReceived(status, None, ALICE)),
        (BOB, MessageReceived(status, 0, BOB)),
    ]


async def test_own_events_come_first_and_in_order() -> None:
    inbox = Inbox(SEATS.get)
    await inbox.put(ALICE, message(0))
    own: list[Event] = [WorkAvailable(), TimerFired(TimerKind.VIEW, 3)]
    for event in own:
        inbox.put_own(event)
    assert taken(inbox) == [(None, own[0]), (None, own[1]), (ALICE, message(0))]


async def test_a_peer_beyond_its_quota_waits_and_delays_nobody_else() -> None:
    inbox = Inbox(SEATS.get)
    await fill(inbox, ALICE)
    blocked = asyncio.create_task(inbox.put(ALICE, message(9_999)))
    assert await waits(blocked)
    assert len(inbox) == PEER_QUOTA_EVENTS
    async with asyncio.timeout(1):
        await inbox.put(BOB, message(1))
    inbox.take()
    async with asyncio.timeout(1):
        await blocked
    assert taken(inbox)[-2:] == [(BOB, message(1)), (ALICE, message(9_999))]


async def test_room_that_another_peer_makes_is_not_the_flooding_peers() -> None:
    inbox = Inbox(SEATS.get)
    await inbox.put(BOB, message(0))
    await fill(inbox, ALICE)
    blocked = asyncio.create_task(inbox.put(ALICE, message(1)))
    assert inbox.take()[0] == BOB
    assert await waits(blocked)
    assert inbox.take()[0] == ALICE
    async with asyncio.timeout(1):
        await blocked


async def test_a_completed_proposal_does_not_wait_for_the_quota() -> None:
    """It was counted as nothing while it was completed, and its reader must go on."""
    inbox = Inbox(SEATS.get)
    await fill(inbox, ALICE)
    inbox.put_assembled(ALICE, message(7))
    assert len(inbox) == PEER_QUOTA_EVENTS + 1


async def test_several_readers_of_one_peer_all_go_on() -> None:
    inbox = Inbox(SEATS.get)
    await fill(inbox, ALICE)
    blocked = [asyncio.create_task(inbox.put(ALICE, message(n))) for n in range(3)]
    assert await waits(blocked[0])
    for _ in range(3):
        inbox.take()
    async with asyncio.timeout(1):
        await asyncio.gather(*blocked)
    assert len(inbox) == PEER_QUOTA_EVENTS


async def test_waiting_ends_with_the_first_event() -> None:
    inbox = Inbox(SEATS.get)
    waiting = asyncio.create_task(inbox.wait())
    assert await waits(waiting)
    inbox.put_own(WorkAvailable())
    async with asyncio.timeout(1):
        await waiting
        await inbox.wait()  # at once while something is there
    assert len(inbox) == 1
