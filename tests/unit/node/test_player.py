"""The player against a town of modules on a virtual clock: rounds, restarts, losses, errors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from ledger import accounts
from ledger.crypto import Ed25519Signer
from ledger.module import BlockInfo
from ledger.primitives import UNIT, Address
from ledger.state import State
from ledger.transaction import Transaction, decode_transaction, verify_transaction
from node.play.outbox import Sender
from node.play.player import Cast, Progress, ScenarioPlayer
from node.play.town_node import Head
from node.scenarios.catalogue import scenario
from node.scenarios.collusion import WITHHELD_FROM_ROUND
from node.scenarios.gwangju import QUARTERS
from node.scenarios.model import Scenario
from node.scenarios.noise import DEFAULT_SEED
from node.scenarios.offline import play_scenario
from node.scenarios.sections import genesis_sections
from tests.support.land_town import CHAIN_ID, LandTown
from tokenomics import roles
from tokenomics.facts.fact_views import official_rates, zone_events
from tokenomics.issuance.derivation import issuance_round
from tokenomics.issuance.views import summary
from tokenomics.oracle.land_views import land_index, zone_list
from tokenomics.oracle.rounds import schedule
from tokenomics.oracle.zone_rounds import zone_round
from tokenomics.params import QUARTER_MS

GENESIS_MS = 1_700_000_000_000
SENDERS = [Sender.of_key(Ed25519Signer(bytes([n + 1]) * 32)) for n in range(18)]
APPRAISERS, REPORTERS, AUTHORITY = SENDERS[:15], SENDERS[15:17], SENDERS[17]
CAST = Cast(tuple(APPRAISERS), tuple(REPORTERS), AUTHORITY)
GWANGJU = scenario("gwangju")


class VirtualTown(LandTown):
    """Time passes while the player sleeps; a block takes `block_ms` and comes when there is work.

    `loses`: called with each submitted transaction; True drops it unseen.
    """

    def __init__(
        self,
        played: Scenario = GWANGJU,
        block_ms: int = 30,
        loses: Callable[[Transaction], bool] = lambda _: False,
    ) -> None:
        sections = genesis_sections(played, [sender.address for sender in APPRAISERS])
        super().__init__(sections["land"], sections["issuance"], genesis_ms=GENESIS_MS)
        self.book.roles[roles.RATE_REPORTER] = {sender.address for sender in REPORTERS}
        self.book.roles[roles.AUTHORITY] = {AUTHORITY.address}
        self.now_ms = GENESIS_MS
        self.block_ms = block_ms
        self.loses = loses
        self.mempool: dict[tuple[Address, int], Transaction] = {}
        self.failed = 0
        self.slept_ms = 0

    # -- TownNode --

    async def head(self) -> Head:
        return Head(self.height, self.time_ms)

    async def land_index(self) -> Mapping[str, Any]:
        return land_index(self.state)

    async def rates(self) -> Mapping[str, Any]:
        return official_rates(self.state)

    async def zone_events(self, zone: str) -> Sequence[Mapping[str, Any]]:
        return zone_events(self.state, zone) or ()

    async def nonces(self, addresses: Sequence[Address]) -> Sequence[int]:
        return [accounts.nonce(self.state, address) for address in addresses]

    async def send(self, transactions: Sequence[bytes]) -> None:
        for raw in transactions:
            transaction = decode_transaction(raw, CHAIN_ID)
            assert verify_transaction(transaction)
            if not self.loses(transaction):
                self.mempool.setdefault((transaction.sender, transaction.nonce), transaction)

    # -- time --

    async def sleep(self, seconds: float) -> None:
        self.slept_ms += round(seconds * 1000)
        self.pass_until(self.now_ms + round(seconds * 1000))

    def pass_until(self, until_ms: int) -> None:
        while self.now_ms < until_ms:
            self.now_ms = min(until_ms, self.now_ms + self.block_ms)
            ready = self.executable()
            if ready or self.now_ms >= self.due_ms():
                self.make_block(ready)

    def executable(self) -> list[Transaction]:
        """Taken out of the mempool: what follows the senders' nonces without a hole."""
        ready: list[Transaction] = []
        if not self.mempool:
            return ready
        state = self.state
        for sender in SENDERS:
            nonce = accounts.nonce(state, sender.address)
            while (sender.address, nonce) in self.mempool:
                ready.append(self.mempool.pop((sender.address, nonce)))
                nonce += 1
        return ready

    def check(self, block: BlockInfo) -> None:
        """Only when something has closed: the series has a thousand blocks."""
        if self.named("land.town_round_closed"):
            super().check(block)

    def make_block(self, ready: list[Transaction]) -> None:
        types = {message.name: message for message in self.land.handlers}
        calls = [
            (each.sender, types[each.type], types[each.type].decode(each.body)) for each in ready
        ]
        codes = self.block(self.now_ms, calls)
        self.failed += sum(code != 0 for code in codes)
        state = State(self.store)
        for each in ready:
            accounts.bump_nonce(state, each.sender)
        self._commit(state)


def player(town: VirtualTown, **options: Any) -> ScenarioPlayer:
    options = {"seed": DEFAULT_SEED, "played": GWANGJU, **options}
    played = options.pop("played")
    return ScenarioPlayer(played, [town], CAST, CHAIN_ID, sleep=town.sleep, **options)


async def test_the_whole_series_makes_every_round_final_and_mints_what_the_design_expects() -> None:
    town, told = VirtualTown(), list[Progress]()
    await player(town, on_progress=told.append).run()
    figures = summary(town.state, town.token)
    assert figures["rounds_final"] == figures["rounds_closed"] == QUARTERS
    assert town.failed == 0
    # 2 % seeded noise gives 69-71 million (economy.md section 6); late closes lose some limit.
    assert 66 <= int(figures["issued"]) // (10**6 * UNIT) <= 71
    assert 140_000 <= figures["land_index"] <= 143_000
    assert [step.round for step in told] == sorted({step.round for step in told})
    assert (told[-1].round, told[-1].quarter) == (QUARTERS, "2025 Q4")


async def test_the_first_mint_comes_within_20_seconds_of_the_first_block() -> None:
    town = VirtualTown()
    minted_at: list[int] = []

    def note(_: Progress) -> None:
        if summary(town.state, town.token)["minted"] != "0":
            minted_at.append(town.now_ms)

    await player(town, on_progress=note).run()
    assert minted_at[0] - GENESIS_MS < 12_000


async def test_a_loaded_machine_still_makes_nearly_every_round_final() -> None:
    """A block takes 0.4 s and the player is late as often: still time before the deadline."""
    town = VirtualTown(block_ms=400)
    await player(town).run()
    assert summary(town.state, town.token)["rounds_final"] >= QUARTERS - 2


async def test_player_and_town_that_stop_for_an_hour_go_on_and_lose_no_round() -> None:
    town = VirtualTown()

    class Stopped(Exception):
        pass

    def stop_at(number: int) -> Callable[[Progress], None]:
        def tell(step: Progress) -> None:
            if step.round >= number:
                raise Stopped

        return tell

    for number in (7, 20, 21):
        with pytest.raises(Stopped):
            await player(town, on_progress=stop_at(number)).run()
        town.mempool.clear()
        town.now_ms += 3_600_000
    await player(town).run()
    assert summary(town.state, town.token)["rounds_final"] == QUARTERS


async def test_lost_transactions_are_sent_again() -> None:
    """One in seven submissions vanishes; the same bytes go out again until the chain has them."""
    count = 0

    def loses(_: Transaction) -> bool:
        nonlocal count
        count += 1
        return count % 7 == 0

    town = VirtualTown(loses=loses)
    await player(town).run()
    assert summary(town.state, town.token)["rounds_final"] >= QUARTERS - 2
    # What is lost several times running may come after its phase, and is refused then.
    assert town.failed <= 2


async def test_a_node_that_is_down_is_passed_over() -> None:
    town = VirtualTown()
    asked = 0

    class Down(VirtualTown):
        async def head(self) -> Head:
            nonlocal asked
            asked += 1
            raise ConnectionRefusedError

    playing = ScenarioPlayer(GWANGJU, [Down(), town], CAST, CHAIN_ID, sleep=town.sleep)
    await playing.run()
    assert asked == 1
    assert summary(town.state, town.token)["rounds_final"] == QUARTERS


async def test_after_the_series_the_town_stays_and_its_zones_stay_final() -> None:
    town = VirtualTown()
    await player(town).run()
    town.pass_until(town.now_ms + 60_000)
    assert schedule(town.state).newest == QUARTERS + 1
    assert town.due_ms() > town.now_ms + QUARTER_MS // 2
    assert {zone["last_outcome"] for zone in zone_list(town.state)} == {"FINAL"}


async def test_a_player_of_a_finished_series_returns_at_once() -> None:
    town = VirtualTown()
    await player(town).run()
    slept_ms = town.slept_ms
    await player(town).run()
    assert town.slept_ms == slept_ms


async def test_events_are_certified_and_rates_are_official_in_the_quarters_they_belong_to() -> None:
    """The assumed district, of which six zones rise by certified steps; mode NET needs rates."""
    played = scenario("district")
    town = VirtualTown(played)
    await player(town, played=played, seed=None).run()
    assert town.failed == 0
    for event in played.events:
        rows = zone_events(town.state, played.zones[event.zone].id) or []
        found = {row["stage"]: row["from_round"] for row in rows}
        assert found[event.stage] == event.round
    until = {row["region"]: row["official_until"] for row in official_rates(town.state)["regions"]}
    assert until == {"00": 2031_12, "29": 2031_12}
    row = issuance_round(town.state, 53)
    assert row is not None
    # The chain's rounds close some ms late, which costs a little of the limit.
    offline = play_scenario(played)[52].row
    assert 0.95 * offline.issued <= row.issued <= 1.02 * offline.issued


async def test_withheld_reports_leave_a_zone_without_a_value() -> None:
    played = scenario("colluding-appraisers")
    town = VirtualTown(played)
    await player(town, played=played, seed=None).run()
    outcomes = {
        number: {
            found.outcome.name
            for at in range(len(played.zones))
            if (found := zone_round(town.state, number, at)) is not None
        }
        for number in (WITHHELD_FROM_ROUND - 1, WITHHELD_FROM_ROUND, played.rounds)
    }
    assert outcomes[WITHHELD_FROM_ROUND] == {"NO_VALUE"}
    assert outcomes[played.rounds] == {"FINAL"}
    assert outcomes[WITHHELD_FROM_ROUND - 1] == {"DISPERSED"}
