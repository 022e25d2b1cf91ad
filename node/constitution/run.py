"""Runs the scenario on a town of its own: starts it, plays land and people to it, stops it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from api import calls
from api.client import Client, ClientError
from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts
from node.constitution.chain import TownChain
from node.constitution.record import Record, Seen
from node.constitution.story import Story
from node.localnet import fleet
from node.localnet.cast import cast_of
from node.localnet.charter import Calendar
from node.localnet.creation import CHAIN_ID
from node.localnet.endings import told_to_stop, until_one_ends
from node.localnet.fleet import Fleet
from node.localnet.layout import Town
from node.localnet.supervisor import TRAFFIC_ACCOUNTS
from node.localnet.traffic import ClientNode, Traffic
from node.play import town_node
from node.play.player import ScenarioPlayer
from node.scenarios import catalogue

LAND: Final = "gwangju"
"""Whose prices the appraisers report meanwhile, so that there is something to issue."""
QUARTER_DAYS: Final = 6
"""Days of the calendar that a quarter of the land lasts: the two have separate scales."""
DEADLINE_DAYS: Final = 600
"""Of the whole scenario, from the first start of a process on ..."""
DEADLINE_FLOOR_S: Final = 240.0
"""... and on a fast calendar no less: processes take their time to start."""
START_S: Final = 60.0
POLL_S: Final = 0.1


@dataclass(slots=True)
class Outcome:
    """town: with the organisation that joined. validators: seats at the end, as a node told them,
    None when the run broke off. failures: sentences; empty when all went well."""

    town: Town
    record: Record
    validators: int | None = None
    failures: list[str] = field(default_factory=list)


async def play(
    folder: Path, town: Town, calendar: Calendar, told: Callable[[Seen], None]
) -> Outcome:
    """Play everything, and return when it is over, on a signal or when the time is up. All nodes
    are stopped on return, however it comes about."""
    record = Record(told)
    deadline_s = max(DEADLINE_FLOOR_S, DEADLINE_DAYS * calendar.day_ms / 1_000)
    async with fleet.running(folder, town) as nodes, Client(town.observer.rpc_url) as client:
        await _answers(client, nodes)
        chain = TownChain(client, CHAIN_ID)
        story = Story(folder, town, calendar, nodes, chain, record)
        outcome = Outcome(town, record)
        with told_to_stop() as told_so:
            try:
                async with asyncio.timeout(deadline_s):
                    await until_one_ends(
                        [chain.follow(), _traffic(client), _land(folder, town, client)],
                        [story.play(), told_so.wait(), nodes.all_ended()],
                    )
                    seats = await client.call(calls.validators())
                    outcome.validators = None if seats is None else len(seats["members"])
            except TimeoutError:
                outcome.failures.append(f"the scenario was not over after {deadline_s:g} s")
            except (LocalError, ClientError) as error:
                outcome.failures.append(str(error))
        outcome.town = story.town
        outcome.failures += record.problems
        outcome.failures += await nodes.stop()
    return outcome


async def _answers(client: Client, nodes: Fleet) -> None:
    """Return once the node serves; LocalError when it does not come to that."""
    try:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    await client.call(calls.status())
                    return
                except ClientError:
                    failed = [said for node in nodes.nodes if (said := node.failure())]
                    if failed:
                        raise LocalError("; ".join(failed)) from None
                    # Nothing tells when a process begins to listen.
                    await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise LocalError(f"{client.url} did not answer within {START_S:g} s") from None


def _traffic(client: Client) -> Coroutine[Any, Any, None]:
    payers = [account.signer for account in ed25519_accounts()[:TRAFFIC_ACCOUNTS]]
    return Traffic([ClientNode(client)], payers, CHAIN_ID).run()


def _land(folder: Path, town: Town, client: Client) -> Coroutine[Any, Any, None]:
    player = ScenarioPlayer(
        catalogue.scenario(LAND), [town_node.ClientNode(client)], cast_of(folder, town), CHAIN_ID
    )
    return player.run()
