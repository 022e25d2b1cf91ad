"""Early participants get more: the weight of points by the quarter of a first contribution.

A person's weight is that of the quarter of the first certified contribution, in whichever pool.
Who then contributes nothing for some quarters takes the weight of the quarter of return for later
points; shares that were earned stay. A certificate counts once its round has closed without a
revocation, so the running quarter is kept apart until then.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.primitives import PPM, Address
from ledger.rows import table
from ledger.state import State
from tokenomics.distribution.pool_params import DistributionParameters
from tokenomics.distribution.pools import Town


class Standing(msgspec.Struct, frozen=True, gc=False):
    """A person's weight; 0 for no quarter yet.

    weight_ppm is that of quarter since_quarter, last_quarter that of the newest contribution, all
    in closed rounds. open_quarter: the newest one with certificates, open_live of which are not
    revoked; points in it have weight open_weight_ppm, that of quarter open_since.
    """

    weight_ppm: int
    since_quarter: int
    last_quarter: int
    open_quarter: int
    open_live: int
    open_weight_ppm: int
    open_since: int


NEWCOMER: Final = Standing(0, 0, 0, 0, 0, 0, 0)
STANDINGS: Final = table("distribution", "standing", Standing)
"""Standing by person; none before the first certificate."""


def next_weight(weight_ppm: int, parameters: DistributionParameters) -> int:
    """The weight of the next quarter's newcomers; never more than this quarter's."""
    decayed = weight_ppm * parameters.weight_decay_percent // 100
    return min(weight_ppm, max(parameters.weight_floor_ppm, decayed))


def shares_of(points: int, weight_ppm: int) -> int:
    """Shares that points earn at a weight."""
    return points * weight_ppm // PPM


def standing(state: State, person: Address) -> Standing:
    """A person's standing; NEWCOMER's before the first certificate."""
    return state.get(STANDINGS, person) or NEWCOMER


def in_quarter(row: Standing, now: Town, idle_quarters: int) -> Standing:
    """The standing as of the running quarter, with the weight that points in it have."""
    quarter = now.quarter
    if row.open_quarter == quarter:
        return row
    if row.open_live:  # an earlier quarter closed with certificates that stand
        row = replace(
            row,
            weight_ppm=row.open_weight_ppm,
            since_quarter=row.open_since,
            last_quarter=row.open_quarter,
        )
    keeps = row.last_quarter and quarter - row.last_quarter <= idle_quarters
    return replace(
        row,
        open_quarter=quarter,
        open_live=0,
        open_weight_ppm=row.weight_ppm if keeps else now.weight_ppm,
        open_since=row.since_quarter if keeps else quarter,
    )
