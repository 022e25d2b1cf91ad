"""Messages of distribution: what each does."""

import pytest

from ledger import accounts
from ledger.errors import ErrorCode
from ledger.primitives import UNIT
from ledger.rows import key
from tests.support.pool_town import (
    GOVERNANCE,
    PoolTown,
    person,
    working_town,
)
from tokenomics.distribution.certificates import KINDS, REVOKE
from tokenomics.distribution.leaving import LEAVE
from tokenomics.distribution.pool_params import DistributionParameters
from tokenomics.distribution.pools import (
    Pool,
    pool_totals,
    town,
)
from tokenomics.distribution.reserve import MAX_TRANCHES_A_CLOSE, TRANCHES, Tranche
from tokenomics.distribution.vesting import SLOTS, grants_of, vested

MINT = 1_000 * UNIT
PART = 250 * UNIT
"""The participation pool's part of MINT."""


def test_every_kind_earns_shares_of_its_pool() -> None:
    desk = PoolTown()
    desk.enrol(0)
    for kind, pool in KINDS.items():
        before = pool_totals(desk.state, pool).pending
        assert desk.certify(0, kind, 7) is ErrorCode.OK
        assert pool_totals(desk.state, pool).pending == before + 7
    desk.check()


def test_who_worked_before_the_first_mint_is_paid_by_it() -> None:
    desk = working_town()
    desk.close()
    desk.close(MINT)
    assert desk.claim(0) is ErrorCode.OK
    assert desk.vesting() == PART // 2
    assert desk.claim(1) is ErrorCode.OK
    assert desk.vesting() == PART
    assert desk.pool(Pool.PARTICIPATION) == 0
    desk.check()


def test_a_certificate_earns_nothing_of_its_own_rounds_mint() -> None:
    desk = working_town()
    desk.certify(2, points=10**6)
    desk.close(MINT)
    assert desk.claim(2) is ErrorCode.NOT_NOW
    desk.claim(0)
    assert desk.vesting() == PART // 2


def test_a_pool_without_shares_keeps_its_part_for_the_next_round() -> None:
    desk = PoolTown()
    desk.enrol(0)
    desk.close(MINT)
    desk.certify(0)
    desk.close(MINT)
    assert pool_totals(desk.state, Pool.PARTICIPATION).waiting == 2 * PART
    desk.close(MINT)
    desk.claim(0)
    assert desk.vesting() == 3 * PART - 1  # 97 shares: a part of a unit stays in the pool
    desk.check()


def test_pending_shares_are_settled_with_the_accumulator_of_their_own_close() -> None:
    """Untouched over many closes, a person is paid as somebody who was settled at each."""
    desk = PoolTown()
    desk.enrol(0, 1)
    desk.certify(0)
    desk.certify(1)
    desk.close(MINT)
    for _ in range(3):
        desk.certify(0, points=50)
        desk.certify(1, points=50)
        desk.claim(1)
        desk.close(MINT)
    desk.claim(0)
    lazy = sum(row.held for _, row in grants_of(desk.state, person(0)))
    desk.claim(1)
    touched = sum(row.held for _, row in grants_of(desk.state, person(1)))
    assert lazy == touched == 2 * PART - 1
    desk.check()


@pytest.mark.parametrize("quarters", range(20))
def test_a_grant_vests_in_sixteenths_after_a_cliff_of_four(quarters: int) -> None:
    desk = working_town()
    desk.close(MINT)
    desk.claim(0)
    for _ in range(quarters):
        desk.close()
    code = desk.release(0)
    expected = 0 if quarters < 4 else (PART // 2) * min(quarters, 16) // 16
    assert code is (ErrorCode.OK if expected else ErrorCode.NOT_NOW)
    assert desk.balance(0) == expected
    assert desk.vesting() == PART // 2 - expected
    if not expected:
        assert "more vests in quarter 7" in desk.refusal
    desk.check()


def test_releasing_each_quarter_gives_the_same_as_releasing_once() -> None:
    often, once = working_town(), working_town()
    for desk in (often, once):
        desk.close(MINT + 13)
        desk.claim(0)
    for _ in range(16):
        for desk in (often, once):
            desk.close()
        often.release(0)
    once.release(0)
    assert often.balance(0) == once.balance(0) == (MINT + 13) // 4 // 2
    assert not list(grants_of(often.state, person(0)))


def test_grants_of_a_quarter_merge_and_a_person_never_has_more_than_seventeen() -> None:
    desk = PoolTown()
    desk.enrol(0)
    desk.certify(0)
    desk.certify(0, "research")
    desk.close()
    claimed = 0
    for _ in range(3 * SLOTS):
        desk.close(MINT)
        desk.claim(0)
        desk.claim(0, "achievement")
        claimed += PART + 150 * UNIT
    rows = list(grants_of(desk.state, person(0)))
    assert len(rows) == SLOTS == 17
    assert sum(row.held for _, row in rows) == claimed == desk.vesting()
    desk.check()
    for _ in range(16):
        desk.close()
    desk.release(0)
    assert desk.balance(0) == claimed
    assert not list(grants_of(desk.state, person(0)))


def test_vested_never_falls_and_never_exceeds_its_grant() -> None:
    """Invariant 12, over the whole life of a grant."""
    for amount in (1, 15, 16, 17, 10**27 + 7):
        found = [vested(amount, quarters, DistributionParameters()) for quarters in range(20)]
        assert found == sorted(found)
        assert found[3] == 0
        assert found[16] == found[19] == amount
        assert found[4] == amount // 4


def test_unvested_and_unclaimed_return_to_the_reserve_and_vested_stays() -> None:
    desk = working_town()
    desk.close(MINT)
    desk.claim(0)
    for _ in range(8):
        desk.close()
    desk.close(MINT)
    reserve = desk.pool(Pool.RESERVE)
    assert desk.leave(0) is ErrorCode.OK
    half, quarters = PART // 2, 9
    assert desk.balance(0) == half * quarters // 16
    assert desk.pool(Pool.RESERVE) - reserve == 2 * half - half * quarters // 16
    assert pool_totals(desk.state, Pool.PARTICIPATION).active == 100
    assert desk.vesting() == 0
    # Nobody gains: the colleague earns no more of the mints before than without the leaving.
    desk.claim(1)
    assert desk.vesting() == 2 * half
    due = desk.state.get(TRANCHES, key(town(desk.state).quarter + 20))
    assert due == Tranche(2 * half - half * quarters // 16)
    desk.check()


@pytest.mark.parametrize("cause", ["death", "illness", "relocation"])
def test_hardship_vests_everything_at_once(cause: str) -> None:
    desk = working_town()
    desk.close(MINT)
    desk.claim(0)
    desk.close(MINT)
    assert desk.leave(0, cause) is ErrorCode.OK
    assert desk.balance(0) == PART
    desk.check()


def test_a_person_may_leave_alone_and_pending_shares_end_as_well() -> None:
    desk = working_town()
    desk.certify(0)
    assert desk.send(person(0), LEAVE, person(0), "left") is ErrorCode.OK
    totals = pool_totals(desk.state, Pool.PARTICIPATION)
    assert (totals.active, totals.pending, totals.holders) == (100, 0, 1)
    assert desk.revoke(3) is ErrorCode.CONFLICT
    desk.check()


def test_the_reserve_burns_what_land_leaves_uncovered_and_the_rest_is_the_treasurys() -> None:
    desk = PoolTown(reserve_rounds=2)
    desk.close(MINT)
    desk.close()
    assert desk.close(is_final=True, uncovered=100 * UNIT) == 100 * UNIT
    assert desk.pool(Pool.RESERVE) == 0
    assert desk.pool(Pool.TREASURY) == 100 * UNIT + 200 * UNIT
    assert accounts.supply(desk.state) == 900 * UNIT
    desk.check()


def test_a_tranche_waits_for_a_final_round() -> None:
    desk = PoolTown(reserve_rounds=1)
    desk.close(MINT)
    for _ in range(3):
        assert desk.close(is_final=False, uncovered=MINT) == 0
    assert desk.close(is_final=True, uncovered=MINT) == 300 * UNIT


def test_a_close_settles_a_bounded_number_of_tranches_and_carries_the_rest_over() -> None:
    desk = PoolTown(reserve_rounds=1)
    for _ in range(MAX_TRANCHES_A_CLOSE + 10):
        desk.close(100, is_final=False)
    assert desk.close(uncovered=10**9) == 30 * (MAX_TRANCHES_A_CLOSE - 1)
    assert desk.close(uncovered=10**9) == 30 * 11
    assert desk.pool(Pool.RESERVE) == 0
    desk.check()


def test_a_dividend_pays_active_shares_and_vests_like_a_mint() -> None:
    desk = working_town()
    desk.close(MINT)
    desk.certify(2)
    assert desk.dividend(40 * UNIT) is ErrorCode.OK
    assert desk.pool(Pool.TREASURY) == 60 * UNIT
    desk.close()
    assert desk.claim(2) is ErrorCode.NOT_NOW
    desk.claim(0)
    assert desk.vesting() == PART // 2 + 20 * UNIT
    assert desk.release(0) is ErrorCode.NOT_NOW
    desk.check()


def test_authority_may_revoke_for_the_certifier() -> None:
    desk = PoolTown()
    desk.enrol(0)
    desk.certify(0)
    assert desk.send(GOVERNANCE, REVOKE, 1, "false evidence") is ErrorCode.OK
    assert pool_totals(desk.state, Pool.PARTICIPATION).pending == 0
    assert pool_totals(desk.state, Pool.PARTICIPATION).holders == 0
    desk.check()


def test_a_revocation_gives_the_limit_back_and_the_next_round_a_new_one() -> None:
    desk = PoolTown(limit=100)
    desk.enrol(0)
    assert desk.certify(0, points=100) is ErrorCode.OK
    assert desk.certify(0, points=1) is ErrorCode.LIMIT_EXCEEDED
    desk.revoke(1)
    assert desk.certify(0, points=60) is ErrorCode.OK
    assert desk.certify(0, points=41) is ErrorCode.LIMIT_EXCEEDED
    assert "40 are left" in desk.refusal
    assert desk.certify(0, "residence", points=100) is ErrorCode.OK
    desk.close()
    assert desk.certify(0, points=100) is ErrorCode.OK


def test_the_cap_counts_pending_shares_and_says_what_was_possible() -> None:
    desk = PoolTown()
    desk.enrol(*range(10))
    for number in range(9):
        assert desk.certify(number, points=100) is ErrorCode.OK
    assert desk.certify(9, points=10_000) is ErrorCode.LIMIT_EXCEEDED
    assert "385 points are possible" in desk.refusal  # (0 + 385) * 10 <= 3 * (900 + 385)
    assert desk.certify(9, points=386) is ErrorCode.LIMIT_EXCEEDED
    assert desk.certify(9, points=385) is ErrorCode.OK
