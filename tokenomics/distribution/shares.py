"""A person's shares in one pool, settled lazily: nothing loops over persons.

Shares certified in a round are pending until its close, whose mint they do not earn. Whoever
touches a person's row later settles the pending entry first, with the accumulator of its own close.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.errors import InvariantViolation
from ledger.primitives import BPS, PPM, Address
from ledger.rows import Scaled, table
from ledger.state import State
from tokenomics.distribution.pool_params import DistributionParameters
from tokenomics.distribution.pools import (
    POOL_KEYS,
    POOLS,
    SCALE_BITS,
    Pool,
    PoolTotals,
    Town,
    accumulator_at,
    pool_totals,
)


class Holding(msgspec.Struct, frozen=True, gc=False):
    """Shares and what they earned.

    pending: certified in round pending_round (0: none). earned: scaled tokens since the last
    claim, up to the pool's accumulator `mark`; the fraction below one unit is kept, so it makes no
    difference how often the row is settled.
    """

    active: int
    pending: int
    pending_round: int
    mark: Scaled
    earned: Scaled

    @property
    def shares(self) -> int:
        """Active and pending."""
        return self.active + self.pending

    @property
    def claimable(self) -> int:
        """Whole units that were earned."""
        return self.earned >> SCALE_BITS

    def claimed(self) -> "Holding":
        """The row once its claimable units are paid out."""
        return replace(self, earned=self.earned & ((1 << SCALE_BITS) - 1))


HOLDINGS: Final = table("distribution", "holding", Holding)
"""Holding by pool and person; only of persons with shares, or with something left to claim."""


def holding_key(pool: Pool, person: Address) -> bytes:
    """Key in HOLDINGS."""
    return POOL_KEYS[pool] + person


def settled(
    state: State, pool: Pool, totals: PoolTotals, now: Town, person: Address
) -> Holding | None:
    """A person's holding up to now, not written; None without one. O(1)."""
    row = state.get(HOLDINGS, holding_key(pool, person))
    if row is None:
        return None
    active, mark, earned = row.active, row.mark, row.earned
    pending, pending_round = row.pending, row.pending_round
    if 0 < pending_round <= now.round:
        at_close = accumulator_at(state, pool, pending_round)
        earned += active * (at_close - mark)
        active, mark = active + pending, at_close
        pending = pending_round = 0
    earned += active * (totals.accumulator - mark)
    return Holding(active, pending, pending_round, totals.accumulator, earned)


def possible_shares(
    held: int, all_shares: int, holders: int, parameters: DistributionParameters
) -> int | None:
    """The most shares that a person with `held` of a pool's may get; None without a limit.

    Largest x with (held + x) * 10000 * n <= (all + x) * max(cap_bps * n, multiple * 10000): the
    larger of 1 % and 3/n. n counts the holders after the certificate.
    """
    own = BPS * holders
    allowed = max(parameters.holder_cap_bps * holders, parameters.holder_cap_multiple * BPS)
    if own <= allowed:
        return None  # so few holders that one may hold all
    return max(0, (all_shares * allowed - held * own) // (own - allowed))


def possible_points(possible: int, weight_ppm: int) -> int:
    """The most points that earn no more than so many shares."""
    return ((possible + 1) * PPM - 1) // weight_ppm


def add_pending(state: State, pool: Pool, person: Address, amount: int, now: Town) -> None:
    """Give a person pending shares of the running round. Limits are the caller's."""
    totals = pool_totals(state, pool)
    row = settled(state, pool, totals, now, person) or Holding(0, 0, 0, totals.accumulator, 0)
    holders = totals.holders + (row.shares == 0)
    row = replace(row, pending=row.pending + amount, pending_round=now.quarter)
    state.put(HOLDINGS, holding_key(pool, person), row)
    state.put(
        POOLS, POOL_KEYS[pool], replace(totals, pending=totals.pending + amount, holders=holders)
    )


def take_pending(state: State, pool: Pool, person: Address, amount: int, now: Town) -> None:
    """Take pending shares of the running round away again."""
    totals = pool_totals(state, pool)
    row = settled(state, pool, totals, now, person)
    if row is None or row.pending < amount:
        raise InvariantViolation(
            f"{amount} pending shares of 0x{person.hex()} in pool {pool.label} are not there"
        )
    row = replace(row, pending=row.pending - amount)
    if row.pending == 0:
        row = replace(row, pending_round=0)
    holders = totals.holders - (row.shares == 0)
    if row.shares or row.earned:
        state.put(HOLDINGS, holding_key(pool, person), row)
    else:
        state.delete(HOLDINGS, holding_key(pool, person))
    state.put(
        POOLS, POOL_KEYS[pool], replace(totals, pending=totals.pending - amount, holders=holders)
    )


def end_shares(state: State, pool: Pool, person: Address, now: Town) -> int:
    """End a person's shares in a pool; returns the units that were earned and not claimed, which
    the pool no longer owes."""
    totals = pool_totals(state, pool)
    row = settled(state, pool, totals, now, person)
    if row is None:
        return 0
    state.delete(HOLDINGS, holding_key(pool, person))
    state.put(
        POOLS,
        POOL_KEYS[pool],
        replace(
            totals,
            active=totals.active - row.active,
            pending=totals.pending - row.pending,
            holders=totals.holders - (row.shares > 0),
            owed=totals.owed - row.claimable,
        ),
    )
    return row.claimable
