"""Distribution agrees with the naive reference on random lives of a town, to the last unit."""

from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ledger import accounts
from ledger.primitives import UNIT, Address
from tests.support.pool_reference import PERSON_POOLS, POOL_OF, Reference, Rules
from tests.support.pool_town import (
    CERTIFIERS,
    EVIDENCE,
    REGISTRAR,
    TOKEN,
    PoolTown,
    nullifier,
    person,
)
from tokenomics.distribution.certificates import CERTIFY, REVOKE
from tokenomics.distribution.leaving import CAUSES
from tokenomics.distribution.persons import ENROL
from tokenomics.distribution.pools import (
    PERSON_POOL_NAMES,
    POOL_ACCOUNTS,
    VESTING_ACCOUNT,
    Pool,
    pool_totals,
    town,
)
from tokenomics.distribution.shares import settled

LIVES, STEPS_A_LIFE = 80, 100
MIN_STEPS = 10_000
PERSONS = 24
AT_FIRST = 8
DEEDS = (
    "enrol", "certify", "revoke", "close", "burn", "claim", "release", "leave", "dividend",
)  # fmt: skip

persons = st.integers(0, PERSONS - 1)
places = st.integers(0, 9)
pools = st.sampled_from(PERSON_POOLS)
mints = st.one_of(
    st.just(0), st.integers(1, 200), st.integers(0, 10**7 * UNIT), st.integers(0, 2**110)
)

RULES = (
    Rules(),
    Rules(cliff=2, vesting=5, reserve_rounds=3, idle=1, decay=80, floor=400_000),
    Rules(cliff=0, vesting=3, reserve_rounds=1, idle=0, decay=50, limit=2_000, cap_multiple=2),
)


def town_of(rules: Rules) -> PoolTown:
    return PoolTown(
        rules.limit,
        weight_decay_percent=rules.decay,
        weight_floor_ppm=rules.floor,
        idle_quarters=rules.idle,
        cliff_quarters=rules.cliff,
        vesting_quarters=rules.vesting,
        reserve_rounds=rules.reserve_rounds,
        holder_cap_bps=rules.cap_bps,
        holder_cap_multiple=rules.cap_multiple,
    )


class Life(RuleBasedStateMachine):
    """Both are told the same; both say the same and hold the same."""

    steps: ClassVar[int] = 0
    did: ClassVar[dict[str, int]] = {}

    @initialize(rules=st.sampled_from(RULES), enrolled=st.integers(1, AT_FIRST))
    def begin(self, rules: Rules, enrolled: int) -> None:
        self.town, self.reference = town_of(rules), Reference(rules)
        for number in range(enrolled):
            self.enrol(number, number)

    def who(self, place: int) -> int:
        """Mostly somebody who is here; else anybody."""
        here = sorted(set(self.reference.enrolled) - self.reference.gone)
        return here[place % len(here)] if here and place else place

    def compare(self, name: str, code: Any, expected: str) -> None:
        Life.steps += 1
        assert code.name == expected, f"{name}: {code.name} ({self.town.refusal}), not {expected}"
        if expected == "OK":
            Life.did[name] = Life.did.get(name, 0) + 1
            self.compare_accounts()

    def compare_accounts(self) -> None:
        state, balances = self.town.state, self.reference.balances
        named: list[tuple[str | int, Address]] = [
            *((pool.label, POOL_ACCOUNTS[pool]) for pool in Pool),
            ("vesting", VESTING_ACCOUNT),
            *((number, person(number)) for number in range(PERSONS)),
        ]
        for name, account in named:
            assert TOKEN.balance(state, account) == balances.get(name, 0), name
        assert accounts.supply(state) == sum(balances.values())

    def compare_shares(self) -> None:
        state, now = self.town.state, town(self.town.state)
        for name, pool in PERSON_POOL_NAMES.items():
            totals = pool_totals(state, pool)
            assert totals.holders == self.reference.holders(name)
            assert totals.waiting == self.reference.waiting[name]
            for number in self.reference.enrolled:
                holding = settled(state, pool, totals, now, person(number))
                found = (holding.active, holding.pending, holding.earned) if holding else (0, 0, 0)
                assert found == (
                    self.reference.active.get((name, number), 0),
                    self.reference.pending(name, number),
                    self.reference.earned.get((name, number), 0),
                )

    @rule(number=persons, record=persons)
    def enrol(self, number: int, record: int) -> None:
        code = self.town.send(REGISTRAR, ENROL, person(number), nullifier(record))
        self.compare("enrol", code, self.reference.enrol(number, record))

    @rule(
        certifier=st.integers(0, 1),
        place=places,
        kind=st.sampled_from(sorted(POOL_OF)),
        points=st.one_of(st.integers(1, 1_000), st.sampled_from([1, 100, 10**12])),
    )
    def certify(self, certifier: int, place: int, kind: str, points: int) -> None:
        number = self.who(place)
        sender = CERTIFIERS[certifier]
        code = self.town.send(sender, CERTIFY, person(number), kind, points, EVIDENCE)
        expected = self.reference.certify(certifier, number, kind, points)
        self.compare("certify", code, expected)

    @rule(kind=st.sampled_from(sorted(POOL_OF)), points=st.integers(50, 80), minted=mints)
    def season(self, kind: str, points: int, minted: int) -> None:
        """Everybody contributes about the same, the last one errs, and the round closes."""
        for place in range(1, AT_FIRST):
            self.certify(place % 2, place, kind, points + place)
        self.revoke(0, False)
        self.close(minted, True, 0)

    @rule(pool=pools)
    def all_claim(self, pool: str) -> None:
        for place in range(1, AT_FIRST):
            self.claim(place, pool)

    @rule(back=st.integers(0, 3), by_another=st.booleans())
    def revoke(self, back: int, by_another: bool) -> None:
        number = max(0, len(self.reference.papers) - back)
        certifier = int(by_another)
        if 0 < number <= len(self.reference.papers):
            certifier = self.reference.papers[number - 1].certifier ^ by_another
        code = self.town.send(CERTIFIERS[certifier], REVOKE, number, "a mistake")
        self.compare("revoke", code, self.reference.revoke(certifier, number))

    @rule(minted=mints, is_final=st.booleans(), uncovered=mints)
    def close(self, minted: int, is_final: bool, uncovered: int) -> None:
        burned = self.town.close(minted, is_final=is_final, uncovered=uncovered)
        assert burned == self.reference.close(minted, is_final, uncovered)
        Life.steps += 1
        Life.did["close"] = Life.did.get("close", 0) + 1
        Life.did["burn"] = Life.did.get("burn", 0) + (burned > 0)
        self.compare_accounts()
        self.compare_shares()
        self.town.check()

    @rule(minted=st.integers(0, 10**6 * UNIT), quarters=st.integers(2, 6))
    def pass_quarters(self, minted: int, quarters: int) -> None:
        for _ in range(quarters):
            self.close(minted, True, 0)
        for place in range(1, AT_FIRST):
            self.release(place)

    @rule(place=places, pool=pools)
    def claim(self, place: int, pool: str) -> None:
        number = self.who(place)
        self.compare("claim", self.town.claim(number, pool), self.reference.claim(number, pool))

    @rule(pool=pools, minted=st.integers(0, 10**6 * UNIT))
    def claim_again_after_seventeen_quarters(self, pool: str, minted: int) -> None:
        """Then a new grant takes the row of the old one."""
        self.all_claim(pool)
        for _ in range(17):
            self.close(minted, True, 0)
        self.all_claim(pool)

    @rule(place=places)
    def release(self, place: int) -> None:
        number = self.who(place)
        self.compare("release", self.town.release(number), self.reference.release(number))

    @rule(place=places, cause=st.sampled_from(CAUSES))
    def leave(self, place: int, cause: str) -> None:
        number = self.who(place)
        self.compare("leave", self.town.leave(number, cause), self.reference.leave(number, cause))
        newcomer = len(self.reference.enrolled)
        if newcomer < PERSONS:  # else nobody would be left soon
            self.enrol(newcomer, newcomer)

    @rule(pool=pools, amount=st.one_of(st.integers(0, 500), st.integers(1, 10**6 * UNIT)))
    def dividend(self, pool: str, amount: int) -> None:
        code = self.town.dividend(amount, pool)
        self.compare("dividend", code, self.reference.dividend(pool, amount))

    def teardown(self) -> None:
        if hasattr(self, "town"):
            self.compare_shares()
            self.town.check()


@pytest.mark.timeout(300)
def test_ten_thousand_steps_agree_with_the_reference() -> None:
    Life.steps, Life.did = 0, {}
    run_state_machine_as_test(
        Life, settings=settings(max_examples=LIVES, stateful_step_count=STEPS_A_LIFE)
    )
    assert Life.steps >= MIN_STEPS
    for name in DEEDS:
        assert Life.did.get(name, 0) > 10, f"{name} took effect {Life.did.get(name, 0)} times"
