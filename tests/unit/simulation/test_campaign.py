"""A campaign reports each failing seed with the command that shows it again."""

from io import StringIO

from tests.simulation.campaign import (
    CHANGING,
    REQUIRED,
    Task,
    changing_tasks,
    required_tasks,
    run_campaign,
)
from tests.simulation.mutations import MUTATIONS


def test_seeds_that_pass_are_counted() -> None:
    summary = run_campaign([Task(4, 1), Task(4, 2)], 1, StringIO())
    assert (summary.passed, summary.failed) == (2, 0)
    assert summary.heights > 0


def test_a_failing_seed_is_printed_with_its_replay_command() -> None:
    out = StringIO()
    with MUTATIONS[0].applied():
        summary = run_campaign([Task(6, 0)], 1, out)
    assert summary.failed == 1
    assert "python -m tests.simulation --replay 0 --n 6 --trace" in out.getvalue()


def test_workers_give_the_same_totals_as_one_process() -> None:
    tasks = [Task(4, seed, changes=seed % 2 == 0) for seed in range(6)]
    one, two = (run_campaign(tasks, processes, StringIO()) for processes in (1, 2))
    assert (one.heights, one.deliveries, one.passed) == (two.heights, two.deliveries, two.passed)


def test_the_required_seeds_are_all_there() -> None:
    tasks = required_tasks(0)
    fixed = [task for task in tasks if not task.changes]
    assert len(set(tasks)) == len(tasks) == len(fixed) + CHANGING
    assert len(fixed) == sum(seeds for _, seeds in REQUIRED)
    assert fixed[0].n == 16


def test_a_seed_of_a_changing_set_is_replayed_as_one() -> None:
    out = StringIO()
    (mutation,) = [each for each in MUTATIONS if each.name.startswith("light clients")]
    with mutation.applied():
        run_campaign(changing_tasks(0, 1), 1, out)
    assert "python -m tests.simulation --replay 0 --n 4 --changes --trace" in out.getvalue()


def test_changing_seeds_begin_with_four_to_seven_validators_unless_told_otherwise() -> None:
    assert [task.n for task in changing_tasks(3, 5)] == [7, 4, 5, 6, 7]
    assert {task.n for task in changing_tasks(3, 5, n=9)} == {9}
