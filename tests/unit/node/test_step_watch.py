"""Durations of steps and views, seen from outside the replica."""

from types import SimpleNamespace
from typing import cast

from consensus.replica import Replica
from consensus.transitions import Step
from node.watch.step_watch import StepWatch


class Rig:
    """A watch over a replica and a clock that the test moves."""

    def __init__(self) -> None:
        self.height = SimpleNamespace(height=1, view=0, step=Step.IDLE)
        self.now_s = 0.0
        self.steps: list[tuple[Step, float]] = []
        self.views: list[float] = []
        replica = SimpleNamespace(core=SimpleNamespace(height=self.height))
        self.watch = StepWatch(
            cast(Replica, replica),
            lambda: self.now_s,
            lambda step, seconds: self.steps.append((step, seconds)),
            self.views.append,
        )

    def at(self, now_s: float, step: Step, *, view: int = 0, height: int = 1) -> None:
        self.now_s = now_s
        self.height.step, self.height.view, self.height.height = step, view, height
        self.watch.look()


def test_a_height_of_one_view() -> None:
    rig = Rig()
    rig.at(10, Step.PREPARING)
    rig.at(11, Step.PREPARING)
    rig.at(13, Step.COMMITTING)
    rig.at(14, Step.APPLYING)
    rig.at(15, Step.IDLE, height=2)
    assert rig.steps == [
        (Step.IDLE, 10),
        (Step.PREPARING, 3),
        (Step.COMMITTING, 1),
        (Step.APPLYING, 1),
    ]
    assert rig.views == [4]


def test_each_view_of_a_height_counts_for_itself() -> None:
    rig = Rig()
    rig.at(1, Step.AWAITING)
    rig.at(3, Step.CHANGING_VIEW, view=1)
    rig.at(4, Step.AWAITING, view=1)
    rig.at(8, Step.APPLYING, view=1)
    assert rig.views == [2, 5]


def test_being_behind_is_no_view() -> None:
    rig = Rig()
    rig.at(1, Step.AWAITING)
    rig.at(2, Step.BEHIND)
    rig.at(30, Step.APPLYING)
    assert rig.views == [1]
    assert (Step.BEHIND, 28) in rig.steps


def test_a_height_that_begins_with_work_starts_its_view_at_once() -> None:
    rig = Rig()
    rig.at(1, Step.PREPARING)
    rig.at(2, Step.AWAITING, height=2)
    rig.at(5, Step.APPLYING, height=2)
    assert rig.views == [1, 3]
