"""Messages of distribution: what each does, and each refusal with its code and its sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ledger import accounts
from ledger.errors import ErrorCode, InvariantViolation
from ledger.primitives import UNIT
from ledger.state import State, Table
from tests.support.pool_town import (
    BLOCK,
    CERTIFIERS,
    EVIDENCE,
    GOVERNANCE,
    REGISTRAR,
    PoolTown,
    nullifier,
    person,
)
from tokenomics.certificates import CERTIFICATES, CERTIFY, KINDS, REVOKE, certificate_key
from tokenomics.claims import CLAIM, DIVIDEND, RELEASE
from tokenomics.leaving import LEAVE
from tokenomics.persons import ENROL, NULLIFIERS, PERSONS, Nullifier
from tokenomics.pool_params import DistributionParameters
from tokenomics.pools import (
    CLOSES,
    POOL_ACCOUNTS,
    POOL_KEYS,
    POOLS,
    TOWN,
    VESTING_ACCOUNT,
    Pool,
    pool_totals,
    town,
)
from tokenomics.reserve import MAX_TRANCHES_A_CLOSE, TRANCHES, Tranche
from tokenomics.rows import key
from tokenomics.shares import HOLDINGS, holding_key
from tokenomics.vesting import GRANTS, SLOTS, grant_key, grants_of, vested
from tokenomics.weights import STANDINGS

MINT = 1_000 * UNIT
PART = 250 * UNIT
"""The participation pool's part of MINT."""


def working_town() -> PoolTown:
    """Two persons with equal shares of work, active since round 1 closed."""
    desk = PoolTown()
    desk.enrol(0, 1, 2)
    desk.certify(0)
    desk.certify(1)
    desk.close()
    return desk


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


def leave_alone(desk: PoolTown) -> ErrorCode:
    desk.leave(0)
    return desk.certify(0)


def claim_twice(desk: PoolTown) -> ErrorCode:
    desk.close(MINT)
    desk.claim(0)
    return desk.claim(0)


def revoke_twice(desk: PoolTown) -> ErrorCode:
    desk.certify(0)
    desk.revoke(3)
    return desk.revoke(3)


def enrol_after_leaving(desk: PoolTown) -> ErrorCode:
    desk.leave(0)
    return desk.send(REGISTRAR, ENROL, person(7), nullifier(0))


def dividend_beyond_the_treasury(desk: PoolTown) -> ErrorCode:
    return desk.dividend(1)


STRANGER = person(99)
REFUSALS: dict[str, tuple[Callable[[PoolTown], ErrorCode], ErrorCode, str]] = {
    "a stranger enrols": (
        lambda d: d.send(STRANGER, ENROL, person(5), nullifier(5)),
        ErrorCode.UNAUTHORISED,
        "only a holder of the role person_registrar enrols persons",
    ),
    "enrolled twice": (
        lambda d: d.send(REGISTRAR, ENROL, person(0), nullifier(5)),
        ErrorCode.CONFLICT,
        "is enrolled already",
    ),
    "one person, two credentials": (
        lambda d: d.send(REGISTRAR, ENROL, person(5), nullifier(0)),
        ErrorCode.CONFLICT,
        "was used for",
    ),
    "a nullifier after leaving": (enrol_after_leaving, ErrorCode.CONFLICT, "also after leaving"),
    "a stranger certifies": (
        lambda d: d.send(STRANGER, CERTIFY, person(0), "work", 1, EVIDENCE),
        ErrorCode.UNAUTHORISED,
        "certifies contributions",
    ),
    "unknown kind": (
        lambda d: d.certify(0, "sleep"),
        ErrorCode.INVALID_MESSAGE,
        "expected one of work, residence",
    ),
    "unknown person": (lambda d: d.certify(9), ErrorCode.NOT_FOUND, "is not enrolled"),
    "no points": (lambda d: d.certify(0, points=0), ErrorCode.INVALID_MESSAGE, "at least 1"),
    "less than a share": (
        lambda d: d.certify(2, points=1),
        ErrorCode.INVALID_MESSAGE,
        "less than one share",
    ),
    "over the limit": (
        lambda d: d.certify(0, points=10**6 + 1),
        ErrorCode.LIMIT_EXCEEDED,
        "may certify 1000000 points of work a round and has certified 0 in round 2",
    ),
    "who left": (leave_alone, ErrorCode.CONFLICT, "left in quarter 2"),
    "no such certificate": (lambda d: d.revoke(9), ErrorCode.NOT_FOUND, "the last is 2"),
    "another's certificate": (
        lambda d: d.send(CERTIFIERS[1], REVOKE, 1, "x"),
        ErrorCode.UNAUTHORISED,
        "by its certifier",
    ),
    "revoked after the close": (lambda d: d.revoke(1), ErrorCode.NOT_NOW, "has closed"),
    "revoked twice": (revoke_twice, ErrorCode.CONFLICT, "revoked already: a mistake"),
    "revoked without a word": (
        lambda d: (d.certify(0), d.revoke(3, ""))[1],
        ErrorCode.INVALID_MESSAGE,
        "say in words",
    ),
    "nothing to claim": (lambda d: d.claim(0), ErrorCode.NOT_NOW, "nothing to claim"),
    "claimed twice": (claim_twice, ErrorCode.NOT_NOW, "nothing to claim"),
    "a stranger claims": (
        lambda d: d.send(STRANGER, CLAIM, "participation"),
        ErrorCode.NOT_FOUND,
        "is not enrolled",
    ),
    "no pool of persons": (
        lambda d: d.claim(0, "reserve"),
        ErrorCode.INVALID_MESSAGE,
        "expected one of participation, achievement, founders, owners",
    ),
    "nothing to release": (
        lambda d: d.send(STRANGER, RELEASE),
        ErrorCode.NOT_NOW,
        "has no grant",
    ),
    "unknown cause": (
        lambda d: d.leave(0, "boredom"),
        ErrorCode.INVALID_MESSAGE,
        "expected one of left, death, illness, relocation",
    ),
    "left twice": (lambda d: (d.leave(0), d.leave(0))[1], ErrorCode.CONFLICT, "left in quarter"),
    "never here": (lambda d: d.leave(9), ErrorCode.NOT_FOUND, "is not enrolled"),
    "hardship by oneself": (
        lambda d: d.send(person(0), LEAVE, person(0), "illness"),
        ErrorCode.UNAUTHORISED,
        "person_registrar",
    ),
    "sent away by a colleague": (
        lambda d: d.send(person(1), LEAVE, person(0), "left"),
        ErrorCode.UNAUTHORISED,
        "person_registrar",
    ),
    "a stranger's dividend": (
        lambda d: d.send(STRANGER, DIVIDEND, "participation", 1),
        ErrorCode.UNAUTHORISED,
        "pays dividends",
    ),
    "a dividend of nothing": (lambda d: d.dividend(0), ErrorCode.INVALID_MESSAGE, "more than 0"),
    "a dividend for nobody": (
        lambda d: d.dividend(1, "founders"),
        ErrorCode.CONFLICT,
        "no active shares",
    ),
    "a dividend of more than there is": (
        dividend_beyond_the_treasury,
        ErrorCode.INSUFFICIENT_FUNDS,
        "the treasury holds 0",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_code_and_a_sentence_and_changes_nothing(name: str) -> None:
    attempt, code, words = REFUSALS[name]
    desk = working_town()
    desk.book.limit = 10**6
    assert attempt(desk) is code, desk.refusal
    assert words in desk.refusal
    before = desk.state.changes()
    # Once more: a refused message leaves every row as it was.
    if name not in {"who left", "claimed twice", "revoked twice", "left twice"} | {
        "a nullifier after leaving",
        "revoked without a word",
    }:
        assert attempt(desk) is code
        assert desk.state.changes() == before
    desk.check()


def rich_town() -> PoolTown:
    """Something in every table: holders, pending shares, grants, tranches, somebody who left."""
    desk = working_town()
    desk.certify(2)
    desk.close(MINT)
    desk.claim(0)
    for _ in range(4):
        desk.close(MINT)
    desk.release(0)
    desk.certify(0, "research")
    desk.leave(1)
    return desk


def grant(state: State) -> tuple[bytes, Any]:
    return next(iter(grants_of(state, person(0))))


def tampered_standing(state: State) -> None:
    row = state.get(STANDINGS, person(2))
    assert row is not None
    state.put(STANDINGS, person(2), replace(row, open_weight_ppm=10**6 + 1))


def tampered_close(state: State) -> None:
    row = state.get(CLOSES, key(2))
    assert row is not None
    state.put(CLOSES, key(2), replace(row, parts=(MINT, 0, 0, 0, 0, 0)))


TAMPERING: dict[str, Callable[[State], None]] = {
    "accounts_hold_what_is_owed": lambda s: accounts.transfer(
        s, VESTING_ACCOUNT, STRANGER, accounts.balance(s, VESTING_ACCOUNT)
    ),
    "totals_are_those_of_persons": lambda s: s.delete(
        HOLDINGS, holding_key(Pool.PARTICIPATION, person(2))
    ),
    "splits_are_exact": tampered_close,
    "grants_vest_within_bounds": lambda s: s.put(
        GRANTS, grant(s)[0], replace(grant(s)[1], released=grant(s)[1].amount)
    ),
    "earlier_weighs_no_less": tampered_standing,
    "credentials_are_single": lambda s: s.put(NULLIFIERS, nullifier(50), Nullifier(person(0))),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_every_invariant_notices_what_it_is_for(name: str) -> None:
    desk = rich_town()
    assert set(desk.module.invariants) == set(TAMPERING)
    desk.check()
    TAMPERING[name](desk.state)
    with pytest.raises(InvariantViolation):
        desk.module.invariants[name](desk.state, BLOCK)


def test_a_pool_that_lacks_what_it_owes_stops_the_node_in_the_same_block() -> None:
    desk = rich_town()
    accounts.transfer(desk.state, POOL_ACCOUNTS[Pool.PARTICIPATION], STRANGER, 1)
    with pytest.raises(InvariantViolation, match="pool participation holds"):
        desk.close()


def test_rows_survive_their_encoding() -> None:
    desk = rich_town()
    rows: list[tuple[Table[Any], bytes]] = [
        (POOLS, POOL_KEYS[0]),
        (TOWN, b""),
        (CLOSES, key(2)),
        (PERSONS, person(1)),
        (CERTIFICATES, certificate_key(1)),
        (GRANTS, grant(desk.state)[0]),
    ]
    for table, row_key in rows:
        row = desk.state.get(table, row_key)
        assert row is not None
        assert table.decode(table.encode(row)) == row
    assert grant_key(person(0), 18)[-1] == 1
