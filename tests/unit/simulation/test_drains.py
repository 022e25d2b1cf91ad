"""In a share of the seeds operators drain validators that the set can spare."""

from ledger.registry import max_faulty
from tests.simulation.drains import DRAINS_ONE_IN, with_drains
from tests.simulation.plan import plan_of
from tests.simulation.run import run_seed


def test_validators_are_drained_and_every_seed_passes() -> None:
    outcomes = [run_seed(seed, 7, drains=True) for seed in range(12)]
    assert [outcome.reason for outcome in outcomes] == [None] * len(outcomes)
    assert sum(outcome.drained for outcome in outcomes) > 3


def test_a_seed_twice_gives_the_same_trace() -> None:
    seed = next(seed for seed in range(40) if with_drains(plan_of(seed, 7), True)[1])
    first, again = (run_seed(seed, 7, drains=True) for _ in range(2))
    assert first == again
    assert first != run_seed(seed, 7, drains=False)


def test_one_seed_in_so_many_has_drains_of_its_own() -> None:
    own = [seed for seed in range(400) if with_drains(plan_of(seed, 7), None)[1]]
    assert {seed % DRAINS_ONE_IN for seed in own} == {5}


def test_no_more_are_drained_than_the_set_can_spare() -> None:
    some = False
    for seed in range(200):
        plan, drains = with_drains(plan_of(seed, 7), True)
        drained = {drain.endpoint for drain in drains}
        away = {*plan.byzantine, *plan.twins, *plan.forgetful}
        assert drained.isdisjoint(away)
        assert len(drained | away) <= max_faulty(7)
        some = some or bool(drained)
    assert some
