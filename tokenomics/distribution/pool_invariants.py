"""Registered invariants of distribution; the numbers are those of economy.md section 5.

Each reads every row of its tables, in tests and in `poyong doctor`; a running node checks
pools.require_covered after each block.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from ledger.errors import ensure
from ledger.module import BlockInfo, Invariant
from ledger.primitives import Address
from ledger.rows import key
from ledger.state import State
from tokenomics.distribution.persons import NULLIFIERS, PERSONS
from tokenomics.distribution.pool_params import distribution_parameters, has_distribution
from tokenomics.distribution.pools import (
    CLOSES,
    PERSON_POOLS,
    POOL_ACCOUNTS,
    POOL_KEYS,
    VESTING_ACCOUNT,
    Pool,
    pool_totals,
    require_covered,
    split,
    town,
)
from tokenomics.distribution.reserve import TRANCHES
from tokenomics.distribution.shares import HOLDINGS, settled
from tokenomics.distribution.vesting import GRANTS, vested
from tokenomics.distribution.weights import STANDINGS
from tokenomics.ports import Token


def _accounts_hold_what_is_owed(state: State, token: Token) -> None:
    """1, this module's part: pools, vesting and reserve hold what their rows promise."""
    require_covered(state, token)
    granted = sum(row.held for _, row in state.iterate(GRANTS))
    held = token.balance(state, VESTING_ACCOUNT)
    ensure(held >= granted, f"the vesting account holds {held}, grants say {granted}")
    waiting = sum(row.amount for _, row in state.iterate(TRANCHES))
    held = token.balance(state, POOL_ACCOUNTS[Pool.RESERVE])
    ensure(held >= waiting, f"the reserve holds {held}, its tranches say {waiting}")
    first = min((row_key for row_key, _ in state.iterate(TRANCHES)), default=None)
    ensure(
        first is None or first >= key(town(state).tranches_from),
        "a reserve tranche lies before the first that may be unsettled",
    )


def _totals_are_those_of_persons(state: State, _: BlockInfo) -> None:
    """1: a pool's totals are the sums over its holders, and it owes at least what they earned."""
    now = town(state)
    for pool in PERSON_POOLS:
        totals = pool_totals(state, pool)
        prefix = POOL_KEYS[pool]
        rows = [
            row
            for row_key, _ in state.iterate(HOLDINGS, prefix)
            if (row := settled(state, pool, totals, now, Address(row_key[len(prefix) :])))
        ]
        found = (
            sum(row.active for row in rows),
            sum(row.pending for row in rows),
            sum(row.shares > 0 for row in rows),
        )
        expected = (totals.active, totals.pending, totals.holders)
        ensure(
            found == expected,
            f"pool {pool.label}: (active, pending, holders) are {expected}, persons have {found}",
        )
        earned = sum(row.claimable for row in rows)
        ensure(
            earned <= totals.owed,
            f"pool {pool.label} owes {totals.owed}, its holders earned {earned}",
        )


def _splits_are_exact(state: State, _: BlockInfo) -> None:
    """11: each round's parts are the split of its mint, and a pool received their sum."""
    received = [0] * len(Pool)
    for _row_key, row in state.iterate(CLOSES):
        ensure(
            row.parts == split(row.minted) and sum(row.parts) == row.minted,
            f"a mint of {row.minted} was split into {row.parts}",
        )
        received = [before + part for before, part in zip(received, row.parts, strict=True)]
    for pool in Pool:
        found = pool_totals(state, pool).received
        ensure(
            found == received[pool],
            f"pool {pool.label} received {found}, its parts of mints sum to {received[pool]}",
        )


def _grants_vest_within_bounds(state: State, _: BlockInfo) -> None:
    """12: vested never exceeds its grant, and no more was released than had vested."""
    parameters, now = distribution_parameters(state), town(state)
    for row_key, row in state.iterate(GRANTS):
        ensure(row.round <= now.quarter, f"grant {row_key.hex()} is of quarter {row.round}")
        ripe = vested(row.amount, now.quarter - row.round, parameters)
        ensure(
            row.released <= ripe <= row.amount,
            f"grant {row_key.hex()}: released {row.released}, vested {ripe} of {row.amount}",
        )


def _earlier_weighs_no_less(state: State, _: BlockInfo) -> None:
    """13: an earlier first contribution never gives less for equal points."""
    weights = []
    for _person, row in state.iterate(STANDINGS):
        if row.since_quarter:
            weights.append((row.since_quarter, row.weight_ppm))
        if row.open_live:
            weights.append((row.open_since, row.open_weight_ppm))
    weights = sorted({*weights, (town(state).quarter, town(state).weight_ppm)})
    for (earlier, more), (later, less) in pairwise(weights):
        ensure(
            earlier < later and more >= less,
            f"weight {less} of quarter {later} after {more} of quarter {earlier}",
        )


def _credentials_are_single(state: State, _: BlockInfo) -> None:
    """14: each person has one nullifier, and each nullifier one person."""
    used = {row_key: row.person for row_key, row in state.iterate(NULLIFIERS)}
    persons = {row.nullifier: Address(row_key) for row_key, row in state.iterate(PERSONS)}
    count = sum(1 for _ in state.iterate(PERSONS))
    ensure(
        used == persons and len(used) == count,
        f"{count} persons have {len(persons)} nullifiers, {len(used)} are on record as used",
    )


def distribution_invariants(token: Token) -> Mapping[str, Invariant]:
    """Invariants of distribution, by name, on chains that have it."""
    invariants: Final[dict[str, Invariant]] = {
        "accounts_hold_what_is_owed": lambda state, _: _accounts_hold_what_is_owed(state, token),
        "totals_are_those_of_persons": _totals_are_those_of_persons,
        "splits_are_exact": _splits_are_exact,
        "grants_vest_within_bounds": _grants_vest_within_bounds,
        "earlier_weighs_no_less": _earlier_weighs_no_less,
        "credentials_are_single": _credentials_are_single,
    }
    return {name: _where_distributed(invariant) for name, invariant in invariants.items()}


def _where_distributed(invariant: Invariant) -> Invariant:
    """The invariant, on chains that have distribution."""

    def check(state: State, block: BlockInfo) -> None:
        if has_distribution(state):
            invariant(state, block)

    return check
