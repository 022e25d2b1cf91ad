"""Runs a town: starts its nodes, plays to it, watches it, and stops it cleanly."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts
from node.localnet import fleet
from node.localnet.cast import cast_of
from node.localnet.creation import CHAIN_ID
from node.localnet.endings import told_to_stop, until_one_ends
from node.localnet.fleet import Fleet
from node.localnet.layout import LOG_FILE, Town
from node.localnet.traffic import ClientNode, Traffic
from node.localnet.view import TownView
from node.localnet.watch import IDLE_INTERVAL_S, INTERVAL_S, Watch
from node.play import town_node
from node.play.player import Progress, ScenarioPlayer
from node.scenarios import catalogue

FIRST_BLOCK_TIMEOUT_S: Final = 60.0
"""Longer than the heartbeat interval, at which an idle chain makes its first block."""
REDRAW_S: Final = 0.25
TRAFFIC_ACCOUNTS: Final = 4
"""Of the ten local accounts of native keys. The others are left for whoever tries the town out
(`poyong tx sign --local 4`); appraisers have accounts of their own."""


class Screen(Protocol):
    """Shows the town to whoever started it."""

    def show(self, town: TownView) -> None:
        """Called every REDRAW_S."""


@dataclass(frozen=True, slots=True)
class Run:
    """seconds: from the first block finalised in this run; None: until told to stop. idle: no
    scenario and no traffic. counted: (height, transactions up to it) of what is there already.
    seed: of the deviations in the scenario's reports, None for none. until_played: stop when the
    scenario has come to its end."""

    folder: Path
    town: Town
    seconds: float | None
    idle: bool
    counted: tuple[int, int] = (0, 0)
    seed: int | None = None
    until_played: bool = False


@dataclass(slots=True)
class Outcome:
    """How a run ended. `failures` are sentences; empty when every node did as it was told."""

    view: TownView
    failures: list[str] = field(default_factory=list)


async def run_town(run: Run, screen: Screen) -> Outcome:
    """Start every node, and return when the time is up, on SIGINT or SIGTERM, or when no node is
    left. All nodes are stopped on return, however it comes about."""
    async with fleet.running(run.folder, run.town) as started:
        interval_s = IDLE_INTERVAL_S if run.idle else INTERVAL_S
        watch = Watch(run.town, started.nodes, run.counted, interval_s)
        try:
            return await _supervise(run, started, watch, screen)
        finally:
            await watch.close()


async def _supervise(run: Run, started: Fleet, watch: Watch, screen: Screen) -> Outcome:
    outcome = Outcome(watch.view)
    played = asyncio.Event()
    background = [watch.run(), _draw(watch.view, screen), *_play(run, watch, played)]
    with told_to_stop() as told:
        endings: list[Coroutine[Any, Any, Any]] = [
            told.wait(),
            _time_up(run, watch),
            started.all_ended(),
        ]
        if run.until_played:
            endings.append(played.wait())
        try:
            await until_one_ends(background, endings)
            if not told.is_set():
                await watch.look()
        except LocalError as error:
            outcome.failures.append(str(error))
    # What a node says while it stops counts as well.
    outcome.failures += await started.stop()
    return outcome


async def _time_up(run: Run, watch: Watch) -> None:
    try:
        await asyncio.wait_for(
            watch.first_block.wait(), None if run.seconds is None else FIRST_BLOCK_TIMEOUT_S
        )
    except TimeoutError:
        raise LocalError(
            f"no block was finalised within {FIRST_BLOCK_TIMEOUT_S:g} s: see the {LOG_FILE} files "
            f"in {run.folder}, and poyong why-stalled --rpc {run.town.observer.rpc_url}"
        ) from None
    await asyncio.sleep(run.seconds if run.seconds is not None else float("inf"))


async def _draw(view: TownView, screen: Screen) -> None:
    started = time.monotonic()
    while True:
        view.running_s = time.monotonic() - started
        screen.show(view)
        await asyncio.sleep(REDRAW_S)


def _play(run: Run, watch: Watch, played: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    """What makes a town lively: the scenario, at whose end `played` is set, and transfers between
    local accounts."""
    if run.idle:
        return []
    # The observer serves wallets; when it is away the validators do.
    clients = [watch.client(node.name) for node in reversed(run.town.nodes)]
    payers = [account.signer for account in ed25519_accounts()[:TRAFFIC_ACCOUNTS]]
    traffic = Traffic([ClientNode(client) for client in clients], payers, CHAIN_ID)
    if not run.town.scenario:
        return [traffic.run()]

    def tell(progress: Progress) -> None:
        watch.view.quarter = progress.quarter
        if progress.round >= progress.rounds:
            watch.view.note = "the scenario has ended; the town stays up"

    player = ScenarioPlayer(
        catalogue.scenario(run.town.scenario),
        [town_node.ClientNode(client) for client in clients],
        cast_of(run.folder, run.town),
        CHAIN_ID,
        seed=run.seed,
        on_progress=tell,
    )

    async def play() -> None:
        await player.run()
        played.set()

    return [traffic.run(), play()]
