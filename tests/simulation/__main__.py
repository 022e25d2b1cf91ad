"""`python -m tests.simulation`: run seeds, or one again with everything that happens in it."""

import argparse
import os
import sys
from typing import Final

from tests.simulation.campaign import Summary, Task, required_tasks, run_campaign
from tests.simulation.run import MAX_SEED, run_seed

MAX_SEEDS: Final = 10_000_000


def main() -> int:
    """0 when all seeds passed, 1 when one failed."""
    options = _options()
    if options.replay is not None:
        return _replay(options.replay, options.n, trace=options.trace)
    tasks: list[Task] = (
        required_tasks(options.first)
        if options.required
        else [(options.n, seed) for seed in range(options.first, options.first + options.seeds)]
    )
    summary = run_campaign(tasks, options.processes, sys.stdout)
    _report(summary)
    return 1 if summary.failed else 0


def _report(summary: Summary) -> None:
    print(
        f"{summary.heights} heights, {summary.deliveries} deliveries and {summary.crashes} crashes "
        f"in {summary.seconds:.1f} s"
    )
    print(f"{summary.passed} passed, {summary.failed} failed")


def _replay(seed: int, n: int, *, trace: bool) -> int:
    outcome = run_seed(seed, n, print if trace else None)
    print(
        f"seed {seed} n={n}: {outcome.heights} heights, {outcome.deliveries} deliveries, "
        f"next block after {outcome.next_block_ms} ms, all after {outcome.all_ms} ms, "
        f"digest {outcome.digest}"
    )
    if outcome.reason is None:
        print("1 passed, 0 failed")
        return 0
    print(f"FAILED: {outcome.reason}")
    print("0 passed, 1 failed")
    return 1


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
    add("--n", type=lambda text: _bounded(text, 1, 32), default=4, help="validators")
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
