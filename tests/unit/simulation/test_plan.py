"""Plans stay within what the rules tolerate, and together bring every fault."""

from functools import cache

import pytest

from ledger.registry import max_faulty
from tests.simulation.byzantine import HABITS
from tests.simulation.plan import Plan, plan_of

FAULTS = {"cut", "deaf", "mute", "pause", "crash", "clock", "weather"}


@cache
def plans(n: int) -> list[Plan]:
    return [plan_of(seed, n) for seed in range(400)]


@pytest.mark.parametrize("n", [1, 4, 5, 6, 7, 10, 16])
def test_no_plan_has_more_faulty_validators_than_the_set_tolerates(n: int) -> None:
    for plan in plans(n):
        faulty = {*plan.byzantine, *plan.twins, *plan.forgetful}
        assert len(faulty) <= max_faulty(n)
        if plan.removal is not None:
            assert len(faulty - {plan.removal}) <= max_faulty(n - 1)


def test_every_kind_of_fault_and_habit_is_planned() -> None:
    assert {fault.kind for plan in plans(4) for fault in plan.faults} == FAULTS
    assert {
        habit for plan in plans(4) for habits in plan.byzantine.values() for habit in habits
    } == (set(HABITS))
    for chosen in ("twins", "forgetful", "removal", "observers", "byzantine_stays"):
        assert any(getattr(plan, chosen) for plan in plans(4)), chosen
    assert any(plan.kind.economy for plan in plans(4))


def test_one_seed_in_ten_signs_with_ed25519() -> None:
    assert sum(plan.kind.real_signatures for plan in plans(4)) == len(plans(4)) // 10


def test_the_healed_network_is_one_that_rule_3_promises_for() -> None:
    for plan in plans(4):
        assert plan.healed.most_us <= 500_000
        assert not plan.healed.lost_ppm
