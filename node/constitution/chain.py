"""A running chain over JSON-RPC: messages sent until they are final, and facts waited for.

Nothing here waits by the clock: every question is asked again after each block of the node.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from api import calls, results
from api.calls import Call
from api.client import Client, NodeError
from ledger.primitives import Address
from ledger.transaction import Draft
from node.play.outbox import Message, Sender

VALID_HEIGHTS: Final = 1_000
KEPT: Final = ("proposals.", "stakeholders.", "validators.")
"""Events that the scenario asks for, by the begin of their names."""

T = TypeVar("T")
Sent = tuple[Sender, Message]
Where = Callable[[Mapping[str, Any]], bool]


class StepError(Exception):
    """The chain did something else than the scenario expects; says what was found."""


@dataclass(frozen=True, slots=True)
class Found:
    """An event on the chain; `values` as JSON-RPC gives them."""

    height: int
    name: str
    values: Mapping[str, Any]


class TownChain:
    """One node's view. `follow` has to run beside everything else."""

    def __init__(self, client: Client, chain_id: int) -> None:
        self.client = client
        self.height = 0
        self.events: list[Found] = []
        self._chain_id = chain_id
        self._block = asyncio.Event()
        self._locks: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._awaited: dict[str, asyncio.Future[results.Receipt]] = {}

    async def follow(self) -> None:
        """Take in every block from the first one on, until cancelled."""
        async with aclosing(self.client.blocks(1, "full")) as blocks:
            async for block in blocks:
                self._take(block)

    def _take(self, block: results.Block) -> None:
        self.height = block["height"]
        for receipt in block["receipts"]:
            self._keep(receipt["events"])
            waiting = self._awaited.pop(receipt["transaction_hash"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(receipt)
        self._keep(block["hook_events"])
        self._block.set()
        self._block = asyncio.Event()

    def _keep(self, events: Sequence[results.Event]) -> None:
        self.events += [
            Found(self.height, event["name"], event["values"])
            for event in events
            if event["name"].startswith(KEPT)
        ]

    async def call(self, call: Call[T]) -> T:
        """One question to the node."""
        return await self.client.call(call)

    async def until(self, question: Callable[[], Awaitable[T | None]]) -> T:
        """The first answer that is not None; asked now, and after each block."""
        while True:
            block = self._block
            answer = await question()
            if answer is not None:
                return answer
            await block.wait()

    async def event(self, name: str, where: Where = lambda _: True) -> Found:
        """The first event of this name whose values fit."""

        async def look() -> Found | None:
            return next(
                (found for found in self.events if found.name == name and where(found.values)),
                None,
            )

        return await self.until(look)

    async def until_height(self, height: int) -> None:
        """Return once the node has committed `height`."""

        async def there() -> bool | None:
            return True if self.height >= height else None

        await self.until(there)

    async def deliver(self, sent: Sequence[Sent]) -> list[results.Receipt]:
        """Sign and send, and wait until all are final: their receipts, in order.

        StepError when the node refuses one. Others may send from the same accounts meanwhile: their
        transactions queue behind these.
        """
        async with AsyncExitStack() as held:
            for address in sorted({sender.address for sender, _ in sent}):
                await held.enter_async_context(self._locks[address])
            waiting = await self._send(sent)
        return list(await asyncio.gather(*waiting))

    async def _send(self, sent: Sequence[Sent]) -> list[asyncio.Future[results.Receipt]]:
        senders = list({sender.address: sender for sender, _ in sent})
        accounts = await self.client.batch([calls.get_account(each) for each in senders])
        nonces = {
            address: _answer(account)["pending_nonce"]
            for address, account in zip(senders, accounts, strict=True)
        }
        raws, waiting = [], []
        loop = asyncio.get_running_loop()
        for sender, message in sent:
            draft = Draft(
                chain_id=self._chain_id,
                nonce=nonces[sender.address],
                type=message.type,
                body=message.body,
                valid_until=self.height + VALID_HEIGHTS,
            )
            nonces[sender.address] += 1
            signed = sender.sign(draft)
            receipt: asyncio.Future[results.Receipt] = loop.create_future()
            self._awaited[f"0x{signed.hash.hex()}"] = receipt
            raws.append(signed.raw)
            waiting.append(receipt)
        for outcome in await self.client.send(raws):
            _answer(outcome)
        return waiting

    async def accepted(self, sent: Sequence[Sent]) -> list[results.Receipt]:
        """As deliver; StepError when a message did not take effect."""
        receipts = await self.deliver(sent)
        for (_, message), receipt in zip(sent, receipts, strict=True):
            if receipt["code"] != 0:
                raise StepError(
                    f"{message.type} at height {receipt['height']}: {receipt['status']}: "
                    f"{receipt['reason']}"
                )
        return receipts

    async def refused(self, sent: Sequence[Sent], status: str) -> list[results.Receipt]:
        """As deliver, where every message has to be refused with this receipt status."""
        receipts = await self.deliver(sent)
        for (_, message), receipt in zip(sent, receipts, strict=True):
            if receipt["status"] != status:
                raise StepError(
                    f"{message.type} at height {receipt['height']}: expected {status}, found "
                    f"{receipt['status']} {receipt['reason']}"
                )
        return receipts


def value_of(receipt: results.Receipt, name: str, field: str) -> Any:
    """A value of the receipt's first event of this name."""
    for event in receipt["events"]:
        if event["name"] == name:
            return event["values"][field]
    raise StepError(f"no {name} in the receipt of {receipt['transaction_hash']}")


async def seat_of(chain: TownChain, organisation: str) -> results.ValidatorStatus:
    """The seat of an organisation in the running set of validators."""
    found = await chain.call(calls.validators())
    for seat in found["members"] if found else []:
        if seat["organisation"] == organisation:
            return seat
    raise StepError(f"{organisation} is no validator")


def _answer(outcome: T | NodeError) -> T:
    if isinstance(outcome, NodeError):
        raise StepError(f"the node refused: {outcome}")
    return outcome
