"""Plays scenario `gwangju` to a running town: signs what its appraisers commit to and reveal.

What is done and what is missing is read from the chain at every step, so a player that was
stopped, or whose town was, just goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from api import calls
from api.calls import Call
from api.client import Client, ClientError
from ledger.crypto import Signer, checksum_address, ed25519_address
from ledger.local_accounts import appraiser_accounts
from ledger.primitives import Address
from ledger.transaction import Draft, sign
from node.scenarios.gwangju import (
    DEFAULT_SEED,
    QUARTERS,
    appraised_value,
    quarter_name,
    salt,
)
from tokenomics.phases import COMMITTING, REVEALING, Phase
from tokenomics.reports import COMMIT, REVEAL, commitment_of

T = TypeVar("T")
Message = tuple[str, tuple[Any, ...]]
"""Type and body."""

POLLS_A_ROUND: Final = 20
MIN_POLL_MS: Final = 20
MAX_POLL_MS: Final = 1_000
RETRY_MS: Final = 500
"""Wait before the next node is asked after one could not be reached."""
RESEND_POLLS: Final = 5
"""Unconfirmed transactions are sent again, byte for byte, after so many polls."""
_COMMITTING: Final = frozenset(phase.name for phase in COMMITTING)
_AWAITING: Final = _COMMITTING | {phase.name for phase in REVEALING}
VALIDITY_BLOCKS: Final = 2_000
MAX_BATCH_TRANSACTIONS: Final = 100
"""JSON-RPC's default limit of a batch."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last committed block."""

    height: int
    block_time_ms: int


class TownNode(Protocol):
    """What the player needs of a node's API.

    Each call raises OSError (ConnectionError, TimeoutError are of its kind) when the node cannot
    be reached or is not ready; the player then asks the next node.
    """

    async def head(self) -> Head:
        """The last committed block."""

    async def land_index(self) -> Mapping[str, Any]:
        """tokenomics.land_views.land_index."""

    async def nonce(self, address: Address) -> int:
        """Nonce of the account's next transaction, of what is final only."""

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

    async def nonce(self, address: Address) -> int:
        """poyong_getAccount."""
        return (await self._call(calls.get_account(address)))["nonce"]

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


@dataclass(frozen=True, slots=True)
class Progress:
    """A town round has closed. land_index: 100000 = the base."""

    round: int
    rounds: int
    quarter: str
    land_index: int
    rounds_final: int


def local_appraisers() -> tuple[Signer, ...]:
    """Keys of a local town's appraisers, which are public."""
    return tuple(account.signer for account in appraiser_accounts())


@dataclass(slots=True)
class _Unconfirmed:
    """Signed transactions of one appraiser by nonce, until the chain has passed them."""

    raw: dict[int, bytes] = field(default_factory=dict)
    valid_until: int = 0
    polls: int = 0


class ScenarioPlayer:
    """Plays the series to its end. `signers` are the appraisers' Ed25519 keys in genesis order.

    `nodes`: one node of the town or more; the next is asked when one fails.
    """

    def __init__(
        self,
        nodes: Sequence[TownNode],
        signers: Sequence[Signer],
        chain_id: int,
        *,
        seed: int = DEFAULT_SEED,
        on_progress: Callable[[Progress], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._nodes = nodes
        self._asked = 0
        self._signers = {ed25519_address(signer.public_key): signer for signer in signers}
        self._numbers = {
            checksum_address(address): (number, address)
            for number, address in enumerate(self._signers)
        }
        self._unconfirmed = {address: _Unconfirmed() for address in self._signers}
        self._chain_id = chain_id
        self._seed = seed
        self._on_progress = on_progress
        self._sleep = sleep
        self._told: int | None = None

    async def run(self) -> None:
        """Return when the last quarter's round has closed; a town that is down is waited for."""
        while True:
            try:
                wait_ms = await self._step(self._nodes[self._asked])
            except OSError:
                self._asked = (self._asked + 1) % len(self._nodes)
                wait_ms = RETRY_MS
            if wait_ms is None:
                return
            await self._sleep(wait_ms / 1000)

    async def _step(self, node: TownNode) -> int | None:
        """Look once and send what is missing; ms until the next look, or None at the end."""
        head, land = await node.head(), await node.land_index()
        self._tell(land)
        if land["closed_rounds"] >= QUARTERS:
            return None
        rounds = [row for row in land["open_rounds"] if row["round"] <= QUARTERS]
        if not rounds:
            return MIN_POLL_MS
        missing = self._missing(rounds)
        for address, waiting in self._unconfirmed.items():
            if address not in missing:
                waiting.raw.clear()
        outgoing: list[bytes] = []
        for address, messages in missing.items():
            nonce = await node.nonce(address)
            outgoing += self._outgoing(address, messages, nonce, head.height)
        for start in range(0, len(outgoing), MAX_BATCH_TRANSACTIONS):
            await node.send(outgoing[start : start + MAX_BATCH_TRANSACTIONS])
        poll_ms = min(max(MIN_POLL_MS, rounds[-1]["length_ms"] // POLLS_A_ROUND), MAX_POLL_MS)
        quiet_ms = _quiet_until_ms(rounds) - head.block_time_ms
        return int(min(max(poll_ms, quiet_ms), MAX_POLL_MS))

    def _missing(self, rounds: Sequence[Mapping[str, Any]]) -> dict[Address, list[Message]]:
        """What each appraiser still has to send, oldest round first."""
        owed: dict[Address, list[Message]] = {}
        for row in rounds:
            for zone in row["zones"]:
                for name in zone["missing"]:
                    # An appraiser whose key is not at hand is none of this player's.
                    if name in self._numbers:
                        number, address = self._numbers[name]
                        message = self._message(row, zone, number, address)
                        owed.setdefault(address, []).append(message)
        return owed

    def _message(
        self, row: Mapping[str, Any], zone: Mapping[str, Any], number: int, address: Address
    ) -> Message:
        """The commitment or the reveal that a zone's phase asks of an appraiser."""
        at = (self._seed, row["round"], zone["zone"], number)
        # The start of a round never moves, so what was committed to can be said again.
        statement = appraised_value(*at).statement(row["opened_ms"])
        if zone["phase"] in _COMMITTING:
            commitment = commitment_of(
                self._chain_id, zone["zone"], row["round"], address, statement, salt(*at)
            )
            return COMMIT.name, COMMIT.encode(zone["zone"], row["round"], commitment)
        return REVEAL.name, REVEAL.encode(
            zone["zone"],
            row["round"],
            statement.price_krw_per_m2,
            statement.valuation_date_ms,
            statement.method,
            statement.comparables,
            statement.document_hash,
            salt(*at),
        )

    def _outgoing(
        self, address: Address, messages: Sequence[Message], nonce: int, height: int
    ) -> list[bytes]:
        """New transactions when none is under way, the same again when they stay away too long.

        The same bytes again are harmless: one nonce, one transaction, one hash.
        """
        waiting = self._unconfirmed[address]
        if waiting.raw and nonce > max(waiting.raw):
            # The nonce was read after the missing messages: what is missing shows the next look.
            waiting.raw.clear()
            return []
        waiting.raw = {at: raw for at, raw in waiting.raw.items() if at >= nonce}
        if waiting.raw and height < waiting.valid_until:
            waiting.polls += 1
            if waiting.polls % RESEND_POLLS:
                return []
            return list(waiting.raw.values())
        waiting.valid_until, waiting.polls = height + VALIDITY_BLOCKS, 0
        waiting.raw = {
            at: sign(
                Draft(
                    chain_id=self._chain_id,
                    nonce=at,
                    type=name,
                    body=body,
                    valid_until=waiting.valid_until,
                ),
                self._signers[address],
            ).raw
            for at, (name, body) in enumerate(messages, start=nonce)
        }
        return list(waiting.raw.values())

    def _tell(self, land: Mapping[str, Any]) -> None:
        closed = land["closed_rounds"]
        if closed == self._told:
            return
        self._told = closed
        self._on_progress(
            Progress(
                closed,
                QUARTERS,
                quarter_name(closed) if 0 < closed <= QUARTERS else "",
                land["land_index"],
                land["rounds_final"],
            )
        )


def _quiet_until_ms(rounds: Sequence[Mapping[str, Any]]) -> int:
    """Block time before which nobody can have anything to send; 0 while somebody has."""
    zones = [zone for row in rounds for zone in row["zones"]]
    if any(zone["phase"] in _AWAITING for zone in zones):
        return 0
    challenges = [zone["deadline_ms"] for zone in zones if zone["phase"] == Phase.CHALLENGE.name]
    return int(min([rounds[-1]["end_ms"], *challenges]))
