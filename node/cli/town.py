"""`poyong town`: a consortium on this machine."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from api import calls
from ledger.errors import LocalError
from ledger.local_accounts import DEVELOPMENT_MNEMONIC
from node import audit
from node.audit import StoreAudit
from node.cli import constitution
from node.cli.outcomes import draw, offline_rounds, show_scenario
from node.cli.output import json_option, print_json, print_table
from node.cli.rpc import ask
from node.localnet import creation, layout, summary
from node.localnet.creation import CHAIN_ID, Wish
from node.localnet.layout import DEFAULT_FOLDER, Town
from node.localnet.played import rounds_of
from node.localnet.screens import screen_for
from node.localnet.supervisor import Run, run_town
from node.localnet.view import index_text, whole_tokens
from node.scenarios.catalogue import SCENARIOS
from node.scenarios.noise import DEFAULT_SEED
from node.scenarios.sections import patient_quarter_ms

DOWN_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.05
WARNING: Final = (
    "WARNING: everybody knows the keys of this town's accounts. They come from the mnemonic\n"
    f'"{DEVELOPMENT_MNEMONIC}".\n'
    "Use it for trying out only: whoever reaches its ports can spend everything."
)

Command = TypeVar("Command", bound=Callable[..., Any])


def _folder_option(command: Command) -> Command:
    return click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_FOLDER,
        show_default=True,
        help="Folder of the town.",
    )(command)


@click.group()
def town() -> None:
    """A consortium on this machine: validators and an observer as processes."""


@town.command()
@_folder_option
@click.option("--validators", type=click.IntRange(1), help="How many.  [default: 4]")
@click.option(
    "--scenario", type=click.Choice(tuple(SCENARIOS)), help="What it plays.  [default: gwangju]"
)
@click.option("--idle", is_flag=True, help="No scenario and no transfers.")
@click.option("--fresh", is_flag=True, help="Remove the town in the folder and make a new one.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop so long after the first finalised block.",
)
@click.option("--base-port", type=int, help="First port to try.  [default: 26600]")
@json_option
def up(
    folder: Path,
    validators: int | None,
    scenario: str | None,
    idle: bool,
    fresh: bool,
    seconds: float | None,
    base_port: int | None,
    as_json: bool,
) -> int:
    """Start the town, or go on with the one in the folder. Ctrl-C stops all of it."""
    wish = Wish(validators, scenario, idle, fresh, base_port)
    with layout.locked(folder):
        made = creation.prepare(folder, wish, _say)
        found, invariants, failed = _run(
            folder, made, as_json, seconds=seconds, idle=idle, seed=DEFAULT_SEED
        )
    report = summary.report(made, found, invariants)
    if as_json:
        print_json(report)
    else:
        click.echo(
            f"Stopped at height {found.height:,} with {found.transactions:,} transactions; "
            f"land index {index_text(report['land_index'])}, "
            f"issued {whole_tokens(report['issued'])} of {whole_tokens(report['ceiling'])}; "
            f"invariants {report['invariants']}."
        )
    return 1 if failed or invariants != audit.OK else 0


@town.command()
@click.argument("name", type=click.Choice((*SCENARIOS, constitution.NAME)))
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the town, which is made anew.  [default: .poyong/scenario-NAME]",
)
@click.option("--validators", type=click.IntRange(1), help="How many.  [default: 4]")
@click.option(
    "--quarter-ms",
    type=click.IntRange(200, 3_600_000),
    help="How long a quarter lasts.  [default: 1500, with many zones more]",
)
@click.option(
    "--day-ms",
    type=click.IntRange(200, 10_000),
    default=constitution.DEFAULT_DAY_MS,
    show_default=True,
    help="How long a day of the calendar lasts, in constitution.",
)
@click.option("--noise", is_flag=True, help="Appraisers miss the price by up to 2 %, seeded.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Of the noise.")
@click.option(
    "--chart",
    "chart_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to draw it.  [default: NAME.svg in the town's folder]",
)
@click.option("--base-port", type=int, help="First port to try.  [default: 26600]")
@json_option
def scenario(
    name: str,
    folder: Path | None,
    validators: int | None,
    quarter_ms: int | None,
    day_ms: int,
    noise: bool,
    seed: int,
    chart_file: Path | None,
    base_port: int | None,
    as_json: bool,
) -> int:
    """Play a scenario to its end on a town of its own, then show what came of it.

    Beside the chain's figures stand those of the offline playback, where every round closes at
    its quarter's end to the millisecond.
    """
    if name == constitution.NAME:
        constitution.require_plain(
            {
                "--validators": validators,
                "--quarter-ms": quarter_ms,
                "--noise": noise,
                "--chart": chart_file,
            }
        )
        _warn()
        home = folder or layout.DEFAULT_FOLDER.parent / f"scenario-{name}"
        return constitution.run(home, day_ms, base_port, as_json)
    made_for = SCENARIOS[name]()
    home = folder or layout.DEFAULT_FOLDER.parent / f"scenario-{name}"
    drawing = chart_file or home / f"{name}.svg"
    wish = Wish(
        validators,
        name,
        fresh=True,
        base_port=base_port,
        quarter_ms=quarter_ms or patient_quarter_ms(made_for),
    )
    with layout.locked(home):
        made = creation.prepare(home, wish, _say)
        found, invariants, failed = _run(
            home, made, as_json, seed=seed if noise else None, until_played=True
        )
        rounds = rounds_of(home / made.validators[0].name, made_for)
    if len(rounds) < made_for.rounds:
        click.echo(f"poyong: stopped after {len(rounds)} of {made_for.rounds} rounds", err=True)
    if rounds:
        draw(made_for, rounds, drawing)
    offline = offline_rounds(made_for, seed if noise else None)[: len(rounds)]
    show_scenario(
        made_for, rounds, offline, summary.report(made, found, invariants), drawing, as_json
    )
    whole = len(rounds) == made_for.rounds
    return 1 if failed or invariants != audit.OK or not whole else 0


def _run(
    folder: Path,
    made: Town,
    as_json: bool,
    *,
    seconds: float | None = None,
    idle: bool = False,
    seed: int | None = None,
    until_played: bool = False,
) -> tuple[StoreAudit, str, bool]:
    """Run the town until it is stopped or played: what its stores hold then, whether they are
    whole, and whether a node failed. Failures are told on stderr."""
    _warn()
    wallets = made.observer.rpc_url
    click.echo(f"Wallets connect to {wallets}, chain id {CHAIN_ID} (docs/metamask.md).", err=True)
    _say(f"Starting {len(made.nodes)} nodes as processes; the first block takes some seconds")
    head = audit.head_of(folder / made.observer.name)
    run = Run(folder, made, seconds, idle, head, seed, until_played)
    with screen_for(as_json) as screen:
        outcome = asyncio.run(run_town(run, screen))
    for failure in outcome.failures:
        click.echo(f"poyong: {failure}", err=True)
    examined = summary.examine(folder, made)
    for name in examined.held:
        click.echo(
            f"poyong: {name} runs on, for it was not started by this town: its store was not "
            "examined; stop it where it was started",
            err=True,
        )
    if examined.invariants != audit.OK:
        click.echo(f"poyong: invariant broken: {examined.invariants}", err=True)
    return examined.found, examined.invariants, bool(outcome.failures)


def _warn() -> None:
    """On stderr, at each start of a town."""
    click.secho(WARNING, err=True, fg="yellow", bold=True)


def _say(what: str) -> None:
    click.echo(f"{what} ...", err=True)


@town.command()
@_folder_option
@json_option
def down(folder: Path, as_json: bool) -> None:
    """Stop the town that runs in the folder, and wait until it has."""
    pid = layout.running_pid(folder)
    if pid is None:
        raise LocalError(f"no town runs in {folder}; name another folder with --dir")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_TIMEOUT_S
    # Nothing to wait on: the town belongs to another process, and its lock tells when it is gone.
    while layout.running_pid(folder) is not None:
        if time.monotonic() > deadline:
            raise LocalError(
                f"the town in {folder} (process {pid}) still runs after {DOWN_TIMEOUT_S:g} s; "
                f"stop it with kill -9 {pid}, which ends its nodes too"
            )
        time.sleep(POLL_S)
    if as_json:
        print_json({"stopped": pid})
    else:
        click.echo(f"Stopped the town in {folder}.")


@town.command()
@_folder_option
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Show where each node of the running town stands."""
    made = layout.load(folder)
    if made is None:
        raise LocalError(f"there is no town in {folder}: start one with poyong town up")
    pid = layout.running_pid(folder)
    nodes = [_standing(made, index) if pid else None for index in range(len(made.nodes))]
    # A town that was killed could not remove the files with the process ids of its nodes.
    pids = [layout.node_pid(folder, node) if pid else None for node in made.nodes]
    if as_json:
        found_nodes = [
            {
                "name": node.name,
                "organisation": node.organisation,
                "pid": node_pid,
                "rpc_url": node.rpc_url,
                "metrics_url": node.metrics_url,
                "status": found,
            }
            for node, node_pid, found in zip(made.nodes, pids, nodes, strict=True)
        ]
        print_json({"running": pid is not None, "pid": pid, "nodes": found_nodes})
        return
    print_table(
        f"The town runs as process {pid}." if pid else "The town does not run.",
        ("node", "state", "height", "peers", "mempool", "pid", "JSON-RPC"),
        [
            (
                node.organisation,
                "down" if found is None else "syncing" if found["syncing"] else "up",
                found and found["height"],
                found and found["peers"],
                found and found["mempool_transactions"],
                "-" if node_pid is None else str(node_pid),
                node.rpc_url,
            )
            for node, node_pid, found in zip(made.nodes, pids, nodes, strict=True)
        ],
    )


def _standing(made: Town, index: int) -> Any:
    try:
        return ask(made.nodes[index].rpc_url, calls.status())
    except LocalError:
        return None  # shown as down
