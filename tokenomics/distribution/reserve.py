"""The reserve: its part of each mint waits for years, then covers what land no longer does.

A tranche matures a number of rounds after it came in. At a FINAL round the tranches that are due
burn as much as land leaves uncovered, and the rest goes to the treasury.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.module import Context
from ledger.rows import Amount, key, table
from ledger.state import State
from tokenomics.distribution.pool_params import DistributionParameters
from tokenomics.distribution.pools import POOL_ACCOUNTS, TOWN, Pool, Town, town
from tokenomics.ports import Token

MAX_TRANCHES_A_CLOSE: Final = 64
"""Due rounds that one close looks at; what is due beyond waits for the next FINAL round."""


class Tranche(msgspec.Struct, frozen=True, gc=False):
    """What came into the reserve in one round, in smallest units."""

    amount: Amount


TRANCHES: Final = table("distribution", "tranche", Tranche)
"""Tranche by the round in which it is due; settled ones have no row."""


def add_tranche(state: State, now: Town, amount: int, parameters: DistributionParameters) -> None:
    """Note what the reserve's account received in the running round; tranches of one round merge.
    An amount of 0 leaves no row."""
    if amount == 0:
        return
    row_key = key(now.quarter + parameters.reserve_rounds)
    row = state.get(TRANCHES, row_key)
    state.put(TRANCHES, row_key, Tranche(amount + (row.amount if row else 0)))


def mature(context: Context, token: Token, round_number: int, uncovered: int) -> int:
    """Settle the tranches that are due by a FINAL round; returns what was burned."""
    state = context.state
    now, due = town(state), 0
    last = min(round_number, now.tranches_from + MAX_TRANCHES_A_CLOSE - 1)
    for due_round in range(now.tranches_from, last + 1):
        row = state.get(TRANCHES, key(due_round))
        if row is not None:
            due += row.amount
            state.delete(TRANCHES, key(due_round))
    state.put(TOWN, b"", replace(now, tranches_from=last + 1))
    if due == 0:
        return 0
    burned = min(due, uncovered)
    token.burn(state, POOL_ACCOUNTS[Pool.RESERVE], burned)
    token.transfer(state, POOL_ACCOUNTS[Pool.RESERVE], POOL_ACCOUNTS[Pool.TREASURY], due - burned)
    context.emit(
        "distribution.reserve_matured",
        round=round_number,
        due=due,
        uncovered=uncovered,
        burned=burned,
        to_treasury=due - burned,
    )
    return burned
