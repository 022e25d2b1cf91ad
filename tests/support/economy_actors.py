"""A town with people in it: appraisers of some mood, reporters of rates, and blocks as time passes.

What they send waits for the next block; each block is followed by the audit.
"""

from collections.abc import Callable, Sequence
from random import Random

from ledger.crypto import sha256
from ledger.primitives import Address
from ledger.state import State
from tests.support.economy_audit import Audit
from tests.support.economy_chain import (
    CHAMBER_HOLDERS,
    FIRST_MONTH,
    REGION,
    REPORTERS,
    Call,
    EconomyTown,
    World,
    call,
)
from tests.support.ledger_chain import CHAIN_ID
from tokenomics import roles
from tokenomics.facts import months
from tokenomics.facts.rates import (
    NATION,
    REPORT_RATE,
    months_in_order,
    official_rate,
    reports_of_month,
)
from tokenomics.oracle.appraisals import Appraisal, running
from tokenomics.oracle.challenges import CHALLENGE, GROUNDS, challenge_of
from tokenomics.oracle.phases import COMMITTING, Phase
from tokenomics.oracle.registry import registered
from tokenomics.oracle.reports import (
    COMMIT,
    REVEAL,
    Statement,
    commitment_of,
    has_committed,
    has_revealed,
)
from tokenomics.oracle.rounds import Round, schedule

HASH = sha256(b"document")
MAX_WAITING = 80
"""Messages that wait for the next block."""
MAX_BLOCKS_A_QUARTER = 16
LOWEST_LEVEL, HIGHEST_LEVEL = 300, 6_000
"""Of what a zone is really worth, in permille of its base."""
MOODS = ("honest", "honest", "deviating", "withholding", "colluding", "scattered", "silent")
REPORTING = ("agree", "agree", "agree", "late", "disagree")

_WITHHELD = {
    Phase.REVEAL: (1, 3, 4),
    Phase.REAPPRAISE_REVEAL: (1,),
    Phase.DISPUTE_REVEAL: (0, 1),
}
"""Seats that keep what they committed to, in the mood to withhold."""


def salt_of(zone: str, number: int, sender: Address) -> bytes:
    return sha256(f"{zone}/{number}/{sender.hex()}".encode())


class Actors:
    """levels: what each zone is worth, in permille of its base. said: what was committed to. sent:
    messages and blocks so far."""

    def __init__(self, world: World) -> None:
        self.town, self.audit = EconomyTown(world), Audit(world)
        self.waiting: list[Call] = []
        self.levels = [1_000 for _ in world.zones]
        self.said: dict[tuple[str, int, Address], tuple[int, int]] = {}
        self.tried: dict[tuple[str, int, Address], int] = {}
        self.sent = 0

    def add(self, *calls: Call) -> None:
        self.waiting += calls[: MAX_WAITING - len(self.waiting)]

    def block(self, time_ms: int) -> None:
        calls, self.waiting = self.waiting, []
        executed = self.town.execute(max(time_ms, self.town.time_ms + 1), calls)
        self.town.adopt(executed)
        self.audit.check(executed)
        self.sent += len(calls) + 1

    def next_block(self) -> None:
        """At once when there is something to say, else when something falls due."""
        due_ms = self.town.due_ms
        if self.waiting or due_ms is None:
            self.block(self.town.time_ms + (1 if self.waiting else 150))
        else:
            self.block(due_ms)

    @property
    def oldest(self) -> int:
        return schedule(self.town.state).closed + 1

    def play_quarter(
        self,
        rng: Random,
        growths: Sequence[int],
        moods: Sequence[str] = ("honest", "honest"),
        reporting: str = "agree",
        *,
        challenges: bool = False,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """Until the oldest open round has closed, or so many blocks that it will not. Growths in
        permille; `between` comes before each block."""
        self.levels = [
            self._bounded(zone, level * (1_000 + growth) // 1_000)
            for zone, (level, growth) in enumerate(zip(self.levels, growths, strict=True))
        ]
        target = self.oldest
        for _ in range(MAX_BLOCKS_A_QUARTER):
            between()
            state = self.town.state
            self._appraise(state, moods, challenges, rng)
            if reporting != "late":
                self._report_rates(state, reporting, growths[0], rng)
            self.next_block()
            if self.oldest > target:
                break

    def _bounded(self, zone: int, level: int) -> int:
        """Near enough to the accepted price to be no unit error."""
        accepted = self.audit.accepted(zone) * 1_000 // self.town.world.zones[zone][1]
        return max(LOWEST_LEVEL, min(HIGHEST_LEVEL, 4 * accepted, level))

    def _appraise(self, state: State, moods: Sequence[str], challenges: bool, rng: Random) -> None:
        """What the seats of running appraisals say now, wrongly at times, and who challenges."""
        for row, zone, appraisal in running(state):
            name, mood = f"z{zone}", moods[zone]
            if appraisal.phase is Phase.CHALLENGE:
                if (
                    challenges
                    and rng.randrange(2)
                    and challenge_of(state, row.number, zone) is None
                ):
                    chamber = rng.choice(roles.CHAMBERS)
                    holder = CHAMBER_HOLDERS[chamber]
                    self.add(call(holder, CHALLENGE, name, row.number, roles.CHAMBER_PUBLIC,
                                  rng.choice(GROUNDS), HASH))  # fmt: skip
                continue
            self._intrude(state, row, zone, appraisal, rng)
            for seat, member in enumerate(appraisal.seats):
                if appraisal.phase in COMMITTING:
                    if not has_committed(state, row.number, zone, member):
                        self.commit(row, zone, member, _price(mood, seat, appraisal, rng), rng)
                elif mood != "withholding" or seat not in _WITHHELD[appraisal.phase]:
                    if rng.randrange(12) == 0 and (name, row.number, member) in self.said:
                        self.add(self.reveal_call(name, row.number, member, more=1))
                    self._reveal(state, row.number, zone, member)

    def _intrude(
        self, state: State, row: Round, zone: int, appraisal: Appraisal, rng: Random
    ) -> None:
        """Somebody from the registry without a seat does as if."""
        outside = [member for member in registered(state) if member not in appraisal.everybody]
        if outside and rng.randrange(4) == 0:
            member = outside[0]
            if appraisal.phase in COMMITTING:
                self.commit(row, zone, member, 1_000, rng)
            else:
                self._reveal(state, row.number, zone, member)

    def commit(
        self, row: Round, zone: int, who: Address, permille: int | None, rng: Random
    ) -> None:
        if permille is None:
            return
        base = self.town.world.zones[zone][1]
        price = max(1, base * self.levels[zone] * permille // 10**6)
        date_ms = rng.randint(row.opened_ms, row.end_ms)
        self.said[f"z{zone}", row.number, who] = (price, date_ms)
        said = commitment_of(CHAIN_ID, f"z{zone}", row.number, who, _statement(price, date_ms),
                             salt_of(f"z{zone}", row.number, who))  # fmt: skip
        self.add(call(who, COMMIT, f"z{zone}", row.number, said))

    def _reveal(self, state: State, number: int, zone: int, who: Address) -> None:
        """Open what was committed to; what was refused is tried once more."""
        at = (f"z{zone}", number, who)
        tries = self.tried.get(at, 0)
        if at in self.said and tries < 2 and not has_revealed(state, number, zone, who):
            self.tried[at] = tries + 1
            self.add(self.reveal_call(*at))

    def reveal_call(self, zone: str, number: int, who: Address, more: int = 0) -> Call:
        price, date_ms = self.said[zone, number, who]
        said = _statement(price + more, date_ms)
        return call(who, REVEAL, zone, number, said.price_krw_per_m2, said.valuation_date_ms,
                    said.method, said.comparables, said.document_hash,
                    salt_of(zone, number, who))  # fmt: skip

    def _report_rates(self, state: State, reporting: str, growth: int, rng: Random) -> None:
        """What is missing up to the oldest open round that has ended; of a month on which two
        disagree the third decides."""
        last = 3 * min(self.oldest, schedule(state).newest)
        for region, high in ((NATION, 400), (REGION, 20 * abs(growth) + 200)):
            for number in range(months_in_order(state, region) + 1, last + 1):
                if official_rate(state, region, number) is not None:
                    continue
                month = months.month_at(FIRST_MONTH, number)
                said = reports_of_month(state, region, number)
                left = [who for who in REPORTERS if who not in {one for one, _ in said}]
                if said and left and reporting == "agree":
                    step = said[0][1].index_step
                    self.add(call(left[0], REPORT_RATE, region, month, step, HASH))
                    continue
                step = 100_000 + rng.randint(-high, high)
                for at, who in enumerate(left[: 2 if not said else 0]):
                    other = step + at * (reporting == "disagree")
                    self.add(call(who, REPORT_RATE, region, month, other, HASH))


def _statement(price: int, date_ms: int) -> Statement:
    return Statement(price, date_ms, "comparison", 8, HASH)


def _price(mood: str, seat: int, appraisal: Appraisal, rng: Random) -> int | None:
    """What a seat says, in permille of the zone's level; None for nothing."""
    noise = 1_000 + rng.randint(-20, 20)
    first = appraisal.phase is Phase.COMMIT
    match mood:
        case "deviating" if first and seat == 0:
            return rng.choice([20, 700, 1_300, 9_000, 90_000])
        case "colluding" if first and seat < 3:
            return 1_250 + rng.randint(0, 30)
        case "scattered":
            return 800 + 130 * seat + rng.randint(0, 100)
        case "silent":
            return None
    return noise
