"""Many seeds on all cores: progress while they run, and for each failure how to see it again."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.changing import size_of
from tests.simulation.run import Outcome, run_seed

SEEDS_A_TASK: Final = 4
PLAIN_LINE_EVERY_S: Final = 10.0
REQUIRED: Final = ((4, 1_000), (1, 20), (5, 20), (6, 20), (7, 20), (10, 20), (16, 20))
"""(validators, seeds) that every run of the tests includes."""

CHANGING: Final = 60
"""Seeds in which the validator set changes, likewise."""


class Task(NamedTuple):
    """One seed. changes: on a governed chain whose validator set changes. disk: kinds of faults of
    disks that it has; None: those of its own share. pruning: whether nodes remove old blocks,
    drains: whether validators are drained, likewise."""

    n: int
    seed: int
    changes: bool = False
    disk: tuple[str, ...] | None = None
    pruning: bool | None = None
    drains: bool | None = None


Advance = Callable[[], None]
"""One more seed is done."""


@dataclass(slots=True)
class Summary:
    """Totals of a campaign."""

    passed: int = 0
    failed: int = 0
    heights: int = 0
    deliveries: int = 0
    crashes: int = 0
    changes: int = 0
    stops: int = 0
    not_held: int = 0
    joins: int = 0
    drained: int = 0
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one seed."""
        if outcome.reason is None:
            self.passed += 1
        else:
            self.failed += 1
        self.heights += outcome.heights
        self.deliveries += outcome.deliveries
        self.crashes += outcome.crashes
        self.changes += outcome.changes
        self.stops += outcome.stops
        self.not_held += outcome.not_held
        self.joins += outcome.joins
        self.drained += outcome.drained


def required_tasks(first: int) -> list[Task]:
    """The seeds of REQUIRED and CHANGING, long ones first so that no core is left alone with one
    at the end."""
    large_first = [
        Task(n, seed)
        for n, seeds in sorted(REQUIRED, reverse=True)
        for seed in range(first, first + seeds)
    ]
    return [*changing_tasks(first, CHANGING), *large_first]


def changing_tasks(
    first: int,
    seeds: int,
    n: int | None = None,
    disk: tuple[str, ...] | None = None,
    pruning: bool | None = None,
) -> list[Task]:
    """Seeds in which the validator set changes; without n each begins with its own number."""
    return [
        Task(size_of(seed) if n is None else n, seed, True, disk, pruning)
        for seed in range(first, first + seeds)
    ]


def replay_command(outcome: Outcome) -> str:
    """What shows this seed again, word for word."""
    changes = " --changes" if outcome.changing else ""
    disk = "" if outcome.disk is None else f" --disk {','.join(outcome.disk) or 'none'}"
    pruning, drains = _share("pruning", outcome.pruning), _share("drains", outcome.drains)
    replay = f"--replay {outcome.seed} --n {outcome.n}{changes}{disk}{pruning}{drains}"
    return f"python -m tests.simulation {replay} --trace"


def _share(name: str, wanted: bool | None) -> str:
    return "" if wanted is None else f" --{name} {'all' if wanted else 'none'}"


def run_campaign(tasks: Sequence[Task], processes: int, out: TextIO) -> Summary:
    """Run all tasks; failures are printed as they are found."""
    summary = Summary()
    started = time.monotonic()
    with _progress(len(tasks), summary, out) as advance:
        for outcome in _outcomes(tasks, processes):
            summary.add(outcome)
            if outcome.reason is not None:
                print(
                    f"FAILED seed {outcome.seed} n={outcome.n}: {outcome.reason}\n"
                    f"  {replay_command(outcome)}",
                    file=out,
                    flush=True,
                )
            advance()
    summary.seconds = time.monotonic() - started
    return summary


def _outcomes(tasks: Sequence[Task], processes: int) -> Iterator[Outcome]:
    if processes == 1:
        yield from map(_run, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _enter_worker, (os.getpid(),)) as pool:
        yield from pool.imap_unordered(_run, tasks, SEEDS_A_TASK)


def _run(task: Task) -> Outcome:
    return run_seed(
        task.seed,
        task.n,
        changes=task.changes,
        disk=task.disk,
        pruning=task.pruning,
        drains=task.drains,
    )


def _enter_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(parent)


def _die_with(parent: int) -> None:
    """A thread that ends this process once its parent is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _progress(total: int, summary: Summary, out: TextIO) -> Iterator[Advance]:
    if out.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns) as bar:
            task = bar.add_task("seeds", total=total)
            yield lambda: bar.update(task, advance=1, description=f"seeds, {summary.failed} failed")
        return
    last = time.monotonic()

    def advance() -> None:
        nonlocal last
        if time.monotonic() - last >= PLAIN_LINE_EVERY_S:
            last = time.monotonic()
            done = summary.passed + summary.failed
            print(f"{done} of {total} seeds, {summary.failed} failed", file=out, flush=True)

    yield advance
