"""A town's node as the scenario and the traffic see it, over the Python client."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from api import calls
from api.calls import Call
from api.client import Client, ClientError, NodeError
from ledger.primitives import Address
from node.localnet.traffic import Position
from node.scenario import Head

T = TypeVar("T")


class NodeApi:
    """Fills node.scenario.TownNode and localnet.traffic.TrafficNode; every failure to get an
    answer is a ConnectionError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def head(self) -> Head:
        """The last committed block."""
        status = await self._call(calls.status())
        return Head(status["height"], status["block_time_ms"])

    async def land_index(self) -> Mapping[str, Any]:
        """The town's index, closed rounds, and what open ones wait for."""
        return await self._call(calls.get_land_index())

    async def nonce(self, address: Address) -> int:
        """Of the account's next transaction, by final state."""
        return (await self._call(calls.get_account(address)))["nonce"]

    async def position(self, address: Address) -> Position:
        """Nonce after what waits in the mempool, and the height."""
        account = await self._call(calls.get_account(address))
        return Position(account["pending_nonce"], account["height"])

    async def send(self, transactions: Sequence[bytes]) -> None:
        """Submit; refusals are for the chain to show."""
        await self._outcomes(transactions)

    async def offer(self, transaction: bytes) -> bool:
        """Submit one; False when it is refused."""
        return not isinstance((await self._outcomes([transaction]))[0], NodeError)

    async def _outcomes(self, transactions: Sequence[bytes]) -> list[str | NodeError]:
        try:
            return await self._client.send(transactions)
        except ClientError as error:
            raise ConnectionError(str(error)) from error

    async def _call(self, call: Call[T]) -> T:
        try:
            return await self._client.call(call)
        except ClientError as error:
            raise ConnectionError(str(error)) from error
