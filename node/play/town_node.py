"""What a player needs of a node's API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from api import calls
from api.calls import Call
from api.client import Client, ClientError, NodeError
from ledger.primitives import Address

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Head:
    """The last committed block."""

    height: int
    block_time_ms: int


class TownNode(Protocol):
    """Each call raises OSError (ConnectionError, TimeoutError are of its kind) when the node cannot
    be reached or is not ready; the player then asks the next node."""

    async def head(self) -> Head:
        """The last committed block."""

    async def land_index(self) -> Mapping[str, Any]:
        """tokenomics.oracle.land_views.land_index."""

    async def rates(self) -> Mapping[str, Any]:
        """tokenomics.facts.fact_views.official_rates."""

    async def zone_events(self, zone: str) -> Sequence[Mapping[str, Any]]:
        """tokenomics.facts.fact_views.zone_events of a zone that exists."""

    async def nonces(self, addresses: Sequence[Address]) -> Sequence[int]:
        """Nonce of each account's next transaction, of what is final only."""

    async def send(self, transactions: Sequence[bytes]) -> None:
        """Submit signed transactions; a refusal is no error: the chain shows what is missing."""


class ClientNode:
    """TownNode over the Python SDK."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def head(self) -> Head:
        """poyong_status."""
        status = await self._call(calls.status())
        return Head(status["height"], status["block_time_ms"])

    async def land_index(self) -> Mapping[str, Any]:
        """poyong_getLandIndex."""
        return await self._call(calls.get_land_index())

    async def rates(self) -> Mapping[str, Any]:
        """poyong_getRates."""
        return await self._call(calls.get_rates())

    async def zone_events(self, zone: str) -> Sequence[Mapping[str, Any]]:
        """poyong_getZoneEvents."""
        return await self._call(calls.get_zone_events(zone)) or ()

    async def nonces(self, addresses: Sequence[Address]) -> Sequence[int]:
        """poyong_getAccount, in a batch."""
        try:
            found = await self._client.batch([calls.get_account(each) for each in addresses])
        except ClientError as error:
            raise ConnectionError(str(error)) from error
        refused = [each for each in found if isinstance(each, NodeError)]
        if refused:
            raise ConnectionError(str(refused[0]))
        return [each["nonce"] for each in found if not isinstance(each, NodeError)]

    async def send(self, transactions: Sequence[bytes]) -> None:
        """poyong_sendTransaction, in a batch."""
        try:
            await self._client.send(transactions)
        except ClientError as error:
            raise ConnectionError(str(error)) from error

    async def _call(self, call: Call[T]) -> T:
        try:
            return await self._client.call(call)
        except ClientError as error:
            raise ConnectionError(str(error)) from error
