"""`python -m tests.simulation`: run seeds, or one again with everything that happens in it."""

import argparse
import os
import sys
from typing import Final

from tests.simulation.campaign import (
    Summary,
    Task,
    changing_tasks,
    required_tasks,
    run_campaign,
)
from tests.simulation.changing import size_of
from tests.simulation.disk_plan import DISK_ONE_IN, KINDS
from tests.simulation.drains import DRAINS_ONE_IN
from tests.simulation.pruning_plan import PRUNING_ONE_IN
from tests.simulation.run import MAX_SEED, run_seed

MAX_SEEDS: Final = 10_000_000
DEFAULT_N: Final = 4


def main() -> int:
    """0 when all seeds passed, 1 when one failed."""
    options = _options()
    if options.replay is not None:
        n = options.n or (size_of(options.replay) if options.changes else DEFAULT_N)
        task = Task(
            n, options.replay, options.changes, options.disk, options.pruning, options.drains
        )
        return _replay(task, trace=options.trace)
    tasks = _tasks(options)
    summary = run_campaign(tasks, options.processes, sys.stdout)
    _report(summary)
    return 1 if summary.failed else 0


def _tasks(options: argparse.Namespace) -> list[Task]:
    first, seeds = options.first, options.seeds
    if options.required:
        return required_tasks(first)
    if options.changes:
        return changing_tasks(first, seeds, options.n, options.disk, options.pruning)
    n = options.n or DEFAULT_N
    return [
        Task(n, seed, disk=options.disk, pruning=options.pruning, drains=options.drains)
        for seed in range(first, first + seeds)
    ]


def _report(summary: Summary) -> None:
    print(
        f"{summary.heights} heights, {summary.deliveries} deliveries, {summary.crashes} crashes, "
        f"{summary.stops} stops for a disk and {summary.changes} changes of the validator set "
        f"in {summary.seconds:.1f} s"
    )
    print(
        f"old blocks: {summary.not_held} times a peer lacked what it was asked for, "
        f"{summary.joins} nodes began again from a snapshot; {summary.drained} drains"
    )
    print(f"{summary.passed} passed, {summary.failed} failed")


def _replay(task: Task, *, trace: bool) -> int:
    trace_to = print if trace else None
    outcome = run_seed(
        task.seed,
        task.n,
        trace_to,
        changes=task.changes,
        disk=task.disk,
        pruning=task.pruning,
        drains=task.drains,
    )
    print(
        f"seed {task.seed} n={task.n}: {outcome.heights} heights, {outcome.deliveries} deliveries, "
        f"next block after {outcome.next_block_ms} ms, all after {outcome.all_ms} ms, "
        f"digest {outcome.digest}"
    )
    if outcome.struck:
        print(
            f"disks: {', '.join(sorted(outcome.struck))}; {outcome.stops} stops, "
            f"{outcome.losses} folders moved away"
        )
    if outcome.removed:
        print(
            f"old blocks: nodes lack {outcome.removed}, {outcome.not_held} times a peer lacked "
            f"what it was asked for, {outcome.joins} began again from a snapshot"
        )
    if outcome.reason is None:
        print("1 passed, 0 failed")
        return 0
    print(f"FAILED: {outcome.reason}")
    print("0 passed, 1 failed")
    return 1


def _kinds(text: str) -> tuple[str, ...]:
    """Names of kinds with commas between, all or none."""
    if text in ("all", "none"):
        return KINDS if text == "all" else ()
    kinds = tuple(text.split(","))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(
                f"{kind!r} is no fault of disks: expected {', '.join(KINDS)}, all or none"
            )
    return kinds


def _share(text: str) -> bool:
    """Every seed, or none."""
    if text not in ("all", "none"):
        raise argparse.ArgumentTypeError(f"expected all or none, found {text!r}")
    return text == "all"


def _bounded(text: str, low: int, high: int) -> int:
    number = int(text)
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{number} is outside {low} to {high}")
    return number


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Production nodes on a virtual clock, network and disk, from one seed.",
    )
    add = parser.add_argument
    add("--seeds", type=lambda text: _bounded(text, 1, MAX_SEEDS), default=100, help="how many")
    add(
        "--from",
        dest="first",
        type=lambda text: _bounded(text, 0, MAX_SEED),
        default=0,
        help="the first seed",
    )
    add(
        "--n",
        type=lambda text: _bounded(text, 1, 32),
        help=f"validators; {DEFAULT_N} by default, with --changes 4 to 7 by seed",
    )
    add(
        "--changes",
        action="store_true",
        help="governed chains whose validators join, leave and take new keys by vote",
    )
    add(
        "--disk",
        type=_kinds,
        metavar="KINDS",
        help=f"faults of disks in every seed: {','.join(KINDS)}, all or none; by default one seed "
        f"in {DISK_ONE_IN} has some",
    )
    add(
        "--pruning",
        type=_share,
        metavar="SEEDS",
        help="all or none: seeds in which nodes remove old blocks; by default one in "
        f"{PRUNING_ONE_IN}",
    )
    add(
        "--drains",
        type=_share,
        metavar="SEEDS",
        help=f"likewise: seeds in which validators are drained; by default one in {DRAINS_ONE_IN}",
    )
    add("--required", action="store_true", help="the seeds that every run of the tests includes")
    add("--replay", type=lambda text: _bounded(text, 0, MAX_SEED), help="one seed again")
    add("--trace", action="store_true", help="with --replay: a line for everything that happens")
    add(
        "--processes",
        type=lambda text: _bounded(text, 1, 1024),
        default=os.cpu_count() or 1,
        help="by default one a core",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
