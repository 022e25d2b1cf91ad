"""The six pools: how a mint splits over them, and how a pool pays its shares.

A pool is an account that nobody has a key of, and a row of running totals. Four pools belong to
persons: each holds shares, and what it receives raises one accumulator, the scaled tokens that a
share has earned since the start. So a payment costs the same for ten holders and for a million.

No overflow: shares of a pool stay below 2^64, amounts below 2^128 and the scale is 2^64, so one
payment raises the accumulator by less than 2^192, and a row holds 2^256: 2^64 payments. With the
scale above the number of shares, what floor division leaves is below one unit (10^-18 token) a
payment; it stays in the pool.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.accounts import module_address
from ledger.errors import ensure
from ledger.primitives import MAX_UINT64, PPM, Address
from ledger.rows import Amount, Scaled, key, present, table
from ledger.state import State
from tokenomics.ports import Token

SCALE_BITS: Final = 64
MAX_SHARES: Final = MAX_UINT64
"""Of one pool, active and pending together."""


class Pool(IntEnum):
    """The pools, in the order in which they split a mint."""

    PARTICIPATION = 0
    ACHIEVEMENT = 1
    FOUNDERS = 2
    OWNERS = 3
    TREASURY = 4
    RESERVE = 5

    @property
    def label(self) -> str:
        """Its name in messages, events and views."""
        return self.name.lower()


PERCENT: Final = (25, 15, 10, 10, 10, 30)
"""Each pool's part of a mint, by the law (economy.md section 3)."""
PERSON_POOLS: Final = (Pool.PARTICIPATION, Pool.ACHIEVEMENT, Pool.FOUNDERS, Pool.OWNERS)
"""Those that pay shares of persons."""
PERSON_POOL_NAMES: Final = {pool.label: pool for pool in PERSON_POOLS}
POOL_ACCOUNTS: Final = tuple(module_address(f"pool.{pool.label}") for pool in Pool)
VESTING_ACCOUNT: Final = module_address("vesting")
"""Holds what was claimed and has not been released."""


class PoolTotals(msgspec.Struct, frozen=True, gc=False):
    """Shares in numbers, tokens in smallest units.

    accumulator: scaled tokens that a share active since the start has earned. holders: persons with
    a share, active or pending. received: parts of mints; dividends: from the treasury. waiting:
    received while no share was active, for the next round. owed: paid to shares and not claimed,
    with what floors left over.
    """

    accumulator: Scaled
    active: int
    pending: int
    holders: int
    received: Amount
    dividends: Amount
    waiting: Amount
    owed: Amount

    @property
    def shares(self) -> int:
        """Active and pending."""
        return self.active + self.pending


class Town(msgspec.Struct, frozen=True, gc=False):
    """Where distribution stands. round: the last one distributed.

    weight_ppm: of a first contribution in the running quarter, which is round + 1. certificates:
    made so far. tranches_from: the first due round of which a reserve tranche may be unsettled.
    """

    round: int
    weight_ppm: int
    certificates: int
    tranches_from: int

    @property
    def quarter(self) -> int:
        """The running quarter: the town round that has not closed."""
        return self.round + 1


class Close(msgspec.Struct, frozen=True, gc=False):
    """A round's distribution: parts of the mint over all pools, accumulators after it."""

    minted: Amount
    parts: tuple[Amount, ...]
    accumulators: tuple[Scaled, ...]


POOLS: Final = table("distribution", "pool", PoolTotals)
"""PoolTotals by pool."""
TOWN: Final = table("distribution", "town", Town)
"""One row, at the empty key."""
CLOSES: Final = table("distribution", "close", Close)
"""Close by round."""

POOL_KEYS: Final = tuple(key(pool) for pool in Pool)


def open_pools(state: State) -> None:
    """Write the rows of a chain's start."""
    for pool in Pool:
        state.put(POOLS, POOL_KEYS[pool], PoolTotals(0, 0, 0, 0, 0, 0, 0, 0))
    state.put(TOWN, b"", Town(round=0, weight_ppm=PPM, certificates=0, tranches_from=1))


def pool_totals(state: State, pool: Pool) -> PoolTotals:
    """A pool's row."""
    return present(state.get(POOLS, POOL_KEYS[pool]), "a pool's totals")


def town(state: State) -> Town:
    """Where distribution stands."""
    return present(state.get(TOWN, b""), "the state of distribution")


def accumulator_at(state: State, pool: Pool, round_number: int) -> int:
    """A pool's accumulator after the mint of a distributed round."""
    row = present(state.get(CLOSES, key(round_number)), "the distribution of a round")
    return row.accumulators[pool]


def split(amount: int, weights: Sequence[int] = PERCENT) -> tuple[int, ...]:
    """`amount` by weights, exactly: each its floor, and the units that are left one each to the
    largest remainders, of equal ones to the pool that comes first."""
    whole = sum(weights)
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: -(amount * weights[at] % whole))
    for at in by_remainder[: amount - sum(parts)]:
        parts[at] += 1
    return tuple(parts)


def paid(row: PoolTotals, amount: int) -> PoolTotals:
    """The row after its active shares, of which there are some, were paid `amount`."""
    return replace(
        row,
        accumulator=row.accumulator + (amount << SCALE_BITS) // row.active,
        owed=row.owed + amount,
    )


def after_mint(row: PoolTotals, part: int) -> PoolTotals:
    """A person pool's row after a round's close: active shares paid, pending ones active."""
    row = replace(row, received=row.received + part)
    if row.active:
        row = replace(paid(row, part + row.waiting), waiting=0)
    else:
        row = replace(row, waiting=row.waiting + part)
    return replace(row, active=row.active + row.pending, pending=0)


def account_of(pool: Pool) -> Address:
    """The account that holds a pool's tokens."""
    return POOL_ACCOUNTS[pool]


def require_covered(state: State, token: Token) -> None:
    """InvariantViolation unless each person pool holds what it owes; O(pools), for every block."""
    for pool in PERSON_POOLS:
        row, held = pool_totals(state, pool), token.balance(state, POOL_ACCOUNTS[pool])
        ensure(
            held >= row.owed + row.waiting,
            f"pool {pool.label} holds {held} and owes {row.owed}, {row.waiting} more wait in it",
        )
