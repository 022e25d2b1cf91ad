"""Random lives of a whole town: a stateful hypothesis machine over economy_chain.

A rule adds messages to the block that comes next, or makes blocks: a quarter at a time with
appraisers, reporters and challengers of some mood, or at any gap. Messages out of place, out of
time and out of bounds are part of every life.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.economy_actors import MOODS, REPORTING, Actors
from tests.support.economy_chain import World
from tests.support.economy_deeds import DEEDS, SLIPS, claim, leave, register_sales, work

SEEDS = st.integers(0, 2**16)
MAX_ROUNDS = 18
"""Of one life: the invariants read the whole history in every block."""
SILENT_ROUNDS = 6
"""After so many a zone is stale."""


GAPS_MS = (600, 2_000, 20_000)
"""Blocks that come so late that the chain stood still."""
BELOW_PERMILLE = (700, 900, 950)
"""What land is sold for, of what it is appraised at."""
WORLDS: Mapping[str, Sequence[Any]] = {
    "every": (1, 1, 1, 1, 4),
    "net": (False, True),
    "window": (1, 2, 3),
    "price_per_token": (1_000, 7),
    "hard_cap": (10**27, 10**25),
    "allocation": (0, 123_456_789, 5 * 10**24),
    "appraisers": (18, 18, 18, 7),
    "limit": (5_000, 300),
    "cliff": (0, 1, 2, 3),
    "vesting": (3, 5),
    "reserve_rounds": (1, 2, 3),
    "idle": (0, 1, 2),
    "cap_multiple": (2, 3),
}
"""What a town may begin with."""


def worlds() -> st.SearchStrategy[World]:
    return st.builds(World, **{name: st.sampled_from(found) for name, found in WORLDS.items()})


young = precondition(lambda life: life.actors.oldest <= MAX_ROUNDS)


class EconomyLife(RuleBasedStateMachine):
    """steps: messages and blocks of all lives. did: what took effect or was refused, how often."""

    steps: ClassVar[int] = 0
    lives: ClassVar[int] = 0
    did: ClassVar[dict[str, int]] = {}
    replayed_lives: ClassVar[int] = 0
    replayed_blocks: ClassVar[int] = 0
    replay_every: ClassVar[int] = 0
    """Which lives are executed again from genesis at their end; 0 for none."""

    @classmethod
    def start(cls, replay_every: int) -> None:
        """Before a run of the machine."""
        cls.steps = cls.lives = cls.replayed_lives = cls.replayed_blocks = 0
        cls.did, cls.replay_every = {}, replay_every

    @initialize(world=worlds(), good=st.integers(2, 4), seed=SEEDS)
    def begin(self, world: World, good: int, seed: int) -> None:
        EconomyLife.lives += 1
        self.actors = Actors(world)
        self.good_quarters(20, good, seed)

    def teardown(self) -> None:
        if not hasattr(self, "actors"):
            return
        EconomyLife.steps += self.actors.sent
        for name, times in self.actors.audit.did.items():
            EconomyLife.did[name] = EconomyLife.did.get(name, 0) + times
        every = EconomyLife.replay_every
        if every and EconomyLife.lives % every == 0:
            self.actors.town.replay()
            EconomyLife.replayed_lives += 1
            EconomyLife.replayed_blocks += self.actors.town.chain.height

    @rule(gaps=st.lists(st.integers(1, 400), min_size=1, max_size=3))
    def some_blocks(self, gaps: list[int]) -> None:
        for gap_ms in gaps:
            self.actors.block(self.actors.town.time_ms + gap_ms)

    @rule(gap_ms=st.sampled_from(GAPS_MS))
    def stand_still(self, gap_ms: int) -> None:
        self.actors.block(self.actors.town.time_ms + gap_ms)

    @young
    @rule(
        growths=st.lists(st.integers(-60, 60), min_size=2, max_size=2),
        moods=st.lists(st.sampled_from(MOODS), min_size=2, max_size=2),
        reporting=st.sampled_from(REPORTING),
        challenges=st.booleans(),
        seed=SEEDS,
    )
    def quarter(
        self, growths: list[int], moods: list[str], reporting: str, challenges: bool, seed: int
    ) -> None:
        """Whatever happens, with deeds and slips between."""
        rng = Random(seed)
        self.actors.play_quarter(
            rng,
            growths,
            moods,
            reporting,
            challenges=challenges,
            between=lambda: self.do(rng, rng.choice([0, 0, 1]), rng.choice([0, 1, 2])),
        )

    @young
    @rule(growth=st.integers(5, 60), times=st.integers(1, 3), seed=SEEDS)
    def good_quarters(self, growth: int, times: int, seed: int) -> None:
        """Land rises, people work and claim, and somebody leaves."""
        rng = Random(seed)
        for _ in range(times):
            work(self.actors, rng)
            if rng.randrange(3) == 0:
                leave(self.actors, rng)
            self.actors.play_quarter(rng, (growth, growth))
            claim(self.actors, rng)

    @young
    @rule(growth=st.integers(-300, -100), back=st.booleans(), seed=SEEDS)
    def crash(self, growth: int, back: bool, seed: int) -> None:
        """Land falls, and is worth what it was a quarter later, or not."""
        rng = Random(seed)
        self.actors.play_quarter(rng, (growth, growth))
        if back:
            up = 10**6 // (1_000 + growth) - 1_000
            self.actors.play_quarter(rng, (up, up))

    @young
    @rule(permille=st.sampled_from(BELOW_PERMILLE), seed=SEEDS)
    def sell_below(self, permille: int, seed: int) -> None:
        """Land is sold for less than it is appraised at, and appraisals go on rising."""
        rng = Random(seed)
        register_sales(self.actors, rng, permille)
        for _ in range(2):
            self.actors.play_quarter(rng, (40, 40))

    @precondition(lambda self: self.actors.oldest + SILENT_ROUNDS <= MAX_ROUNDS)
    @rule(seed=SEEDS)
    def silence(self, seed: int) -> None:
        """Nobody appraises one zone, until it is stale."""
        rng = Random(seed)
        for _ in range(SILENT_ROUNDS):
            self.actors.play_quarter(rng, (10, 10), ("silent", "honest"))

    @rule(deeds=st.integers(2, 6), slips=st.integers(0, 8), seed=SEEDS)
    def deeds_and_slips(self, deeds: int, slips: int, seed: int) -> None:
        self.do(Random(seed), deeds, slips)

    def do(self, rng: Random, deeds: int, slips: int) -> None:
        """Messages that mostly take effect, and messages that are mostly refused."""
        for _ in range(deeds):
            rng.choice(DEEDS)(self.actors, rng)
        for _ in range(slips):
            slip = rng.choice(SLIPS)
            state = self.actors.town.state
            self.actors.add(*slip(self.actors, state, rng.randrange(64), rng.randrange(6)))

    @rule(place=st.integers(0, 200))
    def repeat_a_message(self, place: int) -> None:
        """Something that was said before is said again."""
        recent = self.actors.town.chain.executed[-4:]
        said = [each for row in recent for each in row.included if each.type != "no.type"]
        if said:
            each = said[place % len(said)]
            self.actors.add((each.sender, each.type, each.body))


def seeded_life(seed: int, rules: int) -> None:
    """A life that follows from its seed alone. Hypothesis gives no such thing: what it draws
    depends on its version, and on which modules are imported."""
    rng = Random(seed)

    def drawn() -> int:
        return rng.randrange(2**16)

    acts: Sequence[Callable[[EconomyLife], None]] = (
        lambda life: life.some_blocks([rng.randint(1, 400) for _ in range(2)]),
        lambda life: life.stand_still(rng.choice(GAPS_MS)),
        lambda life: life.deeds_and_slips(rng.randint(2, 6), rng.randint(0, 8), drawn()),
        lambda life: life.repeat_a_message(rng.randrange(200)),
    )
    acts_of_the_young: Sequence[Callable[[EconomyLife], None]] = (
        *(2 * (lambda life: life.quarter(
            [rng.randint(-60, 60) for _ in range(2)],
            [rng.choice(MOODS) for _ in range(2)],
            rng.choice(REPORTING),
            rng.random() < 0.5,
            drawn(),
        ),)),
        lambda life: life.good_quarters(rng.randint(5, 60), rng.randint(1, 3), drawn()),
        lambda life: life.crash(rng.randint(-300, -100), rng.random() < 0.5, drawn()),
        lambda life: life.sell_below(rng.choice(BELOW_PERMILLE), drawn()),
        lambda life: life.silence(drawn()),
    )  # fmt: skip
    life = EconomyLife()
    try:
        world = World(**{name: rng.choice(found) for name, found in WORLDS.items()})
        life.begin(world, rng.randint(2, 4), drawn())
        for _ in range(rules):
            is_young = life.actors.oldest + SILENT_ROUNDS <= MAX_ROUNDS
            rng.choice([*acts, *(acts_of_the_young if is_young else ())])(life)
    finally:
        life.teardown()


def life_settings(lives: int, rules: int, **more: Any) -> settings:
    """So many lives of so many rules; a failing one is shrunk, which may take five minutes."""
    return settings(
        max_examples=lives,
        stateful_step_count=rules,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **{"phases": (Phase.reuse, Phase.generate, Phase.shrink), **more},
    )
