"""A light stream of transfers between local accounts, so that a town at rest shows life."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

from api import calls
from api.client import Client, ClientError, NodeError
from ledger.crypto import Signer, ed25519_address
from ledger.primitives import UNIT, Address
from ledger.transaction import Draft, sign
from ledger.transfers import SEND

TRANSFERS_PER_SECOND: Final = 4
VALIDITY_BLOCKS: Final = 1_000
REFRESH_TRANSFERS: Final = 50
"""A sender's nonce and the height are read from the chain again after so many."""
RETRY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Position:
    """Where an account and the chain stand; `nonce` counts what waits in the mempool."""

    nonce: int
    height: int


class TrafficNode(Protocol):
    """What the stream needs of a node; raises OSError when it cannot be reached."""

    async def position(self, address: Address) -> Position:
        """Of an account."""

    async def offer(self, transaction: bytes) -> bool:
        """Submit; False when the node refuses it."""


class ClientNode:
    """TrafficNode over the Python SDK."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def position(self, address: Address) -> Position:
        """poyong_getAccount."""
        try:
            account = await self._client.call(calls.get_account(address))
        except ClientError as error:
            raise ConnectionError(str(error)) from error
        return Position(account["pending_nonce"], account["height"])

    async def offer(self, transaction: bytes) -> bool:
        """poyong_sendTransaction."""
        try:
            await self._client.call(calls.send_transaction(transaction))
        except NodeError:
            return False
        except ClientError as error:
            raise ConnectionError(str(error)) from error
        return True


class Traffic:
    """Transfers in a ring: each account pays the next one, a few tokens at a time."""

    def __init__(
        self,
        nodes: Sequence[TrafficNode],
        signers: Sequence[Signer],
        chain_id: int,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._nodes = nodes
        self._asked = 0
        self._signers = tuple(signers)
        self._addresses = tuple(ed25519_address(signer.public_key) for signer in signers)
        self._chain_id = chain_id
        self._sleep = sleep
        self._known: dict[int, Position] = {}
        self._sent: dict[int, int] = {}

    async def run(self, per_second: int = TRANSFERS_PER_SECOND) -> None:
        """Send until cancelled; a node that is down is skipped, a town that is down waited for."""
        for number in count():
            try:
                await self._transfer(self._nodes[self._asked], number)
                await self._sleep(1 / per_second)
            except OSError:
                self._asked = (self._asked + 1) % len(self._nodes)
                self._known.clear()
                await self._sleep(RETRY_S)

    async def _transfer(self, node: TrafficNode, number: int) -> None:
        payer = number % len(self._signers)
        known = self._known.get(payer)
        if known is None or self._sent.get(payer, 0) >= REFRESH_TRANSFERS:
            known = await node.position(self._addresses[payer])
            self._sent[payer] = 0
        receiver = self._addresses[(payer + 1) % len(self._addresses)]
        draft = Draft(
            chain_id=self._chain_id,
            nonce=known.nonce,
            type=SEND.name,
            body=SEND.encode(receiver, (1 + number % 9) * UNIT, b""),
            valid_until=known.height + VALIDITY_BLOCKS,
        )
        if await node.offer(sign(draft, self._signers[payer]).raw):
            self._known[payer] = Position(known.nonce + 1, known.height)
            self._sent[payer] = self._sent.get(payer, 0) + 1
        else:
            self._known.pop(payer, None)
