"""What goes wrong with disks in a seed, from random streams of its own.

One seed in DISK_ONE_IN has such faults, unless the command names kinds; everything else of a seed
is as it would be without them.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from ledger.registry import max_faulty
from tests.simulation.plan import Plan, stream

DISK_ONE_IN: Final = 5
DISK_SEEDS: Final = 3
"""Seeds that leave this rest have faults of disks."""

RATES: Final = {
    "slow": 2,
    "failing": 2,
    "torn": 3,
    "reordered": 3,
    "misread": 2,
    "full": 3,
}
"""Of the seeds with faults of disks, one in so many has this kind."""
KINDS: Final = tuple(RATES)
SLOW_US: Final = ((500, 50_000), (50_000, 500_000), (200_000, 3_000_000))
"""Least and most that a sync takes."""
MOST_FAULTS: Final = 3
"""Of one kind in a seed."""


@dataclass(frozen=True, slots=True)
class DiskFault:
    """Something that goes wrong with disks from `at_ms` on.

    kind: slow, failing, torn, reordered, misread or full. for_ms: so long a disk is slow, refuses
    or is full, or a node is without power. nodes: whose disks. amount: operations that pass before
    it strikes. once: one write fails, not all. power_ms: so long after a failing disk's fault power
    fails too, None for never; at once when a record is misread, since it is read only at a start.
    of_votes: the vote record is misread (where the node may lose nothing, one page of what is
    written twice), or blocks of its files are found by a file system that writes elsewhere each
    time (full); else the database. elsewhere: misdirected, not flipped. lasting: what was misread
    stays so, until it is written again or an operator takes it away.
    """

    kind: str
    at_ms: int
    for_ms: int
    nodes: tuple[int, ...]
    amount: int = 0
    sync_us: tuple[int, int] = (0, 0)
    once: bool = False
    power_ms: int | None = None
    of_votes: bool = False
    elsewhere: bool = False
    lasting: bool = False


def disk_faults_of(
    plan: Plan, named: tuple[str, ...] | None = None, *, safety_ms: int | None = None
) -> tuple[DiskFault, ...]:
    """What seed and number of validators decide. named: kinds that the seed has for certain, and
    no others; None: by its share and RATES."""
    if named is None and plan.seed % DISK_ONE_IN != DISK_SEEDS:
        return ()
    choose = stream(plan.seed, plan.n, "disk kinds")
    drawn = [kind for kind in KINDS if choose.randrange(RATES[kind]) == 0]
    kinds = named if named is not None else tuple(drawn or [choose.choice(KINDS)])
    faults: list[DiskFault] = []
    for kind in kinds:
        rng = stream(plan.seed, plan.n, f"disk {kind}")
        for _ in range(rng.randint(1, MOST_FAULTS)):
            fault = _fault(plan, rng, kind, safety_ms or plan.safety_ms)
            if fault is not None:
                faults.append(fault)
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def honest_of(plan: Plan) -> list[int]:
    """Endpoints that keep all rules: the faults of their disks are examined."""
    liars = {*plan.byzantine, *range(plan.n, plan.n + len(plan.twins)), *plan.twins}
    return [index for index in range(plan.endpoints) if index not in liars]


def may_lose(plan: Plan) -> list[int]:
    """Endpoints that may lose their database or vote record: with them no more validators are
    faulty than the set tolerates. Always the same ones of a seed."""
    if plan.kind.governed:
        return []
    faulty = {*plan.byzantine, *plan.twins, *plan.forgetful}
    spare = max_faulty(plan.n) - len(faulty)
    if plan.removal is not None:
        left = faulty - {plan.removal}
        spare = min(spare, max_faulty(plan.n - 1) - len(left))
    healthy = [index for index in range(plan.n) if index not in faulty and index != plan.removal]
    chosen = stream(plan.seed, plan.n, "disk losses").sample(healthy, max(0, spare))
    return sorted(chosen)


def _fault(plan: Plan, rng: Random, kind: str, safety_ms: int) -> DiskFault | None:
    honest = honest_of(plan)
    many = rng.randrange(4) == 0
    nodes = tuple(sorted(rng.sample(honest, rng.randint(1, len(honest)) if many else 1)))
    at_ms = rng.randrange(safety_ms)
    for_ms = rng.choice((rng.randint(0, 500), rng.randint(500, 4_000), rng.randint(0, 15_000)))
    amount = rng.randrange(12)
    if kind == "slow":
        return DiskFault(kind, at_ms, for_ms, nodes, sync_us=rng.choice(SLOW_US))
    if kind == "failing":
        power_ms = rng.choice((None, rng.randint(1, 8_000)))
        once = rng.randrange(2) == 0
        return DiskFault(kind, at_ms, for_ms, nodes, amount, once=once, power_ms=power_ms)
    if kind == "full":
        return DiskFault(kind, at_ms, for_ms, nodes, amount, of_votes=rng.randrange(2) == 0)
    if kind == "misread":
        of_votes, elsewhere = rng.randrange(2) == 0, rng.randrange(2) == 0
        lasting = rng.randrange(2) == 0
        losers = may_lose(plan)
        if losers and (of_votes or lasting):
            nodes = (rng.choice(losers),)
        elif not of_votes:
            lasting = False
        reads = rng.choice((amount, rng.randrange(500)))
        return DiskFault(
            kind,
            at_ms,
            for_ms,
            nodes,
            reads,
            of_votes=of_votes,
            elsewhere=elsewhere,
            lasting=lasting,
        )
    return DiskFault(kind, at_ms, for_ms, nodes, amount)
