"""A seed is a whole world: the same seed gives the same events, in every process."""

import os
import subprocess
import sys

from tests.simulation.run import run_seed

SEEDS = (1, 10, 56)
"""The second one signs with Ed25519; the last one has a long way to its liveness."""


def digests() -> list[str]:
    return [run_seed(seed, 4).digest for seed in SEEDS]


def test_a_seed_twice_in_one_process_gives_the_same_trace() -> None:
    assert digests() == digests()


def test_seeds_differ() -> None:
    assert len(set(digests())) == len(SEEDS)


def test_the_order_of_hashes_has_no_part_in_a_seed() -> None:
    """PYTHONHASHSEED changes the order of sets of strings and bytes."""
    program = (
        "from tests.simulation.run import run_seed\n"
        f"print(*[run_seed(seed, 4).digest for seed in {SEEDS}])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout.split()
        == digests()
        for hash_seed in ("1", "2")
    }
    assert found == {True}


def test_the_trace_of_a_replay_tells_what_the_digest_covers() -> None:
    lines: list[str] = []
    traced = run_seed(1, 4, lines.append)
    assert traced.digest == run_seed(1, 4).digest
    assert any(" applied " in line for line in lines)
    assert lines[-1].endswith("end (None,)")
