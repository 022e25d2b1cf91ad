"""A long life in time: a governed town of four validators and an observer under mixed load.

Transfers, appraisers' reports of the land, proposals with their votes, reads in Ethereum's names,
and subscribers that come and go, all through JSON-RPC, all for as long as the soak lasts.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from api import calls
from api.client import Client, ClientError
from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts, secp256k1_accounts
from node.audit import audit
from node.constitution import persons
from node.constitution.assembly import Assembly
from node.constitution.chain import TownChain
from node.constitution.people import people_of
from node.constitution.record import Record
from node.localnet import creation, fleet
from node.localnet.cast import cast_of
from node.localnet.charter import Calendar
from node.localnet.creation import CHAIN_ID, Wish
from node.localnet.endings import told_to_stop, until_one_ends
from node.localnet.fleet import Fleet
from node.localnet.layout import Town
from node.localnet.traffic import ClientNode, Traffic
from node.play import town_node
from node.play.player import ScenarioPlayer
from node.scenarios import catalogue
from tests.drills.samples import Sample, sample, state_rows
from tests.support.town_processes import base_port

LAND: Final = "gwangju"
DAY_MS: Final = 1_000
"""Of the calendar of proposals."""
QUARTER_FLOOR_MS: Final = 3_000
PROPOSALS: Final = 100
"""At most, evenly over the run: their rows and those of votes stay in the state for good."""
PAYERS: Final = 8
TRANSFERS_A_SECOND: Final = 8
READS_A_SECOND: Final = 20
SUBSCRIBERS: Final = 4
SUBSCRIBED_S: Final = 10.0
"""At most, each time."""
SAMPLES: Final = 120
START_S: Final = 60.0
POLL_S: Final = 0.2
SEED: Final = 82062


@dataclass
class Life:
    """counts: what was done, by kind. samples: by node."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    height: int = 0
    failures: list[str] = field(default_factory=list)

    def did(self, what: str) -> None:
        """Once more."""
        self.counts[what] = self.counts.get(what, 0) + 1


async def live(folder: Path, seconds: float, told: Callable[[str, Sample], None]) -> Life:
    """For so long. `failures` of the result are sentences: nodes that ended, or are not sound."""
    rounds = catalogue.scenario(LAND).rounds
    wish = Wish(
        scenario=LAND,
        quarter_ms=max(QUARTER_FLOOR_MS, round(seconds * 1_000 / rounds)),
        calendar=Calendar(day_ms=DAY_MS, block_ms=0),
        base_port=base_port(),
    )
    town = await asyncio.to_thread(creation.prepare, folder, wish)
    life = Life()
    async with fleet.running(folder, town) as nodes, Client(town.observer.rpc_url) as client:
        for node in town.nodes:
            await _answers(node.rpc_url)
        chain = TownChain(client, CHAIN_ID)
        background = [chain.follow(), *_load(folder, town, client, chain, seconds, life)]
        background.append(_sampled(folder, town, nodes, seconds, life, told))
        with told_to_stop() as stopped:
            endings: list[Coroutine[Any, Any, Any]] = [
                asyncio.sleep(seconds), stopped.wait(), nodes.all_ended()
            ]  # fmt: skip
            await until_one_ends(background, endings)
        life.height = (await client.call(calls.status()))["height"]
        life.counts["rounds of reports"] = (await client.call(calls.get_land_index()))[
            "rounds_final"
        ]
        life.failures += [said for node in nodes.nodes if (said := node.failure())]
        life.failures += await nodes.stop()
    for node in town.nodes:
        found = await asyncio.to_thread(audit, folder / node.name)
        if found.invariants != "ok":
            life.failures.append(f"{node.name}: {found.invariants} is broken: {found.found}")
    return life


async def _answers(url: str) -> None:
    try:
        async with asyncio.timeout(START_S), Client(url) as client:
            while True:
                try:
                    await client.call(calls.status())
                    return
                except ClientError:
                    await asyncio.sleep(POLL_S)  # nothing tells when a process begins to listen
    except TimeoutError as error:
        raise LocalError(f"{url} did not answer within {START_S:.0f} s of its start") from error


def _load(
    folder: Path, town: Town, client: Client, chain: TownChain, seconds: float, life: Life
) -> list[Coroutine[Any, Any, None]]:
    payers = [account.signer for account in ed25519_accounts()[:PAYERS]]
    land = ScenarioPlayer(
        catalogue.scenario(LAND), [town_node.ClientNode(client)], cast_of(folder, town), CHAIN_ID
    )
    urls = [node.rpc_url for node in town.nodes]
    traffic = Traffic([ClientNode(client)], payers, CHAIN_ID)
    return [
        traffic.run(TRANSFERS_A_SECOND),
        _endless(land.run()),
        _governance(folder, chain, seconds / PROPOSALS, life),
        _reads(urls, life),
        *(_subscriber(urls, number, life) for number in range(SUBSCRIBERS)),
    ]


async def _endless(work: Coroutine[Any, Any, None]) -> None:
    """The land's series may end before the soak does."""
    await work
    await asyncio.Event().wait()


async def _governance(folder: Path, chain: TownChain, period_s: float, life: Life) -> None:
    """One proposal after the other, each voted on by organisations and persons."""
    people = people_of(folder)
    await persons.seat_persons(chain, people, Record(lambda _: None))
    assembly = Assembly(chain, people)
    while True:
        number = life.counts.get("proposals carried", 0) + 1
        next_s = time.monotonic() + period_s
        await assembly.decide(("city-hall", "gist"), f"Motion {number}", [])
        life.did("proposals carried")
        await asyncio.sleep(max(0.0, next_s - time.monotonic()))


async def _reads(urls: list[str], life: Life) -> None:
    """What a wallet asks while it is open."""
    choose = random.Random(SEED)
    addresses = ["0x" + account.address.hex() for account in secp256k1_accounts()]
    async with aiohttp.ClientSession() as session:
        while True:
            asked: list[tuple[str, list[Any]]] = [
                ("eth_blockNumber", []),
                ("eth_getBalance", [choose.choice(addresses), "latest"]),
                ("eth_getBlockByNumber", ["latest", True]),
                ("eth_gasPrice", []),
            ]
            method, params = choose.choice(asked)
            call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with session.post(choose.choice(urls), json=call) as response:
                answer = await response.json()
            if "error" in answer:
                raise LocalError(f"{method}: {answer['error']}")
            life.did("reads")
            await asyncio.sleep(1 / READS_A_SECOND)


async def _subscriber(urls: list[str], number: int, life: Life) -> None:
    """Connects, follows blocks for a while, leaves in the middle, and comes again elsewhere."""
    choose = random.Random(SEED + number)
    while True:
        async with Client(choose.choice(urls)) as client:
            until_s = time.monotonic() + choose.random() * SUBSCRIBED_S
            async with aclosing(client.blocks()) as blocks:
                async for _ in blocks:
                    if time.monotonic() > until_s:
                        break
        life.did("subscriptions")


async def _sampled(
    folder: Path,
    town: Town,
    nodes: Fleet,
    seconds: float,
    life: Life,
    told: Callable[[str, Sample], None],
) -> None:
    began = time.monotonic()
    ports = {node.name: node.metrics_port for node in town.nodes}
    while True:
        await asyncio.sleep(seconds / SAMPLES)
        for node in nodes.nodes:
            at = time.monotonic() - began
            rows = await asyncio.to_thread(state_rows, ports[node.name])
            found = await asyncio.to_thread(sample, node.pid, at, folder / node.name / "data", rows)
            life.samples.setdefault(node.name, []).append(found)
            told(node.name, found)
