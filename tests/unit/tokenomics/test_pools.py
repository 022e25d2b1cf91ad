"""Splits, accumulators, weights and the holder's cap (economy.md section 3): the pure rules."""

from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import ErrorCode, InvariantViolation, LocalError
from ledger.kv import MemoryStore
from ledger.module import Context
from ledger.primitives import MAX_AMOUNT, PPM, UNIT
from ledger.rows import MAX_SCALED_BYTES
from ledger.state import State, Table
from tests.support.pool_town import BLOCK, PoolTown
from tokenomics.distribution.pool_params import DistributionParameters, has_distribution
from tokenomics.distribution.pools import (
    MAX_SHARES,
    PERCENT,
    POOLS,
    SCALE_BITS,
    Pool,
    PoolTotals,
    after_mint,
    paid,
    pool_totals,
    split,
    town,
)
from tokenomics.distribution.shares import possible_points, possible_shares
from tokenomics.distribution.weights import NEWCOMER, in_quarter, next_weight, shares_of

amounts = st.one_of(st.integers(0, 1_000), st.integers(0, MAX_AMOUNT))
RULES = DistributionParameters()


@given(amounts)
def test_a_split_is_exact_and_within_one_unit_of_each_share(amount: int) -> None:
    """Invariant 11."""
    parts = split(amount)
    assert sum(parts) == amount
    for part, percent in zip(parts, PERCENT, strict=True):
        assert 0 <= part - amount * percent // 100 <= 1


@given(amounts, st.lists(st.integers(0, 100), min_size=1, max_size=8).filter(any))
def test_the_largest_remainders_take_what_is_left(amount: int, weights: list[int]) -> None:
    parts, whole = split(amount, weights), sum(weights)
    assert sum(parts) == amount
    risen = [
        amount * w % whole for w, p in zip(weights, parts, strict=True) if p * whole > amount * w
    ]
    fallen = [
        amount * w % whole for w, p in zip(weights, parts, strict=True) if p * whole <= amount * w
    ]
    assert not risen or min(risen) >= max(fallen, default=0)


def test_of_equal_remainders_the_first_pool_takes_the_unit() -> None:
    assert split(0) == (0, 0, 0, 0, 0, 0)
    assert split(1) == (0, 0, 0, 0, 0, 1)
    assert split(2) == (1, 0, 0, 0, 0, 1)
    assert split(5, (10, 10, 10)) == (2, 2, 1)
    assert split(10 * UNIT) == tuple(UNIT * percent // 10 for percent in PERCENT)


@given(st.integers(1, MAX_SHARES), st.integers(1, MAX_AMOUNT), st.integers(0, 2**250))
def test_a_payment_leaves_less_than_a_unit_and_never_overflows_its_row(
    active: int, amount: int, accumulator: int
) -> None:
    before = PoolTotals(accumulator, active, 0, 1, 0, 0, 0, 0)
    after = paid(before, amount)
    raised = after.accumulator - accumulator
    assert raised >= 1
    assert 0 <= (amount << SCALE_BITS) - raised * active < 1 << SCALE_BITS
    assert POOLS.decode(POOLS.encode(after)) == after
    assert raised < 2 ** (8 * MAX_SCALED_BYTES - 64)


def test_a_mint_pays_only_shares_that_were_active_and_then_the_pending_ones_are() -> None:
    row = PoolTotals(0, 0, 40, 1, 0, 0, 0, 0)
    first = after_mint(row, 700)
    assert (first.waiting, first.owed, first.active, first.pending) == (700, 0, 40, 0)
    second = after_mint(first, 300)
    assert (second.waiting, second.owed, second.received) == (0, 1_000, 1_000)
    assert second.accumulator == (1_000 << SCALE_BITS) // 40


def test_weights_fall_by_three_percent_a_quarter_to_a_quarter() -> None:
    weights = [PPM]
    for _ in range(60):
        weights.append(next_weight(weights[-1], RULES))
    assert weights[:4] == [1_000_000, 970_000, 940_900, 912_673]
    assert weights[-1] == 250_000
    assert all(more >= less for more, less in pairwise(weights))


def test_a_higher_floor_never_raises_a_weight() -> None:
    assert next_weight(300_000, DistributionParameters(weight_floor_ppm=500_000)) == 300_000


def test_points_have_the_weight_of_the_first_contribution_until_four_idle_quarters() -> None:
    desk = PoolTown(weight_decay_percent=90)
    desk.enrol(*range(4))
    weights: dict[int, list[int]] = {0: [], 1: []}
    for quarter in range(1, 14):
        for number, quarters in ((0, (1, 2, 6, 12)), (1, (3, 8, 9))):
            if quarter in quarters:
                assert desk.certify(number, points=PPM) is ErrorCode.OK, desk.refusal
                weights[number].append(dict(desk.events[-1].values)["weight_ppm"])  # type: ignore[arg-type]
        desk.close()
    # Idle in 3, 4, 5: three quarters. Idle in 7..11: five.
    assert weights[0] == [PPM, PPM, PPM, 313_809]
    # Idle in 4..7: four quarters, so quarter 8 is a return, and 9 goes on with its weight.
    assert weights[1] == [810_000, 478_296, 478_296]
    desk.check()


def test_a_revoked_first_contribution_founds_no_weight() -> None:
    desk = PoolTown()
    desk.enrol(1)
    desk.certify(1)
    desk.revoke(1)
    desk.close()
    desk.certify(1, points=PPM)
    assert dict(desk.events[-1].values)["weight_ppm"] == 970_000


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 10**15))
def test_an_earlier_first_contribution_never_gives_less(
    first: int, later: int, points: int
) -> None:
    """Invariant 13, for the weights themselves."""
    weights = [PPM]
    for _ in range(first + later):
        weights.append(next_weight(weights[-1], RULES))
    assert shares_of(points, weights[first - 1]) >= shares_of(points, weights[first + later - 1])


def test_enrolment_does_not_set_the_weight() -> None:
    desk = PoolTown()
    desk.enrol(1)
    for _ in range(3):
        desk.close()
    now = town(desk.state)
    assert in_quarter(NEWCOMER, now, RULES.idle_quarters).open_weight_ppm == 912_673


@given(st.integers(0, 10**6), st.integers(0, 10**7), st.integers(1, 2_000), st.integers(1, 10**6))
def test_the_refusal_names_exactly_what_the_holders_cap_allows(
    held: int, others: int, holders: int, weight_ppm: int
) -> None:
    total = held + others
    found = possible_shares(held, total, holders, RULES)

    def allowed(x: int) -> bool:
        return (held + x) * 100 * holders <= (total + x) * max(holders, 300)

    if found is None:
        assert holders <= 3
        assert allowed(10**18)
    else:
        assert found == 0 or allowed(found)
        assert not allowed(found + 1)
        points = possible_points(found, weight_ppm)
        assert shares_of(points, weight_ppm) <= found < shares_of(points + 1, weight_ppm)


def test_the_cap_in_figures() -> None:
    """Of 10 holders one may have 30 %; from 300 holders on 1 %."""
    assert possible_shares(0, 700, 10, RULES) == 300
    assert possible_shares(0, 99 * 50, 300, RULES) == 50
    assert possible_shares(0, 99 * 50, 1_000, RULES) == 50
    assert possible_shares(60, 99 * 50, 1_000, RULES) == 0


def test_a_chain_without_the_section_mints_to_the_treasury() -> None:
    desk = PoolTown(distributes=False)
    assert not has_distribution(desk.state)
    assert desk.close(1_000) == 0
    assert desk.pool(Pool.TREASURY) == 1_000
    assert desk.certify(1) is ErrorCode.NOT_NOW
    assert "no distribution" in desk.refusal
    desk.check()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"parameters": {"vesting_quarters": 17}}, "vesting_quarters is 17, expected 1..16"),
        ({"parameters": {"cliff_quarters": 17}}, "cliff_quarters"),
        ({"parameters": {"weight_floor_ppm": 0}}, "weight_floor_ppm"),
        ({"parameters": {"weight": 1}}, "unknown option"),
        ({"pools": {}}, "unknown option"),
    ],
)
def test_a_wrong_genesis_field_is_named(section: dict[str, object], words: str) -> None:
    desk = PoolTown()
    with pytest.raises(LocalError, match=words):
        desk.module.init_genesis(Context(desk.state, BLOCK), section)


def test_rounds_are_distributed_in_order() -> None:
    desk = PoolTown()
    with pytest.raises(InvariantViolation, match="round 2 is distributed after round 0"):
        desk.module.distribute(Context(desk.state, BLOCK), 2, 0)


class CountingState(State):
    """Remembers which rows were read or written."""

    touched: ClassVar[set[bytes]] = set()

    def get(self, table: Table[Any], key: bytes) -> Any:
        self.touched.add(table.prefix + key)
        return super().get(table, key)

    def put(self, table: Table[Any], key: bytes, value: Any) -> None:
        self.touched.add(table.prefix + key)
        super().put(table, key, value)


def rows_that_a_close_touches(holders: int) -> int:
    desk = PoolTown(state=CountingState(MemoryStore()), holder_cap_multiple=1_000)
    desk.enrol(*range(holders))
    for number in range(holders):
        for kind in ("work", "research", "founding", "expropriation"):
            assert desk.certify(number, kind) is ErrorCode.OK, desk.refusal
    desk.close(10**6)
    CountingState.touched.clear()
    desk.close(10**6)
    return len(CountingState.touched)


def test_closing_touches_as_many_rows_for_a_hundred_holders_as_for_one() -> None:
    """O(pools): what a close reads and writes does not depend on who takes part."""
    assert rows_that_a_close_touches(1) == rows_that_a_close_touches(100) < 30


def test_pool_accounts_hold_what_the_split_gave() -> None:
    desk = PoolTown()
    desk.close(1_000)
    assert [desk.pool(pool) for pool in Pool] == [250, 150, 100, 100, 100, 300]
    assert pool_totals(desk.state, Pool.PARTICIPATION).waiting == 250
