"""What the law of distribution leaves open, as frozen values that state holds.

The split over the pools is the law's (tokenomics.distribution.pools.POOLS) and no parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.errors import LocalError
from ledger.primitives import BPS, PPM
from ledger.rows import present, table
from ledger.state import State

MAX_VESTING_QUARTERS: Final = 16
"""Of a grant, at which it is vested whole. A grant's row is used again one quarter later."""
MAX_RESERVE_ROUNDS: Final = 400
MAX_IDLE_QUARTERS: Final = 400


@dataclass(frozen=True, slots=True)
class DistributionParameters:
    """Rules of shares, vesting and reserve; a quarter is a town round.

    weight_decay_percent: of a quarter's weight is that of the next, down to weight_floor_ppm.
    idle_quarters without a contribution, and later points take the weight of the return.
    holder_cap_bps of a pool's shares, or holder_cap_multiple/n with n holders when that is more, is
    the most that one person may hold.
    """

    weight_decay_percent: int = 97
    weight_floor_ppm: int = 250_000
    idle_quarters: int = 4
    cliff_quarters: int = 4
    vesting_quarters: int = MAX_VESTING_QUARTERS
    reserve_rounds: int = 20
    holder_cap_bps: int = 100
    holder_cap_multiple: int = 3

    def bounds(self) -> Mapping[str, tuple[int, int]]:
        """(lowest, highest) of each, at the values of the others."""
        return {
            "weight_decay_percent": (0, 100),
            "weight_floor_ppm": (1, PPM),
            "idle_quarters": (0, MAX_IDLE_QUARTERS),
            "cliff_quarters": (0, self.vesting_quarters),
            "vesting_quarters": (1, MAX_VESTING_QUARTERS),
            "reserve_rounds": (1, MAX_RESERVE_ROUNDS),
            "holder_cap_bps": (1, BPS),
            "holder_cap_multiple": (1, 1_000),
        }

    def __post_init__(self) -> None:
        for name, (low, high) in self.bounds().items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise LocalError(f"parameter {name} is {value}, expected {low}..{high}")


DISTRIBUTION_PARAMETERS: Final = table("distribution", "params", DistributionParameters)
"""One row, at the empty key."""


def has_distribution(state: State) -> bool:
    """False on a chain whose genesis has no distribution section: the treasury receives all."""
    return state.get(DISTRIBUTION_PARAMETERS, b"") is not None


def distribution_parameters(state: State) -> DistributionParameters:
    """The rules of distribution in force."""
    return present(state.get(DISTRIBUTION_PARAMETERS, b""), "distribution parameters")
