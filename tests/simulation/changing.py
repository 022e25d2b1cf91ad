"""Plans in which the validator set changes: who joins, leaves, and takes a new key, and when.

Two kinds. In most, faults are of every kind and no order or choice among the changes leaves more
faulty validators than the set tolerates. In hollow ones nobody lies, f validators are gone from the
start and some who want to join never run: rule 10 alone keeps the chain from a set without a live
quorum.
"""

from dataclasses import replace
from itertools import product
from random import Random
from typing import Final

from ledger.registry import max_faulty
from tests.simulation.chains import ChainKind
from tests.simulation.governed import JOINERS, joiner, organisation
from tests.simulation.plan import (
    REAL_SIGNATURES_ONE_IN,
    Change,
    Plan,
    draw_faults,
    draw_work,
    plan_of,
    stream,
)

SIZES: Final = (4, 5, 6, 7)
HOLLOW_ONE_IN: Final = 5
LEAST_SET: Final = 3
SLOW_US: Final = 300_000
SLOW_DAY_MS: Final = 1_000
DAYS_MS: Final = (200, 300, 400)
SAFETY_MS: Final = (15_000, 25_000, 40_000)
LOADS_MS: Final = ((300, 1_500), (1_000, 4_000))


def size_of(seed: int) -> int:
    """How many validators a seed begins with, unless told otherwise."""
    return SIZES[seed % len(SIZES)]


def changing_plan_of(seed: int, n: int) -> Plan:
    """What seed and number of validators decide about a chain whose set changes."""
    rng = stream(seed, n, "changes")
    base = plan_of(seed, n)
    kind = ChainKind(
        validators=n,
        real_signatures=seed // len(SIZES) % REAL_SIGNATURES_ONE_IN == 0,
        economy=False,
        heartbeat_ms=base.kind.heartbeat_ms,
        day_ms=rng.choice(DAYS_MS),
    )
    if base.healed.most_us >= SLOW_US:
        # A vote has to last for some blocks, or nobody's voice is heard in time.
        kind = replace(kind, day_ms=SLOW_DAY_MS)
    safety_ms = rng.choice(SAFETY_MS)
    plan = replace(base, kind=kind, removal=None, safety_ms=safety_ms, load_ms=rng.choice(LOADS_MS))
    plan = _hollow(plan, rng) if rng.randrange(HOLLOW_ONE_IN) == 0 else _tolerated(plan, rng)
    plan = replace(plan, changes=_held(plan, stream(seed, n, "keys held")))
    more = plan.endpoints
    return replace(
        plan,
        work_us=tuple(draw_work(rng) for _ in range(more)),
        skew_ms=tuple(rng.choice((0, rng.randint(-1_000, 1_000))) for _ in range(more)),
        faults=draw_faults(rng, more, safety_ms, plan.forgetful),
    )


def _hollow(plan: Plan, rng: Random) -> Plan:
    gone = tuple((index, 0) for index in rng.sample(range(plan.n), max_faulty(plan.n)))
    honest = replace(plan, byzantine={}, twins=(), forgetful=(), gone=gone)
    joins = [
        replace(_join(plan, rng, number), runs=False, proves=False)
        if rng.randrange(3)
        else _join(plan, rng, number)
        for number in range(JOINERS)
    ]
    others = [_change_of_seat(honest, rng, index) for index in rng.sample(range(plan.n), 2)]
    return replace(honest, changes=_some(rng, [*joins, *others]))


def _tolerated(plan: Plan, rng: Random) -> Plan:
    faulty = {*plan.byzantine, *plan.twins, *plan.forgetful}
    gone: tuple[tuple[int, int], ...] = ()
    if len(faulty) < max_faulty(plan.n) and rng.randrange(2):
        index = rng.choice([index for index in range(plan.n) if index not in faulty])
        gone = ((index, rng.randrange(plan.safety_ms)),)
    plan = replace(plan, gone=gone)
    wanted = [_join(plan, rng, number) for number in range(JOINERS)]
    seats = rng.sample(range(plan.n), 3)
    wanted += [_change_of_seat(plan, rng, index) for index in seats]
    liars = [*plan.byzantine, *plan.twins]
    if liars and rng.randrange(2):
        name = organisation(rng.choice(liars))
        wanted.append(Change("lift", name, rng.randrange(plan.safety_ms)))
    changes = list(_some(rng, wanted))
    while not is_tolerated(replace(plan, changes=tuple(changes))):
        changes.remove(next(change for change in changes if change.kind == "remove"))
    return replace(plan, changes=tuple(changes))


def _some(rng: Random, wanted: list[Change]) -> tuple[Change, ...]:
    """Two or more of them, in the order in which they begin."""
    chosen = rng.sample(wanted, rng.randint(2, len(wanted)))
    return tuple(sorted(chosen, key=lambda change: change.at_ms))


def _held(plan: Plan, rng: Random) -> tuple[Change, ...]:
    """The changes, some of whose rotations find the new keys loaded."""
    held = [rng.randrange(2) == 0 for _ in plan.changes]
    return tuple(
        replace(change, held=change.kind == "rotate" and chosen)
        for change, chosen in zip(plan.changes, held, strict=True)
    )


def _begin(plan: Plan, rng: Random) -> int:
    return rng.randrange(plan.safety_ms // 3)


def _join(plan: Plan, rng: Random, number: int) -> Change:
    return Change(
        "join",
        joiner(number),
        _begin(plan, rng),
        proves=rng.randrange(4) > 0,
        registers=rng.randrange(2) == 0,
    )


def _change_of_seat(plan: Plan, rng: Random, index: int) -> Change:
    """A removal, or a rotation where the node is honest and there to take the new key."""
    bad = {*plan.byzantine, *plan.twins, *(index for index, _ in plan.gone)}
    if index in bad or rng.randrange(3) == 0:
        return Change("remove", organisation(index), _begin(plan, rng))
    return Change(
        "rotate",
        organisation(index),
        _begin(plan, rng),
        proves=rng.randrange(3) > 0,
        same_node_key=rng.randrange(3) == 0,
        restart_ms=rng.choice((0, 200, rng.randint(0, 3_000))),
        by_itself=rng.randrange(2) == 0,
    )


def faulty_of(plan: Plan) -> set[str]:
    """Organisations whose validators lie, forget, are gone or never run."""
    indices = {*plan.byzantine, *plan.twins, *plan.forgetful, *(index for index, _ in plan.gone)}
    never = {each.organisation for each in plan.changes if not each.runs}
    return {organisation(index) for index in indices} | never


def is_tolerated(plan: Plan) -> bool:
    """Whether every set that some of the changes make tolerates the faulty ones that it has."""
    faulty = faulty_of(plan)
    moves = [change for change in plan.changes if change.kind in ("join", "remove")]
    for made in product((False, True), repeat=len(moves)):
        members = {organisation(index) for index in range(plan.n)}
        for change, happens in zip(moves, made, strict=True):
            if happens:
                members ^= {change.organisation}
        if len(members) < LEAST_SET or len(members & faulty) > max_faulty(len(members)):
            return False
    return True
