"""In a share of the seeds nodes remove old blocks: others come late, ask, and find an archive or a
snapshot (docs/adr/0023, consensus.md, "Proof by simulation")."""

from functools import cache

import pytest

from consensus.chain import RECENT_HEIGHTS
from tests.simulation.changing import changing_plan_of, size_of
from tests.simulation.disk_plan import KINDS, may_lose
from tests.simulation.plan import plan_of
from tests.simulation.pruning_plan import PRUNING_ONE_IN, PruningPlan, with_pruning
from tests.simulation.run import Outcome, run_seed

SEEDS = range(12)


@cache
def outcomes() -> list[Outcome]:
    return [run_seed(seed, 4, pruning=True) for seed in SEEDS]


def test_nodes_lack_old_blocks_and_every_seed_passes() -> None:
    assert [outcome.reason for outcome in outcomes()] == [None] * len(SEEDS)
    assert all(outcome.heights > RECENT_HEIGHTS for outcome in outcomes())
    assert all(outcome.removed for outcome in outcomes())


def test_who_comes_late_is_told_that_a_peer_lacks_what_it_needs_and_gets_it_from_another() -> None:
    assert any(outcome.not_held and not outcome.joins for outcome in outcomes())


def test_who_finds_nobody_that_holds_a_block_begins_again_from_a_snapshot() -> None:
    assert any(outcome.joins for outcome in outcomes())


def test_nodes_whose_validators_change_remove_old_blocks_too() -> None:
    """What a node proves of its head leads through changes whose blocks are gone (pruned.py)."""
    found = [run_seed(seed, size_of(seed), changes=True, pruning=True) for seed in range(3)]
    assert [outcome.reason for outcome in found] == [None] * len(found)
    assert any(outcome.changes for outcome in found)


def test_a_seed_twice_gives_the_same_trace() -> None:
    seed = next(outcome.seed for outcome in outcomes() if outcome.joins)
    assert run_seed(seed, 4, pruning=True) == outcomes()[seed]
    first, again = (run_seed(5, 4, pruning=True, disk=KINDS) for _ in range(2))
    assert first == again


def test_one_seed_in_so_many_has_nodes_that_remove_blocks_of_its_own() -> None:
    own = [seed for seed in range(70) if with_pruning(plan_of(seed, 4), None)[1] is not None]
    assert len(own) == 70 // PRUNING_ONE_IN
    plan = plan_of(own[0], 4)
    assert with_pruning(plan, False) == (plan, None)


def test_seeds_that_once_found_something_have_none() -> None:
    """So they still are what they stand for (test_changing, test_determinism)."""
    for seed in (327, 1696, 1821, 1895, 1934, 2712, 30129, 30265):
        assert with_pruning(changing_plan_of(seed, size_of(seed)), None)[1] is None


@pytest.mark.parametrize("changes", [False, True])
def test_one_node_keeps_every_block_and_nobody_keeps_fewer_than_consensus_needs(
    changes: bool,
) -> None:
    found: list[PruningPlan] = []
    for seed in range(200):
        before = changing_plan_of(seed, size_of(seed)) if changes else plan_of(seed, 4)
        plan, pruning = with_pruning(before, True)
        if pruning is None:
            continue
        found.append(pruning)
        assert pruning.archive not in pruning.keeps
        assert pruning.archive not in {*plan.byzantine, *plan.twins, plan.removal, *may_lose(plan)}
        assert pruning.archive not in {late.endpoint for late in pruning.late}
        assert pruning.archive < plan.n
        assert min(pruning.keeps.values(), default=RECENT_HEIGHTS) >= RECENT_HEIGHTS
        assert pruning.youth > max(pruning.keeps.values(), default=0)
        assert len(plan.work_us) == len(plan.skew_ms) == plan.endpoints
        assert plan.faults == before.faults
    assert len(found) > 150, "in some every validator leaves, lies or takes a new key"
    assert any(late.from_snapshot for pruning in found for late in pruning.late)
    assert any(late.falls_at for pruning in found for late in pruning.late) == (not changes)
