"""Random lives of a whole town: a stateful hypothesis machine over economy_chain.

A rule adds messages to the block that comes next, or makes blocks: a quarter at a time with
appraisers, reporters and challengers of some mood, or at any gap. Messages out of place, out of
time and out of bounds are part of every life.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ledger import accounts
from ledger.crypto import sha256
from ledger.primitives import UNIT, Address
from ledger.state import State
from tests.support.economy_audit import Audit
from tests.support.economy_chain import (
    BRAKE_ROLE,
    CERTIFIERS,
    CHAMBER_HOLDERS,
    CLOCK_BRAKE,
    EVERYBODY,
    FIRST_MONTH,
    GOVERNANCE,
    HOLDER,
    MINT_BRAKE,
    PEOPLE,
    PERSONS,
    REGION,
    REGISTRAR,
    REPORTERS,
    SALES,
    SET_ISSUANCE,
    STRANGER,
    Call,
    EconomyTown,
    World,
    call,
)
from tests.support.land_town import appraiser
from tests.support.ledger_chain import CHAIN_ID
from tests.support.pool_reference import PERSON_POOLS
from tests.support.pool_town import nullifier, person
from tokenomics import months, roles
from tokenomics.appraisals import Appraisal, running
from tokenomics.certificates import CERTIFY, KINDS, REVOKE
from tokenomics.challenges import CHALLENGE, GROUNDS, challenge_of
from tokenomics.claims import CLAIM, DIVIDEND, RELEASE
from tokenomics.land_events import CERTIFY_EVENT, STAGES
from tokenomics.leaving import CAUSES, LEAVE
from tokenomics.lots import salt_commitment
from tokenomics.panels import COMMIT_SALT, NOMINATE, REVEAL_SALT, last_round_before, term_of
from tokenomics.persons import ENROL
from tokenomics.phases import COMMITTING, REVEALING, Phase
from tokenomics.pools import POOL_ACCOUNTS
from tokenomics.rates import NATION, REPORT_RATE, months_in_order, official_rate, reports_of_month
from tokenomics.registry import NOMINATORS, REGISTER, REMOVE
from tokenomics.reports import COMMIT, REVEAL, Statement, commitment_of, has_committed, has_revealed
from tokenomics.rounds import Round, opened_round, schedule
from tokenomics.sales import REGISTER_SALE, STRIKE_SALE

HASH = sha256(b"document")
MAX_WAITING = 80
"""Messages that wait for the next block."""
MAX_BLOCKS_A_QUARTER = 16
PARCELS = 14

MOODS = ("honest", "honest", "deviating", "withholding", "colluding", "scattered", "silent")
REPORTING = ("agree", "agree", "agree", "late", "disagree")


def small_worlds() -> st.SearchStrategy[World]:
    return st.builds(
        World,
        every=st.sampled_from([1, 1, 1, 4]),
        net=st.booleans(),
        window=st.integers(1, 3),
        price_per_token=st.sampled_from([1_000, 7]),
        hard_cap=st.sampled_from([10**27, 10**25]),
        allocation=st.sampled_from([0, 123_456_789, 5 * 10**24]),
        limit=st.sampled_from([5_000, 150]),
        cliff=st.integers(0, 3),
        vesting=st.sampled_from([3, 5]),
        reserve_rounds=st.integers(1, 3),
        idle=st.integers(0, 2),
        cap_multiple=st.sampled_from([2, 3]),
    )


def salt_of(zone: str, number: int, sender: Address) -> bytes:
    return sha256(f"{zone}/{number}/{sender.hex()}".encode())


class EconomyLife(RuleBasedStateMachine):
    """steps: messages and blocks of all lives. did: what took effect or was refused, how often."""

    steps: ClassVar[int] = 0
    lives: ClassVar[int] = 0
    did: ClassVar[dict[str, int]] = {}
    replayed_lives: ClassVar[int] = 0
    replayed_blocks: ClassVar[int] = 0
    replay_every: ClassVar[int] = 6
    """Which lives are executed again from genesis at their end; 0 for none."""

    @classmethod
    def start(cls, replay_every: int = 6) -> None:
        """Before a run of the machine."""
        cls.steps = cls.lives = cls.replayed_lives = cls.replayed_blocks = 0
        cls.did, cls.replay_every = {}, replay_every

    @initialize(world=small_worlds())
    def begin(self, world: World) -> None:
        EconomyLife.lives += 1
        self.town, self.audit = EconomyTown(world), Audit(world)
        self.waiting: list[Call] = []
        self.levels = [1_000 for _ in world.zones]
        self.said: dict[tuple[str, int, Address], tuple[int, int]] = {}
        self.past_calls: list[Call] = []
        self.paused = False

    def teardown(self) -> None:
        if not hasattr(self, "town"):
            return
        for name, times in self.audit.did.items():
            EconomyLife.did[name] = EconomyLife.did.get(name, 0) + times
        every = EconomyLife.replay_every
        if every and EconomyLife.lives % every == 0:
            self.town.replay()
            EconomyLife.replayed_lives += 1
            EconomyLife.replayed_blocks += self.town.chain.height

    # Blocks

    def add(self, *calls: Call) -> None:
        self.waiting += calls[: MAX_WAITING - len(self.waiting)]

    def block(self, time_ms: int) -> None:
        calls, self.waiting = self.waiting, []
        executed = self.town.execute(max(time_ms, self.town.time_ms + 1), calls)
        self.town.adopt(executed)
        self.audit.check(executed)
        EconomyLife.steps += len(calls) + 1

    def next_block(self) -> None:
        """At once when there is something to say, else when something falls due."""
        due_ms = self.town.due_ms
        if self.waiting or due_ms is None:
            self.block(self.town.time_ms + (1 if self.waiting else 150))
        else:
            self.block(due_ms)

    @rule(gaps=st.lists(st.integers(1, 400), min_size=1, max_size=3))
    def some_blocks(self, gaps: list[int]) -> None:
        for gap_ms in gaps:
            self.block(self.town.time_ms + gap_ms)

    @rule(gap_ms=st.sampled_from([600, 2_000, 20_000]))
    def stand_still(self, gap_ms: int) -> None:
        self.block(self.town.time_ms + gap_ms)

    # Land

    @property
    def oldest(self) -> int:
        return schedule(self.town.state).closed + 1

    @rule(
        growths=st.lists(st.integers(-60, 60), min_size=2, max_size=2),
        moods=st.lists(st.sampled_from(MOODS), min_size=2, max_size=2),
        reporting=st.sampled_from(REPORTING),
        challenges=st.booleans(),
        seed=st.integers(0, 2**16),
    )
    def quarter(
        self,
        growths: list[int],
        moods: list[str],
        reporting: str,
        challenges: bool,
        seed: int,
    ) -> None:
        self._play_quarter(growths, moods, reporting, challenges, Random(seed))

    @rule(growth=st.integers(5, 60), times=st.integers(1, 4), seed=st.integers(0, 2**16))
    def good_quarters(self, growth: int, times: int, seed: int) -> None:
        for _ in range(times):
            self.work(seed, 3)
            self._play_quarter([growth, growth], ["honest"] * 2, "agree", False, Random(seed))
            self.everybody_claims(seed)

    @rule(growth=st.integers(-300, -100), seed=st.integers(0, 2**16))
    def crash(self, growth: int, seed: int) -> None:
        self._play_quarter([growth, growth], ["honest"] * 2, "agree", False, Random(seed))

    def _play_quarter(
        self, growths: list[int], moods: list[str], reporting: str, challenges: bool, rng: Random
    ) -> None:
        """Until the oldest open round has closed, or so many blocks that it will not."""
        self.levels = [
            max(150, min(6_000, level * (1_000 + growth) // 1_000))
            for level, growth in zip(self.levels, growths, strict=True)
        ]
        target = self.oldest
        for _ in range(MAX_BLOCKS_A_QUARTER):
            state = self.town.state
            self._appraise(state, moods, challenges, rng)
            if reporting != "late":
                self._report_rates(state, reporting, growths[0], rng)
            self.next_block()
            if self.oldest > target:
                break

    def _appraise(
        self, state: State, moods: Sequence[str], challenges: bool, rng: Random
    ) -> None:
        """What the seats of running appraisals say now, and who challenges."""
        for row, zone, appraisal in running(state):
            name, mood = f"z{zone}", moods[zone]
            if appraisal.phase is Phase.CHALLENGE:
                if challenges and challenge_of(state, row.number, zone) is None:
                    holder = CHAMBER_HOLDERS[roles.CHAMBER_PUBLIC]
                    self.add(call(holder, CHALLENGE, name, row.number, roles.CHAMBER_PUBLIC,
                                  rng.choice(GROUNDS), HASH))  # fmt: skip
                continue
            for seat, who in enumerate(appraisal.seats):
                if appraisal.phase in COMMITTING:
                    if not has_committed(state, row.number, zone, who):
                        self._commit(row, zone, who, _price(mood, seat, appraisal, rng), rng)
                elif mood != "withholding" or seat not in (1, 3, 4):
                    if (name, row.number, who) in self.said and not has_revealed(
                        state, row.number, zone, who
                    ):
                        self.add(self._reveal_call(name, row.number, who))

    def _commit(
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

    def _reveal_call(self, zone: str, number: int, who: Address, more: int = 0) -> Call:
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

    @rule(
        zone=st.integers(0, 1),
        stage=st.sampled_from(STAGES),
        factor_bps=st.sampled_from([10_001, 12_000, 15_000, 30_000]),
        cost_krw=st.sampled_from([0, 0, 10**9, 10**12]),
    )
    def certify_event(self, zone: int, stage: str, factor_bps: int, cost_krw: int) -> None:
        self.add(call(GOVERNANCE, CERTIFY_EVENT, f"z{zone}", stage, factor_bps, cost_krw, HASH))
        self.levels[zone] = min(6_000, self.levels[zone] * factor_bps // 10_000)

    @rule(
        zone=st.integers(0, 1),
        permille=st.sampled_from([500, 700, 1_000, 1_400]),
        count=st.sampled_from([1, 11, 12]),
        back=st.integers(0, 5),
    )
    def register_sales(self, zone: int, permille: int, count: int, back: int) -> None:
        base = self.town.world.zones[zone][1]
        price = max(1, base * self.levels[zone] * permille // 10**6)
        month = months.month_at(FIRST_MONTH, 3 * schedule(self.town.state).newest - back)
        for parcel in range(min(count, PARCELS)):
            self.add(call(SALES, REGISTER_SALE, f"z{zone}", _pnu(parcel), price, month, HASH))

    @rule(count=st.integers(1, 12))
    def strike_sales(self, count: int) -> None:
        for (number, pnu), (zone, _) in list(self.audit.sales.items())[-count:]:
            month = months.month_at(FIRST_MONTH, number)
            self.add(call(GOVERNANCE, STRIKE_SALE, f"z{zone}", pnu, month, "a gift"))

    @rule(number=st.integers(0, 19), chamber=st.sampled_from(NOMINATORS), gone=st.booleans())
    def change_registry(self, number: int, chamber: str, gone: bool) -> None:
        who = appraiser(number)
        if gone and number < 3:
            self.add(call(GOVERNANCE, REMOVE, who, "moved away"))
        else:
            until_ms = self.town.time_ms + 5_000 + 1_000 * number
            self.add(call(GOVERNANCE, REGISTER, who, chamber, HASH, until_ms))

    @rule(chamber=st.sampled_from(roles.CHAMBERS), number=st.integers(0, 17), ahead=st.integers(0, 2))
    def seat_panels(self, chamber: str, number: int, ahead: int) -> None:
        newest = schedule(self.town.state).newest
        term, holder = term_of(max(1, newest)) + ahead, CHAMBER_HOLDERS[chamber]
        salt = sha256(f"{chamber}/{term}".encode())
        if newest == last_round_before(term):
            self.add(call(holder, REVEAL_SALT, chamber, term, salt))
        else:
            committed = salt_commitment(CHAIN_ID, chamber, term, salt)
            self.add(call(holder, COMMIT_SALT, chamber, term, committed))
        self.add(call(holder, NOMINATE, chamber, "z0", term, appraiser(number)))

    # Governance

    @rule(clocks=st.booleans())
    def brake(self, clocks: bool) -> None:
        """Pull one brake, let a while pass, and release it again."""
        account = CLOCK_BRAKE if clocks else MINT_BRAKE
        self.add((GOVERNANCE, "governance.grant_role", (BRAKE_ROLE, account)))
        self._play_quarter([20, 20], ["honest"] * 2, "agree", False, Random(0))
        self.add((GOVERNANCE, "governance.revoke_role", (BRAKE_ROLE, account)))
        self.next_block()

    @rule(
        net=st.booleans(),
        lambda_bps=st.sampled_from([1, 2_500, 10_000]),
        price=st.sampled_from([7, 1_000, 10**6]),
        window=st.integers(1, 3),
        cap=st.sampled_from(["far", "issued", "less"]),
    )
    def set_parameters(
        self, net: bool, lambda_bps: int, price: int, window: int, cap: str
    ) -> None:
        figures = self.audit.figures.issued
        issued = figures[-1] if figures else self.town.world.allocation
        hard_cap = {"far": 10**27, "issued": issued, "less": max(0, issued - 1)}[cap]
        self.add(call(GOVERNANCE, SET_ISSUANCE, 2 if net else 1, lambda_bps, price, hard_cap, window))

    # Distribution

    @rule(seed=st.integers(0, 2**16), each=st.integers(1, 4))
    def work(self, seed: int, each: int) -> None:
        """Some are enrolled, and everybody contributes about the same."""
        rng, books = Random(seed), self.audit.pools
        new = [number for number in range(PERSONS) if number not in books.enrolled][:each]
        for number in new:
            self.add(call(REGISTRAR, ENROL, person(number), nullifier(number)))
        here = sorted((set(books.enrolled) | set(new)) - books.gone)
        kind = rng.choice(sorted(KINDS))
        for number in here:
            points = rng.randint(50, 80)
            self.add(call(CERTIFIERS[number % 2], CERTIFY, person(number), kind, points, HASH))

    @rule(back=st.integers(0, 12), sender=st.sampled_from([*CERTIFIERS, GOVERNANCE]))
    def revoke(self, back: int, sender: Address) -> None:
        number = max(0, len(self.audit.pools.papers) - back)
        self.add(call(sender, REVOKE, number, "a mistake"))

    @rule(seed=st.integers(0, 2**16))
    def everybody_claims(self, seed: int) -> None:
        pool = Random(seed).choice(PERSON_POOLS)
        for number in self.audit.pools.enrolled:
            self.add(call(person(number), CLAIM, pool), call(person(number), RELEASE))

    @rule(number=st.integers(0, PERSONS - 1), cause=st.sampled_from(CAUSES), own=st.booleans())
    def leave(self, number: int, cause: str, own: bool) -> None:
        self.add(call(person(number) if own else REGISTRAR, LEAVE, person(number), cause))

    @rule(pool=st.sampled_from(PERSON_POOLS), percent=st.sampled_from([0, 1, 50, 101]))
    def dividend(self, pool: str, percent: int) -> None:
        held = self.audit.pools.balances.get("treasury", 0)
        self.add(call(GOVERNANCE, DIVIDEND, pool, held * percent // 100))

    @rule(
        sender=st.sampled_from([HOLDER, *list(PEOPLE)[:5]]),
        to=st.sampled_from([HOLDER, STRANGER, *list(PEOPLE)[:3], *POOL_ACCOUNTS]),
        amount=st.one_of(st.integers(0, 10**6 * UNIT), st.sampled_from([0, 1, 2**120])),
    )
    def transfer(self, sender: Address, to: Address, amount: int) -> None:
        amount_wire = amount.to_bytes((amount.bit_length() + 7) // 8, "big")
        self.add((sender, "transfer.send", (to, amount_wire, b"")))

    # Out of place

    @rule(
        slips=st.lists(
            st.tuples(st.integers(0, 17), st.integers(0, 63), st.integers(0, 5)),
            min_size=1,
            max_size=8,
        )
    )
    def slips(self, slips: list[tuple[int, int, int]]) -> None:
        """Messages that are mostly refused: wrong sender, phase, round, amount, form."""
        state = self.town.state
        for kind, place, more in slips:
            self.add(*_SLIPS[kind % len(_SLIPS)](self, state, place, more))

    @precondition(lambda self: hasattr(self, "town"))
    @rule(place=st.integers(0, 200))
    def repeat_a_message(self, place: int) -> None:
        """Something that was said before is said again."""
        recent = self.town.chain.executed[-4:]
        said = [each for row in recent for each in row.included if each.type != "no.type"]
        if said:
            each = said[place % len(said)]
            self.add((each.sender, each.type, each.body))


def _statement(price: int, date_ms: int) -> Statement:
    return Statement(price, date_ms, "comparison", 8, HASH)


def _pnu(parcel: int) -> str:
    return f"29170139001{parcel:08}"


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


# Slips


def _nth(place: int, known: Sequence[Address] = EVERYBODY) -> Address:
    return known[place % len(known)]


def _oldest_case(state: State) -> tuple[Round, int, Appraisal] | None:
    return next(iter(running(state)), None)


def _commit_without_seat(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    number = max(1, life.oldest - 1 + more % 3)
    return [call(_nth(place), COMMIT, f"z{more % 3}", number, HASH)]


def _report_without_seat(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    """Somebody from the registry commits, and reveals in the same zone whenever it is tried."""
    case = _oldest_case(state)
    if case is None:
        return []
    row, zone, appraisal = case
    outside = [who for who in map(appraiser, range(18)) if who not in appraisal.seats]
    who = outside[place % len(outside)]
    known = (f"z{zone}", row.number, who)
    if appraisal.phase in COMMITTING and known not in life.said:
        life._commit(row, zone, who, 1_100, Random(place))
        return []
    return [life._reveal_call(*known)] if known in life.said else []


def _reveal_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    """Another price than was committed to, or a right one that may be out of its phase."""
    if not life.said:
        return []
    known = list(life.said)[-10:]
    return [life._reveal_call(*known[place % len(known)], more=more // 3)]


def _challenge_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    chamber = roles.CHAMBERS[more % 6]
    sender = CHAMBER_HOLDERS[chamber] if place % 2 else _nth(place)
    number = max(1, life.oldest - place % 2)
    return [call(sender, CHALLENGE, f"z{place % 3}", number, chamber, GROUNDS[place % 5], HASH)]


def _rate_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    month = months.month_at(FIRST_MONTH, max(1, 3 * life.oldest - 40 + place))
    step = (100_000, 100_100, 49_999, 200_001, 0, 100_001)[more]
    sender = REPORTERS[place % 3] if more < 4 else _nth(place)
    return [call(sender, REPORT_RATE, (NATION, REGION, "11")[place % 3], month, step, HASH)]


def _sale_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    month = months.month_at(FIRST_MONTH, max(1, 3 * life.oldest - place))
    pnu = (_pnu(place), "1" * 19, "x")[more % 3]
    sender = SALES if more < 4 else _nth(place)
    return [call(sender, REGISTER_SALE, f"z{place % 3}", pnu, 10 ** (more + 1), month, HASH)]


def _event_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    stage = STAGES[place % 3] if more % 2 else "opening"
    sender = GOVERNANCE if more < 3 else _nth(place)
    return [call(sender, CERTIFY_EVENT, "z1", stage, (10_000, 30_001, 20_000)[more % 3], 1, HASH)]


def _enrol_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    """A second credential for the same record, the same person again, or a stranger's deed."""
    sender = REGISTRAR if more < 4 else _nth(place)
    return [call(sender, ENROL, person(place % PERSONS), nullifier((place + more) % PERSONS))]


def _certify_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    points = (1, 2, 10**6, 4_000, 400, 149)[more]
    sender = CERTIFIERS[place % 2] if more < 5 else _nth(place)
    kind = sorted(KINDS)[place % 6]
    return [call(sender, CERTIFY, person((place + more) % PERSONS), kind, points, HASH)]


def _revoke_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    papers = life.audit.pools.papers
    number = max(0, len(papers) - place % 30)
    sender = (*CERTIFIERS, *CERTIFIERS, GOVERNANCE, _nth(place))[more]
    return [call(sender, REVOKE, number, "too late")]


def _claim_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    who = _nth(place)
    return [call(who, CLAIM, PERSON_POOLS[more % 4])] if more % 2 else [call(who, RELEASE)]


def _leave_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    return [call(_nth(place), LEAVE, person((place + more) % PERSONS), CAUSES[more % 4])]


def _pay_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    held = accounts.balance(state, POOL_ACCOUNTS[4])
    sender = GOVERNANCE if more < 4 else _nth(place)
    return [call(sender, DIVIDEND, PERSON_POOLS[place % 4], (0, held + 1, held // 3)[more % 3])]


def _govern_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    who = _nth(place)
    return [
        (who, "governance.grant_role", (roles.PERSON_REGISTRAR, who)),
        call(who, REMOVE, appraiser(more), "rival"),
    ] if who != GOVERNANCE else []  # fmt: skip


def _speak_wrongly(life: EconomyLife, state: State, place: int, more: int) -> list[Call]:
    bodies: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("land.reveal", ("z0",)),
        ("issuance.mint", (1,)),
        ("land.commit", ("z0", -1, HASH)),
        ("distribution.certified", ()),
        ("transfer.send", (b"short", b"\x01", b"")),
        ("land.report_rate", (7, 7, 7, 7)),
    )
    return [(_nth(place), *bodies[more])]


_SLIPS: Sequence[Callable[[EconomyLife, State, int, int], list[Call]]] = (
    _commit_without_seat,
    _report_without_seat,
    _reveal_wrongly,
    _challenge_wrongly,
    _rate_wrongly,
    _sale_wrongly,
    _event_wrongly,
    _enrol_wrongly,
    _certify_wrongly,
    _revoke_wrongly,
    _claim_wrongly,
    _leave_wrongly,
    _pay_wrongly,
    _govern_wrongly,
    _speak_wrongly,
)


def life_settings(lives: int, rules: int, **more: Any) -> settings:
    return settings(
        max_examples=lives,
        stateful_step_count=rules,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


_ = (REVEALING, opened_round)
