"""Everything that one seed decides before it starts: a function of (seed, n) alone."""

from dataclasses import dataclass
from random import Random
from typing import Final

from ledger.registry import max_faulty
from tests.simulation.byzantine import HABITS
from tests.simulation.chains import ChainKind
from tests.simulation.governed import JOINERS
from tests.simulation.network import Conditions

REAL_SIGNATURES_ONE_IN: Final = 10
ECONOMY_ONE_IN: Final = 8
OBSERVER_ONE_IN: Final = 6
REMOVAL_ONE_IN: Final = 4
HEARTBEATS_MS: Final = (30_000, 30_000, 3_000)
PROMISED_DELAY_US: Final = 500_000
"""One-way delay up to which rule 3 promises."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks at `at_ms` and is mended `for_ms` later.

    kind: cut (both ways between `nodes` and the rest), deaf (nothing reaches them), mute (nothing
    leaves them), pause, crash, clock (a jump by `amount` ms), weather (the network turns bad).
    amount: for crash the operations after which the process dies.
    """

    kind: str
    at_ms: int
    for_ms: int
    nodes: tuple[int, ...] = ()
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What organisations bring about: join, remove, rotate or lift (a suspension), by a vote.

    at_ms: when they begin. proves: whether a new key shows by probes that it follows the chain.
    runs: whether a joiner's node ever runs. same_node_key: of a rotation. restart_ms: how long a
    node of which the key changed is down. registers: a joiner becomes a member of a chamber with
    the same proposal. by_itself: an organisation rotates its own key, without a vote. held: the
    node has the new keys of a rotation beside the old ones from the start, and needs no restart.
    """

    kind: str
    organisation: str
    at_ms: int
    proves: bool = True
    runs: bool = True
    same_node_key: bool = False
    restart_ms: int = 0
    registers: bool = False
    by_itself: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions of a seed. Nodes are endpoints: validators by index, then twins, observer and
    joiners.

    byzantine: habits by index. twins: indices whose key runs twice. forgetful: who loses its vote
    record at its first crash. removal: who is taken out of the validator set. blackouts: (height,
    ms): when the first node finalises this height, all frames under way are lost and it is alone
    for so long. healed: the network of the liveness phase. byzantine_stays: whether they go on.
    changes: what organisations want of the set, on a governed chain. gone: (validator, at ms) of
    those that end for good.
    """

    seed: int
    n: int
    kind: ChainKind
    observers: int
    weather: Conditions
    storm: Conditions
    healed: Conditions
    work_us: tuple[tuple[int, int], ...]
    skew_ms: tuple[int, ...]
    byzantine: dict[int, tuple[str, ...]]
    twins: tuple[int, ...]
    forgetful: tuple[int, ...]
    byzantine_stays: bool
    removal: int | None
    faults: tuple[Fault, ...]
    blackouts: tuple[tuple[int, int], ...]
    safety_ms: int
    load_ms: tuple[int, int]
    changes: tuple[Change, ...] = ()
    gone: tuple[tuple[int, int], ...] = ()

    @property
    def joiners(self) -> int:
        """Nodes that may become validators."""
        return JOINERS if self.kind.governed else 0

    @property
    def endpoints(self) -> int:
        """Validators, twins, observers and joiners."""
        return self.n + len(self.twins) + self.observers + self.joiners


def stream(seed: int, n: int, purpose: str) -> Random:
    """A random stream of its own, so that one purpose does not shift the draws of another."""
    return Random(f"{seed}/{n}/{purpose}")


def plan_of(seed: int, n: int) -> Plan:
    """What seed and number of validators decide."""
    rng = stream(seed, n, "plan")
    kind = ChainKind(
        validators=n,
        real_signatures=seed % REAL_SIGNATURES_ONE_IN == 0,
        economy=rng.randrange(ECONOMY_ONE_IN) == 0,
        heartbeat_ms=rng.choice(HEARTBEATS_MS),
    )
    faulty = max_faulty(n)
    bad = rng.sample(range(n), rng.choice((0, faulty, faulty, rng.randint(0, faulty))))
    twins = tuple(index for index in bad if rng.randrange(3) == 0)
    byzantine = {
        index: tuple(habit for habit in HABITS if rng.randrange(2)) or (rng.choice(HABITS),)
        for index in bad
        if index not in twins
    }
    honest = [index for index in range(n) if index not in bad]
    may_forget = faulty - len(bad)
    forgetful = tuple(rng.sample(honest, rng.randint(0, may_forget))) if rng.randrange(2) else ()
    removal = _removal(rng, n, (*bad, *forgetful))
    observers = int(rng.randrange(OBSERVER_ONE_IN) == 0)
    endpoints = n + len(twins) + observers
    safety_ms = rng.choice((2_000, 5_000, 10_000, 20_000, 40_000))
    return Plan(
        seed=seed,
        n=n,
        kind=kind,
        observers=observers,
        weather=_weather(rng),
        storm=_storm(rng),
        healed=_healed(rng),
        work_us=tuple(draw_work(rng) for _ in range(endpoints)),
        skew_ms=tuple(rng.choice((0, rng.randint(-1_000, 1_000))) for _ in range(endpoints)),
        byzantine=byzantine,
        twins=twins,
        forgetful=forgetful,
        byzantine_stays=rng.randrange(2) == 0,
        removal=removal,
        faults=draw_faults(rng, endpoints, safety_ms, forgetful),
        blackouts=_blackouts(rng),
        safety_ms=safety_ms,
        load_ms=rng.choice(((20, 200), (100, 600), (500, 3_000))),
    )


def _removal(rng: Random, n: int, faulty: tuple[int, ...]) -> int | None:
    """A validator whose removal leaves no more faulty ones than the smaller set tolerates."""
    if n == 1 or rng.randrange(REMOVAL_ONE_IN):
        return None
    index = rng.randrange(n)
    left = sum(other != index for other in faulty)
    return index if left <= max_faulty(n - 1) else None


def _weather(rng: Random) -> Conditions:
    most_us = rng.choice((1_000, 20_000, 100_000, 400_000))
    return Conditions(
        least_us=rng.choice((100, most_us // 2)),
        most_us=most_us,
        lost_ppm=rng.choice((0, 0, 10_000, 100_000)),
        doubled_ppm=rng.choice((0, 20_000)),
        slow_ppm=rng.choice((0, 20_000)),
        slow_us=2_000_000,
    )


def _storm(rng: Random) -> Conditions:
    return Conditions(
        least_us=100,
        most_us=rng.choice((500_000, 3_000_000)),
        lost_ppm=rng.choice((100_000, 300_000, 600_000)),
        doubled_ppm=100_000,
    )


def _healed(rng: Random) -> Conditions:
    most_us = rng.choice((1_000, 20_000, 100_000, PROMISED_DELAY_US))
    return Conditions(least_us=rng.choice((500, most_us // 2)), most_us=most_us)


def draw_work(rng: Random) -> tuple[int, int]:
    """Least and most us of building or checking a block."""
    return rng.choice(((0, 0), (100, 5_000), (100, 5_000), (20_000, 150_000)))


def draw_faults(
    rng: Random, endpoints: int, safety_ms: int, forgetful: tuple[int, ...]
) -> tuple[Fault, ...]:
    """What breaks in the safety phase; who is forgetful crashes at least once."""
    faults = [_fault(rng, endpoints, safety_ms) for _ in range(rng.choice((0, 2, 4, 8)))]
    faults += [
        Fault("crash", rng.randrange(safety_ms), rng.randint(0, 4_000), (index,), rng.randrange(30))
        for index in forgetful
    ]
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def _blackouts(rng: Random) -> tuple[tuple[int, int], ...]:
    heights = rng.sample(range(1, 11), rng.choice((0, 0, 0, 1, 3)))
    return tuple((height, rng.randint(500, 8_000)) for height in sorted(heights))


def _fault(rng: Random, endpoints: int, safety_ms: int) -> Fault:
    kind = rng.choice(
        ("cut", "cut", "deaf", "mute", "pause", "crash", "crash", "crash", "clock", "weather")
    )
    many = rng.randrange(4) == 0
    nodes = rng.sample(range(endpoints), rng.randint(1, endpoints) if many or kind == "cut" else 1)
    amount = rng.randrange(30) if kind == "crash" else rng.randint(-8_000, 8_000)
    duration = rng.choice((rng.randint(0, 500), rng.randint(500, 4_000), rng.randint(0, 15_000)))
    return Fault(kind, rng.randrange(safety_ms), duration, tuple(sorted(nodes)), amount)
