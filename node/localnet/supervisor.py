"""Runs a town: starts its nodes, plays to it, watches it, and stops it cleanly."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from ledger.errors import LocalError
from ledger.local_accounts import ed25519_accounts
from node.localnet import processes
from node.localnet.cast import cast_of
from node.localnet.creation import CHAIN_ID
from node.localnet.layout import LOG_FILE, PID_FILE, Town
from node.localnet.processes import NodeProcess
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
    async with _running(run) as nodes:
        interval_s = IDLE_INTERVAL_S if run.idle else INTERVAL_S
        watch = Watch(run.town, nodes, run.counted, interval_s)
        try:
            return await _supervise(run, nodes, watch, screen)
        finally:
            await watch.close()


@contextlib.asynccontextmanager
async def _running(run: Run) -> AsyncIterator[list[NodeProcess]]:
    nodes: list[NodeProcess] = []
    followed: list[asyncio.Future[None]] = []
    try:
        for node in run.town.nodes:
            home = run.folder / node.name
            nodes.append(await processes.start(node.name, home, home / LOG_FILE))
            file = home / PID_FILE
            file.write_text(f"{nodes[-1].pid}\n", encoding="ascii")
            followed.append(asyncio.ensure_future(_remove_when_ended(nodes[-1], file)))
        yield nodes
    finally:
        await processes.stop(nodes)
        await asyncio.gather(*followed)


async def _remove_when_ended(node: NodeProcess, pid_file: Path) -> None:
    """A process id that outlived its process would tell an operator to kill somebody else's."""
    await node.process.wait()
    await asyncio.to_thread(pid_file.unlink, missing_ok=True)


async def _supervise(
    run: Run, nodes: Sequence[NodeProcess], watch: Watch, screen: Screen
) -> Outcome:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)
    outcome = Outcome(watch.view)
    played = asyncio.Event()
    background = [watch.run(), _draw(watch.view, screen), *_play(run, watch, played)]
    endings: list[Coroutine[Any, Any, Any]] = [
        told_to_stop.wait(),
        _time_up(run, watch),
        _all_ended(nodes),
    ]
    if run.until_played:
        endings.append(played.wait())
    try:
        await _until_one_ends(background, endings)
        if not told_to_stop.is_set():
            await watch.look()
    except LocalError as error:
        outcome.failures.append(str(error))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    # What a node says while it stops counts as well.
    stubborn = await processes.stop(nodes)
    outcome.failures += [found for node in nodes if (found := node.failure())]
    outcome.failures += [
        f"{name} did not stop within {processes.STOP_TIMEOUT_S:g} s and was killed"
        for name in stubborn
    ]
    return outcome


async def _until_one_ends(
    background: Sequence[Coroutine[Any, Any, None]], endings: Sequence[Coroutine[Any, Any, Any]]
) -> None:
    """Return when one of `endings` does; an error of any of them is raised. Cancels the rest."""
    ends = {asyncio.ensure_future(ending) for ending in endings}
    tasks = ends | {asyncio.ensure_future(task) for task in background}
    try:
        pending = set(tasks)
        while not any(end.done() for end in ends):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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


async def _all_ended(nodes: Sequence[NodeProcess]) -> None:
    await asyncio.gather(*(node.process.wait() for node in nodes))
    raise LocalError(f"every node has ended; see the {LOG_FILE} files")


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
