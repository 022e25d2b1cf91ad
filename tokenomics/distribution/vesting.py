"""Grants: what a person claimed, vesting quarter by quarter.

A claim makes a grant of its quarter; grants of one quarter merge. After q whole quarters nothing is
vested before the cliff, then floor(grant * q / 16), and the grant whole at 16. A person has one row
for each quarter modulo SLOTS; the grant that a new one replaces there is vested whole, and what of
it was not released is carried on. So nobody ever has more than SLOTS rows.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.primitives import Address
from ledger.rows import Amount, table
from ledger.state import State
from tokenomics.distribution.pool_params import MAX_VESTING_QUARTERS, DistributionParameters
from tokenomics.distribution.pools import Town

SLOTS: Final = MAX_VESTING_QUARTERS + 1


class Grant(msgspec.Struct, frozen=True, gc=False):
    """A grant of quarter `round`, in smallest units. matured: vested whole in earlier grants of
    this row and not released."""

    round: int
    amount: Amount
    released: Amount
    matured: Amount

    @property
    def held(self) -> int:
        """What the vesting account holds for it."""
        return self.amount - self.released + self.matured


GRANTS: Final = table("distribution", "grant", Grant)
"""Grant by person and slot (1 byte): the quarter modulo SLOTS."""


def vested(amount: int, quarters: int, parameters: DistributionParameters) -> int:
    """The vested part of a grant after so many whole quarters; never falls, at most the grant."""
    if quarters < parameters.cliff_quarters:
        return 0
    if quarters >= parameters.vesting_quarters:
        return amount
    return amount * quarters // parameters.vesting_quarters


def grant_key(person: Address, quarter: int) -> bytes:
    """Key in GRANTS of the row that a quarter's grant is in."""
    return person + bytes((quarter % SLOTS,))


def grants_of(state: State, person: Address) -> Iterator[tuple[bytes, Grant]]:
    """(key, grant) of a person's rows, at most SLOTS; a point read each."""
    for slot in range(SLOTS):
        row_key = grant_key(person, slot)
        row = state.get(GRANTS, row_key)
        if row is not None:
            yield row_key, row


def releasable(row: Grant, now: Town, parameters: DistributionParameters) -> int:
    """What is vested and not released."""
    return vested(row.amount, now.quarter - row.round, parameters) - row.released + row.matured


def next_vesting(row: Grant, now: Town, parameters: DistributionParameters) -> int | None:
    """The quarter in which more of a grant vests; None once it is vested whole."""
    passed = now.quarter - row.round
    if passed >= parameters.vesting_quarters:
        return None
    return row.round + max(passed + 1, parameters.cliff_quarters)


def add_grant(state: State, person: Address, amount: int, now: Town) -> None:
    """Grant an amount that the vesting account received, as of the running quarter. O(1)."""
    row_key = grant_key(person, now.quarter)
    row = state.get(GRANTS, row_key)
    if row is None:
        row = Grant(now.quarter, amount, 0, 0)
    elif row.round == now.quarter:
        row = replace(row, amount=row.amount + amount)
    else:  # SLOTS quarters old or more: vested whole
        row = Grant(now.quarter, amount, 0, row.held)
    state.put(GRANTS, row_key, row)


def release_vested(
    state: State, person: Address, now: Town, parameters: DistributionParameters
) -> int:
    """Count everything vested as released; the amount that the vesting account now owes out."""
    total = 0
    for row_key, row in grants_of(state, person):
        amount = releasable(row, now, parameters)
        total += amount
        left = replace(row, released=row.released + amount - row.matured, matured=0)
        if left.held == 0:
            state.delete(GRANTS, row_key)
        elif amount:
            state.put(GRANTS, row_key, left)
    return total


def end_grants(state: State, person: Address) -> int:
    """Delete what is left of a person's grants; the amount that was not released."""
    total = 0
    for row_key, row in grants_of(state, person):
        total += row.held
        state.delete(GRANTS, row_key)
    return total
