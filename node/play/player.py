"""Plays a scenario to its end: looks at the chain, and sends what is missing on it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.crypto import checksum_address
from ledger.primitives import Address
from node.play import appraisers, officials
from node.play.outbox import Message, Outbox, Sender
from node.play.town_node import Head, TownNode
from node.scenarios.model import LandEvent, Scenario
from tokenomics.oracle.phases import COMMITTING, REVEALING, Phase

POLLS_A_ROUND: Final = 20
MIN_POLL_MS: Final = 20
MAX_POLL_MS: Final = 1_000
RETRY_MS: Final = 500
"""Wait before the next node is asked after one could not be reached."""
MAX_BATCH_TRANSACTIONS: Final = 100
"""JSON-RPC's default limit of a batch."""
_AWAITING: Final = frozenset(phase.name for phase in (*COMMITTING, *REVEALING))


@dataclass(frozen=True, slots=True)
class Cast:
    """Who signs. authority: for governance, which certifies events; None where no key of it is at
    hand: then events stay away."""

    appraisers: tuple[Sender, ...]
    reporters: tuple[Sender, ...] = ()
    authority: Sender | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A town round has closed. land_index: 100000 = the base."""

    round: int
    rounds: int
    quarter: str
    land_index: int
    rounds_final: int


class ScenarioPlayer:
    """`nodes`: one node of the town or more; the next is asked when one fails. seed: of the
    deviations of up to 2 % by which appraisers miss the price; None for none."""

    def __init__(
        self,
        scenario: Scenario,
        nodes: Sequence[TownNode],
        cast: Cast,
        chain_id: int,
        *,
        seed: int | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scenario = scenario
        self._nodes = nodes
        self._asked = 0
        self._cast = cast
        self._chain_id = chain_id
        senders = [*cast.appraisers, *cast.reporters, *filter(None, [cast.authority])]
        self._outboxes = {sender.address: Outbox(sender, chain_id) for sender in senders}
        self._addresses = {
            checksum_address(sender.address): sender.address for sender in cast.appraisers
        }
        self._certified: set[tuple[int, str]] = set()
        self._seed = seed
        self._on_progress = on_progress
        self._sleep = sleep
        self._told: int | None = None

    async def run(self) -> None:
        """Return when the last round has closed; a town that is down is waited for."""
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
        if land["closed_rounds"] >= self._scenario.rounds:
            return None
        rounds = [row for row in land["open_rounds"] if row["round"] <= self._scenario.rounds]
        if not rounds:
            return MIN_POLL_MS
        owed = await self._owed(node, land, rounds)
        for address, outbox in self._outboxes.items():
            if address not in owed:
                outbox.clear()
        await self._send(node, owed, head)
        poll_ms = min(max(MIN_POLL_MS, rounds[-1]["length_ms"] // POLLS_A_ROUND), MAX_POLL_MS)
        quiet_ms = 0 if owed else _quiet_until_ms(rounds) - head.block_time_ms
        return int(min(max(poll_ms, quiet_ms), MAX_POLL_MS))

    async def _owed(
        self, node: TownNode, land: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]]
    ) -> dict[Address, list[Message]]:
        """What each sender still has to send, oldest round first."""
        found: dict[Address, list[Message]] = {}
        for row in rounds:
            for address, message in appraisers.owed(
                self._scenario, row, self._addresses, self._chain_id, self._seed
            ):
                found.setdefault(address, []).append(message)
        if self._cast.reporters and officials.is_rate_due(self._scenario, land):
            reporters = [sender.address for sender in self._cast.reporters]
            rates = await node.rates()
            for address, message in officials.owed_rates(self._scenario, land, rates, reporters):
                found.setdefault(address, []).append(message)
        if self._cast.authority is not None:
            certifications = [
                officials.certification(self._scenario, event)
                for event in officials.due_events(self._scenario, land)
                if not await self._is_certified(node, event)
            ]
            if certifications:
                found[self._cast.authority.address] = certifications
        return found

    async def _is_certified(self, node: TownNode, event: LandEvent) -> bool:
        """Whether the chain has the event; what it once had it keeps."""
        zone = self._scenario.zones[event.zone].id
        if (event.zone, event.stage) not in self._certified:
            stages = {row["stage"] for row in await node.zone_events(zone)}
            self._certified |= {(event.zone, stage) for stage in stages}
        return (event.zone, event.stage) in self._certified

    async def _send(
        self, node: TownNode, owed: Mapping[Address, Sequence[Message]], head: Head
    ) -> None:
        outgoing: list[bytes] = []
        nonces = await node.nonces(list(owed)) if owed else ()
        for (address, messages), nonce in zip(owed.items(), nonces, strict=True):
            outgoing += self._outboxes[address].outgoing(messages, nonce, head.height)
        for start in range(0, len(outgoing), MAX_BATCH_TRANSACTIONS):
            await node.send(outgoing[start : start + MAX_BATCH_TRANSACTIONS])

    def _tell(self, land: Mapping[str, Any]) -> None:
        closed = land["closed_rounds"]
        if closed == self._told:
            return
        self._told = closed
        is_played = 0 < closed <= self._scenario.rounds
        self._on_progress(
            Progress(
                closed,
                self._scenario.rounds,
                self._scenario.quarter(closed) if is_played else "",
                land["land_index"],
                land["rounds_final"],
            )
        )


def _quiet_until_ms(rounds: Sequence[Mapping[str, Any]]) -> int:
    """Block time before which nobody can have anything to send; 0 while somebody may."""
    zones = [zone for row in rounds for zone in row["zones"]]
    if any(zone["phase"] in _AWAITING for zone in zones):
        return 0
    challenges = [zone["deadline_ms"] for zone in zones if zone["phase"] == Phase.CHALLENGE.name]
    return int(min([rounds[-1]["end_ms"], *challenges]))
