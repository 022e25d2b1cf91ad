"""Which nodes of a seed remove old blocks, and who comes too late to find them everywhere.

One seed in PRUNING_ONE_IN, unless the command says otherwise; from random streams of its own, so
that everything else of a seed is drawn as without. Consensus needs the newest 32 blocks, so such a
chain has a youth: it grows without faults until its first blocks are removed somewhere. Meanwhile
some nodes are down or do not exist; the faults of the seed begin afterwards.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from consensus.chain import RECENT_HEIGHTS
from tests.simulation.disk_plan import may_lose
from tests.simulation.governed import organisation
from tests.simulation.network import Conditions
from tests.simulation.plan import Plan, draw_work, stream

PRUNING_ONE_IN: Final = 7
PRUNING_SEEDS: Final = 6
"""Seeds that leave this rest have nodes that remove old blocks."""
KEPT: Final = (RECENT_HEIGHTS, RECENT_HEIGHTS + 2, RECENT_HEIGHTS + 8)
"""Newest blocks that a node keeps: fewer than a configuration may ask for, and not fewer than
consensus needs."""
REMOVED: Final = (2, 24)
"""Heights of the youth beyond what is kept, least and most."""
FALLS_AT: Final = 8
"""Height up to which a node that falls behind is there."""
YOUTH: Final = Conditions(least_us=100, most_us=2_000)
YOUTH_LOAD_MS: Final = (20, 60)
YOUTH_MS: Final = 180_000
"""A youth is over sooner than that."""


@dataclass(frozen=True, slots=True)
class Late:
    """A node that is down from `falls_at` on (0: it never ran before) until `back_ms` after the
    youth. from_snapshot: it meets no archive until the network heals, and begins again from a
    snapshot when it is told that nobody holds what it needs."""

    endpoint: int
    falls_at: int
    back_ms: int
    from_snapshot: bool


@dataclass(frozen=True, slots=True)
class PruningPlan:
    """keeps: newest blocks that an endpoint keeps. archive: a validator that keeps all of them, and
    its folder. youth: height at which the faults of the seed begin."""

    keeps: dict[int, int]
    archive: int
    youth: int
    late: tuple[Late, ...]


def with_pruning(plan: Plan, wanted: bool | None) -> tuple[Plan, PruningPlan | None]:
    """The plan with one more observer, and who removes blocks in it; as it is and None for a seed
    in which nobody does. wanted: None: by the seed."""
    asked = plan.seed % PRUNING_ONE_IN == PRUNING_SEEDS if wanted is None else wanted
    able = _may_be_archive(plan)
    if not asked or not able:
        return plan, None
    rng = stream(plan.seed, plan.n, "pruning")
    plan = _with_observer(plan, rng)
    archive = rng.choice(able)
    newcomer = plan.endpoints - plan.joiners - 1
    late = [newcomer, *(index for index in may_lose(plan) if index != archive)]
    from_snapshot = rng.randrange(2) == 0
    keeps = {
        index: rng.choice(KEPT)
        for index in range(plan.endpoints)
        # Who shall find nobody that holds a block meets nobody who does.
        if index != archive and (from_snapshot or rng.randrange(4))
    }
    return plan, PruningPlan(
        keeps,
        archive,
        max([RECENT_HEIGHTS, *keeps.values()]) + rng.randint(*REMOVED),
        tuple(_late(plan, rng, index, index != newcomer, from_snapshot) for index in late),
    )


def _late(plan: Plan, rng: Random, endpoint: int, ran: bool, from_snapshot: bool) -> Late:
    falls_at = rng.randint(0, FALLS_AT) if ran else 0
    return Late(endpoint, falls_at, rng.randrange(plan.safety_ms), from_snapshot)


def _may_be_archive(plan: Plan) -> list[int]:
    """Validators that are there all the time, and never lose their folder."""
    leaves = {*plan.byzantine, *plan.twins, *may_lose(plan), plan.removal}
    leaves |= {index for index, _ in plan.gone}
    changed = {change.organisation for change in plan.changes}
    return [
        index
        for index in range(plan.n)
        if index not in leaves and organisation(index) not in changed
    ]


def _with_observer(plan: Plan, rng: Random) -> Plan:
    """One more, after those that there are."""
    at = plan.endpoints - plan.joiners
    work_us, skew_ms = list(plan.work_us), list(plan.skew_ms)
    work_us.insert(at, draw_work(rng))
    skew_ms.insert(at, 0)
    return replace(
        plan, observers=plan.observers + 1, work_us=tuple(work_us), skew_ms=tuple(skew_ms)
    )
