"""Each kind of fault of disks happens in some seed, and does to nodes what the documentation says.

operating.md, "Database and vote record"; consensus.md, "Proof by simulation".
"""

import pytest

from tests.simulation.changing import changing_plan_of, size_of
from tests.simulation.disk_plan import DISK_ONE_IN, KINDS, disk_faults_of, honest_of, may_lose
from tests.simulation.plan import plan_of
from tests.simulation.run import Outcome, run_seed
from tests.simulation.vote_files import NEWEST_FRAME

STRIKES = {"misread": {"misread flipped", "misread misdirected", NEWEST_FRAME}}


def outcomes(kind: str) -> list[Outcome]:
    return [run_seed(seed, 4, disk=(kind,)) for seed in range(30)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_fault_strikes_and_every_seed_passes(kind: str) -> None:
    found = outcomes(kind)
    assert [outcome.reason for outcome in found] == [None] * len(found)
    struck = set().union(*(outcome.struck for outcome in found))
    assert struck == STRIKES.get(kind, {kind})
    stops = sum(outcome.stops for outcome in found)
    assert (stops > 0) == (kind in ("failing", "misread", "full"))


def test_some_damaged_folder_is_moved_away() -> None:
    assert any(run_seed(seed, 4, disk=("misread",)).losses for seed in range(30, 40))


def test_one_seed_in_so_many_has_faults_of_disks_of_its_own() -> None:
    own = [seed for seed in range(200) if disk_faults_of(plan_of(seed, 4))]
    assert len(own) == 200 // DISK_ONE_IN
    assert own[:2] == [3, 8]
    kinds = {fault.kind for seed in own for fault in disk_faults_of(plan_of(seed, 4))}
    assert kinds == set(KINDS)


def test_seeds_that_once_found_something_have_none() -> None:
    """So they still are what they stand for (test_changing)."""
    for seed in (327, 1696, 1821, 1895, 1934, 2712, 30129, 30265):
        assert not disk_faults_of(changing_plan_of(seed, size_of(seed)))


def test_only_honest_nodes_have_faults_and_only_spare_validators_lose_a_folder() -> None:
    for seed in range(200):
        plan = plan_of(seed, 4)
        losers = may_lose(plan)
        assert len({*plan.byzantine, *plan.twins, *plan.forgetful, *losers}) <= 1
        for fault in disk_faults_of(plan, KINDS):
            assert set(fault.nodes) <= set(honest_of(plan))
            mendable = fault.of_votes and not losers
            if fault.kind == "misread" and (fault.of_votes or fault.lasting) and not mendable:
                assert set(fault.nodes) <= set(losers)


def test_a_seed_with_faults_of_disks_twice_gives_the_same_trace() -> None:
    first, again = (run_seed(5, 4, disk=KINDS) for _ in range(2))
    assert first == again
    assert first.struck


@pytest.mark.parametrize("seed", [728, 1334])
def test_a_damaged_newest_frame_takes_no_vote(seed: int) -> None:
    """Seeds in which a validator signed twice when each frame was written once."""
    outcome = run_seed(seed, 4, disk=KINDS)
    assert NEWEST_FRAME in outcome.struck
    assert outcome.reason is None
