"""A campaign reports each failing seed with the command that shows it again."""

from io import StringIO

from tests.simulation.campaign import REQUIRED, required_tasks, run_campaign
from tests.simulation.mutations import MUTATIONS


def test_seeds_that_pass_are_counted() -> None:
    summary = run_campaign([(4, 1), (4, 2)], 1, StringIO())
    assert (summary.passed, summary.failed) == (2, 0)
    assert summary.heights > 0


def test_a_failing_seed_is_printed_with_its_replay_command() -> None:
    out = StringIO()
    with MUTATIONS[0].applied():
        summary = run_campaign([(6, 0)], 1, out)
    assert summary.failed == 1
    assert "python -m tests.simulation --replay 0 --n 6 --trace" in out.getvalue()


def test_workers_give_the_same_totals_as_one_process() -> None:
    tasks = [(4, seed) for seed in range(6)]
    one, two = (run_campaign(tasks, processes, StringIO()) for processes in (1, 2))
    assert (one.heights, one.deliveries, one.passed) == (two.heights, two.deliveries, two.passed)


def test_the_required_seeds_are_all_there() -> None:
    tasks = required_tasks(0)
    assert len(tasks) == len(set(tasks)) == sum(seeds for _, seeds in REQUIRED)
    assert tasks[0][0] == 16
