"""Persons with two credentials, certifiers past their limit, shopped weights, and the cap."""

from collections.abc import Callable

from ledger.errors import ErrorCode
from tests.support.attack_table import percent
from tests.support.pool_town import (
    CERTIFIERS,
    EVIDENCE,
    REGISTRAR,
    PoolTown,
    nullifier,
    person,
)
from tokenomics.distribution.certificates import CERTIFY
from tokenomics.distribution.persons import ENROL
from tokenomics.distribution.pools import Pool, pool_totals
from tokenomics.distribution.shares import HOLDINGS, holding_key

Told = Callable[..., None]


def shares(town: PoolTown, number: int, pool: Pool = Pool.PARTICIPATION) -> int:
    row = town.state.get(HOLDINGS, holding_key(pool, person(number)))
    return 0 if row is None else row.shares


def share_of(town: PoolTown, *numbers: int) -> str:
    """Of all shares of the participation pool."""
    held = sum(shares(town, number) for number in numbers)
    return percent(held, pool_totals(town.state, Pool.PARTICIPATION).shares)


def test_one_person_with_two_credentials(told: Told) -> None:
    """With another account, and after leaving; the second credential carries the same nullifier."""
    town = PoolTown()
    town.enrol(0)
    town.certify(0)
    second = (REGISTRAR, ENROL, person(1), nullifier(0))
    assert town.send(*second) is ErrorCode.CONFLICT
    assert town.certify(1) is ErrorCode.NOT_FOUND
    assert town.leave(0) is ErrorCode.OK
    assert town.send(*second) is ErrorCode.CONFLICT
    assert town.send(REGISTRAR, ENROL, person(0), nullifier(2)) is ErrorCode.CONFLICT
    told(f"{shares(town, 1)} shares")


def test_a_certifier_past_the_limit(told: Told) -> None:
    """A limit of 1,000 points a round: in one certificate, in parts, and over persons."""
    limit = 1_000
    town = PoolTown(limit)
    town.enrol(0, 1, 2)
    assert town.certify(0, points=limit + 1) is ErrorCode.LIMIT_EXCEEDED
    for number in (0, 1, 2) * 4:
        town.certify(number, points=limit // 10)
    assert town.certify(2, points=1) is ErrorCode.LIMIT_EXCEEDED
    told(f"{sum(shares(town, number) for number in range(3)):,} shares")


def test_a_revocation_that_comes_late(told: Told) -> None:
    """A false certificate is revoked after its round closed: it stands, with one round's limit."""
    limit = 1_000
    town = PoolTown(limit)
    town.enrol(0)
    town.certify(0, points=limit)
    town.close()
    assert town.revoke(1) is ErrorCode.NOT_NOW
    town.close(10**18)
    assert town.claim(0) is ErrorCode.OK
    told(f"{shares(town, 0):,} shares")


def test_a_revocation_in_time_leaves_no_early_weight(told: Told) -> None:
    """The first certificate is revoked before quarter 1 closes; the next is of quarter 9."""
    town = PoolTown()
    town.enrol(0)
    town.certify(0, points=1)
    assert town.revoke(1) is ErrorCode.OK
    for _ in range(8):
        town.close()
    town.certify(0, points=10**6)
    weight = shares(town, 0)
    told(percent(weight, 10**6))


def test_an_early_weight_is_kept_with_a_point_a_year(told: Told) -> None:
    """One point in quarter 1 and in every fourth after it keeps the weight of quarter 1; somebody
    who comes as late, and one who enrolled early without a point, have the floor's weight."""
    town = PoolTown()
    town.enrol(0, 1, 2)
    town.certify(0, points=1)
    for quarter in range(2, 54):
        town.close()
        if quarter % 4 == 1:
            assert town.certify(0, points=1) is ErrorCode.OK, town.refusal
    kept = shares(town, 0)
    for number in range(3):
        town.certify(number, points=10**6)
    late = shares(town, 1)
    assert late == shares(town, 2)
    shopped = shares(town, 0) - kept
    assert town.leave(0) is ErrorCode.OK
    assert town.send(REGISTRAR, ENROL, person(0), nullifier(0)) is ErrorCode.CONFLICT
    told(f"{kept} points", f"{shopped / late:.2f} times")


def test_an_idle_year_ends_an_early_weight(told: Told) -> None:
    """A point in quarter 1, the next work five quarters later: at the weight of its own quarter."""
    town = PoolTown()
    town.enrol(0)
    town.certify(0, points=1)
    for _ in range(5):
        town.close()
    town.certify(0, points=10**6)
    told(percent(shares(town, 0) - 1, 10**6))


def filled(town: PoolTown, number: int) -> None:
    """Certify as many points as the holder's cap leaves, found by halving."""
    step = 10**12
    while step:
        while town.certify(number, points=step) is ErrorCode.OK:
            pass
        step //= 2


def town_of(others: int) -> PoolTown:
    """So many honest holders of 1,000 points each, all of the first quarter."""
    town = PoolTown()
    town.enrol(*range(others + 20))
    for number in range(others):
        assert town.certify(number, points=1_000) is ErrorCode.OK
    return town


def test_the_cap_holds_one_person_and_friends(told: Told) -> None:
    """A corrupt certifier without a limit, in a pool of 100 honest holders and in one of 1,000:
    for one person, and for ten who share."""
    for others in (100, 1_000):
        for friends in (1, 10):
            town = town_of(others)
            gang = range(others, others + friends)
            for number in gang:
                filled(town, number)
            for number in gang:
                filled(town, number)
            told(share_of(town, *gang))


def test_the_first_three_holders_have_no_cap(told: Told) -> None:
    """The cap is 3/n: a certifier gives the whole limit of a round to the only holder of a pool,
    and then 99 others earn a hundredth of it each."""
    limit = 10_000
    town = PoolTown(limit)
    town.enrol(*range(100))
    assert town.certify(0, points=limit) is ErrorCode.OK
    town.close()
    for number in range(1, 100):
        assert (
            town.send(CERTIFIERS[1], CERTIFY, person(number), "work", limit // 100, EVIDENCE)
            is ErrorCode.OK
        ), town.refusal
    assert town.certify(0, points=1) is ErrorCode.LIMIT_EXCEEDED
    told(share_of(town, 0))
